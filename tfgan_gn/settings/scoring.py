"""The one list of a scoring's settings: meaning, default, source and range of each; how an EvalConfig is made."""

import dataclasses

from tfgan_gn.errors import UserError
from tfgan_gn.files import cache_folder
from tfgan_gn.settings import protocols
from tfgan_gn.settings.effects import refuse_unfit_pairs
from tfgan_gn.settings.option import INT32_MAX, LOCAL, PLAIN, check, option

SALIMANS = "Salimans et al. 2016"
RANGES = ("", "-1,1", "0,1", "0,255")


@dataclasses.dataclass(frozen=True)
class EvalConfig:
    """Every setting of a scoring, checked. Raises UserError for a value that its option does not allow."""

    reference: str = option(
        "",
        "Real images to compare with, named in the same ways as the samples, or an .npz file of statistics; empty for "
        "the training images of the run that is scored; of a run of --preset=dagan these are the images of its "
        "validation classes, of which its samples are made too",
        path=LOCAL,
    )
    checkpoint: str = option(
        "", "Checkpoint of a run folder to score: an iteration whose checkpoint is kept, or best; empty for the newest"
    )
    num_images: int = option(
        0,
        "Number of images to score; 0 for 50,000 images of a generator, and for all images of a folder, an array or a "
        "data set",
        SALIMANS,
        low=0,
    )
    seed: int = option(0, "Seed of the noise that the generator makes its images from", low=0, high=INT32_MAX)
    protocol: str = option(
        "",
        "How the samples of a run are made: author as in the published code, ours as docs/design.md says; empty for "
        "the protocol of the run",
        choices=("", *protocols.PROTOCOLS),
    )
    generator_statistics: str = option(
        "",
        "Statistics of batch norm in the generator of a run: standing collects them over 100 batches, batch computes "
        "them in each batch; empty for those of --protocol",
        choices=("", "standing", "batch"),
    )
    value_range: str = option(
        "", "Range of the pixel values in an array of floats, which must be given for such an array", choices=RANGES
    )
    image_size: int = option(
        0,
        "Height and width that images of a folder or of tensorflow-datasets are scaled and centre-cropped to; 0 to "
        "keep their size",
        low=0,
    )
    data_dir: str = option(
        "",
        "Folder of the data sets that are given by name; empty for the default folder of tensorflow-datasets",
        path=LOCAL,
    )
    scorer: str = option(
        "inception",
        "Network that computes the features: inception is the published network, downloaded once into --cache_dir; "
        "cifar10net is a small classifier of CIFAR-10 that comes with the package, for comparisons of runs only; "
        "imagenet is that of keras.applications; or give a path: of the file classify_image_graph_def.pb, its .tgz or "
        "a folder with one of them, or of a SavedModel of another extractor, which is a program that is run",
        "the network of 2015-12-05",
        former={"inception": "inception"},
        path=PLAIN,
    )
    cache_dir: str = option(
        "",
        f"Folder for downloaded weights and statistics of real images; empty for {cache_folder.DEFAULT}",
        path=LOCAL,
    )
    batch_size: int = option(
        64, "Images per batch of the network, counted over all GPUs; does not change the scores", low=1
    )
    splits: int = option(
        protocols.DEFAULTS.splits,
        "Number of parts of the images that the Inception Score (classifier score) is the mean over",
        f"{SALIMANS}, published code",
        low=1,
    )
    neighbours: int = option(
        3, "Number of neighbours (k) in precision, recall, density and coverage", "Kynkaanniemi et al. 2019", low=1
    )
    bootstrap: bool = option(False, "Give every score a 95% confidence interval, by resampling the images")
    resamples: int = option(200, "Number of resamplings for --bootstrap", low=20)
    out: str = option(
        "",
        "JSON file to write; empty for scores-NAME.json in this folder, or for scores-ITERATION.json in the run folder",
        path=LOCAL,
    )
    compare: str = option(
        "", "First of two result files to print side by side: --compare A.json B.json; scores nothing", path=LOCAL
    )

    def __post_init__(self):
        check(self)


def make_eval_config(**given):
    """An EvalConfig from the settings given. Raises UserError for a bad value, and for one without effect."""
    config = EvalConfig(**given)
    if "resamples" in given and not config.bootstrap:
        raise UserError("--resamples has no effect without --bootstrap: leave out --resamples, or add --bootstrap")
    if config.compare and len(given) > 1:
        other = next(name for name in given if name != "compare")
        raise UserError(f"--{other} has no effect with --compare, which scores nothing: leave out --{other}")
    if config.protocol:
        protocols.refuse_contradictions(config.protocol, config)
    return config


def as_scored(run, config):
    """The settings of a run with the protocol by which it is scored.

    Args:
        run: `training.Config` of the run.
        config: EvalConfig. Its protocol and its statistics, if they are given, take the place of the run's.

    Returns:
        `training.Config`.

    Raises:
        UserError: a setting of the scoring contradicts the protocol, or what the networks of the run can be scored
            with.
    """
    if config.protocol:
        statistics = protocols.PROTOCOLS[config.protocol].generator_statistics
        run = dataclasses.replace(run, protocol=config.protocol, generator_statistics=statistics)
    protocols.refuse_contradictions(run.protocol, config)
    scored = dataclasses.replace(run, generator_statistics=config.generator_statistics or run.generator_statistics)
    refuse_unfit_pairs(scored, {})
    return scored
