"""The settings of the devices, of what a run writes, and of its scoring."""

import dataclasses

from tfgan_gn.files.cache_folder import DEFAULT as CACHE
from tfgan_gn.settings import protocols
from tfgan_gn.settings.option import LOCAL, PLAIN, option
from tfgan_gn.settings.presets import AUTHOR
from tfgan_gn.settings.registry_names import STRATEGY_NAMES

CACHE_HELP = f"Folder for decoded data sets, downloaded weights and statistics of real images; empty for {CACHE}"


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """Devices, what a run writes and when, and how it is scored."""

    strategy: str = option(
        "mirrored",
        "Devices to train on: mirrored takes all GPUs of this machine, one_device takes one device, multi_worker takes "
        "the GPUs of all machines in TF_CONFIG",
        choices=STRATEGY_NAMES,
        free=True,
    )
    wait: int = option(
        600, "Seconds to wait for the other machines of --strategy=multi_worker before the run ends", low=1, free=True
    )
    workdir: str = option(
        "",
        "Run folder, into which everything is written; empty for runs/DATASET-PRESET-NORM",
        free=True,
        path=PLAIN,
    )
    init_from: str = option(
        "",
        "Checkpoint of another run, such as runs/first/checkpoints/iteration-5000, whose weights this run starts with "
        "at iteration 0; the state of its optimizers is taken too where the optimizers are the same; empty for new "
        "weights",
        path=PLAIN,
    )
    log_every: int = option(
        100,
        "Iterations between two points in TensorBoard; in the first 500 iterations there is a point every 10 as well, "
        "without the held-out loss",
        AUTHOR,
        low=1,
        free=True,
    )
    sample_every: int = option(100, "Iterations between two grids of samples", AUTHOR, low=1, free=True)
    checkpoint_every: int = option(1000, "Iterations between two checkpoints", low=1, free=True)
    keep_checkpoints: int = option(3, "Number of newest checkpoints to keep", low=1, free=True)
    protocol: str = option(
        protocols.DEFAULT_PROTOCOL,
        "How samples are made for scores and export, and how the held-out loss is computed: author as in the published "
        "code, ours as docs/design.md says",
        choices=tuple(protocols.PROTOCOLS),
        free=True,
    )
    test_batches: int = option(
        protocols.DEFAULTS.test_batches,
        "Number of batches of held-out images that critic/test_loss is the mean of; 0 for all",
        low=0,
        free=True,
    )
    eval_every: int = option(
        protocols.DEFAULTS.eval_every,
        "Iterations between two scorings of samples; the last iteration is scored too; 0 for no scoring",
        low=0,
        free=True,
    )
    eval_images: int = option(
        protocols.DEFAULTS.eval_images,
        "Generated images per scoring, which are compared with all training images; those of --architecture=dagan are "
        "made of the images of the validation classes and compared with these; 0 for 10,000, or for 5,000, 2,000 or "
        "1,000 where scoring would otherwise take more than 5 % of the run's time",
        low=0,
        free=True,
    )
    scorer: str = option(
        protocols.DEFAULTS.scorer,
        "Network that scores the images, by name or path, as in eval_inception.py",
        former={"inception": "inception"},
        free=True,
        path=PLAIN,
    )
    cache_dir: str = option("", CACHE_HELP, free=True, path=LOCAL)
    generator_statistics: str = option(
        protocols.DEFAULTS.generator_statistics,
        "Statistics of batch norm in the exported generator: standing collects them over 100 batches, batch computes "
        "them in each batch, as published",
        choices=("standing", "batch"),
        free=True,
    )
