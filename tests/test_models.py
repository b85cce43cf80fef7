"""The published ResNet: sizes, norm sites, resampling, initialisation, names."""

import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import image_condition, smallest

from tfgan_gn.architectures import ARCHITECTURES
from tfgan_gn.errors import UserError
from tfgan_gn.layers.blocks import ResidualBlock
from tfgan_gn.layers.convolutions import conv1x1, conv3x3
from tfgan_gn.layers.norms import NORMS
from tfgan_gn.models import author, build_networks

GOLDENS = pathlib.Path(__file__).parent / "goldens"


def count(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


@pytest.fixture(scope="module")
def published():
    """The pair at its published width, and its arrays by the authors' names."""
    keras.utils.set_random_seed(0)
    networks = build_networks()
    return networks, {k: v.numpy() for model in networks for k, v in author.variables(model).items()}


def test_parameter_counts_are_published(published):
    assert count(published[0].generator) == 1_204_483
    assert count(published[0].critic) == 1_055_361
    assert count(build_networks(norm="none").critic) == 1_053_825


def test_norm_sites(published):
    """Six in the critic, none in its first block; seven in the generator."""
    sites = {name.rpartition(".")[0] for name in published[1] if name.endswith(".scale")}
    critic = {f"Discriminator.{block}.N{i}" for block in (2, 3, 4) for i in (1, 2)}
    generator = {f"Generator.{block}.N{i}" for block in (1, 2, 3) for i in (1, 2)} | {"Generator.OutputN"}
    assert sites == critic | generator


def test_initial_weights_are_uniform_with_the_published_bounds(published):
    """With the bounds of the authors' code at width 128; largest value and deviation show a uniform distribution."""
    bounds = {
        "Generator.Input.W": 0.052511,
        "Generator.Output.Filters": 0.071338,
        "Discriminator.1.Conv1.Filters": 0.100887,
        "Discriminator.1.Shortcut.Filters": 0.214013,
        "Discriminator.Output.W": 0.215666,
    }
    for name, array in published[1].items():
        if name.endswith(("Filters", ".W")):
            bound = bounds.get(name, 0.153093 if "Shortcut" in name else 0.072169)
            assert 0.95 * bound < abs(array).max() <= 1.00001 * bound, name
            assert abs(array.std() / (bound / np.sqrt(3)) - 1) < (0.15 if array.size < 1000 else 0.03), name
        else:
            assert (array == name.endswith("scale")).all(), name
    kernels = [array.ravel()[:8] for name, array in published[1].items() if array.shape == (3, 3, 128, 128)]
    assert len(np.unique(kernels, axis=0)) == len(kernels) == 13, "two layers with equal weights"


def relu_block(filters, resample=None, **settings):
    """A block of plain 3x3 convolutions and ReLUs."""
    return ResidualBlock(filters, resample, conv=conv3x3, activation=tf.nn.relu, **settings)


@pytest.mark.quick
def test_blocks_resample_where_published(rng):
    """Upsampling before the first convolution and the shortcut, pooling after the second and the shortcut."""
    x, no_norms = tf.constant(rng.normal(size=(2, 8, 8, 4)), tf.float32), NORMS["none"].sites((1,), 2)
    up, down = (relu_block(4, way, shortcut=conv1x1, norms=no_norms) for way in ("up", "down"))
    plain_up, plain_down, same = (relu_block(4, way, norms=no_norms) for way in ("up", "down", None))
    first = relu_block(4, "down", shortcut=conv1x1, hidden=4)
    for block in (up, down, plain_up, plain_down, same, first):
        block(x)
    relu, pool, larger = tf.nn.relu, keras.layers.AveragePooling2D(2), keras.layers.UpSampling2D()
    for block, shortcut in ((up, lambda: up.shortcut(larger(x))), (plain_up, lambda: larger(x))):
        expected = shortcut() + block.conv2(relu(block.conv1(larger(relu(x)))))
        np.testing.assert_allclose(block(x), expected, atol=1e-5)
    for block, shortcut in ((down, lambda: pool(down.shortcut(x))), (plain_down, lambda: pool(x))):
        expected = shortcut() + pool(block.conv2(relu(block.conv1(relu(x)))))
        np.testing.assert_allclose(block(x), expected, atol=1e-5)
    np.testing.assert_allclose(same(x), x + same.conv2(relu(same.conv1(relu(x)))), atol=1e-5)
    np.testing.assert_allclose(first(x), first.shortcut(pool(x)) + pool(first.conv2(relu(first.conv1(x)))), atol=1e-5)


@pytest.mark.quick
def test_the_norms_and_the_activation_of_a_block_are_those_handed_in(float64, rng):
    """shortcut(x) + conv2(activation(norm2(conv1(activation(norm1(x)))))), with the labels at both norms."""
    x, labels = tf.constant(rng.normal(size=(3, 4, 4, 4))), np.array([1, 0, 1])
    block = ResidualBlock(4, conv=conv3x3, activation=tf.tanh, norms=NORMS["batch"].sites((1,), 2, num_classes=2))
    block(x, labels=labels)
    for norm in (block.norm1, block.norm2):
        norm.gamma.assign(rng.normal(size=(2, 4)))
    for standing in (False, True):
        y = block.conv1(tf.tanh(block.norm1(x, labels=labels, standing=standing)))
        expected = x + block.conv2(tf.tanh(block.norm2(y, labels=labels, standing=standing)))
        np.testing.assert_allclose(block(x, labels=labels, standing=standing), expected, rtol=0, atol=1e-13)


def test_first_conv_of_a_down_block_keeps_the_channels():
    block = relu_block(8, "down", shortcut=conv1x1, norms=NORMS["none"].sites((1,), 2))
    block(tf.zeros([1, 8, 8, 4]))
    assert block.conv1.kernel.shape == (3, 3, 4, 4) and block.conv2.kernel.shape == (3, 3, 4, 8)


@pytest.mark.parametrize("size", [16, 64])
def test_other_image_sizes(size):
    generator, critic = build_networks(width=8, groups=(4,), image_size=size, z_dim=8, channels=1)
    images = generator(tf.zeros([2, 8]), training=True)
    assert images.shape == (2, size, size, 1) and critic(images).shape == (2,)


@pytest.mark.quick
@pytest.mark.parametrize("architecture", [name for name, row in ARCHITECTURES.items() if not row.levels])
def test_an_image_size_that_the_generator_cannot_make(architecture):
    for size in (20, 0):
        with pytest.raises(UserError, match=f"image_size={size}: .*give a multiple of"):
            build_networks(architecture, width=8, groups=(4,), image_size=size)


def test_an_unknown_architecture_and_a_norm_that_would_be_0():
    with pytest.raises(UserError, match="'resnt' is not one of dagan, dcgan_64, report_cnn, resnet, simple_cnn"):
        build_networks("resnt")
    for architecture in ("simple_cnn", "report_cnn"):
        with pytest.raises(UserError, match="generator_norm=instance: .* choose batch, layer, group or none"):
            build_networks(architecture, generator_norm="instance")


PUBLISHED_COUNTS = {  # generator and critic at their published width, summed by hand from layer shapes
    "dcgan_64": (
        16 * (100 * 1024 + 1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3) + 2 * (1024 + 512 + 256 + 128) + 3,
        16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 64 + 2 * (128 + 256 + 512) + 1,
    ),
    "wgan_32": (
        16 * (100 * 1024 + 1024 * 512 + 512 * 256 + 256 * 3) + 3 * (1024 + 512 + 256) + 3,
        16 * (3 * 256 + 256 * 512 + 512 * 1024 + 1024) + 3 * (256 + 512 + 1024) + 1,
    ),
    "simple_cnn": (
        129 * 8192 + 2 * 8192 + 25 * (512 * 256 + 256 * 128 + 128 * 3) + 3 * (256 + 128) + 3,
        25 * (3 * 128 + 128 * 256 + 256 * 512) + 128 + 256 + 512 + 8192 + 1,
    ),
    "report_cnn": (
        129 * 8192 + 2 * 8192 + 4 * (512 * 256 + 256 * 128 + 128 * 3) + 3 * (256 + 128) + 3,
        9 * (3 * 128 + 128 * 256 + 256 * 512) + 3 * (128 + 256 + 512) + 8192 + 1,
    ),
    "sngan_resnet": (1_204_483 - 3 * (128 * 128 + 128), 1_053_825),  # the ResNet's, without the up blocks' shortcuts
    "sngan_dcgan": (
        16 * (128 * 512 + 512 * 256 + 256 * 128 + 128 * 64) + 9 * 64 * 3 + 3 * (512 + 256 + 128 + 64) + 3,
        9 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512)
        + 16 * (64 * 64 + 128 * 128 + 256 * 256)
        + 2 * (64 + 128 + 256)
        + 512
        + 8192
        + 1,
    ),
}


