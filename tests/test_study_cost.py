"""What a study says of its cost, with a clock that the test moves."""

import pytest
from test_study_definition import CONTENT, changed

from tfgan_gn.study import trials
from tfgan_gn.study.cost import Cost
from tfgan_gn.study.definition import make_study

pytestmark = pytest.mark.quick


@pytest.fixture
def clock():
    now = [0.0]

    def read():
        return now[0]

    read.to = lambda seconds: now.__setitem__(0, float(seconds))
    return read


def test_the_hours_are_those_of_the_rate_of_the_first_minute(clock):
    every = trials.trials_of(make_study(changed(["settings", "iterations"], 1000), "x"), "runs")
    cost = Cost(every, 2, clock)
    assert cost.before().startswith("6 trials to train, 6,000 iterations, 2 side by side")
    first = every[0]
    cost.start(first)
    for seconds, iteration in ((40, 1), (60, 11), (99, 30)):  # 40 s until the first one is done, then 2 s each
        clock.to(seconds)
        cost.at(first, iteration)
        assert cost.line() == "", "less than a minute of training is measured"
    clock.to(100)
    cost.at(first, 31)
    hours = (970 - 1 + 5000) * 2 / 2 / 3600
    assert cost.line() == f"all of it takes about {hours:.1f} hours at the rate of the first minute"
    assert cost.line() == "", "the next line comes a minute later"
    clock.to(161)
    assert cost.line().endswith(f"about {hours:.1f} hours to go; layer-seed-3 at 31")


def test_an_arm_that_was_not_trained_yet_is_as_fast_as_others_of_its_architecture(clock):
    arms = [
        {"name": "layer", "settings": {"norm": "layer"}},
        {"name": "none", "settings": {"norm": "none"}},
        {"name": "small", "settings": {"architecture": "simple_cnn"}},
    ]
    settings = {"iterations": 3600, "eval_every": 100}
    every = trials.trials_of(make_study({**CONTENT, "settings": settings, "arms": arms, "seeds": [1, 2]}, "x"), "runs")
    cost = Cost(every, 1, clock)
    layer, small = every[0], every[2]
    for iteration in (0, 1, 3600):
        clock.to(4 * iteration)
        cost.at(layer, iteration)
    cost.end(layer)
    clock.to(0)
    for iteration in (1, 3600):
        clock.to(iteration)
        cost.at(small, iteration)
    cost.end(small)
    assert cost.hours_left() == pytest.approx(3 * 4 + 1, rel=0.01), "three ResNets of 4 hours, one small network of 1"
