"""How many images a run scores where no number is asked for: decided by the first scoring, for the whole run."""

from typing import NamedTuple

SHARE = 0.05  # of the time of a run, for its scorings
COUNTS = (10_000, 5_000, 2_000, 1_000)  # few numbers, so that equal runs seldom decide differently
LEAST = COUNTS[-1]


class Cost(NamedTuple):
    """What a scoring costs.

    Attributes:
        seconds: of a scoring of LEAST images.
        seconds_each: of one more image, which is generated and passed through the network.
    """

    seconds: float
    seconds_each: float

    def of(self, num_images):
        """The seconds of a scoring of some images, LEAST or more."""
        return self.seconds + (num_images - LEAST) * self.seconds_each


def choose(cost, allowed):
    """The largest of COUNTS that a scoring can take within `allowed` seconds; the smallest if none can."""
    return next((count for count in COUNTS if cost.of(count) <= allowed), LEAST)


def score_first(score, begin, clock, run_seconds, num_scorings, say):
    """Does the first scoring of a run, and with it decides how many images all its scorings take.

    LEAST images are scored in any case, and timed. The memory and the time of the scores themselves hardly depend on
    the number of images, because their cost is that of the real ones.

    Args:
        score: function of (number of images, function that is applied to the `images.Images`), to a result.
        begin: time at which this scoring began.
        clock: function that returns the time in seconds.
        run_seconds: time that the whole run takes without scoring.
        num_scorings: in the whole run.
        say: function of a line of text for the user.

    Returns:
        The result of the scoring.
    """
    laps = []
    result = score(LEAST, lambda images: _timed(images, clock, laps))
    cost = Cost(clock() - begin, _seconds_each(laps))
    count = choose(cost, SHARE * run_seconds / num_scorings)
    say(_decision(cost, count, num_scorings / run_seconds))
    return result if count == LEAST else score(count, lambda images: images)


def _timed(images, clock, laps):
    """The same images; `laps` gets (time, number of images) each time that some of them are ready."""

    def parts():
        for part in images.parts():
            laps.append((clock(), len(part)))
            yield part

    return images._replace(parts=parts)


def _seconds_each(laps):
    """From the second part to the last: the network is traced when it gets the first."""
    (begin, _), (end, _) = laps[1], laps[-1]
    return (end - begin) / sum(count for _, count in laps[1:-1])


def _decision(cost, count, scorings_per_second):
    share, share_of_most = (cost.of(each) * scorings_per_second for each in (count, COUNTS[0]))
    told = f"each scoring takes {count:,} images, about {share:.1%} of the run's time"
    if count == COUNTS[0]:
        return told
    return f"{told}; {COUNTS[0]:,} would take {share_of_most:.1%} (--eval_images=N for N images)"
