"""cifar10net: the weights that are shipped, the folding of the batch norms, and that training goes on as it was."""

import hashlib
import json
import os
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.scoring import train_cifar10net
from tfgan_gn.scoring.networks import cifar10net
from tfgan_gn.scoring.networks.cifar10net import Cifar10Net, facts_beside, kernel_shapes, load_weights
from tfgan_gn.scoring.networks.cifar10net_training import Trainee, one_cycle, patch_filters, varied

WIDTHS = (8, 8, 16)


@pytest.fixture(scope="module")
def pictures():
    """64 images, whose class is the brightness of their left half, and labels."""
    random = np.random.default_rng(0)
    labels = np.arange(64) % 10
    images = random.integers(0, 60, [64, 32, 32, 3])
    images[:, :, :16] += 19 * labels[:, None, None, None]
    return images.astype(np.uint8), labels


def make_trainee(images, **settings):
    return Trainee(patch_filters(images, 8), WIDTHS, **settings)


def train(trainee, pictures, epochs, folder):
    """Trains and returns what was reported."""
    reports = []
    train_cifar10net.train(trainee, *pictures, epochs, 0, str(folder), lambda *r: reports.append(r), batch=16)
    return reports


# ---- the weights that are shipped ------------------------------------------------------------------------------------


@pytest.mark.quick
def test_shipped_weights_have_the_hash_of_the_json_and_need_no_pickle():
    with open(cifar10net.WEIGHTS, "rb") as file:
        contents = file.read()
    with open(facts_beside(cifar10net.WEIGHTS), encoding="utf-8") as file:
        facts = json.load(file)
    assert hashlib.sha256(contents).hexdigest() == facts["sha256"]
    assert len(contents) <= 3_000_000
    with np.load(cifar10net.WEIGHTS, allow_pickle=False) as arrays:
        assert all(arrays[name].dtype == np.float16 for name in arrays.files)
        assert sum(arrays[name].size for name in arrays.files) == facts["parameters"]
    assert facts["accuracy"]["10000 test images"] >= 0.9
    assert facts["command"].startswith("python -m tfgan_gn.scoring.train_cifar10net ")
    assert facts["training_data"]["images"] == 50_000 and len(facts["training_data"]["sha256"]) == 64


def test_shipped_weights_are_those_of_the_network():
    weights, shapes = load_weights(), kernel_shapes()
    assert {name: weights[f"{name}.kernel"].shape for name in shapes} == shapes
    assert {name: weights[f"{name}.bias"].shape for name in shapes} == {k: v[-1:] for k, v in shapes.items()}
    assert len(weights) == 2 * len(shapes)
    network = Cifar10Net(weights)
    images = np.random.default_rng(0).integers(0, 256, [5, 32, 32, 3], np.uint8)
    found, logits = network(images)
    assert found.shape == (5, 192)
    assert logits.shape == (5, 10)
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(network(images[:2].astype(np.float32))[1], logits[:2], atol=1e-4)


# ---- the network while it learns -------------------------------------------------------------------------------------


@pytest.mark.quick
def test_folded_network_is_the_unfolded_one(pictures):
    images, _ = pictures
    trainee, random = make_trainee(images), np.random.default_rng(1)
    for name, average in trainee.averages.items():
        if not name.endswith(".kernel") or name == "classes.kernel":  # which are random already, or 0
            new = random.standard_normal(average.shape)
            average.assign(np.exp(new) if name.endswith(".variance") else new)
    for folded, unfolded in zip(Cifar10Net(trainee.folded())(images), trainee.infer(images), strict=True):
        np.testing.assert_allclose(folded, unfolded, rtol=1e-5, atol=1e-5)


def test_averages_describe_the_network_that_learned(pictures, tmp_path):
    """Inference by the averages tells what the steps learned, so that they hold what the batch norms used."""
    trainee = make_trainee(pictures[0])
    loss, *_ = train(trainee, pictures, 20, tmp_path)[-1][1:]
    assert loss < 2
    assert train_cifar10net.accuracy(Cifar10Net(trainee.folded()), *pictures) > 0.3


