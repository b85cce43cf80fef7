"""The one list of a run's settings: default, meaning, source and range of each; presets; config.json."""

import dataclasses
import json
import os

from tfgan_gn.errors import UserError
from tfgan_gn.files import write_whole
from tfgan_gn.options import BIG, check, option

AUTHOR = "gan_cifar_resnet.py"  # Gulrajani et al. 2017, github.com/igul222/improved_wgan_training
REPORT = "gan_cifar10.py"  # the group-norm report, github.com/gzmkobe/wgan_with_group_normalization

STRATEGY_NAMES = ("mirrored", "one_device", "multi_worker")
NORM_NAMES = ("none", "batch", "layer", "instance", "group")
GREY_NAMES = ("repeat", "keep")
DATASET_NAMES = (
    "cifar10",
    "cifar100",
    "stl10",
    "celeb_a",
    "svhn_cropped",
    "mnist",
    "fashion_mnist",
    "folder",
    "npz",
    "shapes",
)
PRESETS = {
    "author": {},
    "report": {
        "iterations": 10_000,
        "learning_rate": 1e-4,
        "beta_1": 0.5,
        "lr_decay": "none",
        "gp_weight": 5.0,
        "generator_batch_multiple": 1,
        "groups": (16, 16, 8, 8, 4, 4),
    },
}


@dataclasses.dataclass(frozen=True)
class Config:
    """Every setting of a run, checked. Raises UserError for a value out of range."""

    preset: str = option(
        "author", "the settings to start from; a flag given wins over it", f"{AUTHOR}, {REPORT}", choices=tuple(PRESETS)
    )
    norm: str = option("group", "norm at the critic's six sites", "Wu and He 2018", choices=NORM_NAMES)
    groups: tuple[int, ...] = option((32,), "groups of --norm=group: one, or six in order", "Wu and He 2018", low=1)
    generator_norm: str = option("batch", "norm at the generator's seven sites", AUTHOR, choices=NORM_NAMES)
    generator_groups: tuple[int, ...] = option(
        (32,), "groups of --generator_norm=group: one, or seven in order", "Wu and He 2018", low=1
    )
    dataset: str = option(
        "cifar10",
        "what to learn; tfds:NAME[/CONFIG][:VERSION][:SPLIT] for any other images of TFDS",
        AUTHOR,
        choices=DATASET_NAMES,
        prefix="tfds:",
    )
    data_dir: str = option(
        "",
        "where the data lie: a TFDS folder, the original CIFAR-10 files, a folder of images, or an .npz; empty for "
        "TFDS' own",
    )
    grey: str = option(
        "repeat", "grey images: with three equal channels, or with their one (which refuses colour)", choices=GREY_NAMES
    )
    image_size: int = option(32, "height and width; images are resized and centre-cropped to it", AUTHOR, low=8)
    width: int = option(128, "channels of every residual block", AUTHOR + " DIM_G, DIM_D", low=1)
    z_dim: int = option(128, "size of the noise vector", AUTHOR, low=1)
    batch_size: int = option(64, "images per critic update, over all GPUs", AUTHOR + " BATCH_SIZE", low=1)
    generator_batch_multiple: int = option(
        2, "images per generator update, in critic batches", AUTHOR + " GEN_BS_MULTIPLE", low=1
    )
    iterations: int = option(100_000, "generator updates, each with its critic updates", AUTHOR + " ITERS", low=1)
    n_critic: int = option(5, "critic updates per iteration", AUTHOR + " N_CRITIC", low=1)
    gp_weight: float = option(10.0, "lambda, the weight of the gradient penalty", AUTHOR, low=0)
    learning_rate: float = option(2e-4, "Adam's, of both networks", AUTHOR + " LR", low=0)
    lr_decay: str = option(
        "linear", "to 0 at the last iteration, or not", AUTHOR + " DECAY", choices=("linear", "none")
    )
    beta_1: float = option(0.0, "Adam's decay of the mean", AUTHOR, low=0, high=0.9999)
    beta_2: float = option(0.9, "Adam's decay of the square", AUTHOR, low=0, high=0.9999)
    seed: int = option(0, "of weights, noise and order of the data", low=0, high=BIG)
    strategy: str = option(
        "mirrored",
        "devices: all GPUs of this machine, one device, or those of all machines that TF_CONFIG lists",
        choices=STRATEGY_NAMES,
        free=True,
    )
    workdir: str = option("", "run folder; empty for runs/DATASET-PRESET-NORM", free=True)
    log_every: int = option(100, "iterations between TensorBoard points", AUTHOR, low=1, free=True)
    sample_every: int = option(100, "iterations between sample grids", AUTHOR, low=1, free=True)
    checkpoint_every: int = option(1000, "iterations between checkpoints", low=1, free=True)
    keep_checkpoints: int = option(3, "how many of the newest checkpoints stay", low=1, free=True)
    test_batches: int = option(10, "held-out batches behind each critic/test_loss", low=1, free=True)
    eval_every: int = option(0, "iterations between scores (FID and its kin); 0 for none", low=0, free=True)
    eval_images: int = option(10_000, "generated images behind each score; the real ones are all", low=10, free=True)
    inception: str = option(
        "", "weights of the network that scores, as in eval_inception.py; empty to have them downloaded", free=True
    )
    cache_dir: str = option(
        "",
        "folder of large data sets decoded, of those weights and of statistics of real images; empty for "
        "~/.cache/tfgan_gn",
        free=True,
    )
    generator_statistics: str = option(
        "standing",
        "batch norm of the exported generator: standing statistics over many batches, or of each batch as published",
        choices=("standing", "batch"),
        free=True,
    )

    def __post_init__(self):
        check(self)
        if self.workdir == "":
            dataset = self.dataset.replace("/", "-").replace(":", "-")
            object.__setattr__(self, "workdir", os.path.join("runs", f"{dataset}-{self.preset}-{self.norm}"))


