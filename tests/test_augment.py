"""`python -m tfgan_gn.augment`: what it writes, in which depth and size, and what it never overwrites."""

import csv
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn import augment
from tfgan_gn.augmentation import depth, plan, writer
from tfgan_gn.augmentation.depth import Range
from tfgan_gn.errors import UserError
from tfgan_gn.settings.tools.augment import AugmentConfig

pytestmark = pytest.mark.quick
LEVELS = [Range(127.5, 0.5), Range(128.0, 0.0)]  # both of `pixels.PIXELS`


class Exported(tf.Module):
    """Takes the place of an export, of images [8, 8, 3]: adds the first number of the noise to the image."""

    def __init__(self):
        super().__init__()
        facts = {"image_shape": [8, 8, 3], "z_dim": 2, "block_size": 2, "pixel_scale": 127.5, "pixel_shift": 0.5}
        self.metadata = tf.function(lambda: tf.constant(json.dumps(facts)), input_signature=[])
        self.augment = tf.function(lambda images: images, input_signature=[tf.TensorSpec([None, 8, 8, 3], tf.uint8)])
        of_z, of_images = tf.TensorSpec([None, 2], tf.float32), tf.TensorSpec([None, 8, 8, 3], tf.float32)
        self.generate = tf.function(
            lambda z, images: tf.clip_by_value(images + 0.1 * z[:, :1, None, None], -1, 1),
            input_signature=[of_z, of_images],
        )
        self.metadata.get_concrete_function()


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("export") / "export")
    tf.saved_model.save(Exported(), path)
    return path


@pytest.fixture
def images(tmp_path, rng):
    """Two classes: grey and colour, 8 and 16 bits, of the network's size, another one and not square."""
    of = {
        "a/small.png": rng.integers(0, 256, (8, 8, 3), np.uint8),
        "a/deep.png": rng.integers(0, 65536, (16, 16, 1), np.uint16),
        "b/c/wide.png": rng.integers(0, 256, (8, 12, 1), np.uint8),
    }
    for name, pixels in of.items():
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(depth.as_png(pixels))
    return tmp_path / "images", of


