"""The Inception network against goldens of other implementations, with stand-in weights; batches and devices."""

import io
import sys

import inception_seeded
import keras
import numpy as np
import pytest
import tensorflow as tf
from inception_seeded import GOLDENS

from tfgan_gn.errors import UserError
from tfgan_gn.scoring import extractors
from tfgan_gn.scoring.batching import rebatch
from tfgan_gn.scoring.features import collect
from tfgan_gn.scoring.networks import inception


def error(actual, golden):
    """The largest difference, divided by the largest golden value."""
    return abs(np.asarray(actual) - golden).max() / abs(golden).max()


@pytest.fixture(scope="module")
def golden():
    return np.load(GOLDENS / "inception_seeded.npz")


@pytest.fixture(scope="module")
def network():
    return inception.build_network("float64")


@pytest.fixture(scope="module")
def small(golden):
    return golden["img_32x32"]


@pytest.fixture(scope="module")
def results(seeded_extractor, golden):
    """Features and logits of all images, those of 32x32 in batches of 4, the last one partial."""
    parts = [gather(seeded_extractor, golden[key], 4) for key in golden["image_keys"]]
    return [np.concatenate(arrays) for arrays in zip(*parts)]


def extractor_of(forward):
    """An extractor that calls this function, for tests that need no network."""
    return extractors.Extractor(forward, source="some file", weights_sha256="", preprocessing="")


def ones(images):
    return 2 * [tf.ones([tf.shape(images)[0], 2])]


def gather(*args, **kwargs):
    return [np.concatenate(arrays) for arrays in zip(*collect(*args, **kwargs))]


@pytest.mark.quick
def test_the_stand_in_weights_are_those_of_the_goldens(seeded_weights):
    for row in inception_seeded.rows():
        array = seeded_weights[row["name"]].astype(np.float64)
        size = abs(array).sum()
        assert array.sum() == pytest.approx(float(row["sum"]), abs=1e-6 * size), row["name"]
        assert np.square(array).sum() == pytest.approx(float(row["sum_of_squares"]), rel=1e-6), row["name"]


def test_names_and_shapes_are_those_of_the_published_file(network):
    shapes = inception.weight_shapes(network)
    assert list(shapes.items()) == [(row["name"], row["shape"]) for row in inception_seeded.rows()]


