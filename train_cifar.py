"""Trains a GAN, by default the WGAN-GP of Gulrajani et al. (2017) with group norm in the critic.

    python train_cifar.py --norm=group --groups=32

writes TensorBoard files, checkpoints, grids of samples and a SavedModel into the run folder. The same command again
resumes the run. --preset chooses another published system, for example sngan_resnet, wgan_gp_64 or author_acgan.
"""

import os
import sys

from tfgan_gn.settings import command_line, help
from tfgan_gn.settings.config_file import with_scoring_of_run
from tfgan_gn.settings.presets import other_defaults
from tfgan_gn.settings.settings_file import FileFlag, make_config_beside
from tfgan_gn.settings.training import Config
from tfgan_gn.startup import load_tensorflow


def config_of(config="", **given):
    """The Config for a file of settings (`config`) and the settings given; raises UserError for a bad one."""
    return with_scoring_of_run(*make_config_beside(config, given))


def command(argv):
    """Reads the command line and trains, or prints the help. Returns the exit code."""
    config, _ = command_line.parse_arguments(argv, Config, config_of, more=[FileFlag])
    if config is None:
        sys.stdout.write(help.text(argv, __doc__, Config, config_of, other_defaults, more=[FileFlag]) + "\n")
        return 0
    load_tensorflow()
    from tfgan_gn.guards import SMALLER_TRAINING, fitting_in_memory
    from tfgan_gn.runs.train import train

    with fitting_in_memory(SMALLER_TRAINING):
        return train(config)


def main(argv=None):
    """Runs the command, `tfgan-train` where the package is installed.

    Args:
        argv: the name of the program and its arguments; None for those of this process.

    Returns:
        The exit code: 0 done, 1 for a UserError, 128 + signal number when asked to stop.
    """
    argv = sys.argv if argv is None else argv
    interrupted = "interrupted; the same command resumes from the newest checkpoint, if there is one"
    return command_line.run(lambda: command(argv), os.path.basename(argv[0]), interrupted)


if __name__ == "__main__":
    sys.exit(main())
