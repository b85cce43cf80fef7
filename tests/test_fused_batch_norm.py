"""Batch norm as one operation: values and derivatives are those of the formula, but for the rounding to bfloat16."""

import keras
import pytest
import tensorflow as tf

from tfgan_gn.layers.batch_norm import BatchNorm
from tfgan_gn.layers.fused_batch_norm import fused_batch_norm
from tfgan_gn.layers.norm_layers import EPSILON

pytestmark = pytest.mark.quick
ROUNDING = 2**-8  # the largest relative error of a number that is rounded to bfloat16


@pytest.fixture
def norm(rng):
    """A layer that computes in bfloat16, with random scale and offset."""
    norm = BatchNorm(dtype="mixed_bfloat16")
    norm.build((None, 6, 6, 8))
    for variable in norm.trainable_variables:
        variable.assign(rng.normal(1, 0.5, 8))
    return norm


def images(rng, mean=0.5):
    """Random numbers [8, 6, 6, 8] that bfloat16 represents exactly, as float64."""
    return tf.cast(tf.cast(rng.normal(mean, 2, (8, 6, 6, 8)), tf.bfloat16), tf.float64)


def formula(x, gamma, beta):
    """The published formula, in plain arithmetic of any type."""
    mean = tf.reduce_mean(x, [0, 1, 2])
    return gamma * (x - mean) / tf.sqrt(tf.reduce_mean((x - mean) ** 2, [0, 1, 2]) + EPSILON) + beta


def derivatives(function, x, gamma, beta, by_y, by_gradient):
    """The gradients of `function`; then those of the gradients' product with `by_gradient`, also by `by_y`."""
    inputs = (x, gamma, beta)
    with tf.GradientTape() as outer:
        outer.watch((*inputs, by_y))
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = function(*inputs)
        first = tape.gradient(y, inputs, by_y)
    return first, outer.gradient(first, (x, gamma, by_y), by_gradient)


def errors(ours, exact):
    """The error of each array, relative to its largest value."""
    ours, exact = ([tf.cast(a, tf.float64).numpy() for a in arrays] for arrays in (ours, exact))
    return [abs(a - e).max() / abs(e).max() for a, e in zip(ours, exact, strict=True)]


def test_first_and_second_derivative_are_those_of_the_formula(norm, rng):
    """The derivatives by gamma and beta are float32 sums over the batch. They lose less than those that are rounded."""
    x, by_y, by_x = images(rng), images(rng), images(rng)
    weights = [tf.cast(v, tf.float64) for v in (norm.gamma, norm.beta)]
    by_weights = [tf.constant(rng.normal(size=8)) for _ in weights]
    exact = derivatives(formula, x, *weights, by_y, [by_x, *by_weights])

    def in_bfloat16(x):
        return tf.cast(x, tf.bfloat16)

    narrow = [tf.cast(w, tf.float32) for w in by_weights]
    ours = derivatives(
        lambda *inputs: fused_batch_norm(*inputs, EPSILON),
        in_bfloat16(x),
        tf.convert_to_tensor(norm.gamma),
        tf.convert_to_tensor(norm.beta),
        in_bfloat16(by_y),
        [in_bfloat16(by_x), *narrow],
    )
    assert [a.dtype for a in ours[0]] == [tf.bfloat16, tf.float32, tf.float32]
    assert max(errors(ours[0], exact[0])) < ROUNDING and max(errors(ours[0], exact[0])[1:]) < 1e-5
    assert max(errors(ours[1], exact[1])) < 2 * ROUNDING


def operations(norm, **arguments):
    """The types of the operations that a call of the layer adds to a graph."""
    spec = tf.TensorSpec([8, 6, 6, 8], tf.bfloat16)
    graph = tf.function(lambda x: norm(x, **arguments)).get_concrete_function(spec).graph
    return [operation.type for operation in graph.get_operations()]


def test_each_tower_is_normalized_by_one_operation(norm, rng):
    """Which operation it is shows in the graph only: the values of the formula are the same."""
    x = images(rng, mean=3.0) + tf.reshape(tf.repeat([0.0, 8.0], 4), [8, 1, 1, 1]).numpy()
    y = norm(tf.cast(x, tf.bfloat16), towers=2)
    gamma, beta = (tf.cast(v, tf.float64) for v in (norm.gamma, norm.beta))
    exact = tf.concat(
        [formula(tf.cast(tf.cast(half, tf.bfloat16), tf.float64), gamma, beta) for half in tf.split(x, 2)], 0
    )
    assert max(errors([y], [exact])) < ROUNDING
    assert operations(norm, towers=2).count("FusedBatchNormV3") == 2
    assert "FusedBatchNormV3" not in operations(norm, standing=True)


def test_a_layer_whose_statistics_are_collected_is_not_fused(norm):
    norm.accumulating = True
    assert "FusedBatchNormV3" not in operations(norm)
    assert "AssignVariableOp" in operations(norm)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_other_precisions_are_not_fused(precision):
    norm = BatchNorm(dtype=keras.DTypePolicy(precision))
    graph = tf.function(norm).get_concrete_function(tf.TensorSpec([8, 6, 6, 8], precision)).graph
    assert "FusedBatchNormV3" not in {operation.type for operation in graph.get_operations()}
