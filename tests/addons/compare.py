"""Runs where tensorflow-addons does (see run.sh): its norms beside ours, value, first and second derivative.

Prints a table and ends with an error unless values and first derivatives agree to 1e-6, our gradient of the penalty is
exact (finite differences, 1e-7) and theirs is not.
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from differences import penalty_gradient_error

from tfgan_gn.layers.norm_layers import EPSILON, group_norm


class Ours(tf.keras.layers.Layer):
    """`group_norm` as a layer of Keras 2, whose weights take other arguments than those of Keras 3."""

    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def build(self, shape):
        self.gamma, self.beta = (self.add_weight(name=name, shape=shape[-1:]) for name in ("gamma", "beta"))
        self.built = True

    def call(self, x):
        return group_norm(x, self.gamma, tf.convert_to_tensor(self.beta), self.groups)


PAIRS = {  # tensorflow-addons calls instance norm a group norm with one channel per group
    "group": (lambda: tfa.layers.GroupNormalization(4, epsilon=EPSILON), lambda: Ours(4)),
    "instance": (lambda: tfa.layers.InstanceNormalization(epsilon=EPSILON), lambda: Ours(8)),
}


def small_critic(norm, weights):
    """One convolution, the norm, tanh and a linear layer with the given weights."""
    kernel, last, gamma, beta = (tf.Variable(w) for w in weights)
    norm.build((None, 6, 6, 8))
    norm.gamma.assign(gamma)
    norm.beta.assign(beta)

    def critic(x):
        return tf.linalg.matvec(tf.reduce_mean(tf.tanh(norm(tf.nn.conv2d(x, kernel, 1, "SAME"))), [1, 2]), last)

    return critic, [kernel, last, norm.gamma, norm.beta]


def first_derivatives(critic, variables, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = tf.reduce_sum(critic(x))
    return [score, *tape.gradient(score, [x, *variables])]


def main():
    tf.keras.backend.set_floatx("float64")
    rng = np.random.default_rng(0)
    kernel, last, gamma, beta = (rng.normal(size=shape) for shape in ((3, 3, 3, 8), 8, 8, 8))
    weights = [0.3 * kernel, last, 1 + 0.3 * gamma, 0.3 * beta]
    x = tf.constant(rng.normal(size=(3, 6, 6, 3)))
    failed = False
    for name, (theirs, ours) in PAIRS.items():
        critics = [small_critic(make(), weights) for make in (theirs, ours)]
        values = [first_derivatives(critic, variables, x) for critic, variables in critics]
        first = max(float(tf.reduce_max(abs(a - b)) / tf.reduce_max(abs(b))) for a, b in zip(*values))
        second = [penalty_gradient_error(critic, variables, x) for critic, variables in critics]
        failed |= not (first < 1e-6 and second[0] > 1e-3 and second[1] < 1e-7)
        sys.stdout.write(
            f"{name:9} values and first derivatives differ by {first:.0e}; gradient of the penalty off by "
            f"{second[0]:.1%} (tensorflow-addons), {second[1]:.0e} (ours)\n"
        )
    sys.exit(failed)


if __name__ == "__main__":
    main()
