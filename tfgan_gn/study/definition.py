"""What a study is: its arms, seeds and baseline; how it is read from a file, and what is refused."""

import dataclasses
import json
import re
from typing import NamedTuple

from tfgan_gn.architectures import ARCHITECTURES
from tfgan_gn.errors import UserError
from tfgan_gn.files.structured import read_structured
from tfgan_gn.settings.option import as_text
from tfgan_gn.settings.settings_file import parse_settings
from tfgan_gn.settings.training import Config, make_config

KEYS = {"name", "about", "seeds", "baseline", "settings", "arms", "search"}
ARM_KEYS = {"name", "settings", "against", "seed_shift"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,+-]*")  # names are parts of the names of files
OF_THE_COMMAND = ("seed", "workdir", "data_dir", "cache_dir")  # settings that the study gives to each trial
# Settings in which all arms must agree. With others their scores could not be compared.
SHARED = (
    "dataset",
    "grey",
    "image_size",
    "protocol",
    "generator_statistics",
    "scorer",
    "eval_images",
)
MOST_SEED = 10**6  # seeds from here on make the images of the last scoring
NUM_IMAGES = 10_000  # of a scoring, unless the study says another number


class Arm(NamedTuple):
    """One way of training.

    Attributes:
        name: of the arm.
        settings: dict of the settings that the study gives it, by name, as flags have them after parsing.
        against: name of the arm that it is compared with; empty for the baseline, and for the baseline of others.
        seed_shift: is added to each seed of the study. With another shift than 0, the arm shares no noise with others.
    """

    name: str
    settings: dict
    against: str
    seed_shift: int


class Search(NamedTuple):
    """A search for the groups of each norm site.

    Attributes:
        arm: name of the arm whose settings the candidates have, but for the groups.
        sites: number of norm sites of its critic.
        choices: tuple of the group counts that a site can have.
        seed: which all candidates are trained with; the study has others.
    """

    arm: str
    sites: int
    choices: tuple
    seed: int


class Study(NamedTuple):
    """Arms that are trained with the same seeds, and what each is compared with.

    Attributes:
        name: of the study.
        about: what a reader of its page should know, text; may be empty.
        seeds: tuple of whole numbers.
        baseline: name of an arm.
        arms: tuple of `Arm`.
        search: `Search`, or None.
        text: the definition as JSON, to be kept beside the results.
    """

    name: str
    about: str
    seeds: tuple
    baseline: str
    arms: tuple
    search: Search | None
    text: str


def read_study(path):
    """Reads a study from a .json, .yaml or .yml file.

    Raises:
        UserError: the file cannot be read, or as `make_study`.
    """
    return make_study(read_structured(path, "a study file"), path)


def make_study(content, where):
    """Makes a Study of the content of a study file.

        {"name": "layer-or-group", "seeds": [1, 2, 3, 4, 5], "baseline": "layer",
         "settings": {"width": 32, "iterations": 1000, "eval_every": 250},
         "arms": [{"name": "layer", "settings": {"norm": "layer"}},
                  {"name": "group-8", "settings": {"norm": "group", "groups": [8]}}]}

    `settings` are those of `train_cifar.py`; those of an arm win over those of the study. An arm is compared with the
    baseline, or with the arm that it names in `against`; with an empty `against`, it is compared with none.
    `seed_shift` gives it other seeds. `about` is shown on the page. `search` has the fields of `Search`.

    Args:
        content: JSON value.
        where: name of the file, for messages.

    Returns:
        Study.

    Raises:
        UserError: the first thing that is wrong, by name.
    """
    _refuse_keys(content, KEYS, {"seeds", "baseline", "arms"}, where)
    name = _name(content.get("name", "study"), f"the name of {where}")
    seeds = content["seeds"]
    if not isinstance(seeds, list) or any(type(seed) is not int or not 0 <= seed < MOST_SEED for seed in seeds):
        raise UserError(f"{where}: seeds={seeds}: give a list of whole numbers from 0 to {MOST_SEED - 1}")
    if len(set(seeds)) < max(2, len(seeds)):
        raise UserError(f"{where}: seeds={seeds}: give two or more different seeds; one seed shows no difference")
    if not isinstance(content["arms"], list):
        raise UserError(f"{where}: arms is no list: give a list of arms, each with a name and its settings")
    common = _settings(content.get("settings", {}), f"{where}, settings")
    arms = tuple(_arm(arm, common, content["baseline"], where) for arm in content["arms"])
    text = json.dumps(content, indent=2) + "\n"
    about = content.get("about", "")
    if not isinstance(about, str):
        raise UserError(f"{where}: about={about}: give text, or leave it out")
    search = _search(content.get("search"), where)
    study = Study(name, about, tuple(seeds), content["baseline"], arms, search, text)
    _refuse_arms(study, where)
    _refuse_search(study, where)
    return study


