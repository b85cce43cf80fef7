"""cifar10net as an extractor: any images, the same bits everywhere, scores with its name, no file but its own."""

import configparser
import hashlib
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from scored_images import FAKE, REAL, evaluate, statistics_of
from test_images import write_folder
from test_inception import gather

import eval_inception
from tfgan_gn.errors import UserError
from tfgan_gn.scoring import extractors, reference, results
from tfgan_gn.scoring.networks import cifar10net
from tfgan_gn.scoring.scores import SCORES

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def extractor():
    return extractors.load_extractor("cifar10net")


@pytest.fixture(scope="module")
def real(extractor, tmp_path_factory):
    return statistics_of(REAL, extractor, tmp_path_factory.mktemp("cache"))


# ---- any images ------------------------------------------------------------------------------------------------------


@pytest.mark.quick
def test_images_of_its_size_keep_their_values_and_others_are_averaged(rng):
    images = rng.integers(0, 256, (3, 32, 32, 3), np.uint8)
    np.testing.assert_array_equal(cifar10net.resize(images), images)
    stripes = np.zeros((1, 64, 128, 3), np.uint8)
    stripes[:, :, ::4] = stripes[:, :, 3::4] = 255  # four columns become one, of which the middle two are black
    np.testing.assert_allclose(cifar10net.resize(stripes)[:, :, 1:-1], 127.5, atol=1e-3)
    large = cifar10net.resize(np.full((1, 7, 9, 3), 200, np.uint8))
    assert large.shape == (1, 32, 32, 3)
    np.testing.assert_allclose(large, 200, atol=1e-3)


