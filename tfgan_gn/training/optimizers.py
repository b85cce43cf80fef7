"""Optimizers and schedules of the source systems, and weight clipping (Arjovsky et al. 2017)."""

import keras
import numpy as np
import tensorflow as tf


def linear_decay(learning_rate, iterations):
    """The published schedule, from the outer iteration to lr max(0, 1 - iteration / iterations)."""

    def rate(iteration):
        left = 1 - tf.cast(iteration, keras.config.floatx()) / iterations
        return learning_rate * tf.maximum(left, 0)

    return rate


def constant(learning_rate):
    """A schedule that stays."""
    return lambda iteration: tf.constant(learning_rate, keras.config.floatx())


def adam(beta_1, beta_2):
    """TensorFlow 1's Adam: epsilon 1e-8 (Keras' default of 1e-7 moves weights 1e-4 elsewhere in one step)."""
    # A Python number would pass through float32 on its way to float64 weights.
    beta_1, beta_2, epsilon = np.float64(beta_1), np.float64(beta_2), np.float64(1e-8)
    return keras.optimizers.Adam(0.0, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


@keras.saving.register_keras_serializable("tfgan_gn")
class RMSProp(keras.optimizers.RMSprop):
    """Keras' RMSprop with the mean square starting at 1, as TensorFlow 1's does, and PyTorch's and Keras' do not.

    From 0, the first steps would be 1 / sqrt(1 - rho) = 3.2 learning rates long whatever the gradient; from 1, those
    of small gradients are short.
    """

    def build(self, variables):
        """Creates the mean squares for a list of variables."""
        if self.built:
            return
        super().build(variables)
        for variable in self.variables:
            if "velocity" in variable.path:
                variable.assign(tf.ones(variable.shape, variable.dtype))


def rmsprop():
    """`tf.train.RMSPropOptimizer` with its defaults, as `gan_cifar.py` has it: rho 0.9, epsilon 1e-10, no momentum."""
    # A Python number would pass through float32 on its way to float64 weights.
    return RMSProp(0.0, rho=np.float64(0.9), epsilon=np.float64(1e-10))


def sgd(momentum):
    """Stochastic gradient descent with momentum: v = momentum v - lr g, w = w + v."""
    return keras.optimizers.SGD(0.0, momentum=momentum)


def clip_weights(variables, bound):
    """Clips variables to [-bound, bound], on every replica; called on a replica, after an update.

    All trainable weights of the critic are meant, as in `gan_cifar.py`: biases, and scales and offsets of norms, too.

    Args:
        variables: Keras variables.
        bound: largest absolute value.
    """

    def on_all(strategy):
        for variable in variables:
            strategy.extended.update(variable.value, lambda v: v.assign(tf.clip_by_value(v, -bound, bound)))

    # As Keras' optimizers do: a function that XLA compiled for several GPUs cannot stop to merge.
    tf.__internal__.distribute.interim.maybe_merge_call(on_all, tf.distribute.get_strategy())
