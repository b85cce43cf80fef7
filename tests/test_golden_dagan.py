"""`dagan` against the numbers of the published code (tests/goldens/README.md), in float64."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_golden import GOLDENS, assert_close

from tfgan_gn.architectures import Levels
from tfgan_gn.layers import levels, norms
from tfgan_gn.models import build_networks
from tfgan_gn.training.losses import LOSSES, PENALTY_AXES, interpolate
from tfgan_gn.training.objective import Objective
from tfgan_gn.training.optimizers import adam

pytestmark = pytest.mark.usefixtures("float64")


def numbered(name, number):
    """TensorFlow 1's name of the layer of this number, from 0, in a scope."""
    return name if number == 0 else f"{name}_{number}"


def published_layers(network, inner):
    """From our layers to the scopes of the published code: {ours: (scope, number of its adapter or unit, ...)}."""
    norm = {"generator": "BatchNorm", "critic": "LayerNorm"}[network]
    scope = {"generator": "generator", "critic": "discriminator"}[network]
    found = {"encoder/first/conv": f"{scope}/conv_layers/g_conv0/conv2d"}
    found["encoder/first/norm"] = f"{scope}/conv_layers/g_conv0/{norm}"
    for k in (1, 2, 3):
        place = f"{scope}/conv_layers/g_conv{k}"
        found[f"encoder/level{k}/adapter"] = f"{place}/conv2d"  # it comes before its unit
        for i, unit in enumerate([*(f"inner{j}" for j in range(1, inner + 1)), "down"]):
            found[f"encoder/level{k}/{unit}/conv"] = f"{place}/{numbered('conv2d', i + 1)}"
            found[f"encoder/level{k}/{unit}/norm"] = f"{place}/{numbered(norm, i)}"
    if network == "critic":
        found["dense"] = f"{scope}/discriminator_dense_block/dense"
        found["output"] = f"{scope}/discriminator_out_block/outputs"
        return found
    for i in (0, 1, 2):
        found[f"noise{i}"] = f"{scope}/vector_expansion/{numbered('dense', i)}"
    for i in range(5):
        place = f"{scope}/g_deconv_layers/g_deconv{i}"
        adapters = inner if i else 0
        for j in range(inner):
            if adapters:
                found[f"decoder{i}/adapter{j + 1}"] = f"{place}/{numbered('conv2d_transpose', j)}"
            found[f"decoder{i}/inner{j + 1}/conv"] = f"{place}/{numbered('conv2d', j)}"
            found[f"decoder{i}/inner{j + 1}/norm"] = f"{place}/{numbered(norm, j)}"
        if i < 4:
            found[f"decoder{i}/up/conv"] = f"{place}/{numbered('conv2d_transpose', adapters)}"
            found[f"decoder{i}/up/norm"] = f"{place}/{numbered(norm, inner)}"
    for j in (1, 2):
        found[f"head{j}/conv"] = f"{scope}/g_deconv_layers/{numbered('conv2d', j - 1)}"
        found[f"head{j}/norm"] = f"{scope}/g_deconv_layers/{numbered(norm, j - 1)}"
    found["output"] = f"{scope}/g_deconv_layers/conv2d_2"
    return found


