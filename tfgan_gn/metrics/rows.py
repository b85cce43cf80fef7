"""Checks of the arrays that scores are computed from, and blocks of their rows that fit in memory."""

import numpy as np

from tfgan_gn.errors import UserError

BLOCK_ELEMENTS = 2**23  # of one temporary array: 64 MiB


class ScoreWarning(UserWarning):
    """A score was computed but should not be trusted; the text says why."""


def check_rows(x, name, least=1):
    """Returns the array as it is. Raises UserError unless it is [N, D], real and finite, with N >= `least`, D >= 1."""
    x = np.asarray(x)
    if x.ndim != 2 or x.shape[1] == 0 or x.dtype.kind not in "fiu":
        raise UserError(f"{name}: shape {x.shape} of {x.dtype}; give real numbers [rows, columns], one row per image")
    if len(x) < least:
        raise UserError(f"{name}: {len(x)} rows; give {least} or more")
    for rows in row_blocks(len(x), x.shape[1]):
        finite = np.isfinite(x[rows]).all(1)
        if not finite.all():
            row = rows.start + int(np.argmin(finite))
            raise UserError(
                f"{name}: row {row} holds nan or infinity; leave that image out, or repair what computed the row"
            )
    return x


def check_pair(x, y, names, least):
    """Returns two arrays as float64. Raises UserError as `check_rows`, and if their numbers of columns differ."""
    x, y = (check_rows(z, name, least).astype(np.float64) for z, name in zip((x, y), names, strict=True))
    if x.shape[1] != y.shape[1]:
        raise UserError(
            f"{names[0]} have {x.shape[1]} columns, {names[1]} {y.shape[1]}; give features of one network and layer"
        )
    return x, y


def check_at_least(name, value, least):
    """Raises UserError for a smaller number than `least`."""
    if value < least:
        raise UserError(f"{name}={value}; give {least} or more")


def row_blocks(num_rows, num_columns):
    """Slices that cover all rows; each has at most BLOCK_ELEMENTS / num_columns rows, and at least one."""
    step = max(1, BLOCK_ELEMENTS // num_columns)
    return [slice(start, min(start + step, num_rows)) for start in range(0, num_rows, step)]
