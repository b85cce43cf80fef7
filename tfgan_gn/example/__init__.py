"""A trained generator that comes with the package; docs/results.md says how it was trained."""

import functools
import os

from tfgan_gn.export import load_generator


@functools.cache  # which keeps it: the functions of a SavedModel end with the object that has them
def example_generator():
    """Loads the generator of a run on CIFAR-10, at a quarter of the published width.

        images = tfgan_gn.example_generator().sample(64, 1)  # 64 images with seed 1: uint8 [64, 32, 32, 3]

    Returns:
        An object with the functions `sample`, `sample_block`, `generate` and `metadata` of `export_generator`.
    """
    return load_generator(os.path.join(os.path.dirname(__file__), "generator"))
