"""The networks of DAGAN beside their golden: sizes, parameter counts, what reaches what, dropout."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.architectures import Levels
from tfgan_gn.errors import UserError
from tfgan_gn.layers.levels import join, resize
from tfgan_gn.layers.norms import collect_standing_statistics
from tfgan_gn.models import build_networks

SMALL = Levels((1, 1, 2), (2,), (2,), dense_units=8)


def build(image_size=(12, 9), levels=SMALL, **kwargs):
    settings = {"width": 4, "z_dim": 5, "channels": 2, "groups": (2,), "generator_groups": (2,)}
    return build_networks("dagan", image_size=image_size, levels=levels, **{**settings, **kwargs})


@pytest.fixture(scope="module")
def networks():
    """Images of 12x9 pixels with two channels, three levels."""
    return build()


def images(seed, count=3):
    return tf.random.stateless_uniform([count, 12, 9, 2], [seed, 0], -1, 1)


def noise(seed, count=3):
    return tf.random.stateless_normal([count, 5], [seed, 1])


def count(network):
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


@pytest.mark.parametrize(
    ("image_size", "channels", "inner", "generator", "critic"),
    [
        (28, 1, (1, 1), 3_726_761, 1_391_655),
        (28, 1, (3, 5), 10_546_217, 7_072_551),
        (64, 3, (1, 1), 3_885_975, 1_398_091),
        (64, 3, (3, 5), 10_707_735, 7_078_987),
    ],
)
def test_parameter_counts_are_published(image_size, channels, inner, generator, critic):
    """The published generator has one linear layer more, which nothing uses. Shared skip adapters would be fewer."""
    of_levels = Levels(inner_layers=inner[1:], generator_inner_layers=inner[:1])
    pair = build_networks("dagan", image_size=image_size, channels=channels, levels=of_levels)
    assert count(pair.generator) == generator - (100 + 1) * (image_size // 2) ** 2
    assert count(pair.critic) == critic


@pytest.mark.quick
@pytest.mark.parametrize("size", [(2, 4), (3, 5), (3, 6), (7, 13), (1, 1), (1, 2)])
def test_resize_takes_the_pixel_that_tensorflow_1_takes(size):
    """Pixel floor(i in / out) of images that were halved and rounded up."""
    small, large = size
    x = tf.reshape(tf.range(2.0 * small), [1, small, 2, 1])
    ours = resize(x, (large, 3))
    np.testing.assert_array_equal(ours, x.numpy()[:, np.arange(large) * small // large][:, :, [0, 0, 1]])


@pytest.mark.quick
def test_join_takes_a_tensor_once_at_its_first_place():
    a, b = tf.zeros([1, 2, 2, 1]), tf.ones([1, 2, 2, 2])
    assert join([b, a, b]).numpy()[0, 0, 0].tolist() == [1, 1, 0]
    assert join([a, a]) is a


@pytest.mark.quick
def test_images_that_are_not_square_keep_their_size(networks):
    fake = networks.generator(noise(0), condition=images(0))
    assert fake.shape == (3, 12, 9, 2) and 0.01 < abs(fake.numpy()).max() <= 1
    assert networks.critic(fake, condition=images(0)).shape == (3,)


@pytest.mark.quick
def test_z_and_the_condition_change_the_image(networks):
    """Every level of z does: with its layer at 0, the image is another."""
    fake = networks.generator(noise(0), condition=images(0))
    assert abs(fake - networks.generator(noise(1), condition=images(0))).numpy().max((1, 2, 3)).min() > 1e-3
    assert abs(fake - networks.generator(noise(0), condition=images(1))).numpy().max((1, 2, 3)).min() > 1e-3
    assert len(networks.generator.noise) == 2
    for layer in networks.generator.noise:
        kernel = layer.kernel.numpy()
        layer.kernel.assign(0 * kernel)
        assert abs(fake - networks.generator(noise(0), condition=images(0))).numpy().max() > 1e-4
        layer.kernel.assign(kernel)


@pytest.mark.quick
def test_the_score_of_a_pair_depends_on_its_order(networks):
    x, condition = images(0), images(1)
    scores = networks.critic(x, condition=condition).numpy()
    assert abs(networks.critic(condition, condition=x).numpy() - scores).min() > 1e-4


@pytest.mark.quick
@pytest.mark.parametrize(("norm", "depends"), [("group", False), ("contrib_layer", False), ("batch", True)])
def test_the_score_of_a_pair_depends_on_other_pairs_of_its_batch_under_batch_norm_only(norm, depends):
    """The first pair stays, and the others become other images."""
    critic, first, condition = build(norm=norm).critic, images(0)[:1], images(1)[:1]
    one, other = (
        critic(tf.concat([first, others], 0), condition=tf.concat([condition, conditions], 0)).numpy()
        for others, conditions in ((images(2), images(3)), (images(4), images(5)))
    )
    assert abs(one[1:] - other[1:]).min() > 1e-4
    difference = abs(one[0] - other[0])
    assert difference > 1e-3 if depends else difference < 1e-5


@pytest.mark.quick
@pytest.mark.parametrize("network", ["generator", "critic"])
def test_dropout_is_a_factor_at_every_site(networks, network):
    """With factors of 1 nothing changes, with a factor of 2 at any one site the result does."""
    model = getattr(networks, network)
    x = noise(0) if network == "generator" else images(2)
    ones = [tf.ones([3, *shape]) for shape in model.mask_shapes]
    # The levels after the first; in the generator also each unit that doubles.
    assert len(ones) == {"generator": 2 + 3, "critic": 2}[network]
    plain = model(x, condition=images(0))
    np.testing.assert_array_equal(model(x, condition=images(0), masks=ones), plain)
    for site in range(len(ones)):
        masks = [2 * mask if place == site else mask for place, mask in enumerate(ones)]
        assert abs(model(x, condition=images(0), masks=masks) - plain).numpy().max() > 1e-4


@pytest.mark.quick
def test_wide_connections_give_the_linear_layers_all_levels():
    narrow, wide = (build(levels=SMALL._replace(wide=each)).critic for each in (False, True))
    means, units = 4 + 4, 6 * 5 * 4 + 3 * 3 * 4  # of the first two levels; the third is in both
    assert count(wide) - count(narrow) == means * 8 + units
    assert wide(images(0), condition=images(1)).shape == (3,)


@pytest.mark.quick
def test_sizes_and_inner_layers_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match=r"image_size=12x4: 3 levels halve an image 3 times; give more than 4 pixels"):
        build(image_size=(12, 4))
    with pytest.raises(UserError, match=r"inner layers 1,2 are 2 numbers: give one, or one for each of the 3 levels"):
        build(levels=SMALL._replace(inner_layers=(1, 2)))


@pytest.mark.quick
def test_every_batch_norm_takes_its_tower_or_the_standing_statistics():
    """By towers, half a batch is what that half is alone; with standing statistics, so is each image."""
    generator = build(generator_norm="batch", levels=Levels((1, 1), (2,), (2,), dense_units=8)).generator
    z, given = noise(0, 4), images(1, 4)
    whole = generator(z, condition=given, towers=2)
    for half in (slice(0, 2), slice(2, 4)):
        np.testing.assert_allclose(whole[half], generator(z[half], condition=given[half]), atol=1e-5)
    assert abs(whole - generator(z, condition=given)).numpy().max() > 1e-2
    collect_standing_statistics(generator, [(noise(seed, 4), images(seed, 4)) for seed in (2, 3)])
    whole = generator(z, condition=given, standing=True)
    for i in range(4):
        one = slice(i, i + 1)
        np.testing.assert_allclose(whole[one], generator(z[one], condition=given[one], standing=True), atol=1e-5)
