"""Optimizers and schedules of the source systems; weight clipping (Arjovsky et al. 2017); a network's update."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True, eq=False)
class Update:
    """How the weights of one network are updated.

    Attributes:
        optimizer: Keras optimizer.
        learning_rate: schedule, from the iteration (int64 scalar) to the optimizer's learning rate.
        clip: all weights are clipped to [-clip, clip] after each update; None for no clipping.
    """

    optimizer: keras.optimizers.Optimizer
    learning_rate: Callable
    clip: float | None = None

    def set_learning_rate(self, iteration):
        """Sets the optimizer's learning rate to that of an iteration."""
        self.optimizer.learning_rate.assign(self.learning_rate(iteration))

    def apply(self, gradients, variables):
        """Updates variables by their gradients, lists of one length; call it on a replica."""
        self.optimizer.apply(gradients, variables)
        if self.clip is not None:
            clip_weights(variables, self.clip)


def linear_decay(learning_rate, iterations):
    """The published schedule: lr max(0, 1 - iteration / iterations), where an iteration has all its critic steps."""

    def rate(iteration):
        left = 1 - tf.cast(iteration, keras.config.floatx()) / iterations
        return learning_rate * tf.maximum(left, 0)

    return rate


def constant(learning_rate):
    """A schedule with the same learning rate in every iteration."""
    return lambda iteration: tf.constant(learning_rate, keras.config.floatx())


@keras.saving.register_keras_serializable("tfgan_gn")
class Adam(keras.optimizers.Adam):
    """Keras' Adam, but each weight is updated by TensorFlow's one operation for it, the one of TensorFlow 1.

    Keras computes the same formula by about thirty operations for each weight, which takes a quarter of the time of
    tracing a step, and as many kernel launches on a GPU. Its variables are the same. The result in float32 may differ
    in the last bit, because Keras subtracts 1 - beta in float64.
    """

    def update_step(self, gradient, variable, learning_rate):
        """Updates one weight, a tf.Variable, and its moments by its gradient."""
        index, dtype = self._get_variable_index(variable), variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = tf.cast(self.beta_1, dtype), tf.cast(self.beta_2, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )


def adam(beta_1, beta_2):
    """TensorFlow 1's Adam: epsilon is 1e-8. With Keras' default, 1e-7, weights differ by 1e-4 after one step."""
    # Keras converts a Python number to float32 first, even for float64 weights.
    beta_1, beta_2, epsilon = np.float64(beta_1), np.float64(beta_2), np.float64(1e-8)
    return Adam(0.0, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


@keras.saving.register_keras_serializable("tfgan_gn")
class RMSProp(keras.optimizers.RMSprop):
    """Keras' RMSprop, but the mean square starts at 1 as in TensorFlow 1; in Keras and in PyTorch it starts at 0.

    From 0, the first step of every weight is 1 / sqrt(1 - rho) = 3.2 learning rates long, whatever its gradient. From
    1, it is short where the gradient is small.
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
    """`tf.train.RMSPropOptimizer` with its defaults, as in `gan_cifar.py`: rho 0.9, epsilon 1e-10, no momentum."""
    # Keras converts a Python number to float32 first, even for float64 weights.
    return RMSProp(0.0, rho=np.float64(0.9), epsilon=np.float64(1e-10))


def sgd(momentum):
    """Stochastic gradient descent with momentum: v = momentum v - lr g, w = w + v."""
    return keras.optimizers.SGD(0.0, momentum=momentum)


def clip_weights(variables, bound):
    """Clips variables to [-bound, bound] on every replica; call it on a replica, after an update.

    `gan_cifar.py` clips all trainable weights of the critic: biases and the scales and offsets of norms too.

    Args:
        variables: Keras variables.
        bound: largest absolute value, above 0.
    """

    def on_all(strategy):
        for variable in variables:
            strategy.extended.update(variable.value, lambda v: v.assign(tf.clip_by_value(v, -bound, bound)))

    # As Keras' optimizers do: `merge_call` fails inside a function that XLA compiles for several GPUs.
    tf.__internal__.distribute.interim.maybe_merge_call(on_all, tf.distribute.get_strategy())
