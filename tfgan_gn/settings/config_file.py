"""The file config.json of a run folder: every setting, the versions, and what the run's data are."""

import dataclasses
import json
import os

from tfgan_gn.architectures import get_architecture
from tfgan_gn.errors import UserError
from tfgan_gn.files.structured import load_json
from tfgan_gn.files.whole import write_whole
from tfgan_gn.settings.effects import refuse_without_effect
from tfgan_gn.settings.training import Config

NAME = "config.json"
# Settings that were added after the first version, with the value that all runs before them had.
VALUES_BEFORE = {
    "protocol": "ours",
    "eval_every": 0,
    "eval_images": 10_000,
    "scorer": "inception",
    "cache_dir": "",
    "strategy": "mirrored",
    "wait": 600,
    "grey": "repeat",
    "architecture": "resnet",
    "synced_batch_norm": False,
    "batch_norm_towers": 1,
    "conditional": False,
    "auxiliary": False,
    "loss": "wasserstein",
    "penalty": "gradient",
    "clip": 0.0,
    "separate_passes": False,
    "optimizer": "adam",
    "critic_optimizer": "",
    "critic_learning_rate": 0.0,
    "momentum": 0.9,
    "ema": 0.0,
    "flips": False,
    "initializer": "",
    "order": "generator_first",
    "reuse_real_batch": False,
    "pixels": "256_dequantized",
    "precision": "float32",
    "jit": False,
    "deterministic": False,
    "levels": (1, 1, 2, 2),
    "inner_layers": (5,),
    "generator_inner_layers": (3,),
    "dense_units": 1024,
    "wide_connections": False,
    "dropout": 0.0,
    "turns": False,
    "validation_classes": 0.1,
    "test_classes": 0.0,
    "class_file": "",
    "same_image": False,
    "patch_size": 0,
    "image_width": 0,
    "init_from": "",
}
# Facts of the data that were added after the first version; they are not compared where the run has none.
FACTS_ADDED = ("classes_sha256",)
# Settings that a resumed run keeps unless they are given.
SCORING = ("scorer", "eval_every", "eval_images")


def is_run(workdir):
    """Whether a path is a run folder."""
    return os.path.isfile(os.path.join(workdir, NAME))


def save_config(config, workdir, versions, data_facts):
    """Writes config.json into a run folder, completely or not at all.

    Args:
        config: Config.
        workdir: the run folder, which exists.
        versions: dict from a package to its version.
        data_facts: dict of what networks and a resumed run need to know of the data, JSON values.
    """
    content = {
        "config": dataclasses.asdict(config),
        "revision": get_architecture(config.architecture).revision,
        "versions": versions,
        "data": data_facts,
    }
    text = json.dumps(content, indent=2)
    write_whole(os.path.join(workdir, NAME), f"{text}\n".encode())


def load_config(workdir):
    """Reads the settings of a run.

    Args:
        workdir: the run folder.

    Returns:
        Config. A setting that did not exist when the run was made has the value of VALUES_BEFORE, and one that had
        another name is found under its present one.

    Raises:
        UserError: the file is missing or damaged, or holds settings or names that this version does not have, or the
            run's critic had its norms at other sites than now.
    """
    path = os.path.join(workdir, NAME)
    return config_from(_read(path), path)


def config_from(content, path):
    """The Config in what a config.json holds.

    Args:
        content: JSON value.
        path: of the file, for messages.

    Returns:
        Config, as `load_config`.

    Raises:
        UserError: as `load_config`.
    """
    saved = {**VALUES_BEFORE, **_with_present_names(_table(path, content, "config"))}
    names = {field.name for field in dataclasses.fields(Config)}
    for fault, wrong in (("lacks the settings", names - saved.keys()), ("has the unknown", saved.keys() - names)):
        if wrong:
            raise _not_a_config(path, f"it {fault} {', '.join(sorted(wrong))}")
    try:
        config = Config(**{name: tuple(v) if isinstance(v, list) else v for name, v in saved.items()})
    except UserError as error:
        raise UserError(f"{path} holds a value that this version does not take: {error}") from None
    except TypeError as error:  # a value of another type
        raise _not_a_config(path, error) from None
    if config.norm != "none" and content.get("revision", 1) != get_architecture(config.architecture).revision:
        raise UserError(
            f"{path} is of an earlier version, in which the critic of --architecture={config.architecture} had "
            f"--norm={config.norm} after other layers than now, so that its weights do not fit: give the run's export/ "
            "folder to score its generator, or another --workdir to train anew"
        )
    return config


