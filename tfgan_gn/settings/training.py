"""The one list of a training run's settings: meaning, default, source and range of each; how a Config is made."""

import dataclasses
import os

from tfgan_gn.architectures import ARCHITECTURES, DEFAULT_ARCHITECTURE, refuse_image_size, refuse_labels
from tfgan_gn.files.cache_folder import DEFAULT as CACHE
from tfgan_gn.settings import protocols
from tfgan_gn.settings.effects import refuse_too_few_images, refuse_uneven_towers, refuse_without_effect
from tfgan_gn.settings.option import INT32_MAX, check, check_value, option
from tfgan_gn.settings.presets import AUTHOR, DEFAULT_PRESET, GULRAJANI, PRESETS, WU_AND_HE, defaults_of
from tfgan_gn.settings.registry_names import (
    DATASET_NAMES,
    GREY_NAMES,
    INITIALIZER_NAMES,
    LOSS_NAMES,
    NORM_NAMES,
    OPTIMIZER_NAMES,
    PENALTY_NAMES,
    PIXEL_NAMES,
    STRATEGY_NAMES,
)

DEFAULT_SIZES = ARCHITECTURES[DEFAULT_ARCHITECTURE]
CACHE_HELP = f"Folder for decoded data sets, downloaded weights and statistics of real images; empty for {CACHE}"


