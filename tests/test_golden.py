"""The port against the published code's own numbers (tests/goldens/README.md), in float64."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.data.pixels import dequantize
from tfgan_gn.models import author, build_networks
from tfgan_gn.training.losses import LOSSES, Auxiliary, gradient_penalty, interpolate
from tfgan_gn.training.noise import Noise
from tfgan_gn.training.objective import Objective
from tfgan_gn.training.optimizers import Update, adam, linear_decay
from tfgan_gn.training.trainer import Trainer

GOLDENS = pathlib.Path(__file__).parent / "goldens"
FILES = {  # the networks of each
    "uncond_nonorm": {"norm": "none"},
    "uncond_layernorm": {"norm": "layer"},
    "author_towers": {"norm": "none"},
    "acgan_nonorm": {"norm": "none", "num_classes": 10, "auxiliary": True},
}
TOWERS = {"author_towers": 2}  # parts of a batch that the generator's batch norm normalizes separately; else 1


def images(flat):
    """The authors' rows of 3072, channels first, as [N, 32, 32, 3]."""
    return np.asarray(flat).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


class Golden:
    """A golden file, and a trainer that starts from its weights."""

    def __init__(self, name):
        self.arrays = dict(np.load(GOLDENS / f"{name}.npz"))
        self.config = json.loads(str(self["meta/config"]))
        self.classifies = FILES[name].get("auxiliary", False)
        generator, critic = build_networks(width=self.config["DIM_D"], **FILES[name])
        auxiliary = Auxiliary(critic=1.0, generator=0.1) if self.classifies else None
        rate, batch_size = linear_decay(self.config["LR"], self.config["ITERS"]), self.config["BATCH_SIZE"]
        self.trainer = Trainer(
            Objective(
                generator, critic, LOSSES["wasserstein"], self.config["LAMBDA"], auxiliary, towers=TOWERS.get(name, 1)
            ),
            Noise(0, 128, batch_size, batch_size * self.config["GEN_BS_MULTIPLE"], dtype="float64"),
            *(Update(adam(self.config["beta1"], self.config["beta2"]), rate) for _ in range(2)),
            n_critic=self.config["N_CRITIC"],
        )
        author.assign(generator, self.group("param/", "Generator"))
        author.assign(critic, self.group("param/", "Discriminator"))

    def __getitem__(self, key):
        return self.arrays[key]

    def group(self, prefix, network=""):
        start = prefix + network
        return {k[len(prefix) :]: v for k, v in self.arrays.items() if k.startswith(start)}

    def labels(self, key, i=...):
        """Classes [N] of a step; None for networks without labels, although their files have some."""
        return tf.constant(self[key][i], tf.int64) if self.classifies else None

    def critic_noise(self, i):
        """(pixels, z, dequantization noise, eps) of critic step i."""
        arrays = [self[f"train/{key}"][i].astype(np.float64) for key in ("real_int", "noise", "dequant", "alpha")]
        pixels, z, noise, eps = arrays
        return tf.constant(images(pixels)), tf.constant(z), tf.constant(images(noise)), tf.constant(eps[:, 0])


@pytest.fixture(params=FILES)
def golden(request, float64):
    return Golden(request.param)


