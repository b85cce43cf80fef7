"""The variants that `step.py` compares, each a row of COLUMNS, and the two updates of each."""

import importlib.util
from typing import NamedTuple

import operations


class Settings(NamedTuple):
    """The settings that all columns share; they are explained by the flags of `step.py`."""

    width: int
    batch_size: int
    n_critic: int
    threads: int
    precision: str
    jit: bool


class Column(NamedTuple):
    """One thing to compare.

    Attributes:
        norm: key of `tfgan_gn.layers.norms.NORMS`, of the critic; "spectral" for the critic of `sngan_resnet`.
        groups: for norm "group".
        implementation: "tfgan_gn", "keras" (`straightforward.py`) or "torch" (`torch_step.py`).
        carry_zeros: use TensorFlow's ReLU, which computes its second derivative, 0, and carries it through the critic.
        channels_last: whether PyTorch uses the memory layout NHWC.
        compiled: whether PyTorch compiles the generator. It cannot compile the critic, whose gradient is differentiated
            again by the penalty.
    """

    norm: str
    groups: int = 32
    implementation: str = "tfgan_gn"
    carry_zeros: bool = False
    channels_last: bool = False
    compiled: bool = False

    @property
    def importable(self):
        """Whether the library that it needs is installed."""
        return importlib.util.find_spec("torch" if self.implementation == "torch" else "tensorflow") is not None


COLUMNS = {
    "none": Column("none"),
    "none, zeros": Column("none", carry_zeros=True),
    "layer": Column("layer"),
    "group 1": Column("group", 1),
    "group 4": Column("group", 4),
    "group 32": Column("group"),
    "instance": Column("instance"),
    "batch": Column("batch"),
    "spectral": Column("spectral"),
    "straightforward": Column("group", implementation="keras"),
    "torch": Column("group", implementation="torch"),
    "torch, NHWC": Column("group", implementation="torch", channels_last=True),
    "torch, compiled": Column("group", implementation="torch", channels_last=True, compiled=True),
}


def count(column, settings):
    """(operations of a critic update, of a generator update), counted by `operations.py`."""
    joined = column.implementation == "tfgan_gn"
    # This project's ReLU and PyTorch's drop the second derivative, which is 0; TensorFlow's does not.
    normed = column.norm not in ("none", "spectral") or column.carry_zeros or column.implementation == "keras"
    critic = operations.critic_layers(settings.width, 32, 3, normed, joined)
    generator = operations.generator_layers(settings.width, 32, 3, 128, joined)
    if normed and (column.norm == "none" or column.implementation == "keras"):
        critic[-1] = critic[-1]._replace(before_norm=True)  # no norm follows the last layer, but a ReLU does
    n = settings.batch_size
    return operations.critic_update(critic, generator, n), operations.generator_update(critic, generator, 2 * n)


def make_steps(column, settings):
    """Builds the networks of a column: an object with the methods critic(), generator() and convolution()."""
    if column.implementation == "torch":
        import torch_step

        return torch_step.Steps(column, settings)
    return Steps(column, settings)


class Steps:
    """The two updates of one pair in TensorFlow, by `tfgan_gn.training.trainer.Trainer`.

    Args:
        column: the variant to build.
        settings: sizes, and how to run it.
    """

    def __init__(self, column, settings):
        import keras
        import tensorflow as tf

        from tfgan_gn.data.pixels import dequantize

        tf.config.threading.set_intra_op_parallelism_threads(settings.threads)
        tf.config.threading.set_inter_op_parallelism_threads(settings.threads)
        keras.utils.set_random_seed(0)
        if settings.precision == "bfloat16":
            keras.config.set_dtype_policy("mixed_bfloat16")
        n = settings.batch_size
        trainer = make_trainer(column, settings)
        pixels = tf.cast(tf.random.uniform([n, 32, 32, 3], 0, 256, tf.int32), tf.uint8)

        def critic_update():
            real = dequantize(pixels, tf.random.uniform([n, 32, 32, 3]) / 128)
            return trainer.critic_step(real, tf.random.normal([n, 128]), tf.random.uniform([n]))[0]["critic/loss"]

        def generator_update():
            return trainer.generator_step(tf.random.normal([2 * n, 128]))["generator/loss"]

        self._critic = tf.function(critic_update, jit_compile=settings.jit)
        self._generator = tf.function(generator_update, jit_compile=settings.jit)
        self._dtype = settings.precision

    def critic(self):
        """One critic update; returns its loss."""
        return float(self._critic())

    def generator(self):
        """One generator update, on twice the critic's batch; returns its loss."""
        return float(self._generator())

    def device_peak(self):
        """The peak of the GPU's memory in bytes; None without a GPU."""
        import tensorflow as tf

        if not tf.config.list_logical_devices("GPU"):
            return None
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]

    def convolution(self, shape, filters):
        """A function that runs one 3x3 convolution of the given NHWC shape in the precision measured."""
        import tensorflow as tf

        x = tf.cast(tf.random.normal(shape), self._dtype)
        kernel = tf.cast(tf.random.normal([3, 3, shape[-1], filters]), self._dtype)
        run = tf.function(lambda: tf.nn.conv2d(x, kernel, 1, "SAME")[0, 0, 0, 0])
        return lambda: float(run())


def make_trainer(column, settings):
    """The `Trainer` of a column, with the published settings."""
    import tensorflow as tf

    from tfgan_gn.models import build_networks, resnet
    from tfgan_gn.training.losses import LOSSES
    from tfgan_gn.training.noise import Noise
    from tfgan_gn.training.objective import Objective
    from tfgan_gn.training.optimizers import Update, adam, constant
    from tfgan_gn.training.trainer import Trainer

    if column.carry_zeros:
        resnet.relu = tf.nn.relu
    sizes = {"width": settings.width, "image_size": 32, "channels": 3, "groups": (column.groups,)}
    if column.implementation == "keras":
        import straightforward

        generator = straightforward.build_generator(**sizes, z_dim=128, norm="batch")
        critic = straightforward.build_critic(**sizes, norm=column.norm)
    else:
        spectral = column.norm == "spectral"
        generator, critic = build_networks(**sizes, norm="none" if spectral else column.norm)
        if spectral:
            critic = build_networks("sngan_resnet", **sizes).critic
    return Trainer(
        Objective(generator, critic, LOSSES["wasserstein"], 10.0),
        Noise(0, 128, settings.batch_size, 2 * settings.batch_size),
        Update(adam(0.0, 0.9), constant(2e-4)),
        Update(adam(0.0, 0.9), constant(2e-4)),
        n_critic=settings.n_critic,
    )
