"""Loading SavedModels, in this place only: a SavedModel is a program, whose operations can write files."""

import os

import tensorflow as tf
from google.protobuf.message import DecodeError

from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.paths import refuse_pattern

FINGERPRINT = "fingerprint.pb"


def load_saved_model(path):
    """Loads a SavedModel.

    Args:
        path: folder of the SavedModel.

    Returns:
        An object with the functions of the SavedModel. Keep a reference to it while you call them.

    Raises:
        UserError: the folder does not exist, holds something else, or a file in it is damaged; or
            `paths.refuse_pattern`.
    """
    refuse_pattern(path, "SavedModel")
    _check_fingerprint(path)
    try:
        return tf.saved_model.load(path)
    except (OSError, tf.errors.OpError, ValueError, IndexError) as error:  # the last for variables that were cut
        raise UserError(f"{path} is not a readable SavedModel: {first_line(error)}") from None


def _check_fingerprint(path):
    """Refuses a damaged fingerprint, for which `tf.saved_model.load` prints a traceback and goes on."""
    try:
        tf.saved_model.experimental.read_fingerprint(path).singleprint()
    except FileNotFoundError:  # SavedModels before TensorFlow 2.12 have none
        pass
    except (RuntimeError, ValueError, DecodeError):
        raise UserError(
            f"{os.path.join(path, FINGERPRINT)} is damaged, so other files of this SavedModel may be damaged too: copy "
            "the folder again, or export the model again. If the other files are whole, delete this one: it is not "
            "needed"
        ) from None
