"""Cutting and joining arrays of 8-bit images to batches of one size."""

import numpy as np

from tfgan_gn.errors import UserError


def rebatch(parts, batch_size):
    """Cuts and joins arrays of images to batches of one size.

    Args:
        parts: iterable of uint8 arrays [n, H, W, 3], all of one H and W, each of any n.
        batch_size: images per batch.

    Yields:
        uint8 arrays [batch_size, H, W, 3]; the last one may hold fewer images. Nothing if there are no images.

    Raises:
        UserError: an array of another type or shape, with its first wrong value.
    """
    rest, seen = None, 0
    for part in parts:
        part = _check_images(np.asarray(part), seen)
        seen += len(part)
        if rest is not None and rest.shape[1:] != part.shape[1:]:
            old, new = ("x".join(map(str, x.shape[1:3])) for x in (rest, part))
            raise UserError(f"images of {new} pixels come after images of {old}: give images of one size")
        rest = part if rest is None or not len(rest) else np.concatenate([rest, part])
        while len(rest) >= batch_size:
            yield rest[:batch_size]
            rest = rest[batch_size:]
    if rest is not None and len(rest):
        yield rest


def _check_images(images, seen):
    if images.ndim != 4 or images.shape[-1] != 3 or 0 in images.shape[1:]:
        raise UserError(
            f"images are an array of shape {images.shape}, not [N, height, width, 3]: give colour images (repeat the "
            "channel of grey images three times, leave out the fourth channel of transparent ones)"
        )
    if images.dtype != np.uint8:
        raise UserError(
            f"images are {images.dtype}{_range(images, seen)}, not uint8: give whole numbers 0 to 255, as published "
            "scores do; `pixels.quantize` makes them from floats in [-1, 1]"
        )
    return images


def _range(images, seen):
    """The values of an array in words: the first that is not finite, else the lowest and the highest."""
    if images.dtype.kind not in "iuf" or not images.size:
        return ""
    bad = np.argwhere(~np.isfinite(images))
    if len(bad):
        return f" with {images[tuple(bad[0])]} in image {seen + bad[0][0]}"
    return f" from {images.min()} to {images.max()}"
