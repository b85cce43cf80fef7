"""The one list of a run's settings: default, meaning, source and range of each; presets; config.json."""

import dataclasses
import json
import os

from tfgan_gn.architectures import ARCHITECTURES, SIZES, refuse_labels, sizes_of
from tfgan_gn.errors import UserError
from tfgan_gn.files import cache_folder
from tfgan_gn.files.whole import write_whole
from tfgan_gn.settings.option import BIG, check, check_value, option
from tfgan_gn.settings.presets import AUTHOR, MIYATO, PRESETS, REPORT

# Names of registries that import TensorFlow; a test holds them equal to those.
STRATEGY_NAMES = ("mirrored", "one_device", "multi_worker")
NORM_NAMES = ("none", "batch", "layer", "instance", "group")
LOSS_NAMES = ("wasserstein", "hinge", "bce")
OPTIMIZER_NAMES = ("adam", "rmsprop", "sgd")
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


DEFAULT_PRESET, DEFAULT_ARCHITECTURE = "author", "resnet"
DEFAULT_SIZES = ARCHITECTURES[DEFAULT_ARCHITECTURE]


@dataclasses.dataclass(frozen=True)
class Config:
    """Every setting of a run, checked. Raises UserError for a value out of range."""

    preset: str = option(
        DEFAULT_PRESET,
        "the settings to start from; a flag given wins over it",
        f"{AUTHOR}, {REPORT}",
        choices=tuple(PRESETS),
        renamed=[("dcgan", "author_dcgan")],
    )
    architecture: str = option(
        DEFAULT_ARCHITECTURE,
        "the pair of networks, built at its published sizes",
        AUTHOR,
        choices=tuple(ARCHITECTURES),
        renamed=[("dcgan", "dcgan_64")],
    )
    norm: str = option(DEFAULT_SIZES.norm, "norm at the critic's sites", "Wu and He 2018", choices=NORM_NAMES)
    groups: tuple[int, ...] = option(
        (32,), "groups of --norm=group: one, or one for each site in order", "Wu and He 2018", low=1
    )
    generator_norm: str = option(
        DEFAULT_SIZES.generator_norm, "norm at the generator's sites", AUTHOR, choices=NORM_NAMES
    )
    generator_groups: tuple[int, ...] = option(
        (32,), "groups of --generator_norm=group: one, or one for each site in order", "Wu and He 2018", low=1
    )
    synced_batch_norm: bool = option(
        False, "batch norm takes the statistics of the whole batch, not of each GPU's share"
    )
    conditional: bool = option(False, "both networks are told the labels", AUTHOR + " CONDITIONAL")
    auxiliary: bool = option(False, "the critic classifies instead of being told the labels", AUTHOR + " ACGAN")
    loss: str = option("wasserstein", "of both networks", "Arjovsky et al. 2017", choices=LOSS_NAMES)
    penalty: str = option("gradient", "on the critic's slopes, or none", AUTHOR, choices=("gradient", "none"))
    clip: float = option(
        0.0, "clip the critic's weights to this after each of its updates; 0 for not", "Arjovsky et al. 2017", low=0
    )
    separate_passes: bool = option(
        False, "the critic sees real and fake images one after the other, not joined in one batch", "gan_cifar.py"
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
        free=True,
    )
    grey: str = option(
        "repeat", "grey images: with three equal channels, or with their one (which refuses colour)", choices=GREY_NAMES
    )
    image_size: int = option(
        DEFAULT_SIZES.image_size, "height and width; images are resized and centre-cropped to it", AUTHOR, low=8
    )
    width: int = option(DEFAULT_SIZES.width, "channels of every residual block", AUTHOR + " DIM_G, DIM_D", low=1)
    z_dim: int = option(DEFAULT_SIZES.z_dim, "size of the noise vector", AUTHOR, low=1)
    batch_size: int = option(64, "images per critic update, over all GPUs", AUTHOR + " BATCH_SIZE", low=1)
    generator_batch_multiple: int = option(
        2, "images per generator update, in critic batches", AUTHOR + " GEN_BS_MULTIPLE", low=1
    )
    iterations: int = option(100_000, "generator updates, each with its critic updates", AUTHOR + " ITERS", low=1)
    n_critic: int = option(5, "critic updates per iteration", AUTHOR + " N_CRITIC", low=1)
    gp_weight: float = option(10.0, "lambda, the weight of the gradient penalty", AUTHOR, low=0)
    optimizer: str = option("adam", "of both networks", AUTHOR, choices=OPTIMIZER_NAMES)
    critic_optimizer: str = option("", "of the critic, if another", choices=("", *OPTIMIZER_NAMES))
    learning_rate: float = option(2e-4, "of both networks", AUTHOR + " LR", low=0)
    critic_learning_rate: float = option(0.0, "of the critic, if another; 0 for the same", low=0)
    momentum: float = option(0.9, "of --optimizer=sgd", "the spectral-normalization read-me", low=0, high=0.9999)
    ema: float = option(
        0.0,
        "decay per iteration of the averaged generator that samples, scores and is exported; 0 for none",
        low=0,
        high=0.999999,
    )
    flips: bool = option(False, "half of the real images are mirrored", MIYATO)
    lr_decay: str = option(
        "linear", "to 0 at the last iteration, or not", AUTHOR + " DECAY", choices=("linear", "none")
    )
    beta_1: float = option(0.0, "Adam's decay of the mean", AUTHOR, low=0, high=0.9999)
    beta_2: float = option(0.9, "Adam's decay of the square", AUTHOR, low=0, high=0.9999)
    precision: str = option(
        "float32",
        "layers compute in it; weights, losses and the penalty's slopes stay float32",
        choices=("float32", "bfloat16"),
    )
    jit: bool = option(False, "compile the steps with XLA, which pays on GPUs", free=True)
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
        f"{cache_folder.DEFAULT}",
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


