"""Writes a page about a run, or about several side by side: scores, losses, samples, settings, commands.

    python -m tfgan_gn.report RUN [RUN...] [--out=FILE]

RUN is a run folder of train_cifar.py. The page is one HTML file that needs no other file and no network. It is written
to RUN/report.html, and for several runs to report.html in this folder.
"""

import dataclasses
import os
import sys

from tfgan_gn.errors import UserError
from tfgan_gn.files.paths import local_path
from tfgan_gn.settings import command_line
from tfgan_gn.settings.config_file import is_run, load_config
from tfgan_gn.startup import load_tensorflow


def open_run(workdir):
    """The Config of a run, with its folder where it is now. Raises UserError for a folder that is no run."""
    if not is_run(workdir):
        raise UserError(
            f"{workdir} is no run folder, as it has no config.json: give a folder that train_cifar.py wrote"
        )
    return dataclasses.replace(load_config(workdir), workdir=workdir)


def told_apart(runs):
    """`contents.Run`s of which those with the name of an earlier one have the path of their folder as their name."""
    names = [run.name for run in runs]
    return [run._replace(name=run.workdir) if run.name in names[:i] else run for i, run in enumerate(runs)]


def command(argv):
    """Reads the command line and writes the page. Returns the exit code."""
    parser = command_line.plain_parser("python -m tfgan_gn.report", __doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folder")
    parser.add_argument("--out", default="", help="file to write")
    arguments = parser.parse_args(argv[1:])
    configs = [open_run(os.path.normpath(workdir)) for workdir in arguments.runs]
    load_tensorflow()
    from tfgan_gn.run_page.points import PointReader
    from tfgan_gn.runs import reporting

    out = local_path(arguments.out, "--out") or os.path.join(
        configs[0].workdir if len(configs) == 1 else "", reporting.PAGE
    )
    runs = [reporting.run_of(config, PointReader(config.workdir)) for config in configs]
    reporting.write_page(told_apart(runs), out)
    sys.stdout.write(f"written to {out}\n")
    return 0


def main(argv):
    """Runs the command. Returns the exit code: 0 done, 1 for a UserError, 130 if interrupted."""
    return command_line.run(lambda: command(argv), "tfgan_gn.report", "interrupted: nothing was written")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
