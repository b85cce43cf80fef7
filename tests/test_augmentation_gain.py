"""`python -m tfgan_gn.augmentation_gain`: which images a classifier learns from, its accuracy, and the gains."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfgan_gn import augmentation_gain
from tfgan_gn.augmentation import gain
from tfgan_gn.augmentation.classifier import Classifier, balanced_accuracy, shifted
from tfgan_gn.errors import UserError
from tfgan_gn.settings.config_file import save_config
from tfgan_gn.settings.tools.augmentation_gain import GainConfig
from tfgan_gn.settings.training import make_config

pytestmark = pytest.mark.quick


def test_each_class_has_the_same_weight_in_the_accuracy():
    found, labels = np.array([0, 0, 0, 1, 1, 0]), np.array([0, 0, 0, 0, 1, 1])
    assert balanced_accuracy(found, labels) == (3 / 4 + 1 / 2) / 2


@pytest.mark.parametrize("flips", [False, True])
def test_ordinary_augmentation_shifts_each_image_by_itself_and_mirrors_half_of_them(flips):
    image = np.arange(36, dtype=np.uint8).reshape(6, 6, 1)
    made = shifted(np.repeat(image[None], 400, 0), np.random.default_rng(0), 2, flips)
    padded = np.pad(image, [(2, 2), (2, 2), (0, 0)], mode="reflect")
    moved = {padded[y : y + 6, x : x + 6].tobytes() for y in range(5) for x in range(5)}
    mirrored = {np.frombuffer(each, np.uint8).reshape(6, 6)[:, ::-1].tobytes() for each in moved}
    assert {each.tobytes() for each in made} == (moved | mirrored if flips else moved)
    share = np.mean([each.tobytes() in mirrored for each in made])
    assert 0.4 < share < 0.6 if flips else share == 0
    np.testing.assert_array_equal(shifted(image[None], np.random.default_rng(0), 0, False), image[None])


def test_images_of_a_repetition_are_of_their_class_and_never_both_learnt_from_and_held_out():
    learnt, held_out = np.arange(60) % 3, np.arange(30) % 3
    rows = gain.draw_rows(learnt, held_out, (2, 0), "abc", 5, 4, 0)
    for number, real, tested in zip((2, 0), rows.real, rows.held_out, strict=True):
        assert (learnt[real] == number).all() and (held_out[tested] == number).all()
        assert len({*real}) == 5 and len({*tested}) == 4
    assert (gain.draw_rows(learnt, held_out, (2, 0), "abc", 5, 4, 1).real != rows.real).any()
    with pytest.raises(UserError, match="class 'c' has 20 images to learn from, and the largest of --counts is 21"):
        gain.draw_rows(learnt, held_out, (2, 0), "abc", 21, 4, 0)
    with pytest.raises(UserError, match="class 'b' has no held-out image"):
        gain.draw_rows(learnt, np.zeros(3), (0, 1), "abc", 5, 4, 0)


def test_a_classifier_learns_from_the_first_real_images_of_each_class_and_the_new_ones_of_them():
    """The value of a pixel is 100 class + 10 source + number of the new image, which is 0 for the source itself."""
    real = (100 * np.arange(2)[:, None] + 10 * np.arange(3)).astype(np.uint8)
    new = real[..., None] + np.arange(1, 3, dtype=np.uint8)
    real, new = (each[..., None, None, None] for each in (real, new))
    plain, _, with_new, _ = gain.ARMS
    images, labels = gain.training_set(real, new, 2, plain)
    assert images.ravel().tolist() == [0, 10, 100, 110] and labels.tolist() == [0, 0, 1, 1]
    images, labels = gain.training_set(real, new, 2, with_new)
    assert images.ravel().tolist() == [0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112]
    assert labels.tolist() == [0] * 6 + [1] * 6 and images.shape == (12, 1, 1, 1)


def test_a_classifier_learns_and_begins_anew_each_time(rng):
    """The second training with a seed ends where the first did, although another one came between."""
    images, labels = rng.integers(0, 128, (40, 8, 8, 1), np.uint8), np.arange(40) % 2
    images[labels == 1, :, 2:4] += 127
    classifier, ends = Classifier((8, 8, 1), 2, width=8), []
    for seed in (0, 1, 0):
        classifier.train(images, labels, 40, 8, seed)
        ends.append(np.concatenate([weight.ravel() for weight in classifier.network.get_weights()]))
    np.testing.assert_array_equal(ends[0], ends[2])
    assert (ends[0] != ends[1]).any()
    assert classifier.accuracy(images, labels) == 1
    assert classifier.accuracy(images, 1 - labels) == 0


def test_gains_are_differences_with_the_same_seed_and_corrected_together(rng):
    accuracies, learnt, kept = rng.uniform(size=(2, 4, 5)), rng.uniform(size=(2, 4, 5)), rng.uniform(size=(2, 5))
    found = augmentation_gain.findings((5, 10), gain.Measured(accuracies, learnt, kept))
    means, gains = found["accuracies"], found["gains"]
    assert [(each["count"], each["arm"]) for each in means] == [(n, arm.name) for n in (5, 10) for arm in gain.ARMS]
    np.testing.assert_allclose([each["accuracy"] for each in means], accuracies.mean(-1).ravel(), rtol=1e-12)
    np.testing.assert_allclose([each["learnt"] for each in means], learnt.mean(-1).ravel(), rtol=1e-12)
    np.testing.assert_allclose([each["accuracy"] for each in found["kept"]], kept.mean(-1), rtol=1e-12)
    assert len(gains) == 2 * len(gain.COMPARED)
    third = gains[len(gain.COMPARED) + 2]
    assert (third["count"], third["arm"], third["against"]) == (10, "new images", "shifts and flips")
    test = stats.ttest_rel(accuracies[1, 2], accuracies[1, 1])
    interval = test.confidence_interval(0.95)
    measured = [third[name] for name in ("gain", "low", "high", "p")]
    expected = [(accuracies[1, 2] - accuracies[1, 1]).mean(), *interval, test.pvalue]
    np.testing.assert_allclose(measured, expected, rtol=1e-9)
    smallest = min(gains, key=lambda each: each["p"])
    np.testing.assert_allclose(smallest["p_holm"], min(1, len(gains) * smallest["p"]), rtol=1e-12)
    text = augmentation_gain.as_text(found)
    assert f"{100 * third['gain']:+.1f} [{100 * third['low']:+.1f}, {100 * third['high']:+.1f}]" in text


@pytest.mark.parametrize(("learnt", "said"), [(0.96, False), (0.94, True)])
def test_classifiers_that_were_trained_too_briefly_are_told(learnt, said):
    accuracies = np.ones((2, 4, 5))
    of_learnt = accuracies.copy()
    of_learnt[:, 2:] = 0.5  # new images may have lost their class, which no number of steps mends
    of_learnt[1, 0] = learnt
    found = augmentation_gain.findings((5, 10), gain.Measured(accuracies, of_learnt, np.ones((2, 5))))
    assert ("only 94 % of the real images that they learnt from" in augmentation_gain.as_text(found)) == said


def test_new_images_of_another_class_are_found_out():
    """Class 1 is bright. An augmenter that returns its source keeps the class of it; its negative is the other class.

    The classifiers that learn from both images and negatives cannot fit what they learn from. Ordinary augmentation
    makes negatives too, so that its classifier takes each class for the other one, and must not be the judge of `kept`.
    """
    labels = np.arange(40) % 2
    dark = np.random.default_rng(0).integers(0, 100, (40, 8, 8, 1))
    part = SimpleNamespace(images=(dark + 155 * labels[:, None, None, None]).astype(np.uint8), labels=labels)
    data, bar = SimpleNamespace(train=part, test=part, classes=("dark", "bright")), SimpleNamespace(update=int)
    sizes = {"counts": (4,), "num": 1, "seeds": 1, "held_out": 5, "steps": 40, "batch_size": 8}

    def measured(augment):
        return gain.measure(data, (0, 1), augment, lambda images, random: 255 - images, bar, **sizes)

    same = measured(lambda images, num, seed: np.repeat(images[:, None], num, 1))
    negative = measured(lambda images, num, seed: np.repeat(255 - images[:, None], num, 1))
    assert (same.kept == 1).all() and (negative.kept == 0).all()
    for accuracies in (same.held_out, same.learnt):
        assert accuracies.ravel().tolist() == [1, 0, 1, 0]
    assert negative.learnt[0, :2].ravel().tolist() == [1, 0] and (negative.learnt[:, 2:] < 0.9).all()


class Brighter(tf.Module):
    """Takes the place of an export: new image number k of a source is the source, 10 k levels brighter."""

    def __init__(self):
        super().__init__()

        def augment(images, num_each, seed):
            steps = tf.cast(10 * tf.range(1, num_each + 1), tf.int32)[:, None, None, None]
            return tf.cast(tf.minimum(tf.cast(images, tf.int32)[:, None] + steps, 255), tf.uint8)

        number = tf.TensorSpec([], tf.int64)
        pixels = tf.TensorSpec([None, 8, 8, 1], tf.uint8)
        self.augment = tf.function(augment, input_signature=[pixels, number, number])
        self.augment.get_concrete_function()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run with four classes, of which two are not learnt from, and a stand-in for its export."""
    folder = tmp_path_factory.mktemp("gain")
    images, labels = np.random.default_rng(0).integers(0, 200, (160, 8, 8, 1), np.uint8), np.arange(160) // 40
    np.savez(folder / "data.npz", images=images, labels=labels)
    sizes = {"image_size": 8, "levels": (1, 1), "width": 4, "groups": (2,), "generator_groups": (2,), "grey": "keep"}
    data = {"dataset": "npz", "data_dir": str(folder / "data.npz"), "workdir": str(folder), "validation_classes": 0.5}
    save_config(make_config("dagan", **sizes, **data), str(folder), {}, {})
    tf.saved_model.save(Brighter(), str(folder / "export"))
    return folder


