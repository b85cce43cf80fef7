"""Paths that a user gives: local ones only, and none that TensorFlow takes for a pattern of file names."""

import os

from tfgan_gn.errors import UserError

PATTERN = "[]*?\\"


def local_path(path, what):
    """The path of a file or folder of this machine, with `~` expanded.

    Args:
        path: as the user gave it; empty stays empty.
        what: what it is, for the message, e.g. "--workdir".

    Raises:
        UserError: an address such as gs://bucket, or a path with a NUL character or with bytes that are not UTF-8.
    """
    if "://" in path:
        raise UserError(
            f"{what} {path}: only local folders and files can be used: mount the remote folder, and give the path "
            "where it is mounted"
        )
    if "\0" in path or any("\ud800" <= character <= "\udfff" for character in path):
        raise UserError(f"{what} {path!r}: give a path in UTF-8 without NUL characters")
    return os.path.expanduser(path)


def refuse_pattern(path, what):
    """Raises UserError for a path with a character that TensorFlow reads as a part of a pattern.

    TensorFlow looks for the files of checkpoints and SavedModels by pattern: in a folder `run?` it would delete the
    checkpoints of `run1`, and in `run[1]` it would find none.

    Args:
        path: of a folder with checkpoints, or of a SavedModel.
        what: what it is, for the message, e.g. "--workdir".
    """
    found = [character for character in PATTERN if character in path]
    if found:
        raise UserError(
            f"{what} {path}: the path contains {' '.join(found)}, which TensorFlow takes for a pattern of file names: "
            "give a path without [ ] * ? and \\"
        )


def without_pattern(name):
    """A name for a new folder: every character that `refuse_pattern` refuses, `/` and `:` become a hyphen."""
    return "".join("-" if character in f"{PATTERN}/:" else character for character in name)
