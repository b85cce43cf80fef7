"""A trial is one arm with one seed. Its small result is one JSON file; a trial that has one is not trained again."""

import dataclasses
import json
import math
import os
import shlex
from typing import NamedTuple

from tfgan_gn import __version__
from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.structured import load_json
from tfgan_gn.files.whole import write_whole
from tfgan_gn.scoring import naming, results
from tfgan_gn.settings.config_file import VALUES_BEFORE
from tfgan_gn.settings.differences import PLACES, flags_of
from tfgan_gn.settings.training import Config
from tfgan_gn.study.definition import Arm, config_of

FOLDER = "trials"  # in the folder of a study
FINISHED, DIVERGED, CRASHED = "finished", "diverged", "crashed"
# Settings that may differ between the machines that share a study: they change no score.
FREE = (*PLACES, "strategy", "log_every", "sample_every", "checkpoint_every")


class Trial(NamedTuple):
    """One arm with one seed.

    Attributes:
        arm: Arm.
        seed: of the study, without the arm's shift.
        config: `training.Config` of the run.
    """

    arm: Arm
    seed: int
    config: Config

    @property
    def name(self):
        """The name of its run folder and of its result."""
        return f"{self.arm.name}-seed-{self.seed}"

    @property
    def flags(self):
        """What `train_cifar.py` is called with for the same run: a list of text."""
        return flags_of(self.config)

    @property
    def command(self):
        """The command of the same run on another machine, which has its data and folders elsewhere."""
        here = tuple(f"--{place}=" for place in PLACES)
        return shlex.join(["python", "train_cifar.py", *(flag for flag in self.flags if not flag.startswith(here))])


def trials_of(study, runs_dir, data_dir="", cache_dir=""):
    """The trials of a study, all arms of the first seed first, so that a part of them is a fair part.

    Args:
        study: `definition.Study`.
        runs_dir: folder of their run folders.
        data_dir: as in `training.Config`.
        cache_dir: as in `training.Config`.

    Returns:
        list of Trial.
    """
    paths = {"data_dir": data_dir, "cache_dir": cache_dir}

    def trial(arm, seed):
        named = Trial(arm, seed, None)
        return named._replace(config=config_of(arm, seed, workdir=os.path.join(runs_dir, named.name), **paths))

    return [trial(arm, seed) for seed in study.seeds for arm in study.arms]


def result_path(out, trial):
    """Where the result of a trial is, in the folder of a study."""
    return os.path.join(out, FOLDER, f"{trial.name}.json")


def learnt_settings(config):
    """The settings of a Config that a score depends on: a dict of JSON values."""
    settings = dataclasses.asdict(config)
    return {name: list(v) if isinstance(v, tuple) else v for name, v in settings.items() if name not in FREE}


def write_result(path, trial, outcome):
    """Writes the result of a trial, completely or not at all.

    Args:
        path: of the file, in a folder that exists.
        trial: Trial.
        outcome: dict of JSON values with a `status`, and what `worker.outcome_of` describes.
    """
    content = {
        "arm": trial.arm.name,
        "seed": trial.seed,
        "settings": learnt_settings(trial.config),
        "version": __version__,
        **outcome,
    }
    write_whole(path, f"{json.dumps(content, indent=1)}\n".encode())


def read_results(out, trials):
    """Reads the results that are there.

    Args:
        out: folder of the study.
        trials: list of Trial.

    Returns:
        dict from the name of a trial to its result, a dict.

    Raises:
        UserError: a result is damaged, of another study, of other settings, of another version or scorer.
    """
    folder, by_name = os.path.join(out, FOLDER), {trial.name: trial for trial in trials}
    found = {}
    for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        name, ending = os.path.splitext(file)
        if ending == ".json":
            path = os.path.join(folder, file)
            if name not in by_name:
                raise UserError(f"{path} is no trial of this study: give another --out, or move the file away")
            found[name] = _read(path, by_name[name])
    _refuse_unlike({name: result for name, result in found.items() if result["status"] == FINISHED})
    return found


def _read(path, trial):
    try:
        result = load_json(path)
        settings, status, version = result["settings"], result["status"], result["version"]
        if status == FINISHED:
            result = {**result, "protocol": dict(result["protocol"]), "last": dict(result["last"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no result of a trial ({first_line(error)}): remove it to train again") from None
    now = learnt_settings(trial.config)
    theirs = {**{name: VALUES_BEFORE.get(name) for name in now}, **settings}  # settings that are younger than the trial
    for name in sorted(now.keys() | theirs.keys()):
        if now.get(name) != theirs[name]:
            raise UserError(
                f"{path} was trained with {name}={theirs[name]}, and the study has {now.get(name)}: give "
                "another --out, or move the file away to train again"
            )
    if version != __version__:
        raise UserError(
            f"{path} was made by version {version} of tfgan_gn, and this is {__version__}: give another --out, or go "
            "on with that version"
        )
    return result


def _refuse_unlike(found):
    """Raises UserError unless all results were scored by one protocol."""
    for name, result in found.items():
        first = next(iter(found))
        fields = results.differing(found[first]["protocol"], result["protocol"])
        if fields:
            raise UserError(
                f"the trials {first} and {name} were scored in different ways, with another {', another '.join(fields)}"
                ": move the results of one way to another folder"
            )


def refuse_other_scorer(found, weights_sha256):
    """Checks that the results that are there were scored with the network at hand.

    Args:
        found: dict of `read_results`.
        weights_sha256: hash of the scorer's weights.

    Raises:
        UserError: another network scored them.
    """
    for name, result in found.items():
        theirs = result["protocol"]["weights_sha256"] if result["status"] == FINISHED else weights_sha256
        if theirs != weights_sha256:
            raise UserError(
                f"the trial {name} was scored with the weights {theirs[:12]}, and --scorer has {weights_sha256[:12]} "
                "here: give the same scorer, or another --out"
            )


def score_of(result):
    """The score by which a candidate is chosen, of the end of its training; infinite where it did not finish."""
    if result["status"] != FINISHED:
        return math.inf
    return result["curves"][naming.find_key("frechet_distance", result["curves"])]["value"][-1]
