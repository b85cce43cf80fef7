"""What a study costs: trials, iterations, and hours at the rate that is measured."""

FIRST = 60  # seconds of training after which the hours are told
EVERY = 60  # seconds between two lines


class Cost:
    """Counts the iterations of trials, and tells how long the rest takes.

    An arm that has not been trained yet is taken to be as fast as the arms with its architecture, or else as all arms.

    Args:
        trials: list of `trials.Trial` that are trained.
        workers: number of trials side by side.
        clock: function that returns the time in seconds.
    """

    def __init__(self, trials, workers, clock):
        self.trials, self.workers, self.clock = trials, workers, clock
        self.began = self.told = clock()
        self.done = dict.fromkeys((trial.name for trial in trials), 0)
        self.since = {}  # name of a trial: (iteration, time) of the first news of it
        self.spent = {}  # name of an arm: [iterations, seconds]
        self.started, self.ended, self.announced = {}, set(), False

    def before(self):
        """The line before anything is trained."""
        iterations = sum(trial.config.iterations for trial in self.trials)
        return (
            f"{len(self.trials)} trials to train, {iterations:,} iterations, {self.workers} side by side; the hours "
            "follow after a minute of training"
        )

    def start(self, trial):
        """A trial starts."""
        self.started[trial.name] = trial

    def at(self, trial, iteration):
        """A trial has done this many iterations."""
        if iteration > self.done[trial.name]:
            now = self.clock()
            self.done[trial.name] = iteration
            first, since = self.since.setdefault(trial.name, (iteration, now))
            self.spent[trial.name] = (iteration - first, now - since)

    def end(self, trial):
        """A trial has ended."""
        self.ended.add(trial.name)

    def line(self):
        """A line on the progress if it is time for one, else an empty text."""
        now = self.clock()
        measured = max((seconds for _, seconds in self.spent.values()), default=0)
        if now - self.told < EVERY if self.announced else measured < FIRST:
            return ""
        self.told, first, self.announced = now, not self.announced, True
        if first:
            return f"all of it takes about {self.hours_left():.1f} hours at the rate of the first minute"
        at = ", ".join(f"{n} at {self.done[n]:,}" for n in self.started if n not in self.ended)
        return (
            f"{len(self.ended)} of {len(self.trials)} trials, {sum(self.done.values()):,} iterations, "
            f"{(now - self.began) / 3600:.1f} hours; about {self.hours_left():.1f} hours to go; {at}"
        )

    def hours_left(self):
        """Hours until all trials are trained, at the rates so far; starting and the last scoring are not counted."""
        seconds = sum(
            (trial.config.iterations - self.done[trial.name]) * self._seconds_each(trial)
            for trial in self.trials
            if trial.name not in self.ended
        )
        return seconds / self.workers / 3600

    def _seconds_each(self, trial):
        """Seconds per iteration of a trial: of its arm, of its architecture or of all, the first that is measured."""
        for like in (
            lambda other: other.arm.name == trial.arm.name,
            lambda other: other.config.architecture == trial.config.architecture,
            lambda other: True,
        ):
            spent = [self.spent[other.name] for other in self.trials if other.name in self.spent and like(other)]
            iterations, seconds = (sum(column) for column in zip(*spent, strict=True)) if spent else (0, 0)
            if iterations:
                return seconds / iterations
        return 0.0
