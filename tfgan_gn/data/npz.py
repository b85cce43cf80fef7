"""Images in .npz and .npy files: which array to read, what its numbers mean, and how they become 8-bit pixels."""

import functools
import lzma
import os
import zipfile
import zlib

import numpy as np

from tfgan_gn.data.sources import HOLD_OUT, Source, is_held_out, of_array
from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.limits import refuse_more_than_memory

# From values to levels 0 to 255, by the range of the values. In the first two, k / 255 and k / 256 both give level k
# after they are scaled to the range.
LEVELS = {
    "-1,1": lambda x: np.floor(128 * (x + 1)),
    "0,1": lambda x: np.floor(256 * x),
    "0,255": np.rint,
}
SLACK = 1e-6  # of the width of a range: the rounding of float32 values that were scaled is allowed
KERAS = ("x_train", "y_train", "x_test", "y_test")  # the arrays of the files that Keras publishes
_DAMAGE = (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


# ---- opening: images to learn from, and images to score --------------------------------------------------------------


def open_labelled(path):
    """Opens an .npz or an .npy of images to learn from.

    Args:
        path: an .npz with the arrays `images` and, optionally, `labels`; or with the arrays KERAS, of which only
            x_train must be there; or with one array, of images; or an .npy of images. Without x_test, every twentieth
            image is held out. Images may also stand by their classes, [classes, images of each, H, W, C], without
            labels, as in the files of the published DAGAN.

    Returns:
        `sources.Source`. Its classes are "0", "1" and so on; without labels there is one class, "image".

    Raises:
        UserError: the file cannot be read or holds other arrays; images are not uint8 or uint16 [N, H, W, 3] or
            [N, H, W, 1]; labels are not whole numbers 0 to K - 1, one for each image.
    """
    if path.endswith(".npy"):
        arrays = {"images": _read_array(path, "")}
    else:
        arrays = read_npz(path, functools.partial(_choose_labelled, path))
    images = next((name for name in ("images", "x_train") if name in arrays), next(iter(arrays)))
    train = _labelled(path, arrays, images, "y_train" if images == "x_train" else "labels")
    classes = ("image",) if train[1] is None else _classes(path, train[1])
    if images == "x_train" and "x_test" in arrays:
        test = _labelled(path, arrays, "x_test", "y_test")
        if train[0].shape[-1] != test[0].shape[-1] or (train[1] is None) != (test[1] is None):
            raise UserError(
                f"only one of x_train {train[0].shape} and x_test {test[0].shape} in {path} is grey, or has labels: "
                "make them alike, or leave x_test out"
            )
        if train[0].dtype != test[0].dtype:
            raise UserError(
                f"x_train of {path} holds {train[0].dtype} and x_test {test[0].dtype}: give both the same depth"
            )
    else:
        train, test = _split(path, *train)
    return Source(of_array(*train), of_array(*test), classes, f"images in {path}", train[0].shape[-1])


def open_array(path, key="", value_range="", channels=(3,)):
    """Opens an array of images to score, without labels.

    Args:
        path: an .npy, or an .npz.
        key: name of the array in an .npz that holds several.
        value_range: key of LEVELS, what the values of an array of floats mean; empty for an array that is uint8.
        channels: how many the images may have: 3, also 1.

    Returns:
        `sources.Stored`. Its `read` raises UserError for a value that is not finite or out of the range.

    Raises:
        UserError: the file cannot be read or holds no such array; the range is needed and not given, or given and not
            needed.
    """
    array = _read_array(path, key)
    _refuse_other_shapes(path, array, channels)
    return of_array(array, where=path, to_pixels=_to_pixels(array, path, value_range))


# ---- reading ---------------------------------------------------------------------------------------------------------


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
    if os.path.isfile(path) and not zipfile.is_zipfile(path):
        raise _unreadable(path, "it is no zip file, as every .npz is")
    try:
        with np.load(path, allow_pickle=False) as file:
            chosen = choose(file.files)
            sizes = {info.filename.removesuffix(".npy"): info.file_size for info in file.zip.infolist()}
            refuse_more_than_memory(path, {name: sizes[name] for name in chosen})
            return {name: file[name] for name in chosen}
    except UserError:
        raise
    except MemoryError as error:  # of an array whose own header names a size that the file does not have
        raise _unreadable(path, error) from None
    except _DAMAGE as error:
        raise _unreadable(path, error) from None


def _read_array(path, key):
    """An array of any type and shape; an .npy is mapped into memory."""

    def choose(names):
        if key not in names and (key or len(names) != 1):
            raise UserError(f"{path} holds the arrays {', '.join(names) or 'none'}: name one of them, as {path}:KEY")
        return [key or names[0]]

    if path.endswith(".npz"):
        (array,) = read_npz(path, choose).values()
    elif key:
        raise UserError(f"{path}:{key} names an array, but an .npy holds only one: give {path}")
    else:
        try:
            with open(path, "rb") as file:
                if file.read(len(np.lib.format.MAGIC_PREFIX)) != np.lib.format.MAGIC_PREFIX:
                    raise ValueError("it does not begin as every .npy does")
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except _DAMAGE as error:
            raise _unreadable(path, error) from None
    return array


def _choose_labelled(path, names):
    if "images" in names or "x_train" in names:
        return [name for name in ("images", "labels", *KERAS) if name in names]
    if len(names) == 1:
        return names
    raise UserError(
        f"{path} holds the arrays {', '.join(names) or 'none'}: give that of the images the name `images` and that of "
        f"the labels the name `labels`, or use the names {', '.join(KERAS)}"
    )


def _labelled(path, arrays, images, labels):
    """(images uint8 or uint16 [N, H, W, C], labels int64 [N] or None), by the names of the arrays, checked."""
    array, of_classes = arrays[images], None
    if array.ndim == 5:
        if labels in arrays:
            raise UserError(
                f"{images} of {path} has the shape {array.shape}, in which images stand by their classes, so that its "
                f"{labels} have no effect: leave them out, or give {images} as [N, H, W, C]"
            )
        of_classes = np.repeat(np.arange(array.shape[0]), array.shape[1])
        array = array.reshape(-1, *array.shape[2:])
    _refuse_other_shapes(f"{images} of {path}", array, channels=(1, 3))
    if array.dtype not in (np.uint8, np.uint16):
        raise UserError(f"{images} of {path} holds {array.dtype}: give uint8, 0 to 255, or uint16, 0 to 65535")
    if labels not in arrays:
        return array, of_classes
    found = arrays[labels]
    if found.dtype.kind not in "iu" or found.shape not in ((len(array),), (len(array), 1)):
        raise UserError(
            f"{labels} of {path} holds {found.dtype} {found.shape}, not a whole number for each of {len(array)} "
            "images: give int64 [N]"
        )
    return array, found.reshape(-1).astype(np.int64)


def _split(path, images, labels):
    """((images, labels) to learn from, (images, labels) held out)."""
    held_out = is_held_out(np.arange(len(images)))
    if not held_out.any():
        raise UserError(
            f"{path} holds {len(images)} images, and one in {HOLD_OUT} is held out: give {HOLD_OUT} or more"
        )
    return ((images[rows], None if labels is None else labels[rows]) for rows in (~held_out, held_out))


def _classes(path, labels):
    present = np.unique(labels)
    for expected, label in enumerate(present.tolist()):
        if label != expected:
            raise UserError(
                f"{path} has images with the label {label} and none with {expected}: number the classes 0, 1, 2 and so "
                "on, each with one image or more"
            )
    return tuple(map(str, range(len(present))))


# ---- from numbers to 8-bit pixels ------------------------------------------------------------------------------------


def _to_pixels(array, path, value_range):
    """Function of (a part of the array, the number of its first image) to uint8; None for an array that is uint8."""
    if array.dtype == np.uint8:
        if value_range:
            raise UserError(f"--value_range={value_range} has no effect on {path}, which is 8-bit: leave it out")
        return None
    if array.dtype.kind not in "iuf":
        raise UserError(f"{path} holds {array.dtype}: give numbers, preferably uint8")
    if not value_range:
        raise UserError(
            f"{path} holds {array.dtype}, and the range of such numbers cannot be told from their values: give "
            "--value_range=-1,1, 0,1 or 0,255, or an array of uint8"
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
            "allow: give the right range, or leave that image out"
        )
    return np.clip(LEVELS[value_range](x), 0, 255).astype(np.uint8)


# ---- refusals --------------------------------------------------------------------------------------------------------


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
        way_out = "make grey images colour ones: give each value three times"
    elif array.ndim == 4 and shape[-1] == 4:
        way_out = "leave out the fourth channel, which is transparency: give array[..., :3]"
    else:
        way_out = "give 8-bit colour images, one or more"
    wanted = " or ".join(f"[images, height, width, {n}]" for n in channels[::-1])
    raise UserError(f"{path} holds an array of shape {shape}, not {wanted}: {way_out}")
