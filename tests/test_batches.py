"""The drawn sets, and the order of images and labels in batches."""

import itertools

import numpy as np
import pytest

from tfgan_gn.data import sets
from tfgan_gn.data.batches import held_out_batches, train_batches
from tfgan_gn.data.drawn import shapes, strokes
from tfgan_gn.errors import UserError

pytestmark = pytest.mark.quick


def test_shapes_are_ten_balanced_classes_that_a_seed_decides():
    images, labels = shapes.draw_shapes(200, 32, 0)
    again, _ = shapes.draw_shapes(200, 32, 0)
    other, _ = shapes.draw_shapes(200, 32, 1)
    np.testing.assert_array_equal(images, again)
    assert np.bincount(labels).tolist() == [20] * len(shapes.CLASSES)
    assert images.shape == (200, 32, 32, 3) and images.dtype == np.uint8
    assert len({image.tobytes() for image in np.concatenate([images, other])}) == 400
    with pytest.raises(UserError, match="has no effect"):
        sets.make_dataset("shapes", "/tmp")


@pytest.mark.parametrize("size", [32, 64])
def test_shapes_have_the_area_of_their_geometry(size):
    """The share of the square around a shape of unit size that it covers: pi/4 for the disc, and so on."""
    u, v = np.meshgrid(*[(np.arange(400) + 0.5) / 200 - 1] * 2)
    area = {name: (shapes.SIGNED_DISTANCES[name](u, v) < 0).mean() for name in shapes.CLASSES}
    expected = {"disc": np.pi / 4, "ring": np.pi / 4 * (1 - 0.56**2), "square": 0.85**2, "frame": 0.88**2 - 0.52**2}
    expected |= {"plus": (2 * 1.9 * 0.6 - 0.6**2) / 4}
    for name in expected:
        np.testing.assert_allclose(area[name], expected[name], atol=0.01, err_msg=name)
    images, _ = shapes.draw_shapes(10, size, 0)
    assert images.shape == (10, size, size, 3)


def test_strokes_are_characters_that_do_not_depend_on_the_seed_and_vary_within_a_class():
    """The mean of what one hand wrote tells what another wrote, of 300 characters; no two images are equal."""
    (images, labels), (other, _) = (strokes.draw_strokes(2400, 16, seed) for seed in (0, 1))
    assert images.shape == (2400, 16, 16, 1) and images.dtype == np.uint8 and images.max() > 240
    assert len({image.tobytes() for image in np.concatenate([images, other])}) == 4800
    np.testing.assert_array_equal(strokes.draw_strokes(2400, 16, 0)[0], images)
    means = np.stack([images[labels == number].mean(0) for number in range(300)]).reshape(300, -1)
    distances = np.square(other[:300].reshape(300, 1, -1) - means).sum(-1)
    assert 0.5 < (distances.argmin(-1) == labels[:300]).mean() < 0.95
    dataset = sets.make_dataset("strokes", image_size=8, grey="keep")
    assert len(dataset.classes) == 300 and dataset.train.images.shape == (12_000, 8, 8, 1)
    assert set(np.bincount(dataset.train.labels)) == {40} and set(np.bincount(dataset.test.labels)) == {20}


def test_the_ink_of_a_pixel_is_that_of_all_dabs_of_written_strokes(rng):
    dabs, width = rng.uniform(-1, 1, (1, strokes.STROKES, strokes.DABS, 2)), np.array([0.2])
    written = np.array([[True, True, False]])
    levels = strokes._ink(dabs, written, width, 8)[0]
    x, y = (2 + 0.5) * 2 / 8 - 1, (5 + 0.5) * 2 / 8 - 1  # of the pixel in row 5 and column 2
    distance = np.square(dabs[0, :2] - [x, y]).sum(-1)
    expected = 255 * (1 - np.exp(-np.exp(-distance / (2 * 0.2**2)).sum()))
    np.testing.assert_allclose(levels[5, 2], expected, atol=0.5)


IMAGES = np.arange(50, dtype=np.uint8).reshape(50, 1, 1, 1)


def rows(dataset, count):
    return [batch.numpy().ravel().tolist() for batch in itertools.islice(dataset, count)]


def test_an_epoch_holds_every_image_once_and_the_next_has_another_order():
    epochs = rows(train_batches(IMAGES, 10, 0), 10)
    first, second = sum(epochs[:5], []), sum(epochs[5:], [])
    assert sorted(first) == sorted(second) == list(range(50)) and first != second
    assert first != sum(rows(train_batches(IMAGES, 10, 1), 5), [])


def test_batches_go_on_from_any_number_as_if_never_stopped():
    whole = rows(train_batches(IMAGES, 12, 0), 20)
    for first in (1, 4, 9):  # an epoch has 4 batches
        assert rows(train_batches(IMAGES, 12, 0, first), 20 - first) == whole[first:]
    with pytest.raises(UserError, match="batch_size=51 is more than the 50 images"):
        train_batches(IMAGES, 51, 0)


def test_held_out_batches_repeat_when_there_are_few_images():
    assert sorted(rows(held_out_batches(IMAGES[:4], 8, 0), 1)[0]) == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("share", [(1, 0, 1), (4, 1, 3)])
def test_labels_stay_beside_their_images(tmp_path, mapped, share):
    """All pixels of image i are i, its label is 3i + 1; with shuffling, with replicas, and from a file."""
    images, labels = IMAGES, 3 * np.arange(50) + 1
    if mapped:
        np.save(tmp_path / "x.npy", IMAGES)
        images = np.load(tmp_path / "x.npy", mmap_mode="r")
    for make, first in ((train_batches, 3), (held_out_batches, 0)):
        seen = []
        options = {"first": first} if first else {}
        for batch, of_batch in itertools.islice(make(images, 12, 0, labels=labels, share=share, **options), 30):
            assert batch.shape == (12 // share[0], 1, 1, 1)
            np.testing.assert_array_equal(3 * batch.numpy().ravel().astype(int) + 1, of_batch)
            seen += of_batch.numpy().tolist()
        assert len(set(seen)) > 40 and seen != sorted(seen)


def test_the_parts_of_the_replicas_together_are_the_batch():
    whole = rows(train_batches(IMAGES, 12, 0), 4)
    parts = [rows(train_batches(IMAGES, 12, 0, share=(3, i, i + 1)), 4) for i in range(3)]
    assert [sum(of_batch, []) for of_batch in zip(*parts)] == whole


def test_images_from_a_file_are_those_from_memory(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert rows(train_batches(mapped, 12, 0), 9) == rows(train_batches(IMAGES, 12, 0), 9)
    assert rows(held_out_batches(mapped[:5], 12, 0), 2) == rows(held_out_batches(IMAGES[:5], 12, 0), 2)
