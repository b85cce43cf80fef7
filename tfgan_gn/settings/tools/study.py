"""The one list of a study's settings: meaning, default and range of each; how a StudyConfig is made."""

import dataclasses

from tfgan_gn.errors import UserError
from tfgan_gn.settings.groups.running import CACHE_HELP
from tfgan_gn.settings.option import LOCAL, PLAIN, check, option

BUILT_IN, SCALES = ("report",), ("cpu", "full")


@dataclasses.dataclass(frozen=True)
class StudyConfig:
    """Every setting of the command, checked. Raises UserError for a value that its option does not allow."""

    preset: str = option(
        "",
        "Built-in study: report asks the question of the group-norm report, which norm and how many groups; empty for "
        "the study of a file",
        choices=("", *BUILT_IN),
    )
    scale: str = option(
        "cpu",
        "Size of the built-in study: cpu takes some hours on two cores, full has the published sizes and needs a GPU",
        choices=SCALES,
    )
    data_dir: str = option("", "Where the data of all trials are, as in train_cifar.py", path=LOCAL)
    cache_dir: str = option("", CACHE_HELP, path=LOCAL)
    out: str = option(
        "",
        "Folder of the results of the trials and of the report; empty for runs/study-NAME, with the study's name",
        path=PLAIN,
    )
    runs_dir: str = option(
        "",
        "Folder of the run folders of the trials, with their checkpoints; empty for the folder runs in --out",
        path=PLAIN,
    )
    workers: int = option(1, "Number of trials that are trained side by side", low=1)
    search: int = option(
        0,
        "Search for the groups of each norm site before the study, and add the winner as an arm: what it may cost, in "
        "full trainings; 0 for no search",
        low=0,
    )
    train: bool = option(True, "Train the trials that have no result yet; --notrain only makes the report")

    def __post_init__(self):
        check(self)


def make_study_config(**given):
    """A StudyConfig from the settings given. Raises UserError for a bad value, and for one without effect."""
    config = StudyConfig(**given)
    if "scale" in given and not config.preset:
        raise UserError("--scale has no effect without --preset: a study file says its sizes itself; leave it out")
    if config.search == 1:
        raise UserError("--search=1: a search compares two trainings or more; give 2 or more, or leave it out")
    return config