class Golden:
    """The arrays of the file, and the pair of networks with its weights and its state."""

    def __init__(self):
        self.arrays = dict(np.load(GOLDENS / "dagan_small.npz"))
        self.config = json.loads(str(self.arrays["meta/config"]))
        of_levels = Levels((3, 3, 4, 4), dense_units=24)
        self.generator, self.critic = build_networks(
            "dagan",
            width=2,
            z_dim=10,
            image_size=28,
            channels=1,
            norm="contrib_layer",
            generator_norm="batch_renorm",
            levels=of_levels,
        )
        self.of_generator, self.of_critic = (
            {self.published(variable): variable for variable in network.trainable_variables}
            for network in (self.generator, self.critic)
        )
        for name, variable in {**self.of_generator, **self.of_critic}.items():
            variable.assign(self.arrays[f"param/{name}"])
        for variable, value in zip(self.state().values(), self.values("state"), strict=True):
            variable.assign(value)

    def published(self, variable):
        network, _, rest = variable.path.partition("/")
        layer, _, weight = rest.rpartition("/")
        return f"{published_layers(network, 1)[layer]}/{weight}"

    def state(self):
        """The variables of the generator's norms by published names; the one weight under both of its names."""
        found = {}
        for variable in self.generator.non_trainable_variables:
            layer, _, name = self.published(variable).rpartition("/")
            for each in ("renorm_mean_weight", "renorm_stddev_weight") if name == "renorm_weight" else (name,):
                found[f"{layer}/{each}"] = variable
        return found

    def values(self, group):
        """The arrays of a group of states in the order of `state`; all of them are used."""
        names = {key.partition("/")[2] for key in self.arrays if key.startswith(f"{group}/")}
        assert names == self.state().keys()
        return [self.arrays[f"{group}/{name}"] for name in self.state()]

    def input(self, name):
        return tf.constant(self.arrays[f"in/{name}"], tf.float64)

    def objective(self, penalty):
        return Objective(
            self.generator, self.critic, LOSSES["wasserstein"], self.config["lambda"], None, True, PENALTY_AXES[penalty]
        )

    def fake(self):
        """The fake images of the critic step, a training pass, which moves the state."""
        return self.generator(self.input("z"), condition=self.input("x_i"), training=True)

    def critic_loss(self, penalty="columns"):
        """(loss, logs, slopes) of the critic step."""
        alpha = self.input("alpha")[:, 0]
        return self.objective(penalty).critic_loss(self.input("x_j"), self.fake(), alpha, self.input("x_i"))

    def generator_loss(self):
        return self.objective("columns").generator_loss(self.input("gen_z"), self.input("gen_x_i"))[0]


@pytest.fixture
def golden():
    return Golden()


def assert_gradients(golden, gradients, variables, group, without=()):
    names = {key.partition("/")[2] for key in golden.arrays if key.startswith(f"{group}/")}
    assert names == variables.keys() - set(without)
    for name, gradient in zip(variables, gradients, strict=True):
        if name not in without:
            assert_close(gradient, golden.arrays[f"{group}/{name}"], name)


def assert_weights(golden, variables, group):
    for name, variable in variables.items():
        np.testing.assert_allclose(
            variable.numpy(), golden.arrays[f"{group}/{name}"], rtol=0, atol=1e-9, err_msg=f"{group} {name}"
        )


def assert_state(golden, group):
    for (name, variable), value in zip(golden.state().items(), golden.values(group), strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=0, atol=1e-10, err_msg=f"{group} {name}")


def test_images_scores_and_state(golden):
    evaluated = golden.generator(golden.input("eval_z"), condition=golden.input("x_i"))
    assert_close(evaluated, golden.arrays["out/eval_fake"])
    assert_state(golden, "state")
    fake = golden.fake()
    assert_state(golden, "state_after_d")
    np.testing.assert_allclose(fake, golden.arrays["out/fake"], rtol=0, atol=1e-10)
    for x, name in ((golden.input("x_j"), "d_real"), (fake, "d_fake")):
        scores = golden.critic(x, condition=golden.input("x_i"))
        np.testing.assert_allclose(scores, golden.arrays[f"out/{name}"].ravel(), rtol=0, atol=1e-10, err_msg=name)


def test_input_gradient_and_both_norms_of_it(golden):
    x_hat = interpolate(golden.input("x_j"), golden.fake(), golden.input("alpha")[:, 0])
    with tf.GradientTape() as tape:
        tape.watch(x_hat)
        scores = golden.critic(x_hat, condition=golden.input("x_i"))
    np.testing.assert_allclose(scores, golden.arrays["out/d_interpolates"].ravel(), rtol=0, atol=1e-10)
    gradient = tape.gradient(scores, x_hat).numpy()
    stored = golden.arrays["out/gp_input_grad"]  # float32
    np.testing.assert_allclose(gradient, stored, rtol=0, atol=2e-7 * abs(stored).max())
    np.testing.assert_allclose(np.linalg.norm(gradient, axis=1), golden.arrays["out/slopes"], rtol=0, atol=1e-10)


@pytest.mark.quick
@pytest.mark.parametrize(("penalty", "ending"), [("columns", ""), ("gradient", "_textbook")])
def test_critic_loss_penalty_and_every_gradient(golden, penalty, ending):
    with tf.GradientTape() as tape:
        loss, logs, slopes = golden.critic_loss(penalty)
    np.testing.assert_allclose(slopes, golden.arrays["out_textbook/slopes"], rtol=0, atol=1e-10)
    for ours, name in ((logs["critic/gradient_penalty"], "gradient_penalty_unscaled"), (loss, "disc_cost")):
        np.testing.assert_allclose(ours, golden.arrays[f"out{ending}/{name}"], rtol=0, atol=1e-10, err_msg=name)
    gradients = tape.gradient(loss, list(golden.of_critic.values()), unconnected_gradients="zero")
    assert_gradients(golden, gradients, golden.of_critic, f"grad_d{ending}")


