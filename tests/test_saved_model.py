"""SavedModels with a damaged fingerprint, for which TensorFlow logs a traceback and goes on; not with an empty one."""

import os
import shutil

import pytest
import tensorflow as tf

from tfgan_gn import export
from tfgan_gn.errors import UserError
from tfgan_gn.files.saved_model import FINGERPRINT, load_saved_model
from tfgan_gn.scoring import extractors

pytestmark = pytest.mark.quick
# What is damaged in other ways may still be a message with other numbers, which nothing notices.
DAMAGES = {
    "cut": lambda data: data[:-5],
    "zeros": lambda data: bytes(len(data)),
    "ones": lambda data: b"\xff" * len(data),
    "text": lambda data: b"this is not what you look for\n",
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A SavedModel that holds a number."""
    model = tf.Module()
    model.number = tf.Variable(3.0)
    path = tmp_path_factory.mktemp("saved") / "model"
    tf.saved_model.save(model, str(path))
    return path


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_fingerprint_is_one_message(saved, tmp_path, damage, caplog):
    path = shutil.copytree(saved, tmp_path / "model")
    path.joinpath(FINGERPRINT).write_bytes(DAMAGES[damage](path.joinpath(FINGERPRINT).read_bytes()))
    for load in (load_saved_model, export.load_generator, extractors.load_extractor):
        with pytest.raises(UserError, match=f"{path / FINGERPRINT} is damaged, .* delete this one: it is not needed"):
            load(str(path))
    assert "Traceback" not in caplog.text


def test_what_the_message_advises_works(saved, tmp_path):
    path = shutil.copytree(saved, tmp_path / "model")
    os.remove(path / FINGERPRINT)
    for folder in (saved, path):
        assert load_saved_model(str(folder)).number.numpy() == 3