def assert_close(ours, theirs, message=""):
    """The largest error is below 1e-9 of the largest value, plus 1e-13."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, message
    assert ours.dtype == np.float64, message
    # A golden that is stored as float32 is good to 1e-7.
    tolerance = 1e-9 if theirs.dtype == np.float64 else 2e-7
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * np.abs(theirs).max() + 1e-13, err_msg=message)


def assert_gradients(tape, loss, model, theirs):
    ours = author.variables(model)
    gradients = tape.gradient(loss, list(ours.values()))
    assert ours.keys() == theirs.keys()
    for name, gradient in zip(ours, gradients, strict=True):
        assert_close(gradient, theirs[name], name)


@pytest.mark.quick
def test_critic_loss_slopes_penalty_and_every_gradient(golden):
    trainer, labels = golden.trainer, golden.labels("in/labels")
    pixels, z, noise, eps = golden.critic_noise(0)
    real = 2 * (pixels / 256 - 0.5) + noise
    fake = trainer.objective.generate(z, labels)
    assert_close(fake, images(golden["out/fake"]))
    assert_close(real, images(golden["out/real"]))
    assert_close(trainer.critic(real), golden["out/disc_real"])
    assert_close(trainer.critic(fake), golden["out/disc_fake"])
    with tf.GradientTape() as tape:
        loss, logs, slopes = trainer.objective.critic_loss(real, fake, eps, labels)
    assert_close(slopes, golden["out/slopes"])
    assert_close(golden.config["LAMBDA"] * logs["critic/gradient_penalty"], golden["out/gradient_penalty"])
    assert_close(loss, golden["out/disc_cost"])
    assert_gradients(tape, loss, trainer.critic, golden.group("grad_d/"))
    if golden.classifies:
        assert_close(logs["critic/class_loss"], golden["out/acgan_cost"])
        assert_close(loss - logs["critic/class_loss"], golden["out/disc_wgan"])
        for name, x, theirs in (("real", real, "acgan_acc"), ("fake", fake, "acgan_fake_acc")):
            logits = trainer.critic(x, condition=labels, classify=True).logits
            assert_close(logits, golden[f"out/acgan_logits_{name}"])
            assert_close(logs[f"critic/accuracy_{name}"], golden[f"out/{theirs}"])


def test_input_gradient_of_the_interpolates(golden):
    pixels, z, noise, eps = golden.critic_noise(0)
    fake = golden.trainer.objective.generate(z, golden.labels("in/labels"))
    x_hat = interpolate(2 * (pixels / 256 - 0.5) + noise, fake, eps)
    with tf.GradientTape() as tape:
        tape.watch(x_hat)
        scores = golden.trainer.critic(x_hat)
    assert_close(tape.gradient(scores, x_hat), images(golden["out/gp_input_grad"]))


@pytest.mark.quick
def test_generator_loss_and_every_gradient(golden):
    trainer, z = golden.trainer, tf.constant(golden["in/gen_noise"], tf.float64)
    labels = golden.labels("in/gen_labels")
    fake = trainer.objective.generate(z, labels)
    assert_close(fake, images(golden["out/gen_fake"]))
    assert_close(trainer.critic(fake, condition=labels, training=True), golden["out/gen_disc"])
    with tf.GradientTape() as tape:
        loss, logs = trainer.objective.generator_loss(z, labels)
    assert_close(loss, golden["out/gen_cost"])
    if golden.classifies:
        assert_close(logs["generator/class_loss"], golden["out/gen_acgan_cost"])
    assert_gradients(tape, loss, trainer.generator, golden.group("grad_g/"))


def test_three_iterations_move_every_parameter_as_published(golden):
    """Critic (C) and generator (G) steps CCCCC GCCCCC GCCCCC, with Adam and the decaying learning rate."""
    trainer = golden.trainer
    for iteration in range(3):
        trainer.iteration.assign(iteration)
        trainer.set_learning_rate()
        if iteration > 0:
            z = tf.constant(golden["train/gen_noise"][iteration - 1], tf.float64)
            logs = trainer.generator_step(z, golden.labels("train/gen_labels", iteration - 1))
            assert_close(logs["generator/loss"], golden["train/gen_cost"][iteration - 1])
        for i in range(5 * iteration, 5 * iteration + 5):
            pixels, z, noise, eps = golden.critic_noise(i)
            labels = golden.labels("train/labels", i)
            logs, slopes = trainer.critic_step(dequantize(pixels, noise), z, eps, labels)
            assert_close(logs["critic/loss"], golden["train/disc_cost"][i])
            assert_close(slopes, golden["train/slopes"][i])
            if i == 0:
                assert_parameters(trainer.critic, golden.group("after_d1/", "Discriminator"))
    assert_parameters(trainer.critic, golden.group("after/", "Discriminator"))
    assert_parameters(trainer.generator, golden.group("after/", "Generator"))


def assert_parameters(model, theirs):
    ours = author.variables(model)
    assert ours.keys() == theirs.keys()
    for name, variable in ours.items():
        # Not relative: Adam moves each by about the learning rate, 2e-4, whatever its size.
        np.testing.assert_allclose(variable.numpy(), theirs[name], rtol=0, atol=1e-8, err_msg=name)


# ---- the group-norm report's critic, which is PyTorch ----------------------------------------------------------------

BLOCKS = {"OptimizedReslock": 1, "ResidualBlock_Disc.0": 2, "ResidualBlock_Disc.1": 3, "ResidualBlock_Disc.2": 4}
LAYERS = {"conv_1": "Conv1", "conv_2": "Conv2", "conv_shortcut": "Shortcut", "bn1": "N1", "bn2": "N2"}
WEIGHTS = {"weight": "Filters", "bias": "Biases", "gamma": "scale", "beta": "offset"}


def from_report(arrays):
    """PyTorch names and layouts to the authors'."""
    converted = {}
    for name, array in arrays.items():
        module, _, weight = name.rpartition(".")
        if module == "linear":
            converted[f"Discriminator.Output.{'W' if weight == 'weight' else 'b'}"] = array.T
            continue
        block = next(b for b in BLOCKS if module.startswith(b))
        layer = module[len(block) + 1 :].split(".")[0]
        array = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.reshape(-1)
        converted[f"Discriminator.{BLOCKS[block]}.{LAYERS[layer]}.{WEIGHTS[weight]}"] = array
    return converted


@pytest.mark.parametrize(("norm", "formula"), [("group", "_true_gn"), ("report_group", "")])
def test_report_critic_with_group_norm(float64, norm, formula):
    """With Wu and He's formula, and with the report's own."""
    arrays = dict(np.load(GOLDENS / "seed_groupnorm_resnet.npz"))

    def group(prefix):
        return from_report({k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)})

    critic = build_networks(width=16, norm=norm, groups=arrays["meta/groups"].reshape(-1)).critic
    author.assign(critic, group("param/"))
    real, fake = (arrays[f"in/{k}"].astype(np.float64).transpose(0, 2, 3, 1) for k in ("real", "fake"))
    eps = 1 - arrays["in/alpha"][:, 0].astype(np.float64)  # the report's alpha weighs the real image
    with tf.GradientTape(persistent=True) as tape:
        d_real, d_fake = critic(real), critic(fake)
        penalty, slopes = gradient_penalty(critic, interpolate(tf.constant(real), tf.constant(fake), eps))
        loss = LOSSES["wasserstein"].critic(d_real, d_fake) + 5 * penalty
    assert_close(d_real, arrays[f"out{formula}/disc_real"][:, 0])
    assert_close(d_fake, arrays[f"out{formula}/disc_fake"][:, 0])
    assert_close(slopes, arrays[f"out{formula}/slopes"])
    assert_close(penalty, arrays[f"out{formula}/gradient_penalty_unscaled"])
    assert_close(loss, arrays[f"out{formula}/disc_cost"])
    assert_gradients(tape, loss, critic, group(f"grad_d{formula}/"))
    theirs = group(f"grad_gp{formula}/")
    ours = author.variables(critic)
    for name in theirs:
        gradient = tape.gradient(penalty, ours[name])  # None where no slope depends on it; theirs is a 0
        assert_close(np.zeros(ours[name].shape) if gradient is None else gradient, theirs[name], name)