@dataclasses.dataclass(frozen=True)
class Config:
    """Every setting of a run, checked. Raises UserError for a value that its option does not allow."""

    preset: str = option(
        DEFAULT_PRESET,
        "Published system whose settings are the defaults; every flag that is given wins over it",
        AUTHOR,
        choices=tuple(PRESETS),
        renamed={"dcgan": "author_dcgan"},
    )
    architecture: str = option(
        DEFAULT_ARCHITECTURE,
        "Generator and critic to train; --width, --z_dim, --image_size, --norm and --generator_norm follow it unless "
        "they are given",
        AUTHOR,
        choices=tuple(name for name, row in ARCHITECTURES.items() if not row.image_condition),
        renamed={"dcgan": "dcgan_64"},
    )
    norm: str = option(
        DEFAULT_SIZES.norm,
        "Normalization layer in the critic; report_group is group norm by the formula of the group-norm report, which "
        "adds 1e-10 to the unbiased standard deviation; contrib_layer and batch_renorm are TensorFlow 1's layer norm "
        "with epsilon 1e-12 and its batch renormalization",
        WU_AND_HE,
        choices=NORM_NAMES,
    )
    groups: tuple[int, ...] = option(
        (32,),
        "Number of groups in the critic's norm layers for --norm=group or report_group: one number for all layers, or "
        "one number for each layer in order",
        WU_AND_HE,
        low=1,
    )
    generator_norm: str = option(
        DEFAULT_SIZES.generator_norm, "Normalization layer in the generator", AUTHOR, choices=NORM_NAMES
    )
    generator_groups: tuple[int, ...] = option(
        (32,),
        "Number of groups in the generator's norm layers for --generator_norm=group or report_group: one number for "
        "all layers, or one number for each layer in order",
        WU_AND_HE,
        low=1,
    )
    initializer: str = option(
        "",
        "Initial weights and biases: author is uniform as in the WGAN-GP authors' code, torch is PyTorch's default, "
        "normal is N(0, 0.02) for kernels and for the scales of batch norm; empty for those of the architecture",
        choices=("", *INITIALIZER_NAMES),
    )
    batch_norm_towers: int = option(
        1,
        "Number of consecutive parts of each batch that the generator's batch norm normalizes separately in training, "
        "counted over all devices",
        AUTHOR,
        low=1,
    )
    synced_batch_norm: bool = option(
        False,
        "Compute the statistics of batch norm over the whole batch, or over a whole tower, when several devices share "
        "it; without it each device uses its own share of the batch",
    )
    conditional: bool = option(False, "Give the class labels to the generator and the critic", GULRAJANI)
    auxiliary: bool = option(
        False,
        "Train the critic to predict the class of an image (ACGAN) instead of giving it the label; needs --conditional",
        GULRAJANI,
    )
    loss: str = option(
        "wasserstein",
        "Loss that the critic and the generator minimise; bce_halved takes half of bce for the critic",
        "Arjovsky et al. 2017",
        choices=LOSS_NAMES,
    )
    penalty: str = option(
        "gradient",
        "Penalty in the critic's loss: gradient is the gradient penalty of WGAN-GP, channels takes its norm over the "
        "channels of each pixel and columns over each column of pixels instead of over the whole image, none leaves it "
        "out",
        AUTHOR,
        choices=(*PENALTY_NAMES, "none"),
    )
    clip: float = option(
        0.0,
        "Clip every weight of the critic to [-CLIP, CLIP] after each critic update; 0 for no clipping",
        AUTHOR,
        low=0,
    )
    separate_passes: bool = option(
        False,
        "Give real and fake images to the critic as two batches; without it they are joined to one batch",
        AUTHOR,
    )
    dataset: str = option(
        "cifar10",
        "Data set to train on; tfds:NAME[/CONFIG][:VERSION][:SPLIT] takes any other image data set of "
        "tensorflow-datasets",
        AUTHOR,
        choices=DATASET_NAMES,
        prefix="tfds:",
    )
    data_dir: str = option(
        "",
        "Where the data are: a folder of tensorflow-datasets, a folder with the original CIFAR-10 files, a folder of "
        "images, or an .npz file; empty for the default folder of tensorflow-datasets",
        free=True,
    )
    grey: str = option(
        "repeat",
        "Channels of grey images: repeat makes three equal channels, keep leaves one channel and refuses colour images",
        choices=GREY_NAMES,
    )
    pixels: str = option(
        "256_dequantized",
        "How 8-bit pixels x become real images: 256_dequantized is 2 x / 256 - 1 plus uniform noise from [0, 1/128), "
        "255 is 2 x / 255 - 1 without noise; generated images become pixels by the inverse",
        AUTHOR,
        choices=PIXEL_NAMES,
    )
    image_size: int = option(
        DEFAULT_SIZES.image_size,
        "Height and width of the images in pixels; real images are resized and centre-cropped to it",
        AUTHOR,
        low=8,
    )
    width: int = option(
        DEFAULT_SIZES.width,
        "Base number of channels; each layer of the networks has a fixed multiple of it",
        AUTHOR + " DIM_G, DIM_D",
        low=1,
    )
    z_dim: int = option(DEFAULT_SIZES.z_dim, "Length of the generator's noise vector", AUTHOR, low=1)
    batch_size: int = option(
        64, "Real images per critic update, counted over all devices", AUTHOR + " BATCH_SIZE", low=1
    )
    generator_batch_multiple: int = option(
        2, "Images per generator update, as a multiple of --batch_size", AUTHOR + " GEN_BS_MULTIPLE", low=1
    )
    iterations: int = option(
        100_000, "Number of generator updates; each comes with --n_critic critic updates", AUTHOR + " ITERS", low=1
    )
    n_critic: int = option(5, "Critic updates per generator update", AUTHOR + " N_CRITIC", low=1)
    order: str = option(
        "generator_first",
        "Order of the updates in an iteration: generator_first updates the generator, then the critic, and leaves the "
        "generator out in the first iteration; critic_first updates the critic, then the generator",
        AUTHOR,
        choices=("generator_first", "critic_first"),
    )
    reuse_real_batch: bool = option(
        False,
        "Use the same real images for all critic updates of an iteration; without it each update takes new images",
        AUTHOR,
    )
    gp_weight: float = option(
        10.0, "Weight of the gradient penalty in the critic's loss (lambda in the paper)", AUTHOR, low=0
    )
    optimizer: str = option(
        "adam",
        "Optimizer of the generator, and of the critic unless --critic_optimizer is given",
        AUTHOR,
        choices=OPTIMIZER_NAMES,
    )
    critic_optimizer: str = option(
        "", "Optimizer of the critic; empty for the same as --optimizer", choices=("", *OPTIMIZER_NAMES)
    )
    learning_rate: float = option(
        2e-4,
        "Learning rate of the generator, and of the critic unless --critic_learning_rate is given",
        AUTHOR + " LR",
        low=0,
    )
    critic_learning_rate: float = option(0.0, "Learning rate of the critic; 0 for the same as --learning_rate", low=0)
    momentum: float = option(
        0.9, "Momentum of the optimizer sgd", "github.com/ctjoy/deep-learning-project", low=0, high=0.9999
    )
    ema: float = option(
        0.0,
        "Decay per iteration of a moving average of the generator's weights; the averaged generator then makes the "
        "samples, is scored and is exported; 0 for no average",
        low=0,
        high=0.999999,
    )
    flips: bool = option(False, "Mirror each real image left to right with probability 1/2", AUTHOR)
    lr_decay: str = option(
        "linear",
        "Schedule of the learning rates: linear lets them fall to 0 at the last iteration, none keeps them constant",
        AUTHOR + " DECAY",
        choices=("linear", "none"),
    )
    beta_1: float = option(0.0, "Adam's decay rate of the mean of the gradients", AUTHOR, low=0, high=0.9999)
    beta_2: float = option(0.9, "Adam's decay rate of the mean of the squared gradients", AUTHOR, low=0, high=0.9999)
    precision: str = option(
        "float32",
        "Number type that the layers compute in; weights, losses and gradient norms of the penalty are always float32",
        choices=("float32", "bfloat16"),
    )
    jit: bool = option(False, "Compile the training steps with XLA: slower on CPUs, not measured on GPUs", free=True)
    seed: int = option(0, "Seed of the initial weights, the noise and the order of the data", low=0, high=INT32_MAX)
    strategy: str = option(
        "mirrored",
        "Devices to train on: mirrored takes all GPUs of this machine, one_device takes one device, multi_worker takes "
        "the GPUs of all machines in TF_CONFIG",
        choices=STRATEGY_NAMES,
        free=True,
    )
    workdir: str = option(
        "", "Run folder, into which everything is written; empty for runs/DATASET-PRESET-NORM", free=True
    )
    log_every: int = option(100, "Iterations between two points in TensorBoard", AUTHOR, low=1, free=True)
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
        "Generated images per scoring, which are compared with all training images; 0 for 10,000, or for 5,000, 2,000 "
        "or 1,000 where scoring would otherwise take more than 5 % of the run's time",
        low=0,
        free=True,
    )
    scorer: str = option(
        protocols.DEFAULTS.scorer,
        "Network that scores the images, by name or path, as in eval_inception.py",
        former={"inception": "inception"},
        free=True,
    )
    cache_dir: str = option("", CACHE_HELP, free=True)
    generator_statistics: str = option(
        protocols.DEFAULTS.generator_statistics,
        "Statistics of batch norm in the exported generator: standing collects them over 100 batches, batch computes "
        "them in each batch, as published",
        choices=("standing", "batch"),
        free=True,
    )

    def __post_init__(self):
        check(self)
        if self.workdir == "":
            dataset = self.dataset.replace("/", "-").replace(":", "-")
            object.__setattr__(self, "workdir", os.path.join("runs", f"{dataset}-{self.preset}-{self.norm}"))


def make_config(preset=DEFAULT_PRESET, **given):
    """Makes a Config from a preset and the settings that were given, which win over it.

    Args:
        preset: key of PRESETS.
        **given: settings by name.

    Returns:
        Config.

    Raises:
        UserError: a value that its option does not allow, a setting without effect or against the protocol, too few
            images for a score, a batch that its towers do not divide, or labels or an image size that the architecture
            cannot take.
    """
    for name, value in {"preset": preset, **given}.items():
        if name in ("preset", "architecture", "protocol"):
            check_value(Config.__dataclass_fields__[name], value)
    wanted = {"preset": preset, **defaults_of(preset, given.get("architecture")), **given}
    of_protocol = protocols.defaults_of_protocol(wanted.get("protocol", protocols.DEFAULT_PROTOCOL))
    config = Config(**{**of_protocol, **wanted})
    protocols.refuse_contradictions(config.protocol, config)
    refuse_without_effect(config, given)
    refuse_too_few_images(config)
    refuse_uneven_towers(config)
    refuse_image_size(config.architecture, config.image_size)
    refuse_labels(config.architecture, config.conditional, config.auxiliary)
    return config
