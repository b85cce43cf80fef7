"""Convolutions joined with resampling equal the two steps in a row: value, gradient, gradient of the gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.layers import resampling
from tfgan_gn.layers.activations import relu
from tfgan_gn.models import build_networks
from tfgan_gn.training.losses import gradient_penalty


def naive_convolve(x, kernel, bias):
    """A convolution as a sum over the pixels of its kernel, without a convolution of TensorFlow."""
    reach = kernel.shape[0] // 2
    x = tf.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]])
    height, width = (size - 2 * reach for size in x.shape[1:3])
    pixels = [(i, j) for i in range(kernel.shape[0]) for j in range(kernel.shape[1])]
    return bias + tf.add_n([x[:, i : i + height, j : j + width] @ kernel[i, j] for i, j in pixels])


def naive_upsample(x):
    index = np.arange(2 * x.shape[1]) // 2, np.arange(2 * x.shape[2]) // 2
    return tf.gather(tf.gather(x, index[0], axis=1), index[1], axis=2)


def naive_pool(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


# The function, what it stands for, the size of its kernel.
FORMS = {
    "convolve": (resampling.convolve, naive_convolve, 3),
    "pool 1x1": (resampling.pool_then_convolve1x1, lambda x, k, b: naive_pool(naive_convolve(x, k, b)), 1),
    "1x1 upsample": (resampling.convolve1x1_then_upsample, lambda x, k, b: naive_convolve(naive_upsample(x), k, b), 1),
    "3x3 pool": (resampling.convolve3x3_and_pool, lambda x, k, b: naive_pool(naive_convolve(x, k, b)), 3),
    "upsample 3x3": (resampling.upsample_and_convolve3x3, lambda x, k, b: naive_convolve(naive_upsample(x), k, b), 3),
}
EVERY_FORM = pytest.mark.parametrize("name", FORMS)


def arguments(rng, shape, filters, size, dtype):
    """(x, kernel, bias), random."""
    shapes = shape, (size, size, shape[-1], filters), (filters,)
    return [tf.constant(rng.normal(size=s), dtype) for s in shapes]


def derivatives(function, args, direction):
    """Value, gradient by each argument, and the gradient by each argument of a function of those gradients.

    A tanh stands behind the linear map, so that its second derivative is not 0.
    """
    with tf.GradientTape() as outer:
        outer.watch(args)
        with tf.GradientTape() as inner:
            inner.watch(args)
            value = function(*args)
            score = tf.reduce_sum(tf.tanh(value) * direction)
        first = inner.gradient(score, args)
        slope = tf.add_n([tf.reduce_sum(tf.square(g)) for g in first])
    return [value, *first, *outer.gradient(slope, args)]


@EVERY_FORM
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize(("shape", "filters"), [((2, 8, 8, 5), 7), ((3, 4, 10, 1), 2), ((2, 6, 2, 3), 1)])
def test_value_gradient_and_second_gradient_are_those_of_the_naive_pair(rng, name, shape, filters, dtype, tolerance):
    """Also for images not square, of one channel, or two pixels wide. Errors are relative to the largest value."""
    joined, naive, size = FORMS[name]
    args = arguments(rng, shape, filters, size, dtype)
    direction = tf.constant(rng.normal(size=naive(*args).shape), dtype)
    ours, theirs = (derivatives(function, args, direction) for function in (joined, naive))
    assert ours[0].dtype == dtype
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1, np.abs(b).max()))


@pytest.mark.quick
@EVERY_FORM
def test_a_single_pixel_anywhere_comes_out_exactly(name):
    """Integers have no rounding, so that the test needs no tolerance: any wrong shift, border or factor fails."""
    joined, naive, size = FORMS[name]
    kernel = tf.reshape(2.0 ** tf.range(size * size, dtype=tf.float64), [size, size, 1, 1])
    every_pixel = tf.reshape(tf.eye(4 * 6, dtype=tf.float64), [24, 4, 6, 1])
    bias = tf.constant([1024.0], tf.float64)
    np.testing.assert_array_equal(joined(every_pixel, kernel, bias), naive(every_pixel, kernel, bias))


@EVERY_FORM
def test_bfloat16_in_is_bfloat16_out_within_its_rounding(rng, name):
    joined, naive, size = FORMS[name]
    args = arguments(rng, (2, 8, 8, 5), 7, size, "bfloat16")
    exact = naive(*(tf.cast(a, tf.float64) for a in args)).numpy()
    ours = joined(*args)
    assert ours.dtype == tf.bfloat16
    # 2^-8 is one rounding; the kernel, the products' sum and the bias are rounded one after the other.
    np.testing.assert_allclose(tf.cast(ours, tf.float64), exact, rtol=0, atol=4 * 2**-8 * np.abs(exact).max())


def test_sum_of_shifts_is_the_kernel_at_four_places(rng):
    kernel = rng.normal(size=(3, 3, 2, 4))
    expected = np.zeros((4, 4, 2, 4))
    for i in range(2):
        for j in range(2):
            expected[i : i + 3, j : j + 3] += kernel
    np.testing.assert_allclose(resampling.sum_of_shifts(tf.constant(kernel)), expected, atol=1e-15)


@pytest.mark.parametrize("name", ["3x3 pool", "upsample 3x3"])
def test_a_batch_of_unknown_size_keeps_the_shape_of_its_images(name):
    joined, _, _ = FORMS[name]
    kernel, bias = tf.zeros([3, 3, 5, 7]), tf.zeros([7])
    traced = tf.function(joined).get_concrete_function(tf.TensorSpec([None, 8, 4, 5]), kernel, bias)
    assert traced.outputs[0].shape.as_list() == [None, *((4, 2) if name == "3x3 pool" else (16, 8)), 7]


@pytest.mark.quick
def test_relu_is_relu_to_the_second_derivative(rng):
    x, direction = tf.constant(rng.normal(size=(4, 9))), tf.constant(rng.normal(size=(4, 9)))
    x = tf.where(x > 1, tf.zeros_like(x), x)  # some exactly at the kink, where TensorFlow's slope is 0
    inside = [derivatives(lambda x, f=f: f(x * tf.abs(x)), [x], direction) for f in (relu, tf.nn.relu)]
    for ours, theirs in zip(*inside, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("norm", "both"), [("none", False), ("group", True)])
def test_zeros_are_not_carried_through_the_network(norm, both):
    """Without norms the slopes depend on the input of a ReLU through its sign alone. So the penalty gives the filters
    one gradient, through the backward pass. With norms there is a second one, through the forward pass."""
    critic = build_networks(width=8, image_size=16, norm=norm, groups=(4,)).critic

    @tf.function(autograph=False)
    def gradients(x):
        with tf.GradientTape() as tape:
            penalty, _ = gradient_penalty(lambda x: critic(x, training=True), x)
        return [g for g in tape.gradient(penalty, critic.trainable_variables) if g is not None]

    operations = gradients.get_concrete_function(tf.zeros([2, 16, 16, 3])).graph.get_operations()
    filters = sum("Conv2DBackpropFilter" in operation.type for operation in operations)
    convolutions = sum(isinstance(layer, keras.layers.Conv2D) for layer in critic._flatten_layers())
    # TensorFlow traces a filter gradient in the pass back that nothing reads, before it prunes it.
    assert filters == convolutions * (3 if both else 2) - both