@pytest.mark.parametrize("architecture", PUBLISHED_COUNTS)
def test_parameter_counts_of_the_other_architectures(architecture):
    assert tuple(count(model) for model in build_networks(architecture)) == PUBLISHED_COUNTS[architecture]


def test_initial_weights_of_the_strided_convolutions_are_published():
    """s^2 = 4 / (fan_in + fan_out), fan_out of a convolution and fan_in of a transposed one over stride^2."""
    keras.utils.set_random_seed(0)
    generator, critic = build_networks("simple_cnn")
    for kernel, fans in (
        (generator.convs[0].kernel, 512 * 25 / 4 + 256 * 25),
        (generator.convs[2].kernel, 128 * 25 / 4 + 3 * 25),
        (critic.convs[0].kernel, 3 * 25 + 128 * 25 / 4),
        (critic.convs[2].kernel, 256 * 25 + 512 * 25 / 4),
    ):
        array, bound = kernel.numpy(), np.sqrt(3 * 4 / fans)
        assert 0.999 * bound < abs(array).max() <= 1.00001 * bound
        np.testing.assert_allclose(array.std(), bound / np.sqrt(3), rtol=0.01)


def test_initial_weights_of_report_cnn_are_those_of_pytorch():
    """U(-1, 1) / sqrt(fan_in); the fan_in of a transposed convolution is that of its output channels."""
    keras.utils.set_random_seed(0)
    generator, critic = build_networks("report_cnn", groups=(16,))
    for kernel, fan_in in (
        (generator.dense.kernel, 128),
        (generator.convs[0].kernel, 256 * 4),
        (critic.convs[0].kernel, 3 * 9),
        (critic.convs[2].kernel, 256 * 9),
        (critic.dense.kernel, 8192),
    ):
        array, bound = kernel.numpy(), 1 / np.sqrt(fan_in)
        assert 0.998 * bound < abs(array).max() <= 1.00001 * bound
        np.testing.assert_allclose(array.std(), bound / np.sqrt(3), rtol=0.02)


