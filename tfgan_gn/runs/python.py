"""What `import tfgan_gn` offers to programs and notebooks."""

import os
import signal

from tfgan_gn import guards
from tfgan_gn.errors import UserError
from tfgan_gn.example import example_generator
from tfgan_gn.layers.norm_layers import GroupNorm
from tfgan_gn.models import build_networks
from tfgan_gn.runs import evaluate as scoring
from tfgan_gn.runs.loading import load_run
from tfgan_gn.runs.train import train as train_config
from tfgan_gn.settings.config_file import with_scoring_of_run
from tfgan_gn.settings.presets import DEFAULT_PRESET
from tfgan_gn.settings.scoring import EvalConfig, make_eval_config
from tfgan_gn.settings.settings_file import parse_settings
from tfgan_gn.settings.training import Config, make_config
from tfgan_gn.training.losses import gradient_penalty

__all__ = ["GroupNorm", "build_networks", "evaluate", "example_generator", "gradient_penalty", "load_run", "train"]


def train(preset=DEFAULT_PRESET, **settings):
    """Trains a run, or goes on with the run in its folder.

        run = tfgan_gn.train("report", dataset="shapes", width=16, iterations=400, workdir="runs/first")

    Args:
        preset: the settings of a published system, as `--preset`.
        **settings: further settings by the names of the flags of `train_cifar.py`, such as iterations=400, norm="group"
            and groups=[8]. They win over the preset.

    Returns:
        `loading.Run`, the networks with the weights of the last iteration.

    Raises:
        UserError: there is no such setting or preset, or as `train.train`.
        KeyboardInterrupt: Ctrl-C, or a notebook was interrupted. A checkpoint is saved then; the same call goes on.
        SystemExit: the process was asked to end, by SIGTERM or SIGHUP. A checkpoint is saved then too.
    """
    given = parse_settings(settings, "tfgan_gn.train", Config)
    config = with_scoring_of_run(make_config(preset, **given), given)
    with guards.fitting_in_memory(guards.SMALLER_TRAINING):
        code = train_config(config)
    if code == 128 + signal.SIGINT:
        raise KeyboardInterrupt
    if code:
        raise SystemExit(code)
    return load_run(config.workdir)


def evaluate(samples, **settings):
    """Scores images, as `eval_inception.py` does.

        result = tfgan_gn.evaluate("runs/first", scorer="cifar10net", num_images=1000)
        result["scores"]["fid"]["value"]

    Args:
        samples: what is scored: a run folder, an exported SavedModel, a folder or file of images, or the name of a data
            set.
        **settings: by the names of the flags of `eval_inception.py`, such as reference="cifar10:train".

    Returns:
        dict with "scores", "protocol" and "warnings", as the JSON of the command. It is written only if `out` is given.

    Raises:
        UserError: there is no such setting, or what is given cannot be scored.
    """
    config = make_eval_config(**parse_settings(settings, "tfgan_gn.evaluate", EvalConfig))
    if config.compare:
        raise UserError("tfgan_gn.evaluate scores images and compares no results: leave out compare")
    with guards.fitting_in_memory(guards.SMALLER_SCORING):
        opened = scoring.open_samples(config, os.fspath(samples))
        if config.out:
            scoring.refuse_unwritable_result(config.out)
        result, picture = scoring.score(config, opened)
    if config.out:
        scoring.save(result, picture, config.out)
    return result
