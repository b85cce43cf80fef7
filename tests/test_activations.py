"""Activations: value and gradient in closed form, in the precision of x."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.layers.activations import leaky_relu, relu

pytestmark = pytest.mark.quick
X = np.array([-2.0, -0.3, 0.7, 3.0])


@pytest.mark.parametrize(
    ("activation", "slope"), [(relu, 0.0), (lambda x: leaky_relu(x, 0.2), 0.2), (lambda x: leaky_relu(x, 0.01), 0.01)]
)
def test_negative_values_are_multiplied_by_the_slope(activation, slope):
    """In float64 to the last bits: a slope that was rounded to float32 is off by 1e-8."""
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = activation(x)
    np.testing.assert_allclose(y, np.where(X > 0, X, slope * X), rtol=1e-15)
    np.testing.assert_allclose(tape.gradient(y, x), np.where(X > 0, 1, slope), rtol=1e-15)