def load_data_facts(workdir):
    """What `save_config` wrote of the data, a dict. Raises UserError where the file is missing or damaged."""
    path = os.path.join(workdir, NAME)
    return _table(path, _read(path), "data")


def with_scoring_of_run(config, given):
    """A resumed run is scored as before, unless flags ask for something else.

    So a run of an earlier version, whose defaults were others, goes on with its own network and number of images.

    Args:
        config: Config that is asked for.
        given: dict of the settings that were given, by name.

    Returns:
        Config. If its folder holds a run with the same protocol, the settings of SCORING that were not given are those
        of the run.

    Raises:
        UserError: as `load_config`, and for a setting that was given but has no effect.
    """
    if not is_run(config.workdir):
        return config
    saved = load_config(config.workdir)
    if config.protocol != saved.protocol:
        return config
    config = dataclasses.replace(config, **{name: getattr(saved, name) for name in SCORING if name not in given})
    refuse_without_effect(config, given)
    return config


def refuse_other_settings(config, saved, workdir):
    """Checks that a run can be resumed with these settings.

    More iterations are allowed where the learning rate is constant: the longer run would have been the same up to here.

    Args:
        config: Config that is asked for.
        saved: Config of the run in the folder.
        workdir: the run folder.

    Raises:
        UserError: they differ in a setting that changes what is learnt; names each of them.
    """
    differing = [
        f"{field.name} (there {getattr(saved, field.name)}, asked {getattr(config, field.name)})"
        for field in dataclasses.fields(config)
        if not field.metadata["free"] and getattr(saved, field.name) != getattr(config, field.name)
    ]
    longer = config.iterations > saved.iterations
    if longer and config.lr_decay == "none":
        differing = [each for each in differing if not each.startswith("iterations ")]
    if differing:
        way_out = "give the same settings to resume it, or another --workdir"
        if longer and config.lr_decay == saved.lr_decay == "linear":
            way_out += (
                ". With --lr_decay=linear, the learning rate of every iteration depends on --iterations. To go on from "
                f"the weights of this run, give another --workdir and --init_from={workdir}/checkpoints/iteration-N"
            )
        raise UserError(f"{workdir} holds a run with another {', another '.join(differing)}: {way_out}")


def refuse_other_data(data_facts, saved, workdir):
    """Checks that a run can be resumed on these data.

    Args:
        data_facts: dict of the data at hand.
        saved: dict of the data that the run in the folder began with.
        workdir: the run folder.

    Raises:
        UserError: they differ.
    """
    for name, now in data_facts.items():
        if name in FACTS_ADDED and name not in saved:
            continue
        if now != saved.get(name):
            flags = "--dataset, --data_dir and --class_file" if name == "classes_sha256" else "--dataset and --data_dir"
            raise UserError(
                f"{workdir} holds a run on other data ({name} there {saved.get(name)}, now {now}): give the same "
                f"{flags} to resume it, or another --workdir"
            )


def _read(path):
    """What the file holds, a JSON value."""
    try:
        return load_json(path)
    except (OSError, ValueError) as error:
        raise _not_a_config(path, error) from None


def _table(path, content, part):
    """One of the tables in the file."""
    table = content.get(part) if isinstance(content, dict) else None
    if not isinstance(table, dict):
        raise _not_a_config(path, f"it has no table {part!r}")
    return table


def _with_present_names(saved):
    """The settings of a run, with `scorer` also where it was called `inception`; empty was the published network."""
    if "inception" not in saved or "scorer" in saved:
        return saved
    others = {name: value for name, value in saved.items() if name != "inception"}
    return {**others, "scorer": saved["inception"] or "inception"}


def _not_a_config(path, error):
    return UserError(
        f"{path} is not the config of a run of this version ({error}): give another --workdir, or another --config"
    )
