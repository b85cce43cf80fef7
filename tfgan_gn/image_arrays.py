"""Images in .npz and .npy files: which array, what its numbers mean, and how they become 8-bit."""

import functools
import lzma
import zipfile
import zlib

import numpy as np

from tfgan_gn.errors import UserError, first_line

LEVELS = {  # from values to 256 levels; in the first two, k / 255 and k / 256 (so scaled) both come back as k
    "-1,1": lambda x: np.floor(128 * (x + 1)),
    "0,1": lambda x: np.floor(256 * x),
    "0,255": np.rint,
}
SLACK = 1e-6  # of the width of a range, for float32 that was scaled to and fro
_DAMAGE = (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


def read_npz(path, choose=list):
    """Reads arrays of an .npz.

    Args:
        path: the file.
        choose: function from the list of the names of its arrays to the names of those to read.

    Returns:
        A dict from the names to the arrays.

    Raises:
        UserError: the file cannot be read; what `choose` raises.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in choose(file.files)}
    except UserError:
        raise
    except _DAMAGE as error:
        raise _unreadable(path, error) from None


def read(path, key=""):
    """Reads an array of colour images.

    Args:
        path: an .npy, or an .npz.
        key: name of the array in an .npz that holds several.

    Returns:
        An array [N, H, W, 3] of any number type.

    Raises:
        UserError: not readable, not such an array, or no saying which.
    """

    def choose(names):
        if key not in names and (key or len(names) != 1):
            raise UserError(f"{path} holds the arrays {', '.join(names) or 'none'}: say which, as {path}:KEY")
        return [key or names[0]]

    if path.endswith(".npz"):
        (array,) = read_npz(path, choose).values()
    elif key:
        raise UserError(f"{path}:{key} names an array, but an .npy holds one only: give {path}")
    else:
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except _DAMAGE as error:
            raise _unreadable(path, error) from None
    _refuse_other_shapes(path, array)
    return array


def converter(array, path, value_range):
    """The way from the array's numbers to 8-bit pixels.

    Args:
        array: of `read`.
        path: where it came from, for messages.
        value_range: key of LEVELS, or empty for an array that is uint8.

    Returns:
        Function of (part of the array, index of its first image) to uint8 [n, H, W, 3]. It raises UserError for a
        value that is not finite or out of the range, and names the image.

    Raises:
        UserError: a range is needed and not given, or given and of no use.
    """
    if array.dtype == np.uint8:
        if value_range:
            raise UserError(f"--value_range={value_range} has no effect on {path}, which is 8-bit: leave it out")
        return lambda part, first: np.ascontiguousarray(part)
    if array.dtype.kind not in "iuf":
        raise UserError(f"{path} holds {array.dtype}: give numbers, best uint8")
    if not value_range:
        raise UserError(
            f"{path} holds {array.dtype}, whose range nobody can tell from the values: say --value_range=-1,1, 0,1 or "
            "0,255, or give uint8"
        )
    return functools.partial(_convert, path=path, value_range=value_range)


def _convert(part, first, path, value_range):
    low, high = map(float, value_range.split(","))
    x = np.asarray(part, np.float64)
    slack = SLACK * (high - low)
    good = np.isfinite(x) & (x >= low - slack) & (x <= high + slack)
    if not good.all():
        where = np.argwhere(~good)[0]
        raise UserError(
            f"image {first + where[0]} of {path} holds {x[tuple(where)]:g}, which --value_range={value_range} does not "
            "allow: say the right range, or leave that image out"
        )
    return np.clip(LEVELS[value_range](x), 0, 255).astype(np.uint8)


def _unreadable(path, error):
    if isinstance(error, FileNotFoundError):
        return UserError(f"{path} does not exist: give the path of an .npz or .npy")
    return UserError(f"{path} cannot be read ({first_line(error)}): write it again with numpy")


def _refuse_other_shapes(path, array):
    shape = array.shape
    if array.ndim == 4 and shape[-1] == 3 and 0 not in shape:
        return
    if array.ndim == 4 and shape[1] == 3:
        way_out = "its channels stand first: give array.transpose(0, 2, 3, 1)"
    elif array.ndim == 3 or (array.ndim == 4 and shape[-1] == 1):
        way_out = "grey images have to be made colour ones: give each value three times"
    elif array.ndim == 4 and shape[-1] == 4:
        way_out = "leave the fourth channel out, array[..., :3], which says how opaque a pixel is"
    else:
        way_out = "give 8-bit colour images, one or more"
    raise UserError(f"{path} holds an array of shape {shape}, not [images, height, width, 3]: {way_out}")
