"""The generator that comes with the package makes the images that it made when it was trained."""

import pathlib

import numpy as np
import tensorflow as tf

import tfgan_gn

SAMPLES = pathlib.Path(__file__).parent / "example_samples.png"  # 16 images of seed 1, four in a row


def test_the_example_makes_the_images_that_it_made_when_it_was_trained():
    """It computes in bfloat16, which another processor rounds at other places: a few levels."""
    made = tfgan_gn.example_generator().sample(16, 1).numpy()
    kept = tf.io.decode_png(SAMPLES.read_bytes()).numpy()
    kept = kept.reshape(4, 32, 4, 32, 3).swapaxes(1, 2).reshape(16, 32, 32, 3)
    apart = np.abs(made.astype(int) - kept)
    assert apart.mean() < 1 and np.quantile(apart, 0.99) <= 6
    assert kept.std(axis=0).mean() > 30  # images that differ