@pytest.mark.quick
def test_resize_and_normalization(golden):
    image = golden["img_32x32"][:1]
    np.testing.assert_allclose(inception.resize(image)[0], golden["resized_first"], rtol=0, atol=1e-5)
    for height, width in ((11, 13), (4, 3), (7, 5), (14, 10)):
        resized = inception.resize(golden["resize_small_in"], (height, width))
        np.testing.assert_allclose(resized, golden[f"resize_small_out_{height}x{width}"], rtol=0, atol=1e-5)
    normalized = inception.preprocess(image)[0].numpy()
    assert normalized.dtype == np.float32 and normalized.shape == (299, 299, 3)
    np.testing.assert_allclose(normalized[:20, :20], golden["normalized_first_crop"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(normalized[-20:, -20:], golden["normalized_first_crop_br"], rtol=0, atol=1e-6)


def test_an_image_of_the_networks_size_is_not_resized(golden):
    np.testing.assert_array_equal(inception.resize(golden["img_299x299"]), golden["img_299x299"])


def test_features_and_logits(results, golden, seeded_weights):
    features, logits = results
    own_bias = seeded_weights["softmax/biases"]  # of the graph's own softmax, which no Inception Score uses
    assert features.dtype == logits.dtype == np.float32
    assert error(features, golden["pool3_f64"]) < 1e-4
    assert error(logits, golden["logits_unbiased_f64"]) < 1e-4
    assert error(logits + own_bias, golden["logits_f64"]) < 1e-4
    for suffix, bias in (("_unbiased", 0), ("", own_bias)):
        assert error(tf.nn.softmax(logits + bias), golden[f"softmax{suffix}_f64"]) < 1e-4


def test_every_stage_in_float64(network, golden, seeded_weights):
    """The first stage that differs shows where an error is."""
    inception.assign_weights(network, seeded_weights)
    pools = [layer for layer in network.layers if type(layer) is keras.layers.MaxPooling2D]
    layers = {"pool": pools[0], "pool_1": pools[1]}
    layers |= {f"mixed{f'_{i}' if i else ''}/join": network.get_layer(f"mixed{i}") for i in range(11)}
    names = golden["stage_names"].tolist()
    outputs = [(layers.get(name) or network.get_layer(name)).output for name in names]
    forward = tf.function(keras.Model(network.input, [*outputs, *network.outputs]))
    *stages, features, logits = forward(inception.preprocess(golden["img_32x32"][:1]))
    for i, (name, stage) in enumerate(zip(names, stages, strict=True)):
        stage = stage[0].numpy()
        h, w, _ = golden["stage_shape"][i]
        assert stage.shape == tuple(golden["stage_shape"][i]) and stage.dtype == np.float64, name
        for key, part in (("tl", stage[0, 0, :16]), ("mid", stage[h // 2, w // 2, :16]), ("br", stage[-1, -1, -16:])):
            np.testing.assert_allclose(part, golden[f"stage_{key}"][i], rtol=1e-9, atol=1e-9, err_msg=f"{name} {key}")
        np.testing.assert_allclose(
            (stage.mean(), stage.std()), (golden["stage_mean"][i], golden["stage_std"][i]), rtol=1e-9, err_msg=name
        )
    for result, key in ((features, "pool3_f64"), (logits, "logits_unbiased_f64")):
        assert abs(result[0].numpy() - golden[key][0]).max() < 1e-9 * abs(golden[key]).max()


# ---- batches and devices ----------------------------------------------------------------------------------------


def test_the_batch_size_does_not_change_the_result(seeded_extractor, small, results):
    for images, size in ((small, 6), ([small[:1], small[1:1], small[1:4], small[4:]], 3)):
        for result, golden in zip(gather(seeded_extractor, images, size), results, strict=True):
            assert error(result, golden[:6]) < 1e-5
    step = seeded_extractor.step(tf.distribute.get_strategy())
    assert step.experimental_get_tracing_count() == 1  # one trace for partial batches and all image sizes


def test_two_replicas(two_replicas, seeded_graph, small, results):
    with two_replicas.scope():
        extractor = extractors.load_extractor(seeded_graph)
    batches = list(collect(extractor, small[:5], 4, two_replicas))  # the last batch has one image for two replicas
    assert [len(features) for features, _ in batches] == [4, 1]
    for result, golden in zip(zip(*batches), results, strict=True):
        assert error(np.concatenate(result), golden[:5]) < 1e-5


@pytest.mark.quick
def test_convolutions_do_not_use_tensor_float_32(small):
    seen = []

    def forward(images):  # called inside `collect` only
        seen.append(tf.config.experimental.tensor_float_32_execution_enabled())
        return 2 * [tf.ones([tf.shape(images)[0], 2])]

    before = tf.config.experimental.tensor_float_32_execution_enabled()
    batches = collect(extractors.Extractor(forward, source="", weights_sha256="", preprocessing=""), small, 2)
    next(batches)
    assert seen == [False] and tf.config.experimental.tensor_float_32_execution_enabled() == before


@pytest.mark.quick
def test_rebatch_keeps_all_images_in_order(rng):
    images = rng.integers(0, 256, (23, 2, 3, 3), np.uint8)
    cuts = [images[:2], images[2:2], images[2:17], images[17:18], images[18:]]
    for parts in ([images], cuts, (tf.constant(part) for part in cuts)):
        batches = list(rebatch(parts, 4))
        assert [len(batch) for batch in batches] == [4, 4, 4, 4, 4, 3]
        np.testing.assert_array_equal(np.concatenate(batches), images)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 8, 8, 3)), "float64 from 0.0 to 0.0, not uint8"),
        (np.full((2, 8, 8, 3), [[[[0.0]]], [[[np.nan]]]], np.float32), "float32 with nan in image 1"),
        (np.full((1, 8, 8, 3), -1, np.int32), "int32 from -1 to -1, not uint8"),
        (np.zeros((2, 8, 8, 1), np.uint8), r"shape \(2, 8, 8, 1\), not \[N, height, width, 3\]"),
        (np.zeros((2, 8, 8, 4), np.uint8), "leave out the fourth channel of transparent ones"),
        (np.zeros((8, 8, 3), np.uint8), r"shape \(8, 8, 3\)"),
        ([np.zeros((2, 8, 8, 3), np.uint8), np.full((1, 8, 8, 3), np.inf)], "float64 with inf in image 2"),
        ([np.zeros((2, 8, 8, 3), np.uint8), np.zeros((1, 9, 8, 3), np.uint8)], "9x8 pixels come after images of 8x8"),
        (np.zeros((0, 8, 8, 3), np.uint8), "there are no images"),
        ([], "there are no images"),
    ],
)
def test_images_that_are_refused(images, message):
    with pytest.raises(UserError, match=message):
        list(collect(extractor_of(ones), images, 8))


@pytest.mark.quick
def test_features_that_are_not_finite_are_refused(small):
    def forward(images):
        ones = tf.ones([tf.shape(images)[0], 2])
        return ones, ones / tf.cast(tf.reduce_min(tf.cast(images, tf.int32), [1, 2, 3]), tf.float32)[:, None]

    broken = extractor_of(forward)
    images = np.maximum(small, 1)
    assert len(list(collect(broken, images, 2))) == 3
    images[3, 5, 5] = 0
    with pytest.raises(UserError, match="logits of image 3 are not finite: some file has wrong weights, give others"):
        list(collect(broken, images, 2))
    with pytest.raises(UserError, match="batch size 0: give 1 or more"):
        list(collect(broken, images, 0))


def test_a_gamma_other_than_one_is_applied(network, seeded_weights):
    """All published gammas are 1, so that the goldens cannot show that gamma is used."""
    gamma = np.linspace(0.5, 2, 32, dtype=np.float32)
    inception.assign_weights(network, seeded_weights | {"conv/batchnorm/gamma": gamma})
    kernel, beta, mean, variance = (
        seeded_weights[f"conv/{name}"].astype(np.float64)
        for name in ("conv2d_params", "batchnorm/beta", "batchnorm/moving_mean", "batchnorm/moving_variance")
    )
    x = np.random.default_rng(0).standard_normal(27)
    expected = (x @ kernel.reshape(27, 32) - mean) / np.sqrt(variance + 0.001) * gamma + beta
    folded, bias = (value.numpy() for value in network.get_layer("conv").weights)
    np.testing.assert_allclose(x @ folded.reshape(27, 32) + bias, expected, rtol=1e-12)


@pytest.mark.quick
def test_progress_is_shown_on_a_terminal_only(small, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    list(collect(extractor_of(ones), small[:1], 1))
    assert capsys.readouterr().err == ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stderr", Terminal())
        list(collect(extractor_of(ones), iter([small[:1]]), 1, total=1))
        assert "1/1" in sys.stderr.getvalue()
