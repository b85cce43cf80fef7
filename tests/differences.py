"""Finite differences, against which every second derivative is held."""

import numpy as np
import tensorflow as tf

from tfgan_gn.training.losses import gradient_penalty


def penalty_gradient_error(critic, variables, x, step=1e-5, directions=3):
    """How far the gradient of the penalty is from the penalty's own finite differences, relative.

    The gradient's component along random directions in the space of all given variables is compared with the
    fourth-order central difference of the penalty's value (which is right even where its gradient is not).
    """
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        penalty, _ = gradient_penalty(critic, x)
    gradients = tape.gradient(penalty, variables)
    start = [v.numpy() for v in variables]
    random = np.random.default_rng(1)
    errors, sizes = [], []
    for _ in range(directions):
        direction = [random.standard_normal(s.shape) for s in start]

        def value(distance, direction=direction):
            for v, s, d in zip(variables, start, direction, strict=True):
                v.assign(s + distance * d)
            return float(gradient_penalty(critic, x)[0])

        near, far = (value(k * step) - value(-k * step) for k in (1, 2))
        difference = (8 * near - far) / (12 * step)
        # A bias that no slope depends on has no gradient at all.
        pairs = [(g, d) for g, d in zip(gradients, direction, strict=True) if g is not None]
        along = sum(float(tf.reduce_sum(g * d)) for g, d in pairs)
        errors.append(along - difference)
        sizes.append(difference)
    for v, s in zip(variables, start, strict=True):
        v.assign(s)
    return np.linalg.norm(errors) / np.linalg.norm(sizes)
