"""The nearest real images of samples: as a picture, and as distances that show whether the samples are copies."""

import os

import numpy as np
import tensorflow as tf

from tfgan_gn import metrics
from tfgan_gn.files.whole import write_whole
from tfgan_gn.scoring import features, reference, scores

FOLDER = "neighbours"  # inside a run folder
SHOWN, COLUMNS = 20, 10  # samples in a picture, and in one of its lines
GAP = 4  # white pixels between the lines of a picture


def distances_of(held_out, real, extractor, batch_size, cache_dir, say):
    """The distances of held-out images to the nearest real image, in the features of the network.

    Args:
        held_out: `images.Images`; at most `scores.ROWS` of them are taken, evenly spread.
        real: `reference.Reference` of the images to search.
        extractor: the `extractors.Extractor` that `real` was made with.
        batch_size: images that the network takes at once.
        cache_dir: folder that keeps the features of the held-out images.
        say: function of a line of text for the user.

    Returns:
        float64 [n]; None for fewer than two held-out images, with which nothing can be compared.
    """
    if held_out.count < 2:
        return None
    rows = reference.of_images(held_out, extractor, batch_size, cache_dir, say).features
    return metrics.nearest(rows[features.spread(len(rows), scores.ROWS)], real.features).distances


def picture(samples, real_images, real, extractor, batch_size):
    """A picture of the first samples, each with its nearest real image below it, in the features of the network.

    Args:
        samples: `images.Images`.
        real_images: `images.Images` that `real` was made of.
        real: `reference.Reference`.
        extractor: `extractors.Extractor`.
        batch_size: images that the network takes at once.

    Returns:
        uint8 [height, width, 3]: lines of COLUMNS samples, and below each line one with their neighbours. Real images
        of another size are resized to that of the samples.
    """
    shown = np.stack(pick(samples, range(min(SHOWN, samples.count))))
    rows = np.concatenate([rows for rows, _ in features.collect(extractor, shown, batch_size)])
    numbers = features.spread(real.num_images, len(real.features))[metrics.nearest(rows, real.features).numbers]
    size = shown.shape[1:3]
    return arrange(shown, np.stack([_fit(image, size) for image in pick(real_images, numbers)]))


def save(picture, path):
    """Writes a picture as PNG, completely or not at all, and the folder that it is in."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    write_whole(path, tf.io.encode_png(picture).numpy())


def pick(images, numbers):
    """Some of `images.Images` by their numbers: list of uint8 [H, W, 3]. Images after the last of them are not read."""
    found, first, last = {}, 0, max(numbers)
    for part in images.parts():
        found |= {number: part[number - first] for number in numbers if first <= number < first + len(part)}
        first += len(part)
        if first > last:
            break
    return [found[number] for number in numbers]


def arrange(above, below):
    """Images in lines of COLUMNS, each line of the first ones over the same line of the second ones.

    Args:
        above: uint8 [N, H, W, C].
        below: uint8 [N, H, W, C].

    Returns:
        uint8 [height, width, C]; GAP white pixels separate the pairs of lines.
    """
    lines = []
    for start in range(0, len(above), COLUMNS):
        pair = [_line(images[start : start + COLUMNS], min(len(above), COLUMNS)) for images in (above, below)]
        lines += [*pair, np.full_like(pair[0][:GAP], 255)]
    return np.concatenate(lines[:-1])


def _line(images, columns):
    blank = np.full([columns - len(images), *images.shape[1:]], 255, np.uint8)
    return np.concatenate([*images, *blank], axis=1)


def _fit(image, size):
    if image.shape[:2] == size:
        return image
    resized = tf.image.resize(image, size, antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8).numpy()