def test_images_and_scores_of_the_generator_step(golden):
    """A training pass from the state of the start."""
    condition = golden.input("gen_x_i")
    fake = golden.generator(golden.input("gen_z"), condition=condition, training=True)
    assert_close(fake, golden.arrays["out/gen_fake"])
    scores = golden.critic(fake, condition=condition)
    np.testing.assert_allclose(scores, golden.arrays["out/gen_d_fake"].ravel(), rtol=0, atol=1e-10)


@pytest.mark.quick
def test_generator_loss_and_every_gradient(golden):
    """At the start: the critic step has moved neither weights nor state."""
    with tf.GradientTape() as tape:
        loss = golden.generator_loss()
    np.testing.assert_allclose(loss, golden.arrays["out/gen_cost"], rtol=0, atol=1e-10)
    gradients = tape.gradient(loss, list(golden.of_generator.values()))
    assert_gradients(golden, gradients, golden.of_generator, "grad_g")


def test_one_update_of_each_network(golden):
    """The critic's, then the generator's, with the critic and the state that it leaves."""

    def update(loss_of, variables):
        optimizer, variables = adam(golden.config["beta1"], golden.config["beta2"]), list(variables.values())
        optimizer.build(variables)
        optimizer.learning_rate.assign(golden.config["learning_rate"])
        with tf.GradientTape() as tape:
            loss = loss_of()
        optimizer.apply(tape.gradient(loss, variables, unconnected_gradients="zero"), variables)
        return loss

    update(lambda: golden.critic_loss()[0], golden.of_critic)
    assert_weights(golden, golden.of_critic, "after_d")
    assert_state(golden, "state_after_d")
    loss = update(golden.generator_loss, golden.of_generator)
    np.testing.assert_allclose(loss, golden.arrays["out/gen_cost_after_d"], rtol=0, atol=1e-10)
    assert_weights(golden, golden.of_generator, "after_g")
    assert_state(golden, "state_after_g")
    unused = {key.partition("/")[2] for key in golden.arrays if key.startswith("after_g/")} - golden.of_generator.keys()
    assert unused == set(golden.arrays["meta/unused"])  # the layer that the published code has and does not use


# ---- faults, each of which shows in these numbers --------------------------------------------------------------------


def norm_before_activation(self, x, standing=False, towers=1):
    return self.activation(self.norm(self.conv(x), standing=standing, towers=towers))


class PaddedAtTheOtherSide(keras.layers.Conv2D):
    """Stride 2 on an even size with the zeros before the image instead of behind it."""

    def call(self, x):
        more = [[1, 0] if size % 2 == 0 else [1, 1] for size in x.shape[1:3]]
        x = tf.pad(x, [[0, 0], *more, [0, 0]])
        return tf.nn.conv2d(x, tf.convert_to_tensor(self.kernel), 2, "VALID") + tf.convert_to_tensor(self.bias)


def conv_of_the_other_side(filters, strides, name):
    if strides == 1:
        return keras.layers.Conv2D(filters, 3, padding="same", name=name)
    return PaddedAtTheOtherSide(filters, 3, 2, "same", name=name)


def share_a_skip_adapter(golden):
    shared, own = (golden.generator.decoder[i].adapters[0] for i in (1, 2))
    own.set_weights(shared.get_weights())


FAULTS = {  # name: (what it replaces before the networks are built, what it does to them)
    "none": (None, lambda golden: None),
    "norm before activation": ((levels.Unit, "call", norm_before_activation), lambda golden: None),
    "epsilon of layer norm": ((norms, "CONTRIB_EPSILON", 1e-5), lambda golden: None),
    "padding": ((levels, "conv", conv_of_the_other_side), lambda golden: None),
    "shared skip adapter": (None, share_a_skip_adapter),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_would_show(fault, monkeypatch):
    replaced, change = FAULTS[fault]
    if replaced:
        monkeypatch.setattr(*replaced)
    golden = Golden()
    change(golden)
    scores = golden.critic(golden.input("x_j"), condition=golden.input("x_i"))
    error = max(
        abs(golden.fake() - golden.arrays["out/fake"]).numpy().max(),
        abs(scores - golden.arrays["out/d_real"].ravel()).numpy().max(),
    )
    assert error < 1e-10 if fault == "none" else error > 1e-7
