"""Spectral norm: sigma equals numpy's SVD, gradients equal finite differences and the paper's formula."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from differences import penalty_gradient_error

from tfgan_gn.layers.norms import collect_standing_statistics
from tfgan_gn.layers.spectral import Sigma, SpectralConv2D, SpectralConv2DTranspose, SpectralDense, matrix, xavier
from tfgan_gn.models import build_networks

LAYERS = {
    "conv": (lambda: SpectralConv2D(6, 3, strides=2), (4, 8, 8, 5)),
    "transposed": (lambda: SpectralConv2DTranspose(6, 4, strides=2), (4, 4, 4, 5)),
    "dense": (lambda: SpectralDense(6), (4, 5)),
}
EVERY = pytest.mark.parametrize("name", LAYERS)


def build(name):
    """A layer with a bias that is not 0, and the shape of its input."""
    keras.utils.set_random_seed(0)
    make, shape = LAYERS[name]
    layer = make()
    layer.build(shape)
    layer.bias.assign(np.linspace(-1, 1, 6))
    return layer, shape


def as_published(kernel, transposed):
    """The paper's W, [out, everything else], by numpy."""
    return np.moveaxis(kernel, -2 if transposed else -1, 0).reshape(kernel.shape[-2 if transposed else -1], -1)


def stock(name, kernel, bias):
    """Keras' layer with a given kernel."""
    layer = {
        "conv": lambda: keras.layers.Conv2D(6, 3, 2, padding="same"),
        "transposed": lambda: keras.layers.Conv2DTranspose(6, 4, 2, padding="same"),
        "dense": lambda: keras.layers.Dense(6),
    }[name]()
    layer.build(LAYERS[name][1])
    layer.set_weights([kernel, bias])
    return layer


@EVERY
def test_after_many_passes_the_kernel_is_divided_by_its_largest_singular_value(float64, rng, name):
    layer, shape = build(name)
    x = rng.normal(size=shape)
    for _ in range(500):
        y = layer(x, training=True)
    kernel = layer.kernel.numpy()
    sigma = np.linalg.svd(as_published(kernel, name == "transposed"), compute_uv=False)[0]
    np.testing.assert_allclose(layer.sigma(kernel), sigma, rtol=1e-12)
    np.testing.assert_allclose(y, stock(name, kernel / sigma, layer.bias.numpy())(x), rtol=0, atol=1e-12)


@pytest.mark.quick
@EVERY
def test_a_training_pass_is_one_power_iteration_v_then_u_and_any_other_pass_none(float64, rng, name):
    layer, shape = build(name)
    w, u = as_published(layer.kernel.numpy(), name == "transposed"), layer.sigma.u.numpy()
    x = rng.normal(size=shape)
    for _ in range(3):
        layer(x, training=True)
        v = w.T @ u / np.linalg.norm(w.T @ u)
        u = w @ v / np.linalg.norm(w @ v)
        np.testing.assert_allclose(layer.sigma.u.numpy(), u, rtol=0, atol=1e-14)
        for no_step in ({}, {"training": False}):
            layer(x, **no_step)
            np.testing.assert_allclose(layer.sigma.u.numpy(), u, rtol=0, atol=1e-14)
            np.testing.assert_allclose(layer.sigma(layer.kernel, **no_step), u @ w @ v, rtol=1e-13)


@EVERY
def test_the_output_does_not_depend_on_the_scale_of_the_kernel(float64, rng, name):
    layer, shape = build(name)
    x, u, v = rng.normal(size=shape), layer.sigma.u.numpy(), layer.sigma.v.numpy()
    y = layer(x, training=True).numpy()
    layer.kernel.assign(7 * layer.kernel)
    layer.sigma.u.assign(u)
    layer.sigma.v.assign(v)
    np.testing.assert_allclose(layer(x, training=True), y, rtol=0, atol=1e-13)


