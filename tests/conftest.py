"""Two logical CPU devices for the whole run, and what several test files need."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import inception_seeded
import keras
import numpy as np
import pytest
import scored_images
import tensorflow as tf

from tfgan_gn.architectures import ARCHITECTURES, Levels
from tfgan_gn.models import build_networks
from tfgan_gn.scoring import extractors
from tfgan_gn.training.losses import LOSSES
from tfgan_gn.training.noise import Noise
from tfgan_gn.training.objective import Objective
from tfgan_gn.training.optimizers import Update, adam, constant
from tfgan_gn.training.trainer import Trainer

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(scope="session")
def two_replicas():
    """A MirroredStrategy over two CPU devices; TensorFlow bears one per process."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(scope="session")
def seeded_weights():
    """Stand-ins for the weights of the Inception network, by their names in the published file."""
    return inception_seeded.seeded_weights()


@pytest.fixture(scope="session")
def seeded_graph(seeded_weights, tmp_path_factory):
    """A file that holds them as the published one does, 96 MB."""
    path = tmp_path_factory.mktemp("inception") / "classify_image_graph_def.pb"
    path.write_bytes(inception_seeded.frozen_graph(seeded_weights))
    return str(path)


@pytest.fixture(scope="session")
def seeded_extractor(seeded_graph):
    """The Inception network with them."""
    return extractors.load_extractor(seeded_graph)


class TinyExtractor(tf.Module):
    """Takes the place of the Inception network where its speed matters more than its features: 12 of them, 5 logits."""

    def __init__(self, seed=0):
        super().__init__()
        self.matrix = tf.Variable(np.random.default_rng(seed).normal(size=(12, 5)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 299, 299, 3])])
    def __call__(self, images):
        features = tf.reshape(images[:, 20::150, 20::150], [-1, 12])
        return {"pool_3": features, "logits": features @ self.matrix}


@pytest.fixture(scope="session")
def tiny_extractor_path(tmp_path_factory):
    """A SavedModel of it, for --scorer."""
    path = str(tmp_path_factory.mktemp("extractor") / "saved")
    tf.saved_model.save(TinyExtractor(), path)
    return path


@pytest.fixture(scope="session")
def tiny_extractor(tiny_extractor_path):
    return extractors.load_extractor(tiny_extractor_path)


@pytest.fixture(scope="session")
def real_statistics(tiny_extractor, tmp_path_factory):
    """The reference that `scored_images.REAL` is."""
    return scored_images.statistics_of(scored_images.REAL, tiny_extractor, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def float64():
    """Everything built within computes in float64."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def eagerly():
    """Runs what is a tf.function as Python: a few steps take less time than tracing one."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def smallest(architecture):
    """The arguments of `build_networks` that make an architecture small, beside its sizes."""
    return {"levels": Levels((1, 1), dense_units=8)} if ARCHITECTURES[architecture].levels else {}


def image_condition(architecture, shape, seed=0):
    """Images of a shape as the condition of an architecture; None for one that takes no images."""
    random = np.random.default_rng(seed)
    return random.uniform(-1, 1, shape) if ARCHITECTURES[architecture].image_condition else None


def tiny_networks(norm="group", seed=0, **kwargs):
    """The pair at width 8 and 16x16 pixels, its weights moved off their initial zeros and ones."""
    keras.utils.set_random_seed(seed)
    networks = build_networks(**{"width": 8, "z_dim": 8, "image_size": 16, "norm": norm, "groups": (4,), **kwargs})
    random = np.random.default_rng(seed)
    for network in networks:
        for variable in network.trainable_variables:
            variable.assign(variable + 0.1 * random.standard_normal(variable.shape))
    return networks


def simple_networks(norm="group", seed=0, **kwargs):
    """`tiny_networks` of simple_cnn, which is built, traced and run in less time than the ResNet."""
    return tiny_networks(norm, seed, architecture="simple_cnn", **kwargs)


def tiny_trainer(
    networks,
    *,
    loss=LOSSES["wasserstein"],
    gp_weight=10.0,
    auxiliary=None,
    separate_passes=False,
    towers=1,
    learning_rate=None,
    clip=None,
    n_critic=2,
    critic_first=False,
    reuse_real_batch=False,
    average=None,
    **noise,
):
    """A trainer of `tiny_networks` with a batch of 4 and Adam; further arguments are those of `Noise`."""
    learning_rate = learning_rate or constant(1e-3)
    sizes = {"z_dim": 8, "batch_size": 4, "generator_batch_size": 8}
    return Trainer(
        Objective(*networks, loss, gp_weight, auxiliary, separate_passes, towers=towers),
        Noise(**{"seed": 0, "dtype": keras.config.floatx(), **sizes, **noise}),
        Update(adam(0.0, 0.9), learning_rate),
        Update(adam(0.0, 0.9), learning_rate, clip),
        n_critic=n_critic,
        critic_first=critic_first,
        reuse_real_batch=reuse_real_batch,
        average=average,
    )


def weights(trainer):
    """The values of all variables of both networks, trained or not, by path."""
    return {v.path: v.numpy() for v in trainer.generator.variables + trainer.critic.variables}


def state(trainer):
    """The tf.Variables that a resumed run needs, by name: networks, optimizers, averaged generator, iteration."""
    parts = {"generator": trainer.generator, "critic": trainer.critic}
    parts |= {"averaged": trainer.average.averaged} if trainer.average else {}
    parts |= {"generator's": trainer.generator_update.optimizer, "critic's": trainer.critic_update.optimizer}
    variables = {
        f"{name} {number} {variable.path.partition('/')[2]}": variable.value
        for name, part in parts.items()
        for number, variable in enumerate(part.variables)
    }
    return {**variables, "iteration": trainer.iteration}
