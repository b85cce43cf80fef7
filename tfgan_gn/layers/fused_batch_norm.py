"""Batch norm of bfloat16 activations, as one operation of TensorFlow and one for its gradient."""

import tensorflow as tf

from tfgan_gn.layers.norm_layers import mean_and_variance


def normalize(x, gamma, beta, mean, variance, epsilon):
    """Computes gamma (x - mean) / sqrt(variance + epsilon) + beta, as one multiplication and one addition.

    Args:
        x: float array [N, ..., C].
        gamma: scale, an array that broadcasts with x. Everything is computed in its type.
        beta: offset, of the same type, like `mean` and `variance`.
        mean: likewise.
        variance: likewise.
        epsilon: added to the variance.

    Returns:
        A tensor of x's shape and dtype.
    """
    scale = gamma * tf.math.rsqrt(variance + epsilon)
    return tf.cast(tf.cast(x, gamma.dtype) * scale + (beta - mean * scale), x.dtype)


def fused_batch_norm(x, gamma, beta, epsilon):
    """Batch normalization by the statistics of x (Ioffe and Szegedy 2015, algorithm 1), computed in float32.

    TensorFlow's `FusedBatchNormV3` reads and writes x in bfloat16. The same formula from single operations first
    converts x to float32 and then writes several arrays of that size. TensorFlow's second derivative computes the
    statistics in bfloat16, which is not enough; the one here is that of the formula in float32.

    Args:
        x: bfloat16 array [N, H, W, C].
        gamma: scale, float32 array [C].
        beta: offset, float32 array [C].
        epsilon: added to the variance.

    Returns:
        A tensor of x's shape and dtype.
    """

    @tf.custom_gradient
    def norm(x, gamma, beta):
        y, _, _, *saved = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=gamma, offset=beta, mean=[], variance=[], epsilon=epsilon, is_training=True
        )
        reserved = {f"reserve_space_{i}": each for i, each in enumerate(saved, 1)}

        @tf.custom_gradient
        def gradient(by_y, x, gamma):
            by_inputs = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=by_y, x=x, scale=gamma, epsilon=epsilon, is_training=True, **reserved
            )[:3]
            return tuple(by_inputs), lambda *by: _second_derivative(by_y, x, gamma, epsilon, by)

        return y, lambda by_y: gradient(by_y, x, gamma)

    return norm(x, gamma, beta)


def _second_derivative(by_y, x, gamma, epsilon, by):
    """From gradients with respect to the norm's three gradients, to those with respect to by_y, x and gamma."""
    with tf.GradientTape() as outer:
        outer.watch((by_y, x, gamma))
        beta = tf.zeros_like(gamma)
        with tf.GradientTape() as tape:
            tape.watch((x, gamma, beta))
            statistics = mean_and_variance(tf.cast(x, gamma.dtype), [0, 1, 2])
            y = normalize(x, gamma, beta, *statistics, epsilon)
        first = tape.gradient(y, (x, gamma, beta), by_y)
    return outer.gradient(first, (by_y, x, gamma), by)
