"""Scores images against real ones: Inception Score, FID, KID, precision and recall, density and coverage.

    python eval_inception.py runs/cifar10-author-group
    python eval_inception.py SAMPLES --reference=REAL
    python eval_inception.py --compare A.json B.json

SAMPLES is a run folder, an exported SavedModel, a folder of images, an .npz or .npy of images (FILE.npz:KEY if it holds
several arrays), or a data set by name and split (cifar10:test, shapes:test, tfds:NAME:SPLIT). REAL is one of these,
except for a run folder and a SavedModel, or an .npz of statistics. The command prints a table and writes a JSON with
the scores and the protocol by which they were computed. A SavedModel is a program that is run: give only one that you
trust.
"""

import os
import signal
import sys

from tfgan_gn.errors import UserError
from tfgan_gn.settings import command_line, help
from tfgan_gn.settings.scoring import EvalConfig, make_eval_config
from tfgan_gn.startup import load_tensorflow


def score(config, name):
    """Scores images, then writes and prints the result, and a picture of neighbours beside it.

    Args:
        config: EvalConfig.
        name: path or name of the images.
    """
    from tfgan_gn.runs import evaluate
    from tfgan_gn.scoring import results

    samples = evaluate.open_samples(config, name)
    out = config.out or samples.out()
    evaluate.refuse_unwritable_result(out)
    result, picture = evaluate.score(config, samples)
    sys.stdout.write(f"{results.table(result)}\n")
    sys.stdout.write(f"\nwritten to {' and '.join(evaluate.save(result, picture, out))}\n")


def command(argv):
    """Reads the command line and scores, compares, or prints the help. Returns the exit code."""
    config, arguments = command_line.parse_arguments(argv, EvalConfig, make_eval_config, most_arguments=1)
    if config is None:
        sys.stdout.write(help.text(argv, __doc__, EvalConfig, make_eval_config) + "\n")
        return 0
    if not arguments:
        raise UserError(
            "there is nothing to score (or no second JSON to compare with): see --help for what can be given"
        )
    if config.compare:
        from tfgan_gn.scoring import results

        paths = [config.compare, arguments[0]]
        sys.stdout.write(results.compare(*map(results.load, paths), names=paths) + "\n")
        return 0
    load_tensorflow()
    from tfgan_gn.guards import SMALLER_SCORING, fitting_in_memory

    with fitting_in_memory(SMALLER_SCORING):
        score(config, arguments[0])
    return 0


def main(argv=None):
    """Runs the command, `tfgan-eval` where the package is installed.

    Args:
        argv: the name of the program and its arguments; None for those of this process.

    Returns:
        The exit code: 0 done, 1 for a UserError, 128 + signal number if interrupted.
    """
    argv = sys.argv if argv is None else argv
    interrupted = "the scoring was interrupted: nothing was written"
    signals = (signal.SIGTERM, signal.SIGHUP)
    return command_line.run(lambda: command(argv), os.path.basename(argv[0]), interrupted, signals)


if __name__ == "__main__":
    sys.exit(main())
