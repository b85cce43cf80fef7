"""Trains every arm of a study with every seed, compares their scores, and writes a report.

    python -m tfgan_gn.study STUDY.json --data_dir=PATH --out=FOLDER
    python -m tfgan_gn.study --preset=report --scale=cpu --data_dir=PATH --out=FOLDER --workers=2

A study file (.json or .yaml) names arms, their settings, the baseline and the seeds. Each trial is a run folder of
train_cifar.py. Its small result is a file in FOLDER/trials. The same command goes on where it was stopped. It trains no
trial that has a result there.
"""

import os
import sys

from tfgan_gn.errors import UserError
from tfgan_gn.settings import command_line, help
from tfgan_gn.settings.tools.study import StudyConfig, make_study_config
from tfgan_gn.startup import load_tensorflow
from tfgan_gn.study.built_in import report_study
from tfgan_gn.study.definition import make_study, read_study


def study_of(config, arguments):
    """The `definition.Study` that a command line asks for. Raises UserError if there is none, or two."""
    if bool(config.preset) == bool(arguments):
        raise UserError("give either a study file or --preset=report (--help shows an example of each)")
    return make_study(report_study(config.scale), config.preset) if config.preset else read_study(arguments[0])


def run(config, study):
    """Searches, trains what is left of a study, and writes its report. Returns the exit code."""
    from tfgan_gn.study import search

    out = config.out or os.path.join("runs", f"study-{study.name}")
    runs_dir = config.runs_dir or os.path.join(out, "runs")
    paths = {"data_dir": config.data_dir, "cache_dir": config.cache_dir}
    outcome = None
    if config.search:
        if study.search is None:
            raise UserError(
                "--search needs `search` in the study file, which names an arm and the choices of its sites"
            )
        outcome = search.run(study, config.search, out, runs_dir, train=config.train, workers=config.workers, **paths)
        if isinstance(outcome, int):
            return outcome
        if outcome:
            study = study._replace(arms=(*study.arms, outcome.winner))
    code, found = train(config, study, out, runs_dir, paths)
    if code == 0:
        report(study, found, out, outcome)
    return code


def train(config, study, out, runs_dir, paths):
    """Trains the trials without a result. Returns (exit code, results by the name of the trial)."""
    from tfgan_gn.files.whole import write_whole
    from tfgan_gn.guards import writing_to
    from tfgan_gn.study import prepare, trials

    every = trials.trials_of(study, runs_dir, **paths)
    found = trials.read_results(out, every)
    # A crash may be the machine's: such a trial is tried again.
    left = [trial for trial in every if found.get(trial.name, {"status": trials.CRASHED})["status"] == trials.CRASHED]
    if not left or not config.train:
        return 0, found
    prepare.refuse_impossible(left, found)
    with writing_to(out, "another --out"):
        os.makedirs(out, exist_ok=True)
        write_whole(os.path.join(out, "study.json"), study.text.encode())
    pictures = {trial.name for trial in left if trial.seed == study.seeds[0]}
    code = prepare.train(left, out, config.workers, pictures)
    return code, trials.read_results(out, every)


def report(study, found, out, outcome):
    """Writes the report of a study: the page, JSON and CSV."""
    from tfgan_gn.files.whole import write_whole
    from tfgan_gn.guards import writing_to
    from tfgan_gn.study.findings import page, summary, tables

    reports = {
        "report.html": page.page_of(study, found, out, outcome),
        "report.json": tables.as_json(study, found, outcome),
        "report.csv": tables.as_csv(study, found),
    }
    with writing_to(out, "another --out"):
        os.makedirs(out, exist_ok=True)
        for name, text in reports.items():
            write_whole(os.path.join(out, name), text.encode())
    sys.stdout.write(f"{summary.answer(study, found)}\nopen {os.path.join(out, 'report.html')} in a browser\n")


def command(argv):
    """Reads the command line and runs a study, or prints the help. Returns the exit code."""
    config, arguments = command_line.parse_arguments(argv, StudyConfig, make_study_config, most_arguments=1)
    if config is None:
        sys.stdout.write(help.text(argv, __doc__, StudyConfig, make_study_config) + "\n")
        return 0
    study = study_of(config, arguments)
    load_tensorflow()
    return run(config, study)


def main(argv):
    """Runs the command. Returns the exit code: 0 done, 1 for a UserError, 128 + signal number when asked to stop."""
    return command_line.run(lambda: command(argv), "tfgan_gn.study", "interrupted; the same command goes on")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
