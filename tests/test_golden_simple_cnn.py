"""`simple_cnn` in the three modes of `gan_cifar.py` against published numbers (tests/goldens/README.md), in float64."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from test_golden import assert_close, images
from test_golden_networks import load

from tfgan_gn.models import build_networks
from tfgan_gn.training.losses import LOSSES
from tfgan_gn.training.objective import Objective
from tfgan_gn.training.optimizers import adam, clip_weights, rmsprop

pytestmark = [pytest.mark.quick, pytest.mark.usefixtures("float64")]


class Mode(NamedTuple):
    """What a mode of the script is in this package."""

    norm: str
    gp_weight: float | None
    make_optimizer: Callable
    learning_rate: float
    clip: float | None


MODES = {
    "wgan-gp": Mode("none", 10.0, functools.partial(adam, 0.5, 0.9), 1e-4, None),
    "wgan": Mode("batch", None, rmsprop, 5e-5, 0.01),
}
NAMES = {
    "generator": {
        "input/kernel": "Generator.Input.W",
        "input/bias": "Generator.Input.b",
        **{f"norm{i}/gamma": f"Generator.BN{i}.scale" for i in (1, 2, 3)},
        **{f"norm{i}/beta": f"Generator.BN{i}.offset" for i in (1, 2, 3)},
        **{f"conv{i}/kernel": f"Generator.{n}.Filters" for i, n in ((1, 2), (2, 3), (3, 5))},
        **{f"conv{i}/bias": f"Generator.{n}.Biases" for i, n in ((1, 2), (2, 3), (3, 5))},
    },
    "critic": {
        **{f"conv{i}/kernel": f"Discriminator.{i}.Filters" for i in (1, 2, 3)},
        **{f"conv{i}/bias": f"Discriminator.{i}.Biases" for i in (1, 2, 3)},
        **{f"norm{i}/gamma": f"Discriminator.BN{i}.scale" for i in (2, 3)},
        **{f"norm{i}/beta": f"Discriminator.BN{i}.offset" for i in (2, 3)},
        "output/kernel": "Discriminator.Output.W",
        "output/bias": "Discriminator.Output.b",
    },
}


def published_variables(model):
    """The trainable variables of a network by their published names."""
    return {NAMES[model.name][v.path.partition("/")[2]]: v for v in model.trainable_variables}


def load_mode(mode):
    """The golden of a mode, and the pair of networks with its weights."""
    arrays = load(f"simplecnn_{mode}")
    networks = build_networks("simple_cnn", width=8, norm=MODES[mode].norm)
    for model in networks:
        for name, variable in published_variables(model).items():
            variable.assign(arrays[f"param/{name}"].reshape(variable.shape))
    return arrays, networks


def assert_published(values, model, arrays, prefix, atol=None):
    """One value for each trainable variable of a network, against the whole group of this prefix."""
    theirs = {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}
    ours = dict(zip(published_variables(model), values, strict=True))
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        expected = theirs[name].reshape(value.shape)  # BN1 of the generator is [1, units] there
        if atol is None:
            assert_close(value, expected, name)
        else:
            np.testing.assert_allclose(value, expected, rtol=0, atol=atol, err_msg=name)


def assert_weights(model, arrays, prefix):
    assert_published([v.numpy() for v in model.trainable_variables], model, arrays, prefix, atol=1e-9)


def real_images(arrays):
    return tf.constant(images(2 * (arrays["in/real_int"] / 255 - 0.5)))  # 255, unlike the ResNet's script


@pytest.mark.parametrize("mode", MODES)
def test_losses_gradients_and_one_update_of_each_network(mode):
    """A critic step and, with the critic that it leaves, a generator step."""
    arrays, (generator, critic) = load_mode(mode)
    _, gp_weight, make_optimizer, learning_rate, clip = MODES[mode]
    objective = Objective(generator, critic, LOSSES["wasserstein"], gp_weight, separate_passes=True)
    optimizers = [make_optimizer(), make_optimizer()]
    for optimizer, model in zip(optimizers, (generator, critic)):
        optimizer.build(model.trainable_variables)
        optimizer.learning_rate.assign(learning_rate)

    real, fake = real_images(arrays), generator(arrays["in/noise"], training=True)
    assert_close(fake, images(arrays["out/fake"]))
    assert_close(critic(real, training=True), arrays["out/disc_real"])
    assert_close(critic(fake, training=True), arrays["out/disc_fake"])
    eps = arrays["in/alpha"][:, 0] if gp_weight else None
    with tf.GradientTape() as tape:
        loss, logs, slopes = objective.critic_loss(real, fake, eps)
    assert_close(loss, arrays["out/disc_cost"])
    if gp_weight:
        assert_close(slopes, arrays["out/slopes"])
        assert_close(logs["critic/gradient_penalty"], arrays["out/gradient_penalty_unscaled"])
    gradients = tape.gradient(loss, critic.trainable_variables)
    assert_published(gradients, critic, arrays, "grad_d/")

    z = arrays["in/gen_noise"]
    with tf.GradientTape() as tape:
        loss, _ = objective.generator_loss(z)
    assert_close(loss, arrays["out/gen_cost"])
    assert_published(tape.gradient(loss, generator.trainable_variables), generator, arrays, "grad_g/")

    optimizers[1].apply(gradients, critic.trainable_variables)
    if clip:
        assert_weights(critic, arrays, "after_d_unclipped/")
        clip_weights(critic.trainable_variables, clip)
    assert_weights(critic, arrays, "after_d/")
    with tf.GradientTape() as tape:
        loss, _ = objective.generator_loss(z)
    assert_close(loss, arrays["out/gen_cost_after_d"])
    optimizers[0].apply(tape.gradient(loss, generator.trainable_variables), generator.trainable_variables)
    assert_weights(generator, arrays, "after_g/")


def test_input_gradient_of_the_interpolates():
    arrays, (_, critic) = load_mode("wgan-gp")
    real, fake = real_images(arrays), images(arrays["out/fake"])
    x_hat = real + arrays["in/alpha"][:, :, None, None] * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(x_hat)
        scores = critic(x_hat)
    assert_close(tape.gradient(scores, x_hat), images(arrays["out/gp_input_grad"]))


def test_mode_dcgan_has_the_networks_of_mode_wgan_and_the_sum_of_both_cross_entropies():
    """No golden is of this mode. Its losses follow from the published scores of the same pair, by their formulas.

    So does the critic's update: the first step of Adam (Kingma and Ba 2015) from a gradient g is lr g / (|g| + e), with
    e = epsilon / sqrt(1 - beta_2). The published loss of the critic is half of the sum.
    """
    arrays, (generator, critic) = load_mode("wgan")
    objective = Objective(generator, critic, LOSSES["bce"], None, separate_passes=True)
    real, fake, generated = (arrays[f"out/{key}"] for key in ("disc_real", "disc_fake", "gen_disc"))
    with tf.GradientTape() as tape:
        loss, _, _ = objective.critic_loss(real_images(arrays), tf.constant(images(arrays["out/fake"])), None)
    assert_close(loss, np.log1p(np.exp(fake)).mean() + np.log1p(np.exp(-real)).mean())
    generator_loss, _ = objective.generator_loss(arrays["in/gen_noise"])
    assert_close(generator_loss, np.log1p(np.exp(-generated)).mean())

    variables, optimizer = critic.trainable_variables, adam(0.5, 0.999)
    gradients, before = tape.gradient(loss, variables), [v.numpy() for v in variables]
    optimizer.build(variables)
    optimizer.learning_rate.assign(2e-4)
    optimizer.apply(gradients, variables)
    for variable, start, gradient in zip(variables, before, gradients, strict=True):
        step = 2e-4 * gradient / (abs(gradient) + 1e-8 / np.sqrt(1 - 0.999))
        np.testing.assert_allclose(variable.numpy(), start - step, rtol=0, atol=1e-9, err_msg=variable.path)


def test_the_published_critic_with_batch_norm_has_4_116_225_parameters():
    """25 (3 128 + 128 256 + 256 512) + 128 + 256 + 512 + 8192 + 1 without norm, and scale and offset of 256 and 512."""
    critic = build_networks("simple_cnn", norm="batch").critic
    assert sum(np.prod(v.shape) for v in critic.trainable_variables) == 4_114_689 + 2 * (256 + 512) == 4_116_225


def test_group_norm_acts_at_the_two_sites_of_batch_norm():
    """With one group count for each."""
    critic = build_networks("simple_cnn", width=8, norm="group", groups=(2, 4)).critic
    assert {norm.path: norm.groups for norm in critic.norms} == {"critic/norm2": 2, "critic/norm3": 4}
    assert {v.path.split("/")[1] for v in critic.trainable_variables if v.name == "gamma"} == {"norm2", "norm3"}