@pytest.mark.quick
def test_features_and_classes_are_of_the_network_and_grey_images_are_repeated(extractor, rng):
    images = rng.integers(0, 256, (5, 32, 32, 3), np.uint8)
    features, logits = extractor(images)
    assert features.shape == (5, 192) and logits.shape == (5, 10)
    network = cifar10net.Cifar10Net(cifar10net.load_weights())
    for found, expected in zip((features, logits), network(images), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    grey = rng.integers(0, 256, (2, 28, 20, 1), np.uint8)
    for found, expected in zip(extractor(grey), extractor(np.repeat(grey, 3, -1)), strict=True):
        np.testing.assert_array_equal(found, expected)


# ---- the same bits ---------------------------------------------------------------------------------------------------


@pytest.mark.quick
def test_an_image_has_the_same_bits_in_every_batch_and_on_one_and_two_devices(extractor, two_replicas, rng):
    images = rng.integers(0, 256, (75, 40, 30, 3), np.uint8)
    expected = gather(extractor, images, 64)
    for found in (gather(extractor, images, 64), gather(extractor, images, 37), gather(extractor, images[::-1], 5)):
        for a, b in zip(found, expected, strict=True):
            assert np.array_equal(a, b) or np.array_equal(a[::-1], b)
    with two_replicas.scope():
        on_two = extractors.load_extractor("cifar10net")
        for batch_size in (64, 37):
            for a, b in zip(gather(on_two, images, batch_size), expected, strict=True):
                np.testing.assert_array_equal(a, b)


def test_two_scorings_agree_to_the_last_bit_on_one_and_on_two_devices(extractor, real, two_replicas, tmp_path):
    """The statistics of the real images are computed again each time."""
    first, second = evaluate(FAKE, real, extractor), None
    with two_replicas.scope():
        on_two = extractors.load_extractor("cifar10net")
        second = evaluate(FAKE, statistics_of(REAL, on_two, tmp_path / "two"), on_two)
    again = evaluate(FAKE, statistics_of(REAL, extractor, tmp_path / "one"), extractor)
    assert first == second == again
    assert results.compare(first, second, ["A", "B"])


# ---- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.quick
def test_its_scores_have_its_name_and_are_not_compared_with_those_of_inception(
    extractor, real, tiny_extractor, real_statistics
):
    ours, theirs = evaluate(FAKE, real, extractor), evaluate(FAKE, real_statistics, tiny_extractor)
    without = {"frechet_distance_infinity", "memorisation_share"}  # not asked for; no held-out images
    assert list(ours["scores"]) == [f"cifar10net/{name}" for name in SCORES if name not in without]
    assert ours["weights"]["source"] == "cifar10net" and ours["protocol"]["preprocessing"] == cifar10net.PREPROCESSING
    text = results.table(ours)
    assert "Fréchet distance (cifar10net)" in text and "classifier score (cifar10net)" in text
    assert not any(name in text for name in ("FID", "fid", "Inception"))
    assert text.endswith("not comparable with published scores: the network is not that of 2015-12-05 but cifar10net")
    with pytest.raises(UserError, match=r"scorer \(cifar10net and Inception\); weights_sha256 \(.*; preprocessing"):
        results.compare(ours, theirs, ["A", "B"])


def test_statistics_of_another_network_or_program_are_refused(extractor, real_statistics, tiny_extractor, tmp_path):
    statistics_of(REAL, tiny_extractor, tmp_path)
    (path,) = tmp_path.glob("real-*.npz")
    with pytest.raises(UserError, match="give the --scorer that .* was made with"):
        reference.of_file(str(path), extractor)
    np.savez(tmp_path / "theirs.npz", mu=np.zeros(192), sigma=np.eye(192))
    with pytest.raises(UserError, match="theirs.npz holds statistics of another program, which are not of cifar10net"):
        reference.of_file(str(tmp_path / "theirs.npz"), extractor)


def test_the_command_scores_a_folder_of_grey_images_with_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", tf.distribute.get_strategy)
    grey = FAKE[..., :1]
    write_folder(tmp_path / "grey", grey)
    np.savez(tmp_path / "colour.npz", np.repeat(grey, 3, -1))
    given = {"grey": tmp_path / "grey", "colour": tmp_path / "colour.npz"}
    np.save(tmp_path / "real.npy", REAL[..., :1])
    for name, samples in given.items():
        flags = [f"--reference={tmp_path / 'real.npy'}", f"--cache_dir={tmp_path}", f"--out={tmp_path / name}.json"]
        assert eval_inception.main(["x", str(samples), "--scorer=cifar10net", *flags]) == 0, capsys.readouterr().err
        assert "Fréchet distance (cifar10net)" in capsys.readouterr().out
    scores = [results.load(f"{tmp_path / name}.json")["scores"] for name in given]
    assert scores[0] == scores[1]
    assert eval_inception.main(["x", str(tmp_path / "grey"), "--reference=shapes:test"]) == 1, "others take colour only"


# ---- the weights file ------------------------------------------------------------------------------------------------


@pytest.fixture
def copied(tmp_path):
    """A copy of the weights and their JSON that a test may damage."""
    path = str(tmp_path / "cifar10net.npz")
    for of in (lambda path: path, cifar10net.facts_beside):
        shutil.copy(of(cifar10net.WEIGHTS), of(path))
    return path


def with_hash_of(path):
    """Writes the JSON that belongs to a weights file."""
    digest = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    pathlib.Path(cifar10net.facts_beside(path)).write_text(json.dumps({"sha256": digest}))


@pytest.mark.quick
def test_damaged_missing_and_other_weights_are_one_message_that_names_the_file(copied):
    def refusal():
        with pytest.raises(UserError) as error:
            cifar10net.load_weights(copied)
        assert copied in str(error.value) and "install tfgan_gn again" in str(error.value)
        return str(error.value)

    weights = cifar10net.load_weights(copied)
    contents = pathlib.Path(copied).read_bytes()
    pathlib.Path(copied).write_bytes(contents[:-100])
    assert "has the SHA-256" in refusal()
    np.savez(copied, **{name: array for name, array in weights.items() if name != "classes.bias"})
    with_hash_of(copied)
    assert "is of another version of cifar10net: classes.bias is None, not (10,)" in refusal()
    np.savez(copied, **weights, more=np.zeros(3))
    with_hash_of(copied)
    assert "is of another version of cifar10net: more is (3,), not None" in refusal()
    np.savez(copied, **{**weights, "classes.bias": np.array({}, object)}, allow_pickle=True)
    with_hash_of(copied)
    assert "is no .npz of arrays (Object arrays cannot be loaded" in refusal()
    pathlib.Path(copied).write_bytes(b"PK garbage")
    with_hash_of(copied)
    assert "is no .npz of arrays" in refusal()
    pathlib.Path(cifar10net.facts_beside(copied)).write_text("[]")
    assert "cannot be read with" in refusal()
    pathlib.Path(copied).unlink()
    assert "cannot be read with" in refusal()


@pytest.mark.quick
def test_every_file_of_the_package_that_is_no_module_is_installed_with_it():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    patterns = {name: value.replace(",", " ").split() for name, value in config["options.package_data"].items()}
    folders = {name: ROOT / name.replace(".", "/") for name in patterns}
    found = {path for name, globs in patterns.items() for each in globs for path in folders[name].glob(each)}
    listed = {path for path in found if path.is_file()}
    others = {path for path in (ROOT / "tfgan_gn").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert others == listed and pathlib.Path(cifar10net.WEIGHTS) in listed
