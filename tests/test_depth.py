"""Images of 16 bits to learn from, from a file to the floats that the networks are given: no level is lost."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tfgan_gn.augmentation import alarms
from tfgan_gn.data import cache, sets
from tfgan_gn.data.pixels import PIXELS, as_8_bits, middles
from tfgan_gn.errors import UserError
from tfgan_gn.runs import building, run_data
from tfgan_gn.settings.training import make_config
from tfgan_gn.training.noise import critic_inputs

pytestmark = pytest.mark.quick
LEVELS = np.arange(65536, dtype=np.uint16)


@pytest.fixture
def images(rng):
    return rng.integers(0, 65536, (40, 8, 8, 1), np.uint16)


def write_pngs(folder, images):
    """In two classes by turns, so that image i has the label i mod 2."""
    for i, image in enumerate(images):
        path = folder / f"{'ab'[i % 2]}" / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_png(image).numpy())
    return str(folder)


def test_every_level_has_floats_of_its_own():
    floats = PIXELS["255"].to_floats(LEVELS, np.zeros(65536))
    np.testing.assert_allclose(floats, 2 * (LEVELS / 65535) - 1, rtol=0, atol=1e-12)
    lowest, highest = (PIXELS["256_dequantized"].to_floats(LEVELS, np.full(65536, u)) for u in (0.0, 1 / 128))
    np.testing.assert_allclose(highest - lowest, 1 / 128 / 257, rtol=0, atol=1e-12)
    np.testing.assert_allclose(highest[:-1], lowest[1:], rtol=0, atol=1e-12)
    for name, (_, scale, shift) in PIXELS.items():
        expected = PIXELS[name].to_floats(LEVELS, np.full(65536, 1 / 256))
        np.testing.assert_allclose(middles(LEVELS, scale, shift), expected, rtol=0, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("in_memory", [0, 2**20])
def test_a_folder_and_an_array_keep_their_depth(tmp_path, monkeypatch, images, in_memory):
    monkeypatch.setattr(cache, "IN_MEMORY", in_memory)
    np.save(tmp_path / "x.npy", images.reshape(2, 20, 8, 8, 1))
    for name, path in (("folder", write_pngs(tmp_path / "images", images)), ("npz", str(tmp_path / "x.npy"))):
        dataset = sets.make_dataset(name, path, 8, "keep", str(tmp_path / "cache"), deep=True)
        kept = np.concatenate([dataset.train.images, dataset.test.images])
        assert kept.dtype == np.uint16
        assert {image.tobytes() for image in kept} == {image.tobytes() for image in images}
        if name == "folder":  # the same files with 8 bits, as other presets take them, come from no cache of 16
            assert sets.make_dataset(name, path, 8, "keep", str(tmp_path / "cache")).train.images.dtype == np.uint8
        windows = 8 if name == "npz" else 4
        small = sets.make_dataset(name, path, 4, "repeat", str(tmp_path / "cache"), patch_size=8 - windows, deep=True)
        assert small.train.images.dtype == np.uint16 and small.train.images.shape[1:] == (4, 4, 3)
        assert (small.train.images % 257).any() and small.train.images.max() > 255


def test_a_set_of_tensorflow_datasets_keeps_its_depth(tmp_path, images):
    class Deep(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            image = tfds.features.Image(shape=(8, 8, 1), dtype=np.uint16)
            features = {"image": image, "label": tfds.features.ClassLabel(num_classes=2)}
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, _):
            return {"train": ((str(i), {"image": image, "label": i % 2}) for i, image in enumerate(images))}

        def _generate_examples(self):
            raise NotImplementedError

    Deep(data_dir=tmp_path).download_and_prepare()
    dataset = sets.make_dataset("tfds:deep", str(tmp_path), 8, "keep", deep=True)
    assert dataset.train.images.dtype == np.uint16
    assert {image.tobytes() for image in dataset.train.images} < {image.tobytes() for image in images}
    with pytest.raises(UserError, match="have 16 bits a channel, which only --preset=dagan takes"):
        sets.make_dataset("tfds:deep", str(tmp_path), 8, "keep")


def test_other_presets_refuse_16_bits_and_a_folder_of_both_depths_is_refused(tmp_path, images):
    np.save(tmp_path / "x.npy", images)
    with pytest.raises(UserError, match="x.npy have 16 bits a channel, which only --preset=dagan takes: convert them"):
        sets.make_dataset("npz", str(tmp_path / "x.npy"), 8)
    folder = write_pngs(tmp_path / "images", [*images[:30], *images[30:].astype(np.uint8)])
    assert sets.make_dataset("folder", folder, 8, "keep").train.images.dtype == np.uint8
    with pytest.raises(UserError, match="a/00.png has 16 bits a channel, and .*a/30.png has 8: convert all images to"):
        sets.make_dataset("folder", folder, 8, "keep", deep=True)
    np.savez(tmp_path / "x.npz", x_train=images, x_test=images.astype(np.uint8))
    with pytest.raises(UserError, match="x_train of .*x.npz holds uint16 and x_test uint8: give both the same depth"):
        sets.make_dataset("npz", str(tmp_path / "x.npz"), 8, deep=True)


def test_the_networks_are_given_all_levels_of_a_pair(tmp_path, images):
    """And the sample grid, the alarms and the hash of the data are of the same images."""
    sizes = {"image_size": 8, "levels": (1, 1), "width": 4, "groups": (2,), "generator_groups": (2,), "grey": "keep"}
    path = write_pngs(tmp_path / "images", images)
    config = make_config("dagan", dataset="folder", data_dir=path, batch_size=8, turns=False, dropout=0.0, **sizes)
    dataset, strategy = run_data.load_data(config), tf.distribute.get_strategy()
    trainer = building.build_trainer(config, run_data.facts_of(dataset))
    batch = next(run_data.make_train_batches(config, dataset, strategy, 0))
    real, _, _, condition, _ = critic_inputs(trainer.noise, batch, 0, 0, 0)
    for floats, pixels in ((real, batch[0]), (condition, batch[1])):
        np.testing.assert_allclose(floats, 2 * (pixels.numpy() / 65535) - 1, rtol=0, atol=1e-6)
        assert (np.rint((floats.numpy() + 1) / 2 * 65535) == pixels.numpy()).all()
    sources = run_data.source_images(config, dataset, 10)
    assert sources.dtype == np.uint16
    apart = alarms.apart_in_classes(dataset.train.images, dataset.train.labels, (0, 1))
    assert 80 < apart < 130  # of uniform levels: 255 / sqrt(6)
    values = alarms.NewImageReadings(sources, dataset.train.images, np.arange(38), apart)(
        as_8_bits(sources)[:, None].repeat(2, 1)
    )
    assert values[alarms.NEARNESS] == values[alarms.SPREAD] == 0
    assert (
        run_data.facts_of(dataset).images_sha256
        != run_data.facts_of(
            dataset._replace(train=dataset.train._replace(images=as_8_bits(dataset.train.images)))
        ).images_sha256
    )
