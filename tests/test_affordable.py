"""The number of images that a run scores, decided by a clock that the test moves."""

import numpy as np
import pytest

from tfgan_gn.runs import affordable
from tfgan_gn.scoring.images import Images

pytestmark = pytest.mark.quick


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def first_scoring(run_seconds, num_scorings, each=0.01, fixed=5.0, traced=30.0):
    """A scoring that takes `fixed` seconds, `each` for an image, and once `traced` more for the first part.

    Returns:
        (numbers of images that were scored, number in the result, what was said).
    """
    clock, scored, said = Clock(), [], []
    pending = [traced]

    def parts_of(count):
        for start in range(0, count, 64):
            size = min(64, count - start)
            clock.now += each * size / 4  # generated
            yield np.zeros([size, 2, 2, 3], np.uint8)
            clock.now += each * size * 3 / 4 + (pending.pop() if pending else 0)  # passed through the network

    def score(count, watched):
        images = watched(Images("here", count, lambda: parts_of(count), {}))
        assert sum(len(part) for part in images.parts()) == count
        scored.append(count)
        clock.now += fixed
        return {"num_images": count}

    result = affordable.score_first(score, clock(), clock, run_seconds, num_scorings, said.append)
    return scored, result["num_images"], said


@pytest.mark.parametrize(
    ("run_seconds", "count"),
    [
        (20 * 136 / 0.05, 10_000),  # which take 30 + 5 + 100 seconds in each of the 20 scorings
        (20 * 134 / 0.05, 5_000),  # 85 seconds
        (20 * 86 / 0.05, 5_000),
        (20 * 84 / 0.05, 2_000),  # 55 seconds
        (20 * 56 / 0.05, 2_000),
        (20 * 54 / 0.05, 1_000),
        (1.0, 1_000),
    ],
)
def test_a_run_scores_the_largest_number_of_images_that_takes_at_most_5_percent_of_its_time(run_seconds, count):
    scored, number, said = first_scoring(run_seconds, 20)
    assert number == count == scored[-1]
    assert scored == ([1_000] if count == 1_000 else [1_000, count])
    assert len(said) == 1


def test_it_is_said_once_and_why():
    assert first_scoring(100_000, 20)[2] == ["each scoring takes 10,000 images, about 2.7% of the run's time"]
    (line,) = first_scoring(30_000, 20)[2]
    assert line == (
        "each scoring takes 2,000 images, about 3.7% of the run's time; 10,000 would take 9.0% (--eval_images=N for N "
        "images)"
    )


def test_what_an_image_costs_does_not_contain_the_tracing_of_the_network():
    """60 seconds of tracing: as a part of the cost of each of 1,000 images, they would be 600 for 10,000 images."""
    assert first_scoring(20 * 200 / 0.05, 20, traced=60.0)[1] == 10_000