def make_config(preset="author", **given):
    """A Config from a preset and the settings given, which win over it. Raises UserError for a bad value."""
    if preset not in PRESETS:
        raise UserError(f"--preset={preset}: choose one of {', '.join(PRESETS)}")
    config = Config(**{"preset": preset, **PRESETS[preset], **given})
    for groups, norm in (("groups", "norm"), ("generator_groups", "generator_norm")):
        if groups in given and getattr(config, norm) != "group":
            raise UserError(
                f"--{groups} has no effect with --{norm}={getattr(config, norm)}: leave it out, or say --{norm}=group"
            )
    for name in ("eval_images", "inception"):  # not cache_dir: large data are decoded there in any case
        if name in given and not config.eval_every:
            raise UserError(f"--{name} has no effect without --eval_every: leave it out, or say --eval_every=10000")
    return config


def save_config(config, path, versions):
    """Writes every setting and the versions as JSON, whole or not at all."""
    text = json.dumps({"config": dataclasses.asdict(config), "versions": versions}, indent=2)
    write_whole(path, f"{text}\n".encode())


def load_config(path):
    """Reads what `save_config` wrote. Raises UserError where it is not that."""
    try:
        with open(path) as file:
            settings = json.load(file)["config"]
        return Config(**{k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is not the config of a run of this version ({error}); give another --workdir"
        ) from None


def refuse_another(config, saved, path):
    """Raises UserError where a run that wants to resume differs in what it learns, naming the fields."""
    differing = [
        f"{field.name} (there {getattr(saved, field.name)}, asked {getattr(config, field.name)})"
        for field in dataclasses.fields(config)
        if not field.metadata["free"] and getattr(saved, field.name) != getattr(config, field.name)
    ]
    if differing:
        raise UserError(
            f"{path} holds a run with another {', another '.join(differing)}: "
            "give the same settings to resume it, or another --workdir"
        )
