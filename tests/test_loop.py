"""When the loop logs, samples, saves and stops."""

import itertools
import os
import signal
import sys

import pytest
import tensorflow as tf

from tfgan_gn import guards, progress
from tfgan_gn.errors import UserError
from tfgan_gn.runs import about, recording, run_data
from tfgan_gn.settings.training import make_config
from tfgan_gn.training import loop
from tfgan_gn.training.recorder import Follower
from tfgan_gn.training.watch.divergence import refuse_divergence

pytestmark = pytest.mark.quick


class StubTrainer:
    """Counts iterations; a loss may turn NaN at one of them."""

    def __init__(self, start=0, nan_at=None, critic_first=False):
        self.iteration, self.critic_first = tf.Variable(start, dtype=tf.int64), critic_first
        self.nan_at, self.counts = nan_at, []

    def train(self, batches, count):
        self.counts.append(int(count))
        first = int(self.iteration.assign_add(count)) - int(count)
        bad = self.nan_at is not None and first <= self.nan_at < first + int(count)
        generator = float("nan") if first == 0 and count == 1 and not self.critic_first else 0.5
        return {"critic/loss": float("nan") if bad else 1.0, "generator/loss": generator}, tf.zeros(4)


class StubRecorder:
    """Remembers what it was asked to do, and the logs it was given."""

    def __init__(self):
        self.done, self.added, self.workdir = [], [], "run"
        self.close = lambda: None
        for name in ("log", "log_losses", "sample", "evaluate", "save"):
            setattr(self, name, lambda iteration, name=name: self.done.append((name, iteration)))

    def refuse_divergence(self, values, iteration):
        refuse_divergence(values, iteration, lambda: "Go on from run/checkpoints/iteration-5 with a lower rate")

    def add(self, logs, slopes, count):
        self.added.append((logs, count))


SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
PERIODS = loop.Periods(log=4, sample=5, save=6)


def fit(trainer, recorder, seconds_per_call=0.0, stop=lambda: None, iterations=12, periods=PERIODS, say=print):
    ticks = itertools.count()
    settings = {"iterations": iterations, "periods": periods, "stop": stop, "say": say}
    loop.fit(trainer, None, recorder, clock=lambda: seconds_per_call * next(ticks), **settings)


def test_actions_come_at_their_periods_after_the_first_and_after_the_last_iteration():
    trainer, recorder = StubTrainer(), StubRecorder()
    fit(trainer, recorder, seconds_per_call=1e-9)
    at = {name: [i for n, i in recorder.done if n == name] for name in ("log", "sample", "save")}
    assert at == {"log": [1, 4, 8, 12], "sample": [1, 5, 10, 12], "save": [1, 6, 12, 12]}
    assert trainer.counts == [1, 3, 1, 1, 2, 2, 2], "no call may run past an action"
    assert "generator/loss" not in recorder.added[0][0] and recorder.added[1][0]["generator/loss"] == 0.5