def test_a_tiny_measurement(run, capsys):
    flags = ["--counts=2,3", "--num=2", "--seeds=2", "--steps=2", "--batch_size=4", "--held_out=2"]
    assert augmentation_gain.main(["gain", str(run), *flags]) == 0
    result = json.loads((run / augmentation_gain.RESULT).read_text())
    assert len(result["classes"]) == 2 and result["settings"]["counts"] == [2, 3]
    assert len(result["accuracies"]) == 8 and len(result["gains"]) == 8
    of_seeds = [each["of_seeds"] for each in result["accuracies"]]
    assert {*np.ravel(of_seeds)} <= {0, 0.25, 0.5, 0.75, 1}, "two held-out images of two classes"
    said = capsys.readouterr().out
    assert "new images, shifts and flips - shifts and flips" in said and said.endswith(f"{augmentation_gain.RESULT}\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--counts=39"], "has 38 images to learn from, and the largest of --counts is 39: give smaller counts"),
        (["--shift=8"], "--shift=8: give less than the size of the images, 8"),
        (["--counts=5,5"], "--counts=5,5: give each number once"),
        (["--shift=0", "--noflips"], "--shift=0 --noflips: ordinary augmentation changes nothing"),
        (["--seeds=1"], "--seeds=1: give 2 or more"),
    ],
)
def test_what_cannot_be_measured_is_refused(run, capsys, flags, message):
    assert augmentation_gain.main(["gain", str(run), *flags]) == 1
    assert message in capsys.readouterr().err


def test_one_unseen_class_and_a_missing_run_are_refused(run, tmp_path, capsys):
    class OneUnseen:
        class_file, validation_classes, test_classes, seed = "", 0.1, 0, 0

    class Data:
        classes = ("a", "b", "c")

    with pytest.raises(UserError, match="--classes=unseen: the data have 1 such classes.* Give --classes=all"):
        augmentation_gain.classes_of(GainConfig(), OneUnseen, Data)
    assert augmentation_gain.classes_of(GainConfig(classes="all"), OneUnseen, Data) == (0, 1, 2)
    assert augmentation_gain.main(["gain", str(tmp_path)]) == 1 and "config.json" in capsys.readouterr().err
    assert augmentation_gain.main(["gain"]) == 1 and "give the folder of a run" in capsys.readouterr().err