def make_config(preset=DEFAULT_PRESET, **given):
    """A Config from a preset and the settings given, which win over it. Raises UserError for a bad value."""
    fields = Config.__dataclass_fields__
    check_value(fields["preset"], preset)
    architecture = given.get("architecture", PRESETS[preset].get("architecture", DEFAULT_ARCHITECTURE))
    check_value(fields["architecture"], architecture)
    config = Config(**{"preset": preset, **defaults_of(preset, architecture), **given})
    _refuse_without_effect(config, given)
    return config


def defaults_of(preset, architecture):
    """The settings that hold where none is given, as far as they are not those of Config: a dict by name.

    They are the published sizes of the architecture, and what the preset says. What a preset says of sizes, norms and
    groups is about its own architecture, and does not hold for another.
    """
    says = PRESETS[preset]
    if architecture != says.get("architecture", DEFAULT_ARCHITECTURE):
        says = {name: value for name, value in says.items() if name not in (*SIZES, "groups", "generator_groups")}
    return {**sizes_of(architecture), **says}


def _refuse_without_effect(config, given):
    """Raises UserError for a setting that was given and changes nothing beside the others."""
    sgd = "sgd" in (config.optimizer, config.critic_optimizer)
    adam = "adam" in (config.optimizer, config.critic_optimizer)
    needs = {  # a setting, whether it has an effect, and what would give it one
        "groups": (config.norm == "group", "--norm=group"),
        "generator_groups": (config.generator_norm == "group", "--generator_norm=group"),
        "synced_batch_norm": ("batch" in (config.norm, config.generator_norm), "--generator_norm=batch"),
        "auxiliary": (config.conditional, "--conditional"),
        "gp_weight": (config.penalty == "gradient", "--penalty=gradient"),
        "critic_learning_rate": (config.learning_rate > 0, "a --learning_rate above 0, which it is a multiple of"),
        "momentum": (sgd, "--optimizer=sgd"),
        "beta_1": (adam, "--optimizer=adam"),
        "beta_2": (adam, "--optimizer=adam"),
        "eval_images": (config.eval_every, "--eval_every=10000"),
        "inception": (config.eval_every, "--eval_every=10000"),
    }
    for name, (has_effect, way_out) in needs.items():
        if name in given and given[name] and not has_effect:
            raise UserError(f"--{name} has no effect without {way_out}: leave it out, or say that too")
    if config.auxiliary and not config.conditional:
        raise UserError("--auxiliary needs --conditional: a classifier of what no one labels learns nothing")
    refuse_labels(config.architecture, config.conditional, config.auxiliary)


def save_config(config, path, versions, facts):
    """Writes every setting, the versions and the facts of the data as JSON, whole or not at all."""
    text = json.dumps({"config": dataclasses.asdict(config), "versions": versions, "data": facts}, indent=2)
    write_whole(path, f"{text}\n".encode())


def load_config(path):
    """The Config that `save_config` wrote. Raises UserError where it is not that."""
    settings = _load(path, "config")
    try:
        return Config(**{k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()})
    except TypeError as error:
        raise _no_config(path, error) from None


def load_facts(path):
    """The facts of the data that `save_config` wrote, a dict. Raises UserError where it is not that."""
    return _load(path, "data")


def _load(path, part):
    try:
        with open(path) as file:
            found = json.load(file)[part]
        if not isinstance(found, dict):
            raise TypeError(f"{part!r} is no table")
        return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_config(path, error) from None


def _no_config(path, error):
    return UserError(f"{path} is not the config of a run of this version ({error}); give another --workdir")


def refuse_other_data(facts, saved, path):
    """Raises UserError where a run that wants to resume has other data than it began with."""
    for name in facts:
        if facts[name] != saved.get(name):
            raise UserError(
                f"{path} holds a run on other data ({name} there {saved.get(name)}, now {facts[name]}): give the same "
                "--dataset and --data_dir to resume it, or another --workdir"
            )


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