def test_training_that_goes_on_is_training_at_one_go(pictures, tmp_path):
    whole, begun, gone_on = (make_trainee(pictures[0], seed=seed) for seed in (0, 0, 1))
    for folder in ("whole", "parts"):
        (tmp_path / folder).mkdir()
    reports = train(whole, pictures, 3, tmp_path / "whole")

    def interrupt(epoch, *_):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_cifar10net.train(begun, *pictures, 3, 0, str(tmp_path / "parts"), interrupt, batch=16)
    assert train(gone_on, pictures, 3, tmp_path / "parts") == reports[2:]
    for name, array in whole.state().items():
        np.testing.assert_array_equal(gone_on.state()[name], array, err_msg=name)
    with pytest.raises(UserError, match="give another --out"):
        train(gone_on, pictures, 4, tmp_path / "parts")
    (tmp_path / "parts" / "state.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match="remove it to begin anew"):
        train(gone_on, pictures, 3, tmp_path / "parts")


def test_bfloat16_steps_are_those_of_float32_but_for_rounding(pictures):
    images, labels = pictures
    losses = [
        make_trainee(images, dtype=dtype).step(images, labels, np.float32(0))[0] for dtype in ("float32", "bfloat16")
    ]
    np.testing.assert_allclose(*losses, rtol=0.02)


@pytest.mark.quick
def test_learning_rate_goes_up_and_down_to_zero():
    rates = [one_cycle(step, 100, 0.5) for step in range(100)]
    assert max(rates) == rates[19] == 0.5
    assert 0 < rates[0] == rates[1] / 2
    assert 0 < rates[99] < 0.01


def test_variations_keep_the_image(pictures):
    """What a step sees is the image, moved by 4 pixels at most, mirrored or not, but for a square."""
    image = np.random.default_rng(3).integers(0, 256, [1, 32, 32, 3], np.uint8)
    for mirrored in (False, True):
        seen = varied(image, [mirrored], np.random.default_rng(4))[0]
        padded = np.pad(image[0], [(4, 4), (4, 4), (0, 0)], mode="reflect")
        cuts = [padded[y : y + 32, x : x + 32] for y in range(9) for x in range(9)]
        shares = [np.mean((cut[:, ::-1] if mirrored else cut) == seen) for cut in cuts]
        assert max(shares) > 0.9
        assert np.sum(np.array(shares) > 0.9) == 1
        assert 0 < np.mean((seen == 127).all(-1)) <= 65 / 1024


@pytest.mark.quick
def test_the_square_keeps_at_least_four_of_its_rows_and_columns_in_the_image():
    """Its corner is 4 pixels outside at most, on every side alike."""
    black = np.zeros([3000, 32, 32, 3], np.uint8)
    squares = (varied(black, [False] * len(black), np.random.default_rng(0)) == 127).all(-1)
    rows, columns = squares.any(2), squares.any(1)
    for sides in (rows, columns):
        assert {*sides.sum(1)} == {4, 5, 6, 7, 8}
        first = sides.argmax(1) - (8 - sides.sum(1)) * sides[:, 0]  # the corner, negative outside
        np.testing.assert_allclose(np.bincount(first + 4, minlength=32) / len(black), 1 / 32, atol=0.015)
    np.testing.assert_array_equal(squares.sum((1, 2)), rows.sum(1) * columns.sum(1))


@pytest.mark.quick
def test_first_filters_make_patches_uncorrelated(pictures):
    """Of real components, those that come out vary alike and apart from one another."""
    random = np.random.default_rng(5)
    images = random.integers(0, 256, [32, 32, 32, 3], np.uint8)
    kernel = patch_filters(images, 54)
    out = tf.nn.conv2d(images.astype(np.float32) / 127.5 - 1, kernel, 1, "VALID").numpy()
    np.testing.assert_allclose(out[..., :27], -out[..., 27:], atol=1e-5)
    out = out[..., :27].reshape(-1, 27)
    np.testing.assert_allclose(out.T @ out / len(out), np.eye(27), atol=0.01)


# ---- the command -----------------------------------------------------------------------------------------------------


def test_nearest_finds_the_copies():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, [20, 32, 32, 3], np.uint8)
    noisy = np.clip(images.astype(int) + random.integers(-9, 10, images.shape), 0, 255).astype(np.uint8)
    order = random.permutation(20)[:7]
    np.testing.assert_array_equal(train_cifar10net.nearest(noisy[order], images), order)


def test_export_writes_weights_that_load_and_what_they_are(pictures, tmp_path):
    images, labels = pictures
    trainee = make_trainee(images)
    np.savez(tmp_path / "lossless.npz", x_test=images[:9], y_test=labels[:9])
    facts = {"command": "as it was"}
    train_cifar10net.export(trainee, str(tmp_path), facts, pictures, str(tmp_path / "lossless.npz"))
    first = (tmp_path / "cifar10net.npz").read_bytes()
    weights = load_weights(str(tmp_path / "cifar10net.npz"), kernel_shapes(WIDTHS, 8))
    for name, array in trainee.folded().items():
        np.testing.assert_array_equal(weights[name], array.astype(np.float16))
    said = json.loads((tmp_path / "cifar10net.json").read_text())
    assert said["command"] == "as it was"
    told = train_cifar10net.accuracy(Cifar10Net(weights), images, labels)
    assert said["accuracy"]["64 test images"] == told
    same = said["accuracy"]["the same 9 images as the data set stores them"]
    assert said["accuracy"]["9 lossless test images"] == same
    train_cifar10net.export(trainee, str(tmp_path), facts, pictures, "")
    assert (tmp_path / "cifar10net.npz").read_bytes() == first
    assert all(
        item.compress_type == zipfile.ZIP_STORED for item in zipfile.ZipFile(tmp_path / "cifar10net.npz").filelist
    )


def test_data_that_are_not_there_are_told_in_a_line(tmp_path, capsys):
    missing = os.path.join(str(tmp_path), "nothing")
    assert train_cifar10net.main([f"--data_dir={missing}", f"--out={tmp_path}"]) == 1
    assert "is not a folder" in capsys.readouterr().err