@pytest.mark.parametrize(
    ("start", "log", "points"),
    [
        (0, 100, [1, *range(10, 501, 10), 600, 620]),
        (0, 30, [1, *range(10, 501, 10), 510, 540, 570, 600, 620]),
        (0, 1000, [1, *range(10, 501, 10), 620]),
        (0, 4, [1, *range(4, 621, 4)]),
        (485, 100, [490, 500, 600, 620]),
    ],
)
def test_points_are_closer_at_the_beginning(start, log, points):
    """Those at multiples of `log`, the first and the last have a held-out loss, as without the others."""
    trainer, recorder = StubTrainer(start), StubRecorder()
    fit(trainer, recorder, 1e-9, iterations=620, periods=loop.Periods(log, 1000, 1000))
    at = {name: {i for n, i in recorder.done if n == name} for name in ("log", "log_losses")}
    assert sorted(at["log"] | at["log_losses"]) == points
    assert at["log"] == {*range(log * (start // log + 1), 621, log), 620, *([] if start else [1])}
    assert recorder.done.index(("log", 620)) < recorder.done.index(("sample", 620))
    whole = at["log"] & at["log_losses"]
    assert all(recorder.done.index(("log", i)) < recorder.done.index(("log_losses", i)) for i in whole)
    assert len(trainer.counts) == len(points) + (start > 0), "no call is shorter than the points need"


def test_other_processes_compute_the_held_out_loss_where_the_first_one_does():
    asked = []
    fit(StubTrainer(), Follower(asked.append), 1e-9, iterations=30, periods=loop.Periods(25, 4, 4, 4))
    assert asked == [1, 25, 30]


def test_the_first_iteration_logs_the_generator_where_the_critic_goes_first():
    trainer, recorder = StubTrainer(critic_first=True), StubRecorder()
    fit(trainer, recorder, seconds_per_call=1e-9)
    assert [logs["generator/loss"] for logs, _ in recorder.added] == [0.5] * len(trainer.counts)


def test_slow_iterations_run_one_at_a_time_and_fast_ones_together():
    slow, fast = StubTrainer(loop.BEGINNING), StubTrainer(loop.BEGINNING)
    for trainer, seconds in ((slow, 10.0), (fast, 1e-6)):
        fit(trainer, StubRecorder(), seconds, iterations=loop.BEGINNING + 100, periods=loop.Periods(100, 100, 100))
    assert slow.counts == [1] * 100 and fast.counts == [1, 99]


class TimedTrainer(StubTrainer):
    """Takes a month for each of the first two calls, as if it compiled, and then 100 s for each iteration."""

    time = 0.0

    def train(self, batches, count):
        self.time += 30 * loop.DAY if len(self.counts) < 2 else 100.0 * int(count)
        return super().train(batches, count)


@pytest.mark.parametrize(("iterations", "days"), [(868, ["1.0"]), (866, [])])
def test_a_run_of_more_than_a_day_says_so_once(iterations, days):
    """Iterations of 100 s: after the third one, the first that counts, 864 more take a day."""
    said, trainer = [], TimedTrainer()
    settings = {"iterations": iterations, "periods": PERIODS, "stop": lambda: None, "say": said.append}
    loop.fit(trainer, None, StubRecorder(), clock=lambda: trainer.time, **settings)
    assert [line.split()[7] for line in said] == days


def test_a_resumed_run_keeps_the_periods():
    trainer, recorder = StubTrainer(start=7), StubRecorder()
    fit(trainer, recorder, 1e-9)
    assert [i for n, i in recorder.done if n == "log"] == [8, 12]
    assert sum(trainer.counts) == 5


def test_a_finished_run_does_nothing():
    trainer = StubTrainer(start=12)
    fit(trainer, StubRecorder())
    assert trainer.counts == []


def test_a_request_to_stop_saves_and_ends():
    trainer, recorder = StubTrainer(), StubRecorder()
    fit(trainer, recorder, 10.0, stop=lambda: int(trainer.iteration) >= 3)
    assert int(trainer.iteration) == 3 and recorder.done[-1] == ("save", 3)


def test_a_loss_that_is_not_finite_stops_the_run_and_saves_nothing():
    trainer, recorder = StubTrainer(nan_at=6), StubRecorder()
    with pytest.raises(
        UserError, match=r"critic/loss is nan at iteration 7: .* Go on from run/checkpoints/iteration-5"
    ):
        fit(trainer, recorder, 10.0)
    assert max(i for _, i in recorder.done) == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_once_and_handlers_come_back(number):
    before, said = [signal.getsignal(n) for n in SIGNALS], []
    with guards.stop_requests(said.append) as stop:
        assert stop() is None
        os.kill(os.getpid(), number)
        assert stop() == number
        assert signal.getsignal(number) == before[SIGNALS.index(number)], "a second one kills"
    assert [signal.getsignal(n) for n in SIGNALS] == before
    assert len(said) == 1 and signal.Signals(number).name in said[0]


def test_output_that_cannot_be_written_ends_no_training(monkeypatch):
    """Of `2>&1 | tee log` in a closed terminal, or with a log on a full disk."""

    class Broken:
        def isatty(self):
            return False

        def write(self, text):
            wrote.append(text)
            raise BrokenPipeError(32, "Broken pipe")

    wrote, recorder = [], StubRecorder()
    recorder.evaluate = lambda iteration: about.say(f"iteration {iteration}: scores")
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(sys, "stderr", Broken())
    fit(StubTrainer(), recorder, seconds_per_call=1.0, periods=PERIODS._replace(score=5))
    assert "iteration 5: scores\n" in wrote and any("12/12" in text for text in wrote), "it was tried"
    assert [iteration for what, iteration in recorder.done if what == "save"] == [1, 6, 12, 12]


def test_a_signal_says_what_it_waits_for():
    """Also one that came before the work began."""
    said = []
    with guards.stop_requests(said.append) as stop:
        with stop.during("the scoring of iteration 5"):
            os.kill(os.getpid(), signal.SIGTERM)
        with stop.during("the scoring of iteration 10"):
            pass
        os.kill(os.getpid(), signal.SIGHUP)
    assert said == [
        "SIGTERM: stops and saves when the scoring of iteration 5 is done; a second SIGTERM stops at once",
        "SIGTERM: stops and saves when the scoring of iteration 10 is done; a second SIGTERM stops at once",
        "SIGHUP: stops and saves when the work at hand is done; a second SIGHUP stops at once",
    ]


def test_a_signal_in_a_scoring_of_a_run_waits_for_the_scores(tmp_path, monkeypatch):
    """What `runs.train` gives a recorder as its `score`."""
    said, made = [], {}

    def score(iteration):
        os.kill(os.getpid(), signal.SIGTERM)
        return {"eval/fid": 9.0}, {}, True

    monkeypatch.setattr(recording, "make_score", lambda *_: score)
    for name in ("held_out_loss", "watch", "alarms", "advice", "page"):
        monkeypatch.setattr(recording, f"make_{name}", lambda *_: None)
    for name in ("Evidence", "Readings", "source_images"):
        monkeypatch.setattr(recording, name, lambda *_: None)
    monkeypatch.setattr(recording, "Recorder", lambda *_, **given: made.update(given))
    config, trainer = make_config(workdir=str(tmp_path), eval_every=5), StubTrainer()
    trainer.sampling_generator = None
    with guards.stop_requests(said.append) as stop:
        facts, strategy = run_data.DataFacts(10, 3, ""), tf.distribute.get_strategy()
        recording.make_recorder(config, facts, strategy, trainer, None, None, stop.during)
        assert made["score"](5) == ({"eval/fid": 9.0}, {}, True)
        assert stop() == signal.SIGTERM
    assert said == ["SIGTERM: stops and saves when the scoring of iteration 5 is done; a second SIGTERM stops at once"]


def test_a_closed_terminal_does_not_stop_a_run_under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with guards.stop_requests() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop() is None
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
