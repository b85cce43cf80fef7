"""The one list of a scoring's settings: default, meaning, source and range of each."""

import dataclasses

from tfgan_gn.errors import UserError
from tfgan_gn.files import cache_folder
from tfgan_gn.settings.option import BIG, check, option

SALIMANS = "Salimans et al. 2016"
RANGES = ("", "-1,1", "0,1", "0,255")


@dataclasses.dataclass(frozen=True)
class EvalConfig:
    """Every setting of a scoring, checked. Raises UserError for a value out of range or without effect."""

    reference: str = option(
        "", "the real images, as the samples are given, or a file of statistics; empty for what a run was trained on"
    )
    checkpoint: str = option("", "of a run folder: an iteration that it keeps, or best; empty for the newest")
    num_images: int = option(
        0, "how many images to score; 0 for 50,000 of a generator and for all there are of others", SALIMANS, low=0
    )
    seed: int = option(0, "of the noise that a generator samples from", low=0, high=BIG)
    generator_statistics: str = option(
        "", "batch norm of a checkpoint's generator; empty for the run's own policy", choices=("", "standing", "batch")
    )
    value_range: str = option(
        "", "what the values of an array of floats mean; needed, as no one can tell from the values", choices=RANGES
    )
    image_size: int = option(
        0, "scale and centre-crop folders and TFDS images to this height and width; 0 for as they are", low=0
    )
    data_dir: str = option("", "where the data sets lie that are given by name; empty for TFDS' own folder")
    inception: str = option(
        "",
        "classify_image_graph_def.pb, the .tgz or a folder that holds it, a SavedModel of an extractor, or imagenet; "
        "empty for the published network from --cache_dir, downloaded once",
        "the network of 2015-12-05",
    )
    cache_dir: str = option("", f"folder of weights and of statistics of real images; empty for {cache_folder.DEFAULT}")
    batch_size: int = option(64, "images that the network takes at once, over all GPUs; does not change scores", low=1)
    splits: int = option(10, "parts of the Inception Score", SALIMANS, low=1)
    neighbours: int = option(3, "k of precision, recall, density and coverage", "Kynkaanniemi et al. 2019", low=1)
    bootstrap: bool = option(False, "a 95% confidence interval for every score, by resampling the images")
    resamples: int = option(200, "resamplings of --bootstrap", "Efron and Tibshirani 1993", low=20)
    out: str = option("", "the JSON to write; empty for scores-NAME.json, in a run folder inside it")
    compare: str = option("", "A.json B.json: print two results side by side, and score nothing")

    def __post_init__(self):
        check(self)


def make_eval_config(**given):
    """An EvalConfig from the settings given. Raises UserError for a bad value, and for one without effect."""
    config = EvalConfig(**given)
    if "resamples" in given and not config.bootstrap:
        raise UserError("--resamples has no effect without --bootstrap: add that, or leave it out")
    if config.compare and len(given) > 1:
        other = next(name for name in given if name != "compare")
        raise UserError(f"--{other} has no effect with --compare, which scores nothing: leave it out")
    return config
