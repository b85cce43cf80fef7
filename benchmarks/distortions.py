"""The distortions of Heusel et al. 2017, figure 3 and appendix A1, for images of any size.

Each is a function of (images uint8 [N, H, W, 3], level, numpy Generator) to images uint8 [N, H, W, 3]. Level 0 changes
nothing. What is random does not depend on the level: with generators of one seed, a higher level adds to what the lower
one does.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from tfgan_gn.data.drawn.shapes import draw_shapes

RECTANGLES = 5
SWIRL_EXTENT = 25.0  # rho of the paper, in pixels


class Distortion(NamedTuple):
    """A row of DISTORTIONS: the function, and its levels in rising order, without 0."""

    function: Callable
    levels: tuple[float, ...]


def gaussian_noise(images, level, rng):
    """(1 - level) X + level N, where N is normal noise that is scaled to [0, 255], for each image."""
    noise = rng.standard_normal(images.shape, np.float32)
    low, high = (f(noise, axis=(1, 2, 3), keepdims=True) for f in (np.min, np.max))
    return _to_uint8((1 - level) * images + level * 255 * (noise - low) / (high - low))


def gaussian_blur(images, level, rng):
    """Convolution with a Gaussian whose standard deviation is `level` pixels."""
    return _to_uint8(ndimage.gaussian_filter(images.astype(np.float32), (0, level, level, 0)))


def black_rectangles(images, level, rng):
    """Five black rectangles at random places; their sides are `level` times those of the image."""
    corners = rng.uniform(size=(RECTANGLES, 2, len(images)))
    rows, columns = (np.arange(size) for size in images.shape[1:3])
    black = np.zeros(images.shape[:3], bool)
    for top, left in corners:
        black |= _within(rows, top, level)[:, :, None] & _within(columns, left, level)[:, None]
    return np.where(black[..., None], 0, images).astype(np.uint8)


def _within(positions, start, level):
    """Which positions lie in the side of a rectangle, [N, positions]; `start` in [0, 1] moves it over the image."""
    side = round(level * len(positions))
    first = np.rint(start * (len(positions) - side)).astype(int)[:, None]
    return (first <= positions) & (positions < first + side)


def swirl(images, level, rng):
    """Turns pixels about the centre: by level e^(-5 r / (rho ln 2)) at the distance r, where rho is SWIRL_EXTENT."""
    height, width = images.shape[1:3]
    y, x = np.mgrid[:height, :width].astype(float)
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    angle += level * np.exp(-5 * radius / (np.log(2) * SWIRL_EXTENT))
    sources = [radius * np.sin(angle) + (height - 1) / 2, radius * np.cos(angle) + (width - 1) / 2]
    channels = np.moveaxis(images, -1, 1).reshape(-1, height, width).astype(np.float32)
    turned = [ndimage.map_coordinates(channel, sources, order=1, mode="nearest") for channel in channels]
    return _to_uint8(np.moveaxis(np.reshape(turned, (-1, 3, height, width)), 1, -1))


def salt_and_pepper(images, level, rng):
    """Makes a share `level` of the pixels black or white, each half of the time."""
    chosen, white = rng.uniform(size=images.shape[:3]) < level, rng.uniform(size=images.shape[:3]) < 0.5
    return np.where(chosen[..., None], 255 * white[..., None], images).astype(np.uint8)


def foreign_images(images, level, rng):
    """Replaces a share `level` of the images by drawn shapes; the paper mixes ImageNet into CelebA."""
    replaced = rng.permutation(len(images))[: round(level * len(images))]
    drawn, _ = draw_shapes(len(images), images.shape[1], int(rng.integers(2**31)))
    mixed = images.copy()
    mixed[replaced] = drawn[replaced]
    return mixed


def _to_uint8(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


# The paper's three levels, and two smaller ones; one more between those of the rectangles.
DISTORTIONS = {
    "Gaussian noise": Distortion(gaussian_noise, (0.0625, 0.125, 0.25, 0.5, 0.75)),
    "Gaussian blur": Distortion(gaussian_blur, (0.5, 0.75, 1, 2, 4)),
    "black rectangles": Distortion(black_rectangles, (0.0625, 0.125, 0.25, 0.375, 0.5, 0.75)),
    "swirl": Distortion(swirl, (0.25, 0.5, 1, 2, 4)),
    "salt and pepper": Distortion(salt_and_pepper, (0.02, 0.05, 0.1, 0.2, 0.3)),
    "foreign images": Distortion(foreign_images, (0.0625, 0.125, 0.25, 0.5, 0.75)),
}