def _search(content, where):
    if content is None:
        return None
    _refuse_keys(content, {*Search._fields}, {*Search._fields}, f"{where}, search")
    choices = content["choices"]
    if not isinstance(choices, list) or len(set(choices)) < 2:
        raise UserError(f"{where}, search: choices={choices}: give a list of two or more group counts")
    for key, value in (
        ("sites", content["sites"]),
        ("seed", content["seed"]),
        *(("choices", each) for each in choices),
    ):
        if type(value) is not int or not 0 < value < MOST_SEED:
            raise UserError(f"{where}, search: {key} has {value}: give whole numbers from 1 to {MOST_SEED - 1}")
    return Search(content["arm"], content["sites"], tuple(choices), content["seed"])


def _arm(content, common, baseline, where):
    _refuse_keys(content, ARM_KEYS, {"name"}, f"{where}, an arm")
    name = _name(content["name"], f"{where}: an arm's name")
    own = _settings(content.get("settings", {}), f"{where}, arm {name}")
    shift = content.get("seed_shift", 0)
    if type(shift) is not int or not 0 <= shift < MOST_SEED:
        raise UserError(f"{where}, arm {name}: seed_shift={shift}: give a whole number from 0 to {MOST_SEED - 1}")
    against = content.get("against", "" if name == baseline else baseline)
    return Arm(name, {**common, **own}, against, shift)


def _refuse_keys(content, allowed, needed, where):
    if not isinstance(content, dict):
        raise UserError(f"{where} is no table: give {', '.join(sorted(allowed))}")
    for fault, wrong in (("unknown", content.keys() - allowed), ("missing", needed - content.keys())):
        if wrong:
            raise UserError(f"{where}: {fault} {', '.join(sorted(wrong))} (a study has {', '.join(sorted(allowed))})")


def _name(name, what):
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(f"{what} is {name!r}: give letters, digits, and _ . , + - after the first one")
    return name


def _settings(given, where):
    """The settings of a table, without those that the study gives."""
    for name in OF_THE_COMMAND:
        if isinstance(given, dict) and name in given:
            raise UserError(f"{where}: the study itself gives {name} to each trial: leave it out")
    return parse_settings(given, where, Config)


def _refuse_arms(study, where):
    names = [arm.name for arm in study.arms]
    if len(set(names)) < len(names):
        raise UserError(f"{where}: two arms are called {next(n for n in names if names.count(n) > 1)}: rename one")
    if study.baseline not in names:
        raise UserError(f"{where}: the baseline {study.baseline!r} is not one of the arms {', '.join(names)}")
    if len(names) < 2:
        raise UserError(f"{where} has one arm: give two or more, there is nothing to compare it with")
    for arm in study.arms:
        if arm.against and (arm.against not in names or arm.against == arm.name):
            raise UserError(f"{where}, arm {arm.name}: against={arm.against}: give the name of another arm")
    configs = {arm.name: config_of(arm, study.seeds[0]) for arm in study.arms}
    first = configs[names[0]]
    for name, config in configs.items():
        if not config.eval_every:
            raise UserError(f"{where}, arm {name}: eval_every=0: a study compares scores; give eval_every")
        if ARCHITECTURES[config.architecture].image_condition:
            raise UserError(
                f"{where}, arm {name}: architecture={config.architecture}: a study cannot compare runs of pairs yet, "
                "because each seed holds other classes out; give another architecture"
            )
        for shared in SHARED:
            if getattr(config, shared) != getattr(first, shared):
                raise UserError(
                    f"{where}: arm {name} has {shared}={as_text(getattr(config, shared))} and arm {names[0]} "
                    f"{as_text(getattr(first, shared))}: give all arms the same, or their scores cannot be compared"
                )


def _refuse_search(study, where):
    if study.search is None:
        return
    arms = {arm.name: arm for arm in study.arms}
    if study.search.arm not in arms or "groups" not in arms[study.search.arm].settings:
        raise UserError(f"{where}, search: arm={study.search.arm}: give the name of an arm that has groups")
    if study.search.seed in {seed + arm.seed_shift for seed in study.seeds for arm in study.arms}:
        raise UserError(f"{where}, search: seed={study.search.seed}: give a seed that no arm is trained with")


def config_of(arm, seed, **paths):
    """The Config of an arm with a seed of the study.

    Args:
        arm: Arm.
        seed: of the study; the shift of the arm is added.
        **paths: workdir, data_dir and cache_dir, which do not change what is learnt.

    Returns:
        `training.Config`.

    Raises:
        UserError: settings that do not fit together; names the arm.
    """
    try:
        config = make_config(**arm.settings, seed=seed + arm.seed_shift, **paths)
    except UserError as error:
        raise UserError(f"arm {arm.name}: {error}") from None
    # a run by itself would decide by its speed, and trials of other numbers of images cannot be compared
    return dataclasses.replace(config, eval_images=config.eval_images or NUM_IMAGES)
