"""Networks that take labels: parameter counts, equal rows, what a label reaches, the classifier, the embedded label."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.models import author, build_networks

LABELS = np.array([2, 0, 0, 1])


def count(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def tiny(seed=0, **kwargs):
    """A pair of width 8, with noise added to its weights, some of which are initially zeros or ones."""
    keras.utils.set_random_seed(seed)
    networks = build_networks(**{"width": 8, "z_dim": 8, "image_size": 16, "groups": (4,), **kwargs})
    random = np.random.default_rng(seed)
    for network in networks:
        for variable in network.trainable_variables:
            variable.assign(variable + 0.1 * random.standard_normal(variable.shape))
    return networks


def test_parameter_counts_are_published():
    """10 rows of scale and offset at six sites, not before the output; 128 x 10 + 10 for the classifier."""
    acgan = build_networks(num_classes=10, auxiliary=True, norm="none")
    assert (count(acgan.generator), count(acgan.critic)) == (1_218_307, 1_053_825 + 1_290)
    conditional = build_networks(num_classes=10, norm="layer")
    assert count(conditional.critic) == 1_055_361 + 6 * 9 * 2 * 128
    with_norms = build_networks(num_classes=10, auxiliary=True, norm="layer")
    assert count(with_norms.critic) == 1_055_361 + 1_290


def test_names_are_published():
    networks = build_networks(width=8, num_classes=10, auxiliary=True, norm="none")
    shapes = {name: tuple(v.shape) for model in networks for name, v in author.variables(model).items()}
    assert shapes["Generator.3.N2.scale"] == shapes["Generator.1.N1.offset"] == (10, 8)
    assert shapes["Generator.OutputN.scale"] == (8,)
    assert shapes["Discriminator.ACGANOutput.W"] == (8, 10) and shapes["Discriminator.ACGANOutput.b"] == (10,)


@pytest.mark.parametrize("norm", ["batch", "layer", "group"])
def test_with_equal_rows_the_resnet_is_the_unconditional_one(float64, rng, norm):
    settings = {"norm": norm, "generator_norm": norm, "generator_groups": (4,)}
    inputs = (tf.constant(rng.normal(size=(4, 8))), tf.constant(rng.normal(size=(4, 16, 16, 3))))
    for plain, conditional, x in zip(tiny(**settings), tiny(num_classes=3, **settings), inputs, strict=True):
        theirs = {v.path: v for v in conditional.trainable_variables}
        for variable in plain.trainable_variables:
            theirs[variable.path].assign(np.broadcast_to(variable.numpy(), theirs[variable.path].shape))
        expected = plain(x, training=True)
        np.testing.assert_allclose(conditional(x, condition=LABELS, training=True), expected, rtol=0, atol=1e-13)
        np.testing.assert_array_equal(plain(x, condition=LABELS, training=True), expected)


@pytest.mark.quick
def test_a_label_changes_the_score_of_its_image_alone(float64, rng):
    critic = tiny(num_classes=3, norm="group").critic
    x, other = rng.normal(size=(4, 16, 16, 3)), np.array([2, 1, 0, 1])
    difference = abs(critic(x, condition=LABELS) - critic(x, condition=other)).numpy()
    assert difference[1] > 1e-3 and (difference[[0, 2, 3]] == 0).all()


def test_the_norm_before_the_output_is_the_same_for_all_classes(float64, rng):
    """Only the six sites in the blocks are conditional."""
    generator = tiny(num_classes=3).generator
    tables = [v for v in generator.trainable_variables if v.path.endswith(("gamma", "beta")) and v.shape == (3, 8)]
    conditional = {v.path.rpartition("/")[0] for v in tables}
    assert conditional == {f"generator/block{i}/norm{j}" for i in (1, 2, 3) for j in (1, 2)}


def test_the_classifier_reads_the_features_of_the_score_and_ignores_the_label(float64, rng):
    """Score and logits are linear in the mean over pixels of relu(block 4); critic(x) returns the score alone."""
    critic = tiny(num_classes=3, auxiliary=True, norm="group").critic
    x = rng.normal(size=(4, 16, 16, 3))
    scores, logits = critic(x, condition=LABELS, classify=True)
    assert scores.shape == (4,) and logits.shape == (4, 3)
    np.testing.assert_array_equal(critic(x), scores)
    y = tf.constant(x)
    for block in critic.blocks:
        y = block(y)
    features = np.maximum(y, 0).mean((1, 2))
    weights = {name.rpartition("Discriminator.")[2]: v.numpy() for name, v in author.variables(critic).items()}
    np.testing.assert_allclose(scores, (features @ weights["Output.W"] + weights["Output.b"])[:, 0], atol=1e-12)
    np.testing.assert_allclose(logits, features @ weights["ACGANOutput.W"] + weights["ACGANOutput.b"], atol=1e-12)


def test_dcgan_joins_the_embedded_label_to_z_and_to_the_channels_of_the_image(float64, rng):
    """The conditional pair equals the unconditional one with a longer z and one more channel."""
    settings = {"architecture": "dcgan_64", "image_size": 32}
    networks = tiny(num_classes=3, **settings)
    table = networks.generator.embedding.numpy()
    z, x = rng.normal(size=(4, 8)), rng.normal(size=(4, 32, 32, 3))
    plain = tiny(**settings, z_dim=8 + 100).generator
    plain.set_weights([v.numpy() for v in networks.generator.variables if v is not networks.generator.embedding])
    joined = np.concatenate([z, table[LABELS]], 1)
    np.testing.assert_allclose(networks.generator(z, condition=LABELS), plain(joined), rtol=0, atol=1e-13)
    table = networks.critic.embedding.numpy()
    plain = tiny(**settings, channels=4).critic
    plain.set_weights([v.numpy() for v in networks.critic.variables if v is not networks.critic.embedding])
    joined = np.concatenate([x, table[LABELS].reshape(4, 32, 32, 1)], -1)
    np.testing.assert_allclose(networks.critic(x, condition=LABELS), plain(joined), rtol=0, atol=1e-13)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"auxiliary": True}, "auxiliary classifier needs labels: give num_classes"),
        ({"num_classes": 3, "norm": "none"}, "norm=none: labels enter the ResNet's critic through its norms"),
        ({"num_classes": 3, "generator_norm": "none"}, "generator_norm=none: labels enter the ResNet's generator"),
        ({"architecture": "wgan_32", "num_classes": 3}, "wgan_32 takes no labels: choose one of dcgan_64, resnet"),
        (
            {"architecture": "dcgan_64", "num_classes": 3, "auxiliary": True},
            "dcgan_64 has no auxiliary classifier: choose one of resnet",
        ),
    ],
)
def test_labels_that_would_reach_nothing_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        build_networks(**{"width": 8, "groups": (4,), **settings})
