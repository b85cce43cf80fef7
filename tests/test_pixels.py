"""Pixels to [-1, 1] and back to 8 bits."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.data.pixels import dequantize, quantize

pytestmark = pytest.mark.quick


def test_dequantize_is_the_published_formula():
    pixels, noise = np.array([0, 1, 128, 255], np.uint8), np.array([0, 1 / 256, 0, 1 / 256])
    np.testing.assert_allclose(dequantize(pixels, noise), [-1, -1 + 3 / 256, 0, 1 - 1 / 256], atol=1e-15)


def test_quantize_brings_every_level_back_whatever_the_noise(rng):
    pixels = np.repeat(np.arange(256, dtype=np.uint8), 100)
    for noise in (np.zeros(25600), rng.uniform(0, 1 - 1e-4, 25600) / 128, np.full(25600, (1 - 1e-4) / 128)):
        np.testing.assert_array_equal(quantize(dequantize(pixels, tf.constant(noise, tf.float32))), pixels)


def test_quantize_clips():
    np.testing.assert_array_equal(quantize(tf.constant([-1.0, 1.0, -1.5, 1.5])), [0, 255, 0, 255])
