"""The other networks against the numbers of their published code (tests/goldens/README.md), in float64."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from test_golden import assert_close

from tfgan_gn.models import build_networks
from tfgan_gn.training.losses import LOSSES, gradient_penalty, interpolate

GOLDENS = pathlib.Path(__file__).parent / "goldens"
WEIGHTS = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}  # PyTorch's names
pytestmark = [pytest.mark.usefixtures("float64"), pytest.mark.quick]


def load(name):
    return {k: v.astype(np.float64) if v.dtype.kind in "fu" else v for k, v in np.load(GOLDENS / f"{name}.npz").items()}


def nhwc(x):
    return tf.constant(np.asarray(x, np.float64).transpose(0, 2, 3, 1))


def from_torch(array, shape):
    """A PyTorch array in the layout of a variable of ours.

    OIHW to HWIO; of a transposed convolution, [in, out, H, W] to [H, W, out, in]; of a linear layer, [out, in] to
    [in, out]; of a norm of the group-norm report, [C, 1, 1] to [C].
    """
    array = {4: lambda a: a.transpose(2, 3, 1, 0), 2: np.transpose}.get(array.ndim, np.ravel)(array)
    assert array.shape == tuple(shape)
    return array


def assign(variables, arrays, prefix):
    """Assigns the arrays of a group to variables, by PyTorch name; every array of the group must be used."""
    given = {k[len(prefix) :] for k in arrays if k.startswith(prefix)}
    assert variables.keys() == given
    for name, variable in variables.items():
        variable.assign(from_torch(arrays[prefix + name], variable.shape))


def assert_torch_gradients(gradients, variables, arrays, prefix, float32=False):
    for (name, variable), gradient in zip(variables.items(), gradients, strict=True):
        theirs = from_torch(arrays[prefix + name], variable.shape)
        stored = theirs.astype(np.float32) if float32 and theirs.ndim == 4 else theirs
        assert_close(gradient, stored, name)


# ---- dcgan_64: giakou4/gans ------------------------------------------------------------------------------------------

DCGAN = {
    "generator": {
        "input": "net.0.0",
        **{f"conv{i}": f"net.{i}.0" for i in (1, 2, 3)},
        **{f"norm{i}": f"net.{i - 1}.1" for i in (1, 2, 3, 4)},
        "output": "net.4",
    },
    "critic": {
        "input": "disc.0",
        **{f"conv{i}": f"disc.{i + 1}.0" for i in (1, 2, 3)},
        **{f"norm{i}": f"disc.{i + 1}.1" for i in (1, 2, 3)},
        "output": "disc.5",
    },
}


def torch_variables(model, layers, renamed=WEIGHTS):
    """The trainable variables of a network by PyTorch's names."""
    found = {}
    for variable in model.trainable_variables:
        layer, _, weight = variable.path.partition("/")[2].rpartition("/")
        found[f"{layers[layer]}.{renamed[weight]}"] = variable
    return found


def test_dcgan_losses_and_gradients():
    arrays = load("wgan_gp_64")
    generator, critic = build_networks("dcgan_64", width=8)
    of_generator, of_critic = (torch_variables(m, DCGAN[m.name]) for m in (generator, critic))
    assign(of_generator, arrays, "param_g/")
    assign(of_critic, arrays, "param_d/")
    real, z = nhwc(arrays["in/real"]), tf.constant(arrays["in/z"][:, :, 0, 0])
    with tf.GradientTape(persistent=True) as tape:
        fake = generator(z, training=True)
        d_real, d_fake = critic(real, training=True), critic(fake, training=True)
        generator_loss = LOSSES["wasserstein"].generator(d_fake)
        eps = 1 - arrays["in/epsilon"][:, 0, 0, 0]  # which weighs the real image there
        penalty, slopes = gradient_penalty(critic, interpolate(real, fake, eps))
        loss = LOSSES["wasserstein"].critic(d_real, d_fake) + 10 * penalty
    assert_close(fake, nhwc(arrays["out/fake"]).numpy().astype(np.float32))
    for ours, key in ((d_real, "critic_real"), (d_fake, "critic_fake"), (slopes, "slopes"), (loss, "loss_critic")):
        assert_close(ours, arrays[f"out/{key}"], key)
    assert_close(penalty, arrays["out/gradient_penalty_unscaled"])
    assert_close(generator_loss, arrays["out/loss_gen"])
    assert_torch_gradients(tape.gradient(loss, list(of_critic.values())), of_critic, arrays, "grad_d/")
    gradients = tape.gradient(generator_loss, list(of_generator.values()))
    assert_torch_gradients(gradients, of_generator, arrays, "grad_g/", float32=True)


# ---- sngan_resnet: ctjoy/deep-learning-project -----------------------------------------------------------------------

