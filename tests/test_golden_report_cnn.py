"""`report_cnn` against the numbers of the group-norm report's code (tests/goldens/README.md), in float64."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from test_golden import assert_close
from test_golden_networks import GOLDENS, assign, from_torch, nhwc, torch_variables

from tfgan_gn.models import build_networks
from tfgan_gn.training.losses import LOSSES, interpolate
from tfgan_gn.training.objective import Objective
from tfgan_gn.training.optimizers import adam

pytestmark = [pytest.mark.quick, pytest.mark.usefixtures("float64")]
GENERATOR = {
    "input": "preprocess.0",
    "norm1": "preprocess.1",
    "conv1": "block1.0",
    "norm2": "block1.1",
    "conv2": "block2.0",
    "norm3": "block2.1",
    "conv3": "deconv_out",
}
WITHOUT_NORM = {"conv1": "main.0", "conv2": "main.2", "conv3": "main.4", "output": "linear"}
WITH_NORM = {
    **{f"conv{i}": f"main.{3 * (i - 1)}" for i in (1, 2, 3)},
    **{f"norm{i}": f"main.{3 * (i - 1) + 1}" for i in (1, 2, 3)},
    "output": "linear",
}
CRITIC_WEIGHTS = {"kernel": "weight", "bias": "bias", "gamma": "gamma", "beta": "beta"}


class Case(NamedTuple):
    """A norm of the critic with the file and the ending of the groups that it is held to."""

    norm: str
    file: str
    ending: str
    critic_layers: dict


CASES = [
    Case("none", "report_cnn", "", WITHOUT_NORM),
    Case("group", "report_cnn_groupnorm", "_true_gn", WITH_NORM),
    Case("report_group", "report_cnn_groupnorm", "", WITH_NORM),
]


class Golden:
    """The arrays of a case, and the pair of networks with its weights."""

    def __init__(self, case):
        self.arrays, self.case = dict(np.load(GOLDENS / f"{case.file}.npz")), case
        self.generator, self.critic = build_networks("report_cnn", width=4, norm=case.norm, groups=(2,))
        self.of_generator = torch_variables(self.generator, GENERATOR)
        self.of_critic = torch_variables(self.critic, case.critic_layers, CRITIC_WEIGHTS)
        assign(self.of_generator, self.arrays, "param_g/")
        assign(self.of_critic, self.arrays, "param_d/")
        self.objective = Objective(self.generator, self.critic, LOSSES["wasserstein"], gp_weight=5.0)

    def out(self, name):
        return self.arrays[f"out{self.case.ending}/{name}"]

    def noise(self, name):
        return tf.constant(self.arrays[name], tf.float64)

    def real(self):
        return nhwc((self.arrays["in/real_int"] / 255 - 0.5) / 0.5)

    def eps(self):
        return 1 - self.noise("in/alpha")[:, 0]  # the report's alpha weighs the real image

    def assert_group(self, values, variables, prefix, compare):
        """Every array of a group of this case against the value of the variable of its name."""
        prefix = f"{prefix}{self.case.ending}/"
        assert {key[len(prefix) :] for key in self.arrays if key.startswith(prefix)} == variables.keys()
        for (name, variable), value in zip(variables.items(), values, strict=True):
            compare(value, from_torch(self.arrays[prefix + name], variable.shape), name)


@pytest.fixture(params=CASES, ids=lambda case: case.norm)
def golden(request):
    return Golden(request.param)


def assert_images(ours, theirs):
    """Images [N, C, H, W] of the golden may be float32."""
    assert_close(ours, theirs.transpose(0, 2, 3, 1))


def assert_weights(ours, theirs, name):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9, err_msg=name)


def test_critic_loss_slopes_penalty_and_every_gradient(golden):
    real, fake = golden.real(), golden.generator(golden.noise("in/noise"), training=True)
    assert_images(fake, golden.arrays["out/fake"])
    assert_close(golden.critic(real), golden.out("critic_real")[:, 0])
    assert_close(golden.critic(fake), golden.out("critic_fake")[:, 0])
    with tf.GradientTape() as tape:
        loss, logs, slopes = golden.objective.critic_loss(real, fake, golden.eps())
    assert_close(slopes, golden.out("slopes"))
    assert_close(logs["critic/gradient_penalty"], golden.out("gradient_penalty_unscaled"))
    assert_close(logs["critic/wasserstein"], golden.out("wasserstein_d"))
    assert_close(loss, golden.out("disc_cost"))
    gradients = tape.gradient(loss, list(golden.of_critic.values()), unconnected_gradients="zero")
    golden.assert_group(gradients, golden.of_critic, "grad_d", assert_close)


def test_input_gradient_of_the_interpolates(golden):
    fake = golden.generator(golden.noise("in/noise"), training=True)
    x_hat = interpolate(golden.real(), fake, golden.eps())
    with tf.GradientTape() as tape:
        tape.watch(x_hat)
        scores = golden.critic(x_hat)
    assert_images(tape.gradient(scores, x_hat), golden.out("gp_input_grad"))


def test_generator_loss_and_every_gradient(golden):
    z = golden.noise("in/gen_noise")
    assert_images(golden.generator(z, training=True), golden.arrays["out/gen_fake"])
    with tf.GradientTape() as tape:
        loss, _ = golden.objective.generator_loss(z)
    assert_close(loss, golden.out("gen_cost"))
    gradients = tape.gradient(loss, list(golden.of_generator.values()))
    golden.assert_group(gradients, golden.of_generator, "grad_g", assert_close)


def test_one_update_of_each_network(golden):
    """The critic's, then the generator's with the critic that it leaves."""

    def update(loss_of, variables):
        optimizer, variables = adam(0.5, 0.9), list(variables.values())
        optimizer.build(variables)
        optimizer.learning_rate.assign(1e-4)
        with tf.GradientTape() as tape:
            loss = loss_of()
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss, [v.numpy() for v in variables]

    real, fake = golden.real(), golden.generator(golden.noise("in/noise"), training=True)
    _, weights = update(lambda: golden.objective.critic_loss(real, fake, golden.eps())[0], golden.of_critic)
    golden.assert_group(weights, golden.of_critic, "after_d", assert_weights)
    z = golden.noise("in/gen_noise")
    loss, weights = update(lambda: golden.objective.generator_loss(z)[0], golden.of_generator)
    assert_close(loss, golden.out("gen_cost_after_d"))
    golden.assert_group(weights, golden.of_generator, "after_g", assert_weights)
