"""Images in .npz and .npy files: which array, what its numbers mean, and how they become 8-bit."""

import functools
import lzma
import zipfile
import zlib
from typing import NamedTuple

import numpy as np

from tfgan_gn.errors import UserError, first_line

LEVELS = {  # from values to 256 levels; in the first two, k / 255 and k / 256 (so scaled) both come back as k
    "-1,1": lambda x: np.floor(128 * (x + 1)),
    "0,1": lambda x: np.floor(256 * x),
    "0,255": np.rint,
}
SLACK = 1e-6  # of the width of a range, for float32 that was scaled to and fro
_DAMAGE = (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


class Labelled(NamedTuple):
    """What an .npz of labelled images holds.

    Attributes:
        train: (images uint8 [N, H, W, C], labels int64 [N]) to learn from.
        test: the same, held out; None where the file says nothing of any.
        classes: names of the classes: "0", "1" and so on.
    """

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray] | None
    classes: tuple[str, ...]


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


def read_labelled(path):
    """Reads an .npz of images to learn from.

    Args:
        path: the file, with the arrays `images` and, if there are any, `labels`; or x_train, y_train, x_test, y_test,
            as Keras' own files have; or with one array, of images.

    Returns:
        Labelled. Without labels all images are of one class, "image".

    Raises:
        UserError: not readable, other arrays, images that are not uint8 [N, H, W, 3] or [N, H, W, 1], labels that are
            not whole numbers 0 to K - 1, one for each image.
    """

    def choose(names):
        for images in ("images", "x_train"):
            if images in names:
                return [
                    name for name in ("images", "labels", "x_train", "y_train", "x_test", "y_test") if name in names
                ]
        if len(names) == 1:
            return names
        raise UserError(
            f"{path} holds the arrays {', '.join(names) or 'none'}: name that of the images `images` and that of the "
            "labels `labels` (or x_train, y_train, x_test, y_test)"
        )

    arrays = read_npz(path, choose)
    images = next((name for name in ("images", "x_train") if name in arrays), next(iter(arrays)))
    train = _labelled(path, arrays, images, "y_train" if images == "x_train" else "labels")
    test = None
    if images == "x_train" and "x_test" in arrays:
        test = _labelled(path, arrays, "x_test", "y_test")
        if train[0].shape[-1] != test[0].shape[-1] or (train[1] is None) != (test[1] is None):
            raise UserError(
                f"{path} has one of x_train {train[0].shape} and x_test {test[0].shape} in grey, or with labels, and "
                "the other not: make them alike, or leave x_test out"
            )
    classes = ("image",) if train[1] is None else _classes(path, train[1])
    return Labelled(_all_labelled(train), test and _all_labelled(test), classes)


def _labelled(path, arrays, images, labels):
    """(images, labels or None) by the names of the arrays, checked."""
    array = arrays[images]
    _refuse_other_shapes(f"{images} of {path}", array, channels=(1, 3))
    if array.dtype != np.uint8:
        raise UserError(f"{images} of {path} holds {array.dtype}: give uint8, 0 to 255")
    if labels not in arrays:
        return array, None
    found = arrays[labels]
    if found.dtype.kind not in "iu" or found.shape not in ((len(array),), (len(array), 1)):
        raise UserError(
            f"{labels} of {path} holds {found.dtype} {found.shape}, not a whole number for each of {len(array)} "
            "images: give int64 [N]"
        )
    return array, found.reshape(-1)


def _all_labelled(split):
    images, labels = split
    return images, np.zeros(len(images), np.int64) if labels is None else labels.astype(np.int64)


def _classes(path, labels):
    present = np.unique(labels)
    for expected, label in enumerate(present.tolist()):
        if label != expected:
            raise UserError(
                f"{path} has images with the label {label} and none with {expected}: number the classes 0, 1, 2 and so "
                "on, each with an image or more"
            )
    return tuple(map(str, range(len(present))))


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


def _refuse_other_shapes(path, array, channels=(3,)):
    shape = array.shape
    if array.ndim == 4 and shape[-1] in channels and 0 not in shape:
        return
    if array.ndim == 4 and shape[1] in channels:
        way_out = "its channels stand first: give array.transpose(0, 2, 3, 1)"
    elif array.ndim == 3 and 1 in channels:
        way_out = "give grey images their one channel, array[..., None]"
    elif array.ndim == 3 or (array.ndim == 4 and shape[-1] == 1 and 1 not in channels):
        way_out = "grey images have to be made colour ones: give each value three times"
    elif array.ndim == 4 and shape[-1] == 4:
        way_out = "leave the fourth channel out, array[..., :3], which says how opaque a pixel is"
    else:
        way_out = "give 8-bit colour images, one or more"
    wanted = " or ".join(f"[images, height, width, {n}]" for n in channels[::-1])
    raise UserError(f"{path} holds an array of shape {shape}, not {wanted}: {way_out}")
