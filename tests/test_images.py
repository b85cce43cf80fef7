"""What can be scored: all sources give the same images, and anything else is refused with its name and its value."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_data import SHARED

from tfgan_gn import export
from tfgan_gn.data import decode, folder, npz, sets, sources
from tfgan_gn.errors import UserError
from tfgan_gn.scoring import images

pytestmark = pytest.mark.quick


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (5, 8, 6, 3), dtype=np.uint8)


def all_of(opened):
    array = np.concatenate(list(opened.parts()))
    assert array.dtype == np.uint8 and len(array) == opened.count
    return array


def write_png(path, image):
    tf.io.write_file(str(path), tf.io.encode_png(image))


def write_folder(path, pixels):
    path.mkdir()
    for i, image in enumerate(pixels):
        write_png(path / f"{i:03}.png", image)
    return str(path)


def test_arrays_and_folders_give_the_pixels_that_went_in(tmp_path, pixels, monkeypatch):
    monkeypatch.setattr(images, "PART", 2)
    monkeypatch.setattr(sources, "PART", 3)
    monkeypatch.setattr(folder, "PART", 3)
    np.savez(tmp_path / "one.npz", pixels)
    np.savez(tmp_path / "two.npz", labels=np.zeros(5), fake=pixels)
    np.save(tmp_path / "one.npy", pixels)
    specs = ["one.npz", "two.npz:fake", "one.npy"]
    opened = [images.open_images(str(tmp_path / spec)) for spec in specs]
    opened.append(images.open_images(write_folder(tmp_path / "folder", pixels)))
    for each in opened:
        np.testing.assert_array_equal(all_of(each), pixels)
        np.testing.assert_array_equal(all_of(each), pixels, err_msg="a second pass")
    np.testing.assert_array_equal(all_of(images.open_images(str(tmp_path / "one.npy"), num_images=3)), pixels[:3])


def test_the_channel_of_grey_images_is_repeated_where_asked(tmp_path, pixels):
    np.savez(tmp_path / "x.npz", pixels[..., :1])
    for spec in (str(tmp_path / "x.npz"), write_folder(tmp_path / "f", pixels[..., :1])):
        opened = images.open_images(spec, grey="repeat")
        np.testing.assert_array_equal(all_of(opened), np.repeat(pixels[..., :1], 3, -1), err_msg=spec)


def test_a_folder_is_read_in_order_of_path_and_scaled_where_asked(tmp_path, pixels):
    for i, (name, image) in enumerate(zip(("b/1.png", "a/2.png", "0.png"), pixels)):
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(tmp_path / "f" / name, image[: 8 - i])
    opened = images.open_images(str(tmp_path / "f"), image_size=4)
    expected = [decode.resize_and_crop(image, 4) for image in (pixels[2][:6], pixels[1][:7], pixels[0])]
    np.testing.assert_array_equal(all_of(opened), expected)


@pytest.mark.parametrize("value_range", npz.LEVELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_come_back_as_the_levels_that_they_were_made_from(tmp_path, value_range, dtype):
    """If they were divided by 255, as most code does, or by 256 after noise was added, as the published code does."""
    levels = np.resize(np.arange(256), (22, 2, 2, 3)).astype(np.uint8)
    low, high = map(int, value_range.split(","))
    np.save(tmp_path / "x.npy", (low + (high - low) * (levels / 255)).astype(dtype))
    opened = images.open_images(str(tmp_path / "x.npy"), value_range=value_range)
    assert opened.made_with == {"value_range": value_range}
    np.testing.assert_array_equal(all_of(opened), levels)
    if value_range != "0,255":
        noise = np.random.default_rng(0).uniform(0, 0.99, levels.shape)
        np.save(tmp_path / "x.npy", (low + (high - low) * (levels + noise) / 256).astype(dtype))
        np.testing.assert_array_equal(
            all_of(images.open_images(str(tmp_path / "x.npy"), value_range=value_range)), levels
        )


@pytest.mark.parametrize(
    ("value", "value_range", "message"),
    [
        (0.5, "", "the range of such numbers cannot be told from their values: give --value_range=-1,1, 0,1 or 0,255"),
        (np.nan, "-1,1", "image 3 of .* holds nan, which --value_range=-1,1 does not allow"),
        (np.inf, "0,1", "image 3 of .* holds inf"),
        (1.01, "-1,1", "image 3 of .* holds 1.01"),
        (-0.01, "0,1", "image 3 of .* holds -0.01"),
        (255.5, "0,255", "image 3 of .* holds 255.5"),
    ],
)
def test_values_that_are_refused(tmp_path, value, value_range, message):
    array = np.zeros((5, 4, 4, 3))
    array[3, 1, 2, 0] = value
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(UserError, match=message):
        all_of(images.open_images(str(tmp_path / "x.npy"), value_range=value_range))


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((5, 3, 8, 8), np.uint8, r"shape \(5, 3, 8, 8\).*its channels stand first"),
        ((5, 8, 8), np.uint8, "give each value three times"),
        ((5, 8, 8, 1), np.uint8, "give each value three times"),
        ((5, 8, 8, 4), np.uint8, "leave out the fourth channel"),
        ((0, 8, 8, 3), np.uint8, "one or more"),
        ((5, 8, 8, 3), bool, "holds bool: give numbers"),
        ((5, 8, 8, 3), "U1", "holds <U1: give numbers"),
    ],
)
def test_arrays_that_are_no_colour_images(tmp_path, shape, dtype, message):
    np.save(tmp_path / "x.npy", np.zeros(shape, dtype))
    with pytest.raises(UserError, match=message):
        images.open_images(str(tmp_path / "x.npy"))


def test_array_files_that_are_refused(tmp_path, pixels):
    np.savez(tmp_path / "x.npz", a=pixels, b=pixels)
    np.save(tmp_path / "x.npy", pixels)
    np.save(tmp_path / "o.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:300])
    (tmp_path / "cut.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:300])
    for spec, message in {
        "x.npz": "holds the arrays a, b: name one of them, as .*x.npz:KEY",
        "x.npz:c": "holds the arrays a, b: name one of them",
        "x.npy:a": "an .npy holds only one",
        "o.npy": "o.npy cannot be read",
        "cut.npz": "cut.npz cannot be read",
        "cut.npy": "cut.npy cannot be read",
        "no.npz": "no.npz does not exist",
    }.items():
        with pytest.raises(UserError, match=message):
            images.open_images(str(tmp_path / spec))
    with pytest.raises(UserError, match="--value_range=0,1 has no effect on .*8-bit"):
        images.open_images(str(tmp_path / "x.npy"), value_range="0,1")
    with pytest.raises(UserError, match="--num_images=6, but .* has 5: give fewer"):
        images.open_images(str(tmp_path / "x.npy"), num_images=6)


def test_folders_that_are_refused(tmp_path, pixels):
    path = write_folder(tmp_path / "f", pixels)
    with pytest.raises(UserError, match="--value_range=0,1 has no effect on"):
        images.open_images(path, value_range="0,1")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty holds no images"):
        images.open_images(str(tmp_path / "empty"))
    for image, message in (
        (pixels[0, :, :, :1], "004.png is grey .1 channels., and only RGB images.* are taken here: convert it to RGB"),
        (
            np.repeat(pixels[0, :, :, :1], 4, -1),
            "004.png is transparent .4 channels., and only RGB images.* are taken here: convert it to RGB",
        ),
        (pixels[0, :5], "004.png has 5x6 pixels, .*000.png 8x6: give images of one size, or --image_size=N"),
    ):
        write_png(tmp_path / "f" / "004.png", image)
        with pytest.raises(UserError, match=message):
            all_of(images.open_images(path))
    (tmp_path / "f" / "004.png").write_bytes((tmp_path / "f" / "003.png").read_bytes()[:60])
    with pytest.raises(UserError, match="004.png is not a readable image"):
        all_of(images.open_images(path))


def test_training_and_scoring_read_the_same_pixels(tmp_path, rng):
    """From a folder of images of several sizes, scaled to one, and from an array."""
    sizes = [(6 + i % 5, 9) for i in range(20)]
    (tmp_path / "f").mkdir()
    for i, size in enumerate(sizes):
        write_png(tmp_path / "f" / f"{i:02}.png", rng.integers(0, 256, (*size, 3), np.uint8))
    np.savez(tmp_path / "x.npz", rng.integers(0, 256, (20, 8, 8, 3), np.uint8))
    for name, path in (("folder", str(tmp_path / "f")), ("npz", str(tmp_path / "x.npz"))):
        learned = sets.make_dataset(name, path, 8)
        expected = np.concatenate([learned.train.images, learned.test.images])  # the last of 20 is held out
        np.testing.assert_array_equal(all_of(images.open_images(path, image_size=8)), expected, err_msg=name)
    own = [image.shape for part, _ in folder.open_folder(str(tmp_path / "f")).train.read("repeat") for image in part]
    assert own == [(*size, 3) for size in sizes[:19]]


def test_data_sets_by_name():
    opened = images.open_images("shapes:test", num_images=7, image_size=16)
    np.testing.assert_array_equal(all_of(opened), sets.make_dataset("shapes", "", 16).test.images[:7])
    for spec in ("shapes:all", "nowhere", "shapes", "nothing:train"):
        with pytest.raises(UserError, match="no file and no folder, and no data set with its split: give a run folder"):
            images.open_images(spec)
    with pytest.raises(UserError, match="tfds:no_such_set:train in .* cannot be read: .*--data_dir"):
        images.open_images("tfds:no_such_set:train")


@pytest.mark.skipif(not SHARED.exists(), reason="needs prepared CIFAR-10")
def test_any_split_of_tensorflow_datasets():
    opened = images.open_images("tfds:cifar10:test[10:310]", data_dir=str(SHARED))
    expected = sets.make_dataset("cifar10", str(SHARED)).test.images[10:310]
    np.testing.assert_array_equal(all_of(opened), expected)
    with pytest.raises(UserError, match="tfds:cifar10:nosplit in .* cannot be read: .*nosplit"):
        images.open_images("tfds:cifar10:nosplit", data_dir=str(SHARED))


class TinyGenerator(keras.Model):
    """One dense layer from 8 numbers to 4x4 pixels."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(48, "tanh", kernel_initializer=keras.initializers.RandomNormal(seed=0))

    def call(self, z, condition=None, training=False, standing=False):
        return tf.reshape(self.dense(z), [-1, 4, 4, 3])