def test_initial_weights_of_dcgan_are_normal_with_deviation_0_02():
    keras.utils.set_random_seed(0)
    for model in build_networks("dcgan_64"):
        for variable in model.trainable_variables:
            if variable.name == "kernel" and np.prod(variable.shape) > 10_000:
                np.testing.assert_allclose(variable.numpy().std(), 0.02, rtol=0.02, err_msg=variable.path)
            elif variable.name != "kernel":
                assert (variable.numpy() == (variable.name == "gamma")).all(), variable.path


@pytest.mark.parametrize("norm", NORMS)
def test_a_score_depends_on_its_neighbours_only_under_batch_norm(norm, rng):
    critic = build_networks(width=8, image_size=16, norm=norm, groups=(4,)).critic
    x = rng.normal(size=(4, 16, 16, 3)).astype(np.float32)
    other = np.concatenate([x[:1], 3 * rng.normal(size=(3, 16, 16, 3)).astype(np.float32)])
    difference = abs(critic(x, training=True)[0] - critic(other, training=True)[0])
    assert (difference > 1e-3) if norm in ("batch", "batch_renorm") else (difference < 1e-5)


@pytest.mark.quick
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_image_depends_on_its_neighbours_unless_statistics_are_standing(architecture, rng):
    """With batch norm at every site of the generator, `standing` must reach all of them."""
    size = 32 if architecture == "dcgan_64" else 16
    settings = {"width": 8, "image_size": size, "z_dim": 8, "groups": (4,), **smallest(architecture)}
    generator = build_networks(architecture, generator_norm="batch", **settings).generator
    condition = others = image_condition(architecture, (4, size, size, 3))
    if condition is not None:
        others = np.concatenate([condition[:1], image_condition(architecture, (3, size, size, 3), seed=1) ** 3])
    z = rng.normal(size=(4, 8)).astype(np.float32)
    other = np.concatenate([z[:1], 3 * rng.normal(size=(3, 8)).astype(np.float32)])
    for settings, depends in (({}, True), ({"training": True}, True), ({"standing": True}, False)):
        ours, theirs = (
            generator(x, condition=images, **settings)[0] for x, images in ((z, condition), (other, others))
        )
        difference = abs(ours - theirs).numpy().max()
        assert (difference > 1e-3) if depends else (difference < 1e-5), settings


