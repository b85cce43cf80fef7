"""Arrays of 8-bit images, however they come, to batches of one size."""

import numpy as np

from tfgan_gn.errors import UserError


def rebatch(parts, batch_size):
    """Joins and cuts arrays of images to batches of one size, the last one smaller if need be.

    Args:
        parts: iterable of uint8 arrays [N, H, W, 3], of one H and W and of any N each.
        batch_size: images per batch.

    Yields:
        uint8 arrays [batch_size, H, W, 3]; none where there are no images.

    Raises:
        UserError: an array of another type or shape than these, with the first value that is wrong.
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
            f"images are an array of shape {images.shape}, not [N, height, width, 3]: give colour images (grey ones "
            "with their channel three times, transparent ones without the fourth)"
        )
    if images.dtype != np.uint8:
        raise UserError(
            f"images are {images.dtype}{_range(images, seen)}, not uint8: give whole numbers 0 to 255, as scores are "
            "published for; `pixels.quantize` makes them from floats in [-1, 1]"
        )
    return images


def _range(images, seen):
    if images.dtype.kind not in "iuf" or not images.size:
        return ""
    bad = np.argwhere(~np.isfinite(images))
    if len(bad):
        return f" with {images[tuple(bad[0])]} in image {seen + bad[0][0]}"
    return f" from {images.min()} to {images.max()}"
