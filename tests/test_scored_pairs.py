"""What is scored of a generator that makes images of given ones, and what it is compared with."""

import numpy as np
import pytest
import tensorflow as tf
from test_dagan_data import tiny_config

from tfgan_gn.augmenter import SourceSampler
from tfgan_gn.data.pixels import middles
from tfgan_gn.data.sets import Dataset
from tfgan_gn.data.sources import Split
from tfgan_gn.errors import UserError
from tfgan_gn.files.hashes import hash_pixels
from tfgan_gn.runs import run_data
from tfgan_gn.scoring import images
from tfgan_gn.settings.scoring import as_scored, make_eval_config

pytestmark = pytest.mark.quick
BLOCK, ROWS = 4, np.array([1, 2, 4, 5, 7, 8])
PIXELS = np.random.default_rng(0).integers(0, 2**16, (9, 2, 3, 1), np.uint16)
SETTINGS = {"z_dim": 8, "statistics": "standing", "metadata": {"iteration": 3}, "block_size": BLOCK}


def generator(z, condition, standing):
    """Half the source, and half what z says: tanh z_0."""
    assert standing
    return (condition + tf.tanh(z[:, :1, None, None])) / 2


def samples(count, seed=5, pixels=PIXELS):
    """The first samples, as they are scored."""
    sampler = SourceSampler(
        generator, pixels, ROWS, lambda x: middles(x, 127.5, 0.5), **SETTINGS, pixel_scale=127.5, pixel_shift=0.5
    )
    made = images.of_generator(sampler, count, seed, "memory")
    assert (made.made_with["generator_block_size"], made.made_with["iteration"]) == (BLOCK, 3)
    return np.concatenate(list(made.parts()))


def test_sample_k_is_the_generator_of_its_noise_and_its_source():
    """In two passes over the six sources: with the noise of its block, and a source with all of its 16 bits."""
    made = samples(12)
    assert made.shape == (12, 2, 3, 3) and made.dtype == np.uint8
    order = ROWS[np.random.default_rng([5, 2]).permutation(6)]
    for k in range(12):
        first = k // BLOCK * BLOCK
        key = tf.random.fold_in(tf.constant([5, 0], tf.int64), tf.constant(first, tf.int64))
        z = tf.random.stateless_normal([BLOCK, 8], key)[k - first].numpy().astype(np.float64)
        x = (PIXELS[order[k % 6]] / 65535 * 2 - 1 + np.tanh(z[0])) / 2
        expected = np.rint(127.5 * (x + 1))
        assert (abs(made[k] - expected) > 0).mean() < 0.1 and abs(made[k] - expected).max() <= 1, k


def test_a_sample_depends_on_its_number_and_on_the_seed_alone():
    whole = samples(11)
    np.testing.assert_array_equal(samples(6), whole[:6])
    assert (samples(11, seed=6) != whole).any()


def test_only_the_sources_are_taken_each_as_often_as_the_others():
    """Each source has a level of its own in one pixel, the other images have 255; a sample is its source here."""
    pixels = np.full([9, 2, 3, 1], 255, np.uint8)
    pixels[ROWS, 0, 0, 0] = 10 * np.arange(6)
    sampler = SourceSampler(
        lambda z, condition, standing: condition, pixels, ROWS, middles, **SETTINGS, pixel_scale=128.0, pixel_shift=0.0
    )
    taken = np.concatenate([sampler.sample_block(block, 0).numpy()[:, 0, 0, 0] for block in range(5)])
    np.testing.assert_array_equal(np.sort(taken[:18]), np.repeat(10 * np.arange(6), 3))


@pytest.fixture
def dataset(rng):
    """Grey images of 16 bits and of ten classes: 40 to learn from and 20 held out."""
    splits = (Split(rng.integers(0, 2**16, (n, 2, 3, 1), np.uint16), np.arange(n) % 10) for n in (40, 20))
    return Dataset(*splits, tuple("abcdefghij"), "it")


def test_real_images_are_those_of_the_validation_classes(dataset):
    """With 8 bits and three channels, so that their statistics are kept under another name than those of all images."""
    config = tiny_config(validation_classes=0.2, test_classes=0.1)
    classes = run_data.classes_of_pairs(config, dataset)
    pixels, sources = run_data.sources_of(config, dataset)
    assert pixels is dataset.train.images and set(dataset.train.labels[sources]) == set(classes.validation)
    for real, split, count in zip(run_data.real_images(config, dataset), dataset[:2], (8, 4), strict=True):
        rows = [row for row, label in enumerate(split.labels) if label in classes.validation]
        expected = np.rint(split.images[rows] / 257).repeat(3, -1)
        np.testing.assert_array_equal(np.concatenate(list(real.parts())), expected)
        assert real.count == len(rows) == count
        assert real.source.endswith("the 2 classes that training does not see")
    np.testing.assert_array_equal(sources, [row for row in range(40) if row % 10 in classes.validation])
    everything = images.of_rows(pixels, np.arange(40), "it")
    compared, _ = run_data.real_images(config, dataset)
    assert hash_pixels(compared.parts()) != hash_pixels(everything.parts())


def test_data_without_the_validation_classes_are_refused(dataset):
    config = tiny_config()
    unseen = run_data.classes_of_pairs(config, dataset).validation
    rows = ~np.isin(dataset.train.labels, unseen)
    without = dataset._replace(train=Split(dataset.train.images[rows], dataset.train.labels[rows]))
    with pytest.raises(UserError, match="no image of a class that training does not see.*--validation_classes"):
        run_data.sources_of(config, without)


def test_statistics_of_batch_norm_that_cannot_be_collected_are_refused():
    config = tiny_config(generator_norm="batch", generator_groups=(), generator_statistics="batch")
    assert as_scored(config, make_eval_config()).generator_statistics == "batch"
    with pytest.raises(UserError, match="--generator_norm=batch: .* cannot collect the statistics"):
        as_scored(config, make_eval_config(generator_statistics="standing"))
