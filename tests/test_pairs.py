"""Pairs of one class: who is paired with whom, in which order, and which classes are held out."""

import itertools
import json

import numpy as np
import pytest

from tfgan_gn.data.pairs import Classes, divide_classes, pair_batches, read_classes
from tfgan_gn.errors import UserError

pytestmark = pytest.mark.quick
LABELS = np.array([0, 1, 2, 3] * 3 + [2, 2, 2, 4])  # class 2 has six images, class 4 one
IMAGES = np.arange(len(LABELS), dtype=np.uint8).reshape(-1, 1, 1, 1)  # an image's pixel is its number
NAMES = ("a", "b", "c", "d", "e")


def pairs(count, classes=(0, 2, 3), batch_size=6, seed=0, **kwargs):
    """The numbers of the images x_j and x_i of some batches: [count, 2, batch_size]."""
    dataset = pair_batches(IMAGES, LABELS, classes, NAMES, batch_size, seed, **kwargs)
    return np.array([[x.numpy().ravel() for x in batch] for batch in itertools.islice(dataset, count)])


def test_a_pair_is_two_images_of_one_class_and_classes_and_images_are_equally_likely():
    one, other = pairs(500).transpose(1, 0, 2).reshape(2, -1)
    assert (LABELS[one] == LABELS[other]).all() and (one != other).all()
    np.testing.assert_allclose(np.bincount(LABELS[one])[[0, 2, 3]] / 3000, [1 / 3] * 3, atol=0.04)
    assert set(LABELS[one]) == {0, 2, 3}
    for numbers in (one, other):
        of_class_2 = np.bincount(numbers[LABELS[numbers] == 2], minlength=15)[[2, 6, 10, 12, 13, 14]]
        np.testing.assert_allclose(of_class_2 / of_class_2.sum(), [1 / 6] * 6, atol=0.05)
    # Each ordered pair of class 0, which has images 0, 4 and 8.
    of_class_0 = LABELS[one] == 0
    shares = np.unique(15 * one[of_class_0] + other[of_class_0], return_counts=True)[1] / of_class_0.sum()
    np.testing.assert_allclose(shares, [1 / 6] * 6, atol=0.05)


def test_both_images_may_be_the_same_where_that_is_asked_for():
    one, other = pairs(500, same=True).transpose(1, 0, 2).reshape(2, -1)
    assert (LABELS[one] == LABELS[other]).all()
    of_class_0 = LABELS[one] == 0
    np.testing.assert_allclose((one == other)[of_class_0].mean(), 1 / 3, atol=0.06)
    assert (pairs(3, classes=(4,), same=True) == 15).all()


def test_a_batch_is_a_function_of_the_seed_and_its_number():
    whole = pairs(8)
    for first in (1, 5):
        np.testing.assert_array_equal(pairs(8 - first, first=first), whole[first:])
    assert (whole[0] != whole[1]).any() and (pairs(1, seed=1) != whole[:1]).any()


def test_shares_of_two_replicas_are_the_halves_of_the_batch():
    whole = pairs(4)
    both = pairs(8, share=(2, 0, 2))
    np.testing.assert_array_equal(both.reshape(4, 2, 2, 3).transpose(0, 2, 1, 3).reshape(4, 2, 6), whole)
    np.testing.assert_array_equal(pairs(4, share=(2, 1, 2)), whole[:, :, 3:])


def test_classes_without_two_images_are_refused():
    with pytest.raises(UserError, match="class 'e' has 1 image to learn from, and a pair needs two of one class: add"):
        pairs(1, classes=(0, 4))
    with pytest.raises(UserError, match="class 'b' has 0 images"):
        pair_batches(IMAGES[:1], LABELS[:1], (1,), NAMES, 2, 0, same=True)


def test_a_division_by_shares_has_every_class_once():
    division = divide_classes(20, 0.1, 0.25, seed=0)
    assert [len(part) for part in division] == [13, 2, 5]
    assert sorted(sum(division, ())) == list(range(20))
    assert division == divide_classes(20, 0.1, 0.25, seed=0) != divide_classes(20, 0.1, 0.25, seed=1)
    assert [len(part) for part in divide_classes(3, 0.01, 0, seed=0)] == [2, 1, 0]
    for num_classes, test in ((1, 0), (2, 0.1)):
        with pytest.raises(UserError, match=f"number of classes: {num_classes}. .* none is left to learn from"):
            divide_classes(num_classes, 0.1, test, seed=0)


def test_a_division_from_a_file(tmp_path):
    path = tmp_path / "classes.json"
    path.write_text(json.dumps({"train": ["c", "a"], "validation": ["e"]}))
    assert read_classes(str(path), NAMES) == Classes((0, 2), (4,), ())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"train": ["a"], "validation": ["f"]}', "names the class 'f', which the data do not have"),
        ('{"train": ["a", "b"], "validation": ["b"]}', "names the class 'b' in 'train' and in 'validation'"),
        ('{"train": ["a", "a"], "validation": ["b"]}', "names the class 'a' in 'train' and in 'train'"),
        ('{"train": ["a"], "test": ["b"]}', "names no class in 'validation'"),
        ("[]", "is not a division of classes"),
        ("{", "is not a division of classes"),
    ],
)
def test_a_file_that_divides_nothing_is_refused(tmp_path, content, message):
    path = tmp_path / "classes.json"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        read_classes(str(path), NAMES)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a division of classes .*No such file"):
        read_classes(str(tmp_path / "none.json"), NAMES)
