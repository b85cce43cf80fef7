"""What unpacks to too much is refused before, with its file, its size and the rule; a program is told."""

import gzip
import io
import pathlib
import re
import struct
import tarfile

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.data import cifar_files, npz
from tfgan_gn.data.decode import decode_file
from tfgan_gn.errors import UserError
from tfgan_gn.files import limits
from tfgan_gn.runs import about
from tfgan_gn.scoring.networks import inception_weights

pytestmark = pytest.mark.quick
PACKAGE = pathlib.Path(__file__).parents[1] / "tfgan_gn"


def png_of(width, height):
    """A PNG that begins with its size, and ends there."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)


def bmp_of(width, height):
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


def jpeg_of(width, height):
    """A JPEG of 8x8 pixels whose header names another size."""
    contents = tf.io.encode_jpeg(np.zeros((8, 8, 3), np.uint8)).numpy()
    place = re.search(rb"\xff\xc0\x00\x11\x08\x00\x08\x00\x08", contents).start() + 5
    return contents[:place] + struct.pack(">HH", height, width) + contents[place + 4 :]


MAKERS = {
    "png": png_of,
    "gif": lambda width, height: b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0),
    "bmp": lambda width, height: bmp_of(width, -height),
    "jpg": jpeg_of,
}


@pytest.mark.parametrize("ending", MAKERS)
def test_an_image_with_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, ending):
    make, path = MAKERS[ending], tmp_path / f"large.{ending}"
    assert limits.image_size(make(300, 200)) == (300, 200)
    path.write_bytes(make(15_000, 14_000))
    with pytest.raises(
        UserError, match=f"large.{ending} has 15,000 x 14,000 pixels, .* 100,000,000 at most: make it sm"
    ):
        decode_file(str(path), "repeat")
    limits.refuse_many_pixels(str(path), make(10_000, 10_000))


def test_a_file_of_many_bytes_is_refused_before_it_is_read(tmp_path):
    for name, size, read in (
        ("x.png", 10**9 + 1, lambda path: decode_file(path, "repeat")),
        ("data_batch_1", 10**8 + 1, lambda path: cifar_files._checked(cifar_files._read_pickle, path)),
        ("x.pb", 250_000_001, lambda path: inception_weights.read_weights(path, {})),
    ):
        with open(tmp_path / name, "wb") as file:
            file.truncate(size)  # it takes no room on the disk
        with pytest.raises(UserError, match=f"{name} has {size:,} bytes, and at most {size - 1:,} are read"):
            read(str(tmp_path / name))


def test_an_npz_that_unpacks_to_more_than_the_memory_is_refused(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "x.npz", images=np.zeros((1000, 8, 8, 3), np.uint8), labels=np.zeros(1000, np.int64))
    assert npz.read_npz(str(tmp_path / "x.npz"), lambda names: ["labels"])["labels"].shape == (1000,)
    monkeypatch.setattr(limits, "memory_of_machine", lambda: 190_000)
    with pytest.raises(
        UserError, match=r"x.npz unpacks to 192,128 bytes \(images\), and this machine has 190,000 bytes"
    ):
        npz.read_npz(str(tmp_path / "x.npz"), lambda names: ["images"])
    assert npz.read_npz(str(tmp_path / "x.npz"), lambda names: ["labels"])["labels"].shape == (1000,)


@pytest.mark.parametrize("where", ["member", "before", "behind"])
def test_an_archive_that_unpacks_to_more_than_its_network_is_refused(tmp_path, monkeypatch, where):
    monkeypatch.setattr(inception_weights, "MOST_BYTES_OF_GRAPH", 100_000)
    monkeypatch.setattr(inception_weights, "BLOCK", 1000)
    contents = io.BytesIO()
    with tarfile.open(fileobj=contents, mode="w") as archive:
        sizes = {"member": [("x.pb", 100_001)], "before": [("other", 100_001), ("x.pb", 9)], "behind": [("x.pb", 9)]}
        for name, size in sizes[where]:
            member = tarfile.TarInfo(name.replace("x.pb", inception_weights.GRAPH))
            member.size = size
            archive.addfile(member, io.BytesIO(bytes(size)))
    tail = bytes(200_000) if where == "behind" else b""
    (tmp_path / "x.tgz").write_bytes(gzip.compress(contents.getvalue() + tail))
    with pytest.raises(UserError, match="it unpacks to more than 100,000 bytes"):
        inception_weights.read_weights(str(tmp_path / "x.tgz"), {})


def test_programs_are_loaded_in_one_place_and_told(tmp_path, capsys):
    """A SavedModel may hold an operation that writes a file: the export that a user gives, and --scorer=PATH."""
    loading = re.compile(r"saved_model\.load\(|TFSMLayer|load_model\(")
    users = {path.name for path in PACKAGE.rglob("*.py") if loading.search(path.read_text())}
    assert users - {"commands.py", "train.py"} == {"saved_model.py"}, "these two print it for the user"
    users = {path.name for path in PACKAGE.rglob("*.py") if "load_saved_model(" in path.read_text()}
    assert users == {"saved_model.py", "export.py", "extractors.py"}
    about.note_program(str(tmp_path))
    (tmp_path / "saved_model.pb").write_text("")
    about.note_program(str(tmp_path))
    assert capsys.readouterr().err == (
        f"note: {tmp_path} is a SavedModel, a program that is run now: give only one that you trust\n"
    )
