"""Pixels to [-1, 1] and back to 8 bits."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.data.pixels import PIXELS, dequantize, middles, quantize

pytestmark = pytest.mark.quick


def test_dequantize_is_the_published_formula():
    pixels, noise = np.array([0, 1, 128, 255], np.uint8), np.array([0, 1 / 256, 0, 1 / 256])
    np.testing.assert_allclose(dequantize(pixels, noise), [-1, -1 + 3 / 256, 0, 1 - 1 / 256], atol=1e-15)


def test_quantize_brings_every_level_back_whatever_the_noise(rng):
    pixels = np.repeat(np.arange(256, dtype=np.uint8), 100)
    for noise in (np.zeros(25600), rng.uniform(0, 1 - 1e-4, 25600) / 128, np.full(25600, (1 - 1e-4) / 128)):
        np.testing.assert_array_equal(quantize(dequantize(pixels, tf.constant(noise, tf.float32))), pixels)


def test_the_published_scale_gives_the_published_pixels(rng):
    """That is ((samples + 1.) * (255.99 / 2)).astype("int32") in numpy, on float32."""
    images = np.concatenate([rng.uniform(-1, 1, 100_000), np.tanh(rng.normal(size=100_000) * 3), [-1.0, 1.0]])
    images = images.astype(np.float32)
    published = ((images + 1.0) * (255.99 / 2)).astype("int32")
    np.testing.assert_array_equal(quantize(tf.constant(images), 127.995), published)
    assert published.min() == 0 and published.max() == 255, "at 1.0, without clipping"


def test_the_published_scale_takes_the_lower_end_of_a_level_to_the_level_below():
    pixels = np.arange(256)
    lower_ends = dequantize(pixels, np.zeros(256))
    np.testing.assert_array_equal(quantize(lower_ends, 127.995), np.maximum(pixels - 1, 0))
    middles = lower_ends + 1 / 256
    np.testing.assert_array_equal(quantize(middles, 127.995), pixels)


@pytest.mark.parametrize("name", PIXELS)
def test_the_inverse_brings_every_level_back(name, rng):
    pixels, noise = np.arange(256), tf.constant(rng.uniform(0, 1 - 1e-4, 256) / 128, tf.float32)
    images = PIXELS[name].to_floats(pixels, noise)
    assert images.dtype == noise.dtype and abs(images.numpy()).max() <= 1
    np.testing.assert_array_equal(PIXELS[name].to_pixels(images), pixels)


def test_pixels_of_255_levels_are_the_published_formula_without_noise_and_rounded_to_the_nearest(rng):
    """`gan_cifar.py`: 2 (x / 255 - 1/2). A generated value between two levels becomes the nearer one."""
    pixels, noise = np.arange(256), rng.uniform(0, 1 / 128, 256)
    np.testing.assert_allclose(PIXELS["255"].to_floats(pixels, noise), 2 * (pixels / 255 - 0.5), rtol=0, atol=1e-15)
    between = 2 * (np.array([-0.6, 7.4, 7.6, 254.6, 255.7]) / 255 - 0.5)
    np.testing.assert_array_equal(PIXELS["255"].to_pixels(tf.constant(between)), [0, 7, 8, 255, 255])


@pytest.mark.parametrize("name", PIXELS)
def test_the_middle_of_a_level_is_what_its_floats_are_on_average(name):
    """The mean of the dequantization noise is 1/256."""
    pixels, (_, scale, shift) = np.arange(256), PIXELS[name]
    expected = PIXELS[name].to_floats(pixels, np.full(256, 1 / 256))
    np.testing.assert_allclose(middles(pixels, scale, shift), expected, rtol=0, atol=1e-6)


def test_quantize_clips():
    np.testing.assert_array_equal(quantize(tf.constant([-1.0, 1.0, -1.5, 1.5])), [0, 255, 0, 255])
