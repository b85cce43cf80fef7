"""ReLU with a second derivative that costs nothing, and the leaky ReLU of the published critics."""

import tensorflow as tf


@tf.custom_gradient
def relu(x):
    """max(x, 0), with a second derivative that is known to be 0.

    TensorFlow computes that 0 as an array, and the gradient of the penalty then carries the array through the whole
    network, through two convolutions per convolution. The gradient written here has no derivative of its own, so that
    nothing is carried.
    """
    y = tf.nn.relu(x)

    def gradient(by_y):
        return tf.raw_ops.ReluGrad(gradients=by_y, features=tf.stop_gradient(y))

    return y, gradient


def leaky_relu(x, leak):
    """max(leak x, x), as `gan_cifar.py` has it.

    `tf.nn.leaky_relu` rounds the leak to float32 even where x is float64.
    """
    return tf.maximum(leak * x, x)
