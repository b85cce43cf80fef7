"""Alarms: what is told where a reading of a training stays out of its range."""

from typing import NamedTuple

IN_A_ROW = 5  # readings out of range, one after the other; so a noisy one tells nothing
FIRST = 100  # iteration before which readings do not count: an untrained generator makes nearly grey images


class Alarm(NamedTuple):
    """What is told of a reading that is out of its range.

    Attributes:
        tag: of the reading.
        low: smallest value in the range.
        high: largest value in the range.
        text: what is wrong, and what may help; a format that takes the reading, such as "it is {:.1%} of that".
        at_end: whether one reading out of its range is enough at the end of a run.
    """

    tag: str
    low: float
    high: float
    text: str
    at_end: bool = False


class Alarms:
    """Watches the readings of a run. Each alarm is told once, and at the end again if it is out of its range then.

    Args:
        rows: sequence of `Alarm`.
        iterations: length of the run.
        say: function that prints a line.
    """

    def __init__(self, rows, iterations, say):
        self.rows, self.iterations, self.say = rows, iterations, say
        self.outside, self.told = {row.tag: 0 for row in rows}, set()

    def read(self, values, iteration):
        """Takes readings, and says which alarms they raise.

        Args:
            values: dict from a tag to a float; other tags than those of the rows are allowed.
            iteration: that they are of.

        Returns:
            The lines that were said.
        """
        lines, ends = [], iteration == self.iterations
        if iteration < FIRST and not ends:
            return lines
        for row in (row for row in self.rows if row.tag in values):
            value = values[row.tag]
            self.outside[row.tag] = 0 if row.low <= value <= row.high else self.outside[row.tag] + 1
            raised = self.outside[row.tag] >= IN_A_ROW and row.tag not in self.told
            at_end = ends and (row.at_end or row.tag in self.told)
            if self.outside[row.tag] and (raised or at_end):
                self.told.add(row.tag)
                lines.append(f"alarm at iteration {iteration}: {row.text.format(value)}")
        for line in lines:
            self.say(line)
        return lines
