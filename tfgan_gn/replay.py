"""Computes the iteration in which a run diverged again, from what the run left of it.

    python -m tfgan_gn.replay FOLDER

FOLDER is the folder `diverged` in a run folder of train_cifar.py. Its weights, batches and random numbers are those of
the run, so that the losses are the same on the same devices.
"""

import os
import sys

from tfgan_gn.settings import command_line
from tfgan_gn.startup import load_tensorflow


def same(one, other):
    """Whether two floats are equal, or both NaN."""
    return one == other or (one != one and other != other)


def lines_of(now, before, wrong):
    """What is printed.

    Args:
        now: losses by tag, floats.
        before: those of the run.
        wrong: the first value that is not finite, by name; None for none.
    """
    for tag, value in now.items():
        there = before.get(tag)
        told = "as in the run" if there is not None and same(value, there) else f"in the run {there}"
        yield f"{tag} {value!r}, {told}"
    yield f"not finite: {wrong or 'nothing'}"


def command(argv):
    """Reads the command line and repeats the iteration. Returns the exit code: 1 where it differs from the run's."""
    parser = command_line.plain_parser("python -m tfgan_gn.replay", __doc__)
    parser.add_argument("folder", metavar="FOLDER", help="folder that a run left when it diverged")
    folder = os.path.normpath(parser.parse_args(argv[1:]).folder)
    load_tensorflow()
    from tfgan_gn.runs.loading import load_trainer
    from tfgan_gn.training import strategies
    from tfgan_gn.training.watch import divergence

    iteration, wrong_before, before, batches = divergence.read(folder)
    trainer = load_trainer(folder)
    distributed = iter(strategies.distribute(trainer.strategy, lambda share: batches))
    now, wrong = divergence.iterate(trainer, distributed)
    sys.stdout.write(f"iteration {iteration} of the run, with seed {trainer.noise.seed}:\n")
    sys.stdout.writelines(f"  {line}\n" for line in lines_of(now, before, wrong))
    return int(wrong != wrong_before or now.keys() != before.keys() or not all(same(now[t], before[t]) for t in now))


def main(argv):
    """Runs the command. Returns the exit code: 0 the same values, 1 others or a UserError, 130 if interrupted."""
    return command_line.run(lambda: command(argv), "tfgan_gn.replay", "interrupted")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
