"""A labelled set of ten kinds of coloured shapes, drawn here, for machines without data or network."""

import numpy as np


def _square_distance(u, v):
    return np.maximum(np.abs(u), np.abs(v))


def _star(u, v):
    spoke = np.abs((np.arctan2(u, v) / (2 * np.pi) * 5 + 0.5) % 1 - 0.5) * 2  # 0 on a point, 1 between two points
    return np.hypot(u, v) - (1.05 - 0.6 * spoke)


def _checker(u, v):
    cell = (np.floor(u * 1.7) + np.floor(v * 1.7)) % 2
    return np.where(cell == 0, _square_distance(u, v) - 0.9, 1.0)


# About how far (u, v) lies outside each shape of unit size; negative inside.
SIGNED_DISTANCES = {
    "disc": lambda u, v: np.hypot(u, v) - 1,
    "ring": lambda u, v: np.abs(np.hypot(u, v) - 0.78) - 0.22,
    "square": lambda u, v: _square_distance(u, v) - 0.85,
    "frame": lambda u, v: np.abs(_square_distance(u, v) - 0.7) - 0.18,
    "triangle": lambda u, v: np.maximum(-v - 0.6, (np.sqrt(3) * np.abs(u) + v - 1) / 2),
    "star": _star,
    "plus": lambda u, v: np.maximum(np.minimum(np.abs(u), np.abs(v)) - 0.3, _square_distance(u, v) - 0.95),
    "crescent": lambda u, v: np.maximum(np.hypot(u, v) - 1, 0.8 - np.hypot(u - 0.5, v)),
    "stripes": lambda u, v: np.maximum(_square_distance(u, v) - 0.9, 0.15 - np.abs((v * 1.7 + 0.25) % 1 - 0.5)),
    "checker": _checker,
}
CLASSES = tuple(SIGNED_DISTANCES)


def draw_shapes(num_images, image_size, seed):
    """Draws one shape in each image, of random colour, place, size and tilt, on a ground of two colours.

    Args:
        num_images: N; image i is of class i mod 10.
        image_size: height and width.
        seed: of numpy's PCG64; the same seed draws the same images.

    Returns:
        (images uint8 [N, image_size, image_size, 3], labels int64 [N]).
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(num_images) % len(CLASSES)
    tilt = rng.uniform(-0.3, 0.3, num_images)
    radius = rng.uniform(0.45, 0.75, num_images)
    centre = rng.uniform(-0.22, 0.22, (num_images, 2))
    shape_colour, first_colour, last_colour = _colours(rng, num_images)
    direction = rng.uniform(0, 2 * np.pi, num_images)
    images = np.empty((num_images, image_size, image_size, 3), np.uint8)
    for label in range(len(CLASSES)):
        # About 20 images at a time, whose arrays stay in the processor's cache.
        for rows in np.array_split(np.flatnonzero(labels == label), 1 + num_images // 200):
            x, y = _grid(image_size, rows)
            ramp = (1 + (x * np.cos(direction[rows]) + y * np.sin(direction[rows])) / np.sqrt(2)) / 2
            ground = first_colour[rows] + ramp[..., None] * (last_colour[rows] - first_colour[rows])
            x, y = x - centre[rows, 0], y - centre[rows, 1]
            u = (x * np.cos(tilt[rows]) + y * np.sin(tilt[rows])) / radius[rows]
            v = (y * np.cos(tilt[rows]) - x * np.sin(tilt[rows])) / radius[rows]
            distance = SIGNED_DISTANCES[CLASSES[label]](u, v) * radius[rows]
            inside = np.clip(0.5 - distance * image_size / 2, 0, 1)[..., None]
            colour = ground + inside * (shape_colour[rows] - ground)
            images[rows] = np.moveaxis(np.rint(255 * colour), 2, 0)
    return images, labels.astype(np.int64)


def _grid(image_size, rows):
    """Coordinates in (-1, 1), each [image_size, image_size, len(rows)]; y points up."""
    side = (np.arange(image_size) + 0.5) * 2 / image_size - 1
    ones = np.ones(len(rows))
    return side[None, :, None] * ones, -side[:, None, None] * ones


def _colours(rng, n):
    """Colours of a bright shape and of the two ends of a dark or pale ground: three arrays [n, 3] in [0, 1]."""
    hue = rng.uniform(0, 1, (n, 3))
    pale = rng.uniform(0, 1, n) < 0.5
    ground = np.where(pale, 0.85, 0.25)
    shape = _hsv(hue[:, 0], 0.9, np.where(pale, 0.7, 1.0))
    first = _hsv(hue[:, 1], 0.35, ground)
    return shape, first, _hsv(hue[:, 1] + 0.25 * hue[:, 2], 0.35, ground * 0.8)


def _hsv(hue, saturation, value):
    ramps = np.abs((hue[:, None] + np.array([0, 2 / 3, 1 / 3])) % 1 * 6 - 3) - 1
    return (1 - saturation * (1 - np.clip(ramps, 0, 1))) * np.broadcast_to(value, hue.shape)[:, None]
