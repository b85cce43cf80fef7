"""What long work prints where its output is no terminal."""

import io

import pytest

from tfgan_gn import progress

pytestmark = pytest.mark.quick


@pytest.fixture
def clock(monkeypatch):
    """The time that the bars read, in seconds; a list of one number."""
    now = [0.0]
    real = progress.tqdm.__init__

    def init(self, **settings):
        real(self, **settings)
        self._time = lambda: now[0]
        self.start_t = self.last_print_t = now[0]

    monkeypatch.setattr(progress.tqdm, "__init__", init)
    return now


def lines(clock, seconds_each, **settings):
    """What 100 steps write, each of which takes some seconds."""
    file = io.StringIO()
    with progress.progress_bar(file, **{"total": 110, "initial": 10, "unit": "it", **settings}) as bar:
        for step in range(100):
            clock[0] += seconds_each
            bar.set_postfix_str(f"loss={step}", refresh=False)
            bar.update(1)
    return file.getvalue().splitlines()


def test_a_log_file_gets_a_line_at_most_every_30_seconds(clock):
    assert len(lines(clock, 10.0)) == 1000 // 30
    assert len(lines(clock, 100.0)) == 100, "one for each step that takes longer"


def test_a_line_says_how_far_the_work_is_how_fast_and_how_long_it_will_take(clock):
    first = lines(clock, 10.0)[0]
    assert first == "12% 13/110 [00:30<16:10, 10.00s/it, loss=2]"


def test_a_line_starts_with_what_is_done(clock):
    assert lines(clock, 10.0, desc="decoding")[0].startswith("decoding: 12% ")


def test_short_work_writes_nothing(clock):
    assert lines(clock, 0.29) == []


def test_work_of_unknown_length_says_how_much_is_done(clock):
    assert lines(clock, 10.0, total=None, desc="bootstrap")[0].startswith("bootstrap: 13it [00:30")


def test_a_terminal_gets_a_bar():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    file = Terminal()
    with progress.progress_bar(file, total=1) as bar:
        bar.update(1)
    assert "\r" in file.getvalue() and "\n" in file.getvalue()