@pytest.mark.quick
def test_variables_have_the_names_and_the_order_of_earlier_checkpoints():
    """Checkpoints store networks by the names of their variables, and optimizers by the order of these."""
    for case in json.loads((GOLDENS / "variables.json").read_text()):
        for network in build_networks(**case["settings"], width=4, image_size=32, z_dim=8, groups=(2,)):
            assert [v.path for v in network.variables] == case[network.name], case["settings"]


def test_author_names_are_those_of_the_goldens_and_assign_refuses_others():
    critic = build_networks(width=8, image_size=16, groups=(4,)).critic
    arrays = {name: np.ones(v.shape) for name, v in author.variables(critic).items()}
    assert {"Discriminator.2.N1.scale", "Discriminator.Output.W", "Discriminator.1.Shortcut.Biases"} <= arrays.keys()
    author.assign(critic, arrays)
    assert all((v.numpy() == 1).all() for v in critic.trainable_variables)
    with pytest.raises(UserError, match="unknown Discriminator.X"):
        author.assign(critic, {**arrays, "Discriminator.X": 0})
    with pytest.raises(UserError, match="Discriminator.Output.W has shape .9, 1., the network needs .8, 1."):
        author.assign(critic, {**arrays, "Discriminator.Output.W": np.ones((9, 1))})
    del arrays["Discriminator.Output.b"]
    with pytest.raises(UserError, match="missing Discriminator.Output.b"):
        author.assign(critic, arrays)


def test_mixed_precision_computes_in_bfloat16_and_returns_float32(rng):
    keras.utils.set_random_seed(0)
    exact = build_networks(width=8, image_size=16, z_dim=8, groups=(4,))
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = build_networks(width=8, image_size=16, z_dim=8, groups=(4,))
    finally:
        keras.config.set_dtype_policy("float32")
    for ours, theirs, shape in zip(exact, mixed, ((64, 8), (64, 16, 16, 3)), strict=True):
        theirs.set_weights(ours.get_weights())
        x = rng.normal(size=shape).astype(np.float32)
        a, b = ours(x, training=True).numpy(), theirs(x, training=True)
        assert b.dtype == tf.float32
        assert 1e-4 < np.linalg.norm(a - b) / np.linalg.norm(a) < 0.05  # 2^-9 of each of some twenty roundings