SNGAN = {
    "generator": {
        "input": "dense",
        "output": "final",
        "output_norm": "model.3",
        **{f"block{i}/conv{j}": f"model.{i - 1}.conv{j}" for i in (1, 2, 3) for j in (1, 2)},
        **{f"block{i}/norm{j}": f"model.{i - 1}.model.{4 * (j - 1)}" for i in (1, 2, 3) for j in (1, 2)},
    },
    "critic": {
        "output": "fc",
        "block1/shortcut": "model.0.bypass_conv",
        "block2/shortcut": "model.1.bypass.0",
        **{f"block{i}/conv{j}": f"model.{i - 1}.conv{j}" for i in (1, 2, 3, 4) for j in (1, 2)},
    },
}


@pytest.fixture
def sngan():
    """(arrays, generator, critic), with the golden's weights and its u before the first pass."""
    arrays = load("sngan_resnet")
    generator, critic = build_networks("sngan_resnet", width=16)
    assign(torch_variables(generator, SNGAN["generator"]), arrays, "param_g/")
    assign(sngan_critic_variables(critic), arrays, "param_d/")
    for layer, variable in directions(critic, "u").items():
        variable.assign(arrays[f"u/0/{layer}"])
    return arrays, generator, critic


def sngan_critic_variables(critic):
    return torch_variables(critic, SNGAN["critic"], {"kernel": "weight_orig", "bias": "bias"})


def directions(critic, name):
    """The stored u, or v, of every layer by its PyTorch name."""
    of_layer = (v.path.partition("/")[2] for v in critic.non_trainable_variables)
    found = {path.removesuffix(f"/sigma/{name}") for path in of_layer if path.endswith(f"/{name}")}
    kept = {v.path.partition("/")[2]: v for v in critic.non_trainable_variables}
    assert found == SNGAN["critic"].keys()
    return {SNGAN["critic"][layer]: kept[f"{layer}/sigma/{name}"] for layer in found}


def assert_u(critic, arrays, k):
    for layer, u in directions(critic, "u").items():
        np.testing.assert_allclose(u.numpy(), arrays[f"u/{k}/{layer}"], rtol=0, atol=1e-12, err_msg=layer)


def assert_sigma(critic, arrays, k):
    for layer in critic._flatten_layers():
        if hasattr(layer, "sigma"):
            name = SNGAN["critic"][layer.path.partition("/")[2]]
            np.testing.assert_allclose(layer.sigma(layer.kernel), arrays[f"sigma/{k}/{name}"], rtol=1e-12, err_msg=name)


def test_sngan_three_training_passes_and_the_gradients_of_the_third(sngan):
    """One power iteration per pass; the gradient by kernels, biases and images goes through sigma."""
    arrays, _, critic = sngan
    real, variables = nhwc(arrays["in/real"]), sngan_critic_variables(critic)
    for k in (1, 2, 3):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(real)
            scores = critic(real, training=True)
        assert_close(scores, arrays[f"out/d_pass{k}"][:, 0])
        assert_u(critic, arrays, k)
        if k != 2:
            assert_sigma(critic, arrays, k)
    assert_torch_gradients(tape.gradient(scores, list(variables.values())), variables, arrays, "grad_sum/")
    assert_close(tape.gradient(scores, real), nhwc(arrays["grad_sum_x"]).numpy())


def test_sngan_generator_hinge_losses_and_the_published_steps(sngan):
    """Frozen u and v, then the published training step: a pass on real, one on fake, one backward; then G's step."""
    arrays, generator, critic = sngan
    real, z, variables = nhwc(arrays["in/real"]), tf.constant(arrays["in/z"]), sngan_critic_variables(critic)
    fake = generator(z, training=True)
    assert_close(fake, nhwc(arrays["out/g"]).numpy())
    for _ in range(3):
        critic(real, training=True)
    for case, training, u_after in (("hinge_frozen", False, (3, 3)), ("hinge_step", True, (4, 5))):
        with tf.GradientTape() as tape:
            d_real = critic(real, training=training)
            assert_u(critic, arrays, u_after[0])
            d_fake = critic(fake, training=training)
            loss = LOSSES["hinge"].critic(d_real, d_fake)
        assert_u(critic, arrays, u_after[1])
        assert_close(d_real, arrays[f"{case}/d_real"][:, 0])
        assert_close(d_fake, arrays[f"{case}/d_fake"][:, 0])
        assert_close(loss, arrays[f"{case}/loss"])
        assert_torch_gradients(tape.gradient(loss, list(variables.values())), variables, arrays, f"{case}/grad/")
    of_generator = torch_variables(generator, SNGAN["generator"])
    with tf.GradientTape() as tape:
        d_fake = critic(generator(z, training=True), training=True)
        loss = LOSSES["hinge"].generator(d_fake)
    assert_u(critic, arrays, 6)
    assert_close(d_fake, arrays["gen_step/d_fake"][:, 0])
    assert_close(loss, arrays["gen_step/loss"])
    gradients = tape.gradient(loss, list(of_generator.values()))
    assert_torch_gradients(gradients, of_generator, arrays, "gen_step/grad/")
