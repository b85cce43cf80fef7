"""A labelled set of invented characters, each written many times by hand: grey, bright strokes on a dark ground.

It has the structure of Omniglot (Lake et al. 2015): many classes with few images each, so that a network can be tried
on classes that it has not seen. What varies within a class is drawn too: each point of a stroke, the
slant, the turn, the size, the place and the pen.
"""

import numpy as np

CLASSES = tuple(f"character {number:03}" for number in range(300))
STROKES, DABS = 3, 24  # of a character; of a stroke
TOGETHER = 1_000  # images that are drawn together
OF_CHARACTERS = 2015  # seed of the characters, which are the same in every set


def draw_strokes(num_images, image_size, seed):
    """Draws one character in each image.

    A stroke is a quadratic Bezier curve, B(t) = (1 - t)^2 p_0 + 2 t (1 - t) p_1 + t^2 p_2. A character has 2 or 3 of
    them. The pen puts DABS dabs on each, Gaussians of the width s: a pixel at x has the ink
    sum_k exp(-|x - x_k|^2 / (2 s^2)), and the level 255 (1 - exp(-ink)).

    Args:
        num_images: N; image i is of class i mod 300.
        image_size: height and width.
        seed: of numpy's PCG64; the same seed draws the same images. The characters do not depend on it.

    Returns:
        (images uint8 [N, image_size, image_size, 1], labels int64 [N]).
    """
    points, written = _characters()
    labels = np.arange(num_images) % len(CLASSES)
    rng = np.random.default_rng(seed)
    images = np.empty((num_images, image_size, image_size, 1), np.uint8)
    for first in range(0, num_images, TOGETHER):
        rows = slice(first, first + TOGETHER)
        dabs = _curve(_by_hand(points[labels[rows]], rng))
        width = rng.uniform(0.035, 0.065, len(dabs))
        images[rows, ..., 0] = _ink(dabs, written[labels[rows]], width, image_size)
    return images, labels.astype(np.int64)


def _characters():
    """(points of the strokes [300, STROKES, 3, 2] in [-0.75, 0.75], whether a stroke is written, [300, STROKES])."""
    rng = np.random.default_rng(OF_CHARACTERS)
    of_strokes = len(CLASSES), STROKES
    begin = rng.uniform(0, 2 * np.pi, of_strokes)
    end = begin + rng.uniform(0.5, 1.5, of_strokes) * np.pi  # far from its begin, so that no stroke is a blot
    first, last = (0.75 * np.stack([np.cos(angle), np.sin(angle)], -1) for angle in (begin, end))
    bend = rng.uniform(-0.75, 0.75, (*of_strokes, 2))
    written = np.arange(STROKES) < rng.integers(2, STROKES + 1, len(CLASSES))[:, None]
    return np.stack([first, bend, last], 2), written


def _by_hand(points, rng):
    """Points [n, STROKES, 3, 2] as one hand writes them once: each is moved a little, and then all together."""
    n = len(points)
    moved = points + rng.normal(0, 0.06, points.shape)
    turn, slant, size = rng.normal(0, 0.12, n), rng.normal(0, 0.15, n), rng.uniform(0.75, 1.05, (n, 2))
    place = rng.uniform(-0.1, 0.1, (n, 1, 1, 2))
    cos, sin, one, zero = np.cos(turn), np.sin(turn), np.ones(n), np.zeros(n)
    rotation = np.array([[cos, -sin], [sin, cos]])
    shear = np.array([[one, slant], [zero, one]])
    matrix = np.einsum("ijn,jkn,nk->nik", rotation, shear, size)
    return np.einsum("nik,nspk->nspi", matrix, moved) + place


def _curve(points):
    """The dabs of the pen on each stroke: points [n, STROKES, 3, 2] to [n, STROKES, DABS, 2]."""
    t = np.linspace(0, 1, DABS)
    bernstein = np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2], 1)
    return np.einsum("tp,nspi->nsti", bernstein, points)


def _ink(dabs, written, width, image_size):
    """Levels uint8 [n, image_size, image_size]. A Gaussian is a product, so that the sum of dabs is one of matrices."""
    side = (np.arange(image_size) + 0.5) * 2 / image_size - 1
    n = len(dabs)
    distance = (dabs.reshape(n, -1, 2, 1) - side) / width[:, None, None, None]
    along = np.exp(-np.square(distance) / 2)  # [n, STROKES * DABS, (x, y), image_size]
    weight = np.repeat(written, DABS, 1)[..., None]
    ink = np.swapaxes(along[:, :, 1] * weight, 1, 2) @ along[:, :, 0]
    return np.rint(255 * (1 - np.exp(-ink)))