def test_a_generator_gives_the_images_of_its_seed_in_blocks(tmp_path):
    generator = TinyGenerator()
    generator(tf.zeros([1, 8]))
    settings = {"z_dim": 8, "statistics": "batch", "batch_size": 4, "seed": 0, "metadata": {"iteration": 7}}
    export.export_generator(export.make_sampler(generator, **settings), str(tmp_path / "export"))
    n = export.BLOCK + 5
    opened = images.open_images(str(tmp_path / "export"), num_images=n, seed=3)
    sampled = export.load_generator(str(tmp_path / "export"))
    np.testing.assert_array_equal(all_of(opened), sampled.sample(n, 3))
    in_memory = images.of_generator(export.make_sampler(generator, **settings), n, 3, "memory")
    np.testing.assert_array_equal(all_of(in_memory), all_of(opened))
    sampled_as = {"generator_statistics": "batch", "generator_block_size": 64, "pixel_scale": 128.0}
    assert opened.made_with == {**sampled_as, "iteration": 7, "seed": 3}
    assert json.dumps(opened.made_with)
    assert images.open_images(str(tmp_path / "export")).count == 50_000


def test_a_generator_is_sampled_in_the_blocks_that_its_metadata_say():
    generator = TinyGenerator()
    generator(tf.zeros([1, 8]))
    settings = {"z_dim": 8, "statistics": "batch", "batch_size": 4, "seed": 0, "metadata": {}}
    sampler = export.make_sampler(generator, **settings, block_size=10, pixel_scale=127.995)
    opened = images.of_generator(sampler, 25, 3, "memory")
    np.testing.assert_array_equal(all_of(opened), sampler.sample(25, 3))
    assert [len(part) for part in opened.parts()] == [10, 10, 5]
    assert (opened.made_with["generator_block_size"], opened.made_with["pixel_scale"]) == (10, 127.995)