@pytest.mark.quick
@EVERY
def test_gradient_is_equation_12_with_u_and_v_constant(float64, rng, name):
    """(E - <E, W / sigma> u v^T) / sigma, with E the gradient by W / sigma. A constant sigma would give E / sigma."""
    layer, shape = build(name)
    x = tf.constant(rng.normal(size=shape))
    with tf.GradientTape() as tape:
        y = layer(x, training=True)
        weights = tf.constant(rng.normal(size=y.shape))
        loss = tf.reduce_sum(weights * y**2)
    ours = tape.gradient(loss, layer.kernel).numpy()
    transposed, kernel = name == "transposed", layer.kernel.numpy()
    w, u, v = as_published(kernel, transposed), layer.sigma.u.numpy(), layer.sigma.v.numpy()
    sigma = u @ w @ v
    plain = stock(name, kernel / sigma, layer.bias.numpy())
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights * plain(x) ** 2)
    e = as_published(tape.gradient(loss, plain.kernel).numpy(), transposed)
    expected = (e - (e * w).sum() / sigma * np.outer(u, v)) / sigma
    np.testing.assert_allclose(as_published(ours, transposed), expected, rtol=0, atol=1e-12 * abs(expected).max())
    assert abs(expected - e / sigma).max() > 0.01 * abs(expected).max()


@pytest.mark.quick
def test_gradients_of_scores_and_of_the_penalty_are_exact(float64, rng):
    """First and second order, against finite differences. There u and v are fixed and sigma changes with the kernel."""
    conv, dense = SpectralConv2D(8, 3), SpectralDense(1)
    conv.build((None, 6, 6, 3))
    dense.build((None, 8))

    def critic(x):
        return tf.squeeze(dense(tf.reduce_mean(tf.tanh(conv(x)), [1, 2])), -1)

    variables = conv.trainable_variables + dense.trainable_variables
    x = rng.normal(size=(3, 6, 6, 3))
    assert penalty_gradient_error(critic, variables, x) < 1e-8
    kernel = conv.kernel.numpy()
    direction = rng.normal(size=kernel.shape)
    with tf.GradientTape() as tape:
        score = tf.reduce_sum(critic(x))
    along = (tape.gradient(score, conv.kernel).numpy() * direction).sum()

    def value(distance):
        conv.kernel.assign(kernel + distance * direction)
        return tf.reduce_sum(critic(x)).numpy()

    near, far = (value(k * 1e-4) - value(-k * 1e-4) for k in (1, 2))
    np.testing.assert_allclose(along, (8 * near - far) / (12 * 1e-4), rtol=1e-9)


def test_the_stock_layer_gets_the_gradient_wrong(float64, rng):
    """The reason for this package's own layers: Keras' layer lets no gradient through sigma."""
    stock_layer, ours = keras.layers.SpectralNormalization(keras.layers.Dense(6)), SpectralDense(6)
    x = tf.constant(rng.normal(size=(4, 5)))
    for layer in (stock_layer, ours):
        layer.build((4, 5))
    kernel = rng.normal(size=(5, 6))
    gradients = []
    for layer, weight in ((stock_layer, stock_layer.layer.kernel), (ours, ours.kernel)):
        weight.assign(kernel)
        for _ in range(300):
            layer(x, training=True)
        weight.assign(kernel)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x, training=True) ** 2)
        gradients.append(tape.gradient(loss, weight).numpy())
    stocks, exact = gradients
    # W / sigma does not change along W itself, so the exact gradient is orthogonal to W.
    assert abs((exact * kernel).sum()) < 1e-10 < 0.1 < abs((stocks * kernel).sum())