def run(export, images, out, capsys, *flags):
    """The exit code and the last line of the command."""
    code = augment.main(["augment", export, str(images), str(out), *flags])
    said = capsys.readouterr()
    return code, (said.err if code else said.out).splitlines()[-1]


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_new_images_lie_beside_their_sources_in_their_size_depth_and_channels(export, images, tmp_path, capsys):
    folder, pixels = images
    assert run(export, folder, tmp_path / "out", capsys, "--num=3", "--seed=7") == (
        0,
        f"3 images, 3 new ones of each, in {tmp_path}/out; listed in {tmp_path}/out/augmented.csv",
    )
    made = files(tmp_path / "out")
    with open(tmp_path / "out" / "augmented.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {*made} == {*pixels, *(row["image"] for row in rows), "augmented.csv"} and len(rows) == 9
    for name in pixels:
        assert made[name] == (folder / name).read_bytes()
    shapes = {"a/small.png": (8, 8, 3), "a/deep.png": (16, 16, 1), "b/c/wide.png": (8, 8, 1)}
    for row in rows:
        source, new = row["source"], tmp_path / "out" / row["image"]
        image = depth.read(str(new), 3)
        assert (image.shape, image.dtype) == (shapes[source], pixels[source].dtype)
        assert row["image"] == f"{source.removesuffix('.png')}-new{row['number']}.png" and row["seed"] == "7"
        z = writer.noise(7, source, int(row["number"]), 2)
        if source == "a/small.png":
            level = pixels[source] + 127.5 * 0.1 * z[0]
            np.testing.assert_allclose(image, np.rint(np.clip(level, 0, 255)), atol=1)
    assert len({z.tobytes() for z in (writer.noise(7, r["source"], int(r["number"]), 2) for r in rows)}) == 9


def test_the_same_command_goes_on_and_changes_no_file(export, images, tmp_path, capsys):
    """An interrupted one, one with more images and one with a larger --num give what a whole one does."""
    folder, _ = images
    for name, num in (("whole", 3), ("parts", 2)):
        assert run(export, folder, tmp_path / name, capsys, f"--num={num}")[0] == 0
    (tmp_path / "parts" / "a" / "deep-new1.png").unlink()
    kept = tmp_path / "parts" / "a" / "small-new2.png"
    kept.write_bytes(b"a file that is there")
    assert run(export, folder, tmp_path / "parts", capsys, "--num=3")[0] == 0
    assert kept.read_bytes() == b"a file that is there"
    shutil.copy(tmp_path / "whole" / "a" / "small-new2.png", kept)
    whole, parts = files(tmp_path / "whole"), files(tmp_path / "parts")
    rows = [sorted(each.pop("augmented.csv").splitlines()) for each in (whole, parts)]
    assert rows[0] == rows[1] and whole == parts


def test_a_copy_has_the_time_of_its_source(export, images, tmp_path, capsys):
    os.utime(images[0] / "a" / "small.png", (1e9, 1e9))
    assert run(export, images[0], tmp_path / "out", capsys, "--num=1")[0] == 0
    copy = tmp_path / "out" / "a" / "small.png"
    assert copy.read_bytes() == (images[0] / "a" / "small.png").read_bytes() and copy.stat().st_mtime == 1e9


def test_without_copies_there_are_new_images_only(export, images, tmp_path, capsys):
    assert run(export, images[0], tmp_path / "out", capsys, "--num=1", "--nocopy")[0] == 0
    names = {"a/small-new1.png", "a/deep-new1.png", "b/c/wide-new1.png", "augmented.csv"}
    assert {*files(tmp_path / "out")} == names


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_image_comes_back_from_a_network_that_changes_nothing(levels, dtype, rng):
    """To the last bit, in 16 bits too: no image is cut to 8 bits on the way."""
    image = rng.integers(0, np.iinfo(dtype).max, (40, 40, 3), dtype, endpoint=True)
    image[0, 0] = [0, np.iinfo(dtype).max, 1]
    floats = depth.to_network(image, (40, 40), 3, levels)
    assert floats.numpy().min() >= -1 and floats.numpy().max() <= 1
    np.testing.assert_array_equal(depth.to_image(floats[None], image, levels)[0], image)
    grey = image[..., :1]
    repeated = depth.to_network(grey, (40, 40), 3, levels)
    np.testing.assert_array_equal(repeated[..., 0], repeated[..., 2])
    np.testing.assert_array_equal(depth.to_image(repeated[None], grey, levels)[0], grey)


@pytest.mark.parametrize(("shape", "cut"), [((8, 12), (8, 8)), ((30, 20), (20, 20)), ((16, 16), (16, 16))])
def test_of_an_image_of_another_shape_the_middle_is_taken(shape, cut):
    image = np.arange(shape[0] * shape[1]).reshape(*shape, 1)
    middle = depth.middle(image, (4, 4))
    assert middle.shape == (*cut, 1)
    top, left = (shape[0] - cut[0]) // 2, (shape[1] - cut[1]) // 2
    np.testing.assert_array_equal(middle, image[top : top + cut[0], left : left + cut[1]])


def test_files_that_are_there_are_not_overwritten(export, images, tmp_path, capsys):
    folder, out = images[0], tmp_path / "out"
    (out / "a").mkdir(parents=True)
    for name, message in (
        ("a/small-new1.png", "exists and is not listed in augmented.csv: move it away"),
        ("a/small.png", f"exists and differs from {folder}/a/small.png: move it away"),
    ):
        (out / name).write_bytes(b"mine")
        code, said = run(export, folder, out, capsys)
        assert code == 1 and f"{out}/{name} {message}" in said
        assert files(out) == {name: b"mine"}
        (out / name).unlink()
    assert run(export, folder, out, capsys, "--num=1")[0] == 0
    before = files(out)
    code, said = run(export, folder, out, capsys, "--num=1", "--seed=1")
    assert code == 1 and f"{out} has new images with another seed (0, and now 1)" in said
    assert files(out) == before


def test_bad_folders_and_images_are_refused_by_name(export, images, tmp_path, capsys):
    folder, out, empty = images[0], tmp_path / "out", tmp_path / "empty"
    empty.mkdir()

    def refused(images=folder, out=out, export=export):
        code, said = run(str(export), images, out, capsys)
        assert code == 1 and not (tmp_path / "out").exists()
        return said

    assert "empty holds no images (.png" in refused(images=empty)
    assert "none is not a folder: give the folder of images" in refused(images=tmp_path / "none")
    assert "are in one another: give OUT a folder of its own" in refused(out=folder / "new")
    assert "are in one another" in refused(out=folder.parent)
    assert "is not a readable SavedModel" in refused(export=empty)
    shutil.copy(folder / "a" / "small.png", folder / "a" / "small.jpg")
    assert "a/small.png and of a/small.jpg would have the same name (a/small-new1.png)" in refused()
    assert augment.main(["augment", str(export)]) == 1 and "give three folders" in capsys.readouterr().err


def test_images_that_cannot_be_taken_are_refused_by_name(images, tmp_path):
    folder, _ = images
    with pytest.raises(UserError, match="a/small.png is in colour, and the export takes grey images"):
        depth.read(str(folder / "a" / "small.png"), 1)
    broken = folder / "a" / "broken.png"
    broken.write_bytes((folder / "a" / "deep.png").read_bytes()[:40])
    with pytest.raises(UserError, match="broken.png is not a readable image"):
        depth.read(str(broken), 3)
    (tmp_path / plan.TABLE).write_text("image\nx.png\n")
    with pytest.raises(UserError, match=r"augmented.csv has other columns than image, source, number"):
        plan.read_table(str(tmp_path))


def test_an_export_that_takes_no_images_is_refused(monkeypatch):
    monkeypatch.setattr(writer, "load_generator", lambda path: pathlib.Path(path))
    with pytest.raises(UserError, match="export makes images of noise alone: give the export/ folder of a run of"):
        writer.load_augmenter("export")


@pytest.mark.parametrize(("given", "message"), [({"num": 0}, "--num=0: give 1 or more"), ({"seed": -1}, "--seed=-1")])
def test_bad_settings_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        AugmentConfig(**given)
