"""The original CIFAR-10 files (cs.toronto.edu/~kriz/cifar.html): the Python pickles and the binary form."""

import os
import pickle

import numpy as np

from tfgan_gn.data.sources import Source, of_array
from tfgan_gn.errors import UserError
from tfgan_gn.files.limits import MOST_BYTES_OF_CIFAR, refuse_large_file

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST = ("test_batch",)
FOLDERS = ("", "cifar-10-batches-py", "cifar-10-batches-bin")  # the archives are unpacked into the last two
ROW = 3 * 32 * 32


def find(data_dir):
    """Looks for the original files in a folder, or in the folder there that the archive is unpacked into.

    Returns:
        (the folder that holds them, the ending of their names: "" for the pickles, ".bin" for the binary form); None
        if there are none.
    """
    for folder in FOLDERS:
        for ending in ("", ".bin"):
            if any(os.path.isfile(os.path.join(data_dir, folder, name + ending)) for name in TRAIN + TEST):
                return os.path.join(data_dir, folder), ending
    return None


def open_files(folder, ending):
    """Reads all six files.

    Args:
        folder: the folder that holds them.
        ending: of their names, as of `find`.

    Returns:
        `sources.Source`.

    Raises:
        UserError: a file is missing, truncated or something else.
    """
    read_file = _read_binary if ending else _read_pickle
    splits = []
    for names in (TRAIN, TEST):
        parts = [_checked(read_file, os.path.join(folder, name + ending)) for name in names]
        splits.append(of_array(*map(np.concatenate, zip(*parts))))
    return Source(*splits, CLASSES, f"cifar10 from the original files in {folder}", channels=3)


def _checked(read_file, path):
    """(images uint8 [N, 32, 32, 3], labels int64 [N]) of one file."""
    try:
        refuse_large_file(path, MOST_BYTES_OF_CIFAR)
        rows, labels = read_file(path)
        rows, labels = np.asarray(rows), np.asarray(labels, np.int64)
        if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape != (len(labels), ROW) or not len(rows):
            raise ValueError(f"holds {rows.dtype} {rows.shape} with {len(labels)} labels, not uint8 (N, {ROW}) with N")
        if labels.min() < 0 or labels.max() > 9:
            raise ValueError("has labels outside 0 to 9")
    except UserError:  # which is a ValueError too
        raise
    except _DAMAGE as error:
        raise UserError(
            f"{path} is not a readable CIFAR-10 file: {error}. Download and unpack the archive again"
        ) from None
    return rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels


def _read_binary(path):
    data = np.fromfile(path, np.uint8)
    if len(data) % (ROW + 1):
        raise ValueError(f"its {len(data)} bytes are not whole rows of {ROW + 1}")
    data = data.reshape(-1, ROW + 1)
    return data[:, 1:], data[:, 0]


def _read_pickle(path):
    with open(path, "rb") as file:
        batch = _Restricted(file, encoding="bytes").load()
    return batch[b"data"], batch[b"labels"]


_DAMAGE = (  # what reading files with changed bytes was seen to raise
    *(OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, ImportError),
    *(MemoryError, OverflowError, pickle.UnpicklingError),
)
_reconstruct = np.zeros(0).__reduce__()[0]
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    # Python 3 writes bytes for Python 2 as a call of this. The original function would also run other codecs.
    ("_codecs", "encode"): lambda text, _: text.encode("latin1"),
}


class _Restricted(pickle.Unpickler):
    """Unpickles only arrays, lists, dicts and strings: any other pickle could run code."""

    def find_class(self, module, name):
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks to run {module}.{name}, which no CIFAR-10 file needs")
        return _ALLOWED[module, name]