def test_power_iteration_is_float32_under_bfloat16(rng):
    """In bfloat16, u would stop at a distance of 1e-2 from the singular vector."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer, shape = build("conv")
        for _ in range(300):
            y = layer(rng.normal(size=shape), training=True)
    finally:
        keras.config.set_dtype_policy("float32")
    assert y.dtype == tf.bfloat16 and layer.sigma.u.dtype == layer.kernel.dtype == "float32"
    kernel = layer.kernel.numpy()
    sigma = np.linalg.svd(as_published(kernel, False), compute_uv=False)[0]
    np.testing.assert_allclose(layer.sigma(kernel), sigma, rtol=1e-5)


def test_u_is_kept_and_equal_on_two_replicas(two_replicas, rng):
    """The replicas get different images, but u depends on the kernel alone."""
    with two_replicas.scope():
        layer, shape = build("conv")
    single, _ = build("conv")
    x = tf.constant(rng.normal(size=shape), tf.float32)

    @tf.function
    def step():
        def replica():
            first = tf.distribute.get_replica_context().replica_id_in_sync_group
            return layer(x[first : first + 2], training=True)

        two_replicas.run(replica)

    for _ in range(3):
        step()
        single(x, training=True)
    for ours, theirs in ((layer.sigma.u, single.sigma.u), (layer.sigma.v, single.sigma.v)):
        for value in two_replicas.experimental_local_results(ours.value):
            np.testing.assert_allclose(value.numpy(), theirs.numpy(), rtol=0, atol=1e-6)


def test_standing_statistics_are_collected_without_a_step(rng):
    """An export must not change the state of a training run."""
    generator = build_networks("sngan_dcgan", width=4, image_size=16, z_dim=8).generator
    kept = [v for v in generator.non_trainable_variables if v.name in ("u", "v")]
    before = [v.numpy() for v in kept]
    collect_standing_statistics(generator, [tf.constant(rng.normal(size=(4, 8)), tf.float32) for _ in range(2)])
    for old, variable in zip(before, kept, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())
    assert generator.norms[0].standing_batches.numpy() == 2


@pytest.mark.quick
def test_a_network_is_built_with_one_power_iteration_in_every_layer():
    """After it u = W v / |W v|; without it u and v are independent random directions."""
    for network in build_networks("sngan_dcgan", width=4, image_size=16, z_dim=8):
        layers = [layer for layer in network._flatten_layers() if hasattr(layer, "sigma")]
        assert len(layers) in (5, 8)
        for layer in layers:
            w, v = as_published(layer.kernel.numpy(), layer.sigma.transposed), layer.sigma.v.numpy()
            np.testing.assert_allclose(layer.sigma.u.numpy(), w @ v / np.linalg.norm(w @ v), rtol=0, atol=1e-6)


def test_the_shortcuts_of_the_sngan_resnet_have_gain_sqrt_2():
    critic = build_networks("sngan_resnet").critic
    for block in critic.blocks[:2]:
        for layer, gain in ((block.conv2, 1), (block.shortcut, np.sqrt(2))):
            *field, inputs, outputs = layer.kernel.shape
            bound = gain * np.sqrt(6 / (np.prod(field) * (inputs + outputs)))
            assert 0.97 * bound < abs(layer.kernel.numpy()).max() <= 1.0001 * bound


def test_xavier_bounds():
    """a = gain sqrt(6 / (fan_in + fan_out)). Largest value and deviation show a uniform distribution."""
    for gain in (1.0, np.sqrt(2)):
        w = xavier(gain)((3, 3, 64, 128)).numpy()
        bound = gain * np.sqrt(6 / (9 * 64 + 9 * 128))
        assert 0.999 * bound < abs(w).max() <= 1.0001 * bound
        np.testing.assert_allclose(w.std(), bound / np.sqrt(3), rtol=0.01)


def test_a_column_of_the_matrix_is_an_output_channel(rng):
    kernel = rng.normal(size=(3, 3, 4, 5))
    np.testing.assert_array_equal(matrix(kernel).numpy()[:, 2], kernel[..., 2].ravel())
    np.testing.assert_array_equal(matrix(kernel, transposed=True).numpy()[:, 2], kernel[..., 2, :].ravel())


def test_sigma_is_positive_before_any_training_pass(float64):
    for seed in range(20):
        keras.utils.set_random_seed(seed)
        layer = SpectralConv2D(6, 3)
        layer.build((None, 8, 8, 5))
        largest = np.linalg.svd(as_published(layer.kernel.numpy(), False), compute_uv=False)[0]
        assert 0.3 * largest < layer.sigma(layer.kernel) <= largest
    assert isinstance(layer.sigma, Sigma)
