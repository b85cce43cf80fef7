"""The settings of the updates."""

import dataclasses

from tfgan_gn.settings.option import INT32_MAX, option
from tfgan_gn.settings.presets import AUTHOR
from tfgan_gn.settings.registry_names import OPTIMIZER_NAMES


@dataclasses.dataclass(frozen=True)
class UpdateSettings:
    """How the weights are updated."""

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
    jit: bool = option(
        False,
        "Compile the training steps with XLA: three times as fast on a GPU, slower on a CPU, for one device only",
        free=True,
    )
    deterministic: bool = option(
        False,
        "Make every operation on a GPU give the same bits each time, which takes longer, and compute without "
        "TensorFloat-32; a CPU does both in any case",
    )
    seed: int = option(0, "Seed of the initial weights, the noise and the order of the data", low=0, high=INT32_MAX)
