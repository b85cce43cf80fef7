"""One pass, one cache, one result: what the scores stand on, and when they may be compared."""

import copy
import hashlib
import json
import warnings

import numpy as np
import pytest
from conftest import TinyExtractor
from test_images import write_folder

from tfgan_gn.errors import UserError
from tfgan_gn.files.hashes import hash_pixels
from tfgan_gn.metrics import (
    FeatureStats,
    ScoreWarning,
    fid_infinity,
    frechet_distance,
    inception_score,
    kernel_distance,
    kernel_distance_of_subsets,
    kernel_distances_of_halves,
    manifold_scores,
)
from tfgan_gn.scoring import evaluation, extractors, features, images, reference, results, scores
from tfgan_gn.scoring.scores import Settings

VERSIONS = {"tfgan_gn": "0"}


def of_pixels(pixels, source="pixels", **facts):
    """Images in parts of 7."""
    return images.Images(source, len(pixels), lambda: (pixels[i : i + 7] for i in range(0, len(pixels), 7)), facts)


@pytest.fixture(scope="module")
def fake():
    """Darker than the real ones."""
    return np.random.default_rng(1).integers(0, 200, (60, 8, 8, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def real():
    return np.random.default_rng(2).integers(0, 256, (80, 8, 8, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def both(fake, real, tiny_extractor):
    """Features and logits of each, by the extractor itself."""
    return [[x.numpy() for x in tiny_extractor(pixels)] for pixels in (fake, real)]


def statistics_of(pixels, extractor, cache_dir, said=None):
    return reference.of_images(
        of_pixels(pixels, "real"), extractor, 16, str(cache_dir), ([] if said is None else said).append
    )


@pytest.fixture(scope="module")
def real_statistics(real, tiny_extractor, tmp_path_factory):
    return statistics_of(real, tiny_extractor, tmp_path_factory.mktemp("cache"))


def evaluate(pixels, real_statistics, extractor, settings=Settings(16), **facts):  # noqa: B008
    return evaluation.evaluate(of_pixels(pixels, **facts), real_statistics, extractor, settings, VERSIONS)


# ---- one pass ---------------------------------------------------------------------------------------------------


def test_a_pass_leaves_statistics_of_all_images_and_evenly_spread_rows(fake, both, tiny_extractor):
    rows, logits = both[0]
    whole, thinned = (features.compute(tiny_extractor, of_pixels(fake), 16, kept) for kept in (60, 25))
    for result in (whole, thinned):
        np.testing.assert_allclose(result.stats.covariance, np.cov(rows.astype(np.float64).T), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(result.stats.mean, rows.mean(0, dtype=np.float64), rtol=1e-9)
        np.testing.assert_allclose(result.logits, logits, rtol=1e-6)
        assert result.image_size == (8, 8)
    np.testing.assert_allclose(whole.features, rows, rtol=1e-6)
    np.testing.assert_allclose(thinned.features, rows[[i * 60 // 25 for i in range(25)]], rtol=1e-6)


def test_the_hash_is_of_pixels_in_order_and_of_nothing_else(tmp_path, fake):
    np.save(tmp_path / "x.npy", fake)
    opened = [images.open_images(path) for path in (str(tmp_path / "x.npy"), write_folder(tmp_path / "f", fake))]
    hashes = [hash_pixels(each.parts()) for each in (*opened, of_pixels(fake))]
    assert set(hashes) == {hashlib.sha256(b"(8, 8, 3)" + fake.tobytes()).hexdigest()}
    others = (fake[::-1], fake[:-1], fake.reshape(60, 4, 16, 3), fake ^ (np.arange(60) == 59)[:, None, None, None])
    assert hashes[0] not in [hash_pixels(of_pixels(other).parts()) for other in others]


def test_fewer_or_other_images_than_announced_are_refused(fake, tiny_extractor):
    with pytest.raises(UserError, match="pixels has 1 image, and one has no covariance: give 2 or more"):
        features.compute(tiny_extractor, of_pixels(fake[:1]), 16)
    with pytest.raises(UserError, match="gave 60 images, not the 61"):
        features.compute(tiny_extractor, of_pixels(fake)._replace(count=61), 16)


# ---- the cache --------------------------------------------------------------------------------------------------


def test_statistics_are_computed_once_for_the_same_pixels(tmp_path, real, tiny_extractor, monkeypatch):
    said = []
    first = statistics_of(real, tiny_extractor, tmp_path, said)
    assert len(said) == 1 and "are kept in" in said[0]
    monkeypatch.setattr(features, "compute", None)
    second = statistics_of(real.copy(), tiny_extractor, tmp_path, said)
    assert len(said) == 1 and len(list(tmp_path.iterdir())) == 1
    np.testing.assert_array_equal(first.features, second.features)
    np.testing.assert_array_equal(first.stats.mean, second.stats.mean)
    np.testing.assert_allclose(first.stats.covariance, second.stats.covariance, rtol=1e-12, atol=1e-15)
    assert first.facts == second.facts and first.stats.count == second.stats.count == 80


def test_other_pixels_and_other_weights_have_files_of_their_own(tmp_path, real, tiny_extractor):
    statistics_of(real, tiny_extractor, tmp_path)
    statistics_of(real[::-1], tiny_extractor, tmp_path)
    statistics_of(real, other_extractor(tmp_path), tmp_path)
    assert len(list(tmp_path.glob("real-*.npz"))) == 3


def other_extractor(tmp_path):
    import tensorflow as tf

    tf.saved_model.save(TinyExtractor(seed=1), str(tmp_path / "other"))
    return extractors.load_extractor(str(tmp_path / "other"))


@pytest.mark.parametrize("damage", ["truncated", "edited", "of something else", "not even a file of arrays"])
def test_a_bad_cache_is_made_anew_and_said_so(tmp_path, real, tiny_extractor, damage):
    good = statistics_of(real, tiny_extractor, tmp_path)
    (path,) = tmp_path.glob("real-*.npz")
    contents = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(contents[:-200])
    elif damage == "edited":
        arrays = dict(np.load(path))
        arrays["mu"] = arrays["mu"] + 1e-3
        np.savez(path, **arrays)
    elif damage == "of something else":
        statistics_of(real[::-1], tiny_extractor, tmp_path)
        other = next(p for p in tmp_path.glob("real-*.npz") if p != path)
        path.write_bytes(other.read_bytes())
    else:
        path.write_text("garbage")
    said = []
    again = statistics_of(real, tiny_extractor, tmp_path, said)
    assert str(path) in said[0] and said[0].endswith("It is made anew")
    np.testing.assert_array_equal(again.features, good.features)
    assert path.read_bytes() == contents


def test_a_cache_that_cannot_be_written_is_said_and_does_not_stop(tmp_path, real, tiny_extractor):
    (tmp_path / "file").write_text("")
    said = []
    statistics_of(real, tiny_extractor, tmp_path / "file", said)
    assert len(said) == 1 and "are not kept" in said[0]


def test_statistics_by_file(tmp_path, real, both, tiny_extractor, real_statistics, fake):
    statistics_of(real, tiny_extractor, tmp_path)
    (path,) = tmp_path.glob("real-*.npz")
    ours = reference.of_file(str(path), tiny_extractor)
    assert ours.facts == real_statistics.facts
    with pytest.raises(UserError, match="was made with other weights_sha256"):
        reference.of_file(str(path), other_extractor(tmp_path))
    rows = both[1][0].astype(np.float64)
    np.savez(tmp_path / "theirs.npz", mu=rows.mean(0), sigma=np.cov(rows.T))  # as TTUR publishes them
    theirs = reference.of_file(str(tmp_path / "theirs.npz"), tiny_extractor)
    results = [evaluate(fake, each, tiny_extractor) for each in (ours, theirs)]
    fids = [result["scores"]["fid"]["value"] for result in results]
    np.testing.assert_allclose(*fids, rtol=1e-9)
    assert set(results[1]["scores"]) == {"inception_score", "fid"}
    assert any("kid, precision, recall, density, coverage are left out" in text for text in results[1]["warnings"])
    np.savez(tmp_path / "images.npz", real)
    assert reference.of_file(str(tmp_path / "images.npz"), tiny_extractor) is None


# ---- the scores -------------------------------------------------------------------------------------------------


def test_scores_are_those_of_the_formulas(both, fake, tiny_extractor, real_statistics):
    (rows, logits), (real_rows, _) = both
    scores = evaluate(fake, real_statistics, tiny_extractor, Settings(16, splits=4, extrapolate=True))["scores"]
    values = {name: numbers["value"] for name, numbers in scores.items()}
    stats = FeatureStats.of(real_rows)
    assert values["inception_score"] == pytest.approx(inception_score(logits, 4).mean, rel=1e-6)
    assert scores["inception_score"]["std_of_splits"] == pytest.approx(inception_score(logits, 4).std, rel=1e-4)
    assert values["fid"] == pytest.approx(frechet_distance(FeatureStats.of(rows), stats), rel=1e-6)
    kid = kernel_distance_of_subsets(rows, real_rows, np.random.default_rng(0), 100, 60)
    assert values["kid"] == pytest.approx(kid.mean, rel=1e-5)
    assert scores["kid"]["standard_error_of_subsets"] == pytest.approx(kid.standard_error, rel=1e-3)
    expected = manifold_scores(real_rows, rows, 3)._asdict()
    assert {name: values[name] for name in expected} == pytest.approx(expected)
    limit = fid_infinity(rows, stats, np.random.default_rng(0))
    assert values["fid_infinity"] == pytest.approx(limit.value, rel=1e-4)


def test_neighbours_and_splits_change_their_scores_only(fake, tiny_extractor, real_statistics):
    one, other = (
        evaluate(fake, real_statistics, tiny_extractor, Settings(16, splits, k))["scores"]
        for splits, k in ((2, 3), (5, 1))
    )
    changed = {name for name in one if one[name]["value"] != other[name]["value"]}
    assert changed >= {"inception_score", "recall", "density"} and not changed & {"fid", "kid"}


def test_intervals_hold_the_score_and_shrink_with_more_images(real, tiny_extractor, real_statistics):
    rng = np.random.default_rng(3)
    settings = Settings(64, splits=2, resamples=40)
    width = {}
    for n in (100, 1600):
        pixels = rng.integers(0, 200, (n, 8, 8, 3), dtype=np.uint8)
        scores = evaluate(pixels, real_statistics, tiny_extractor, settings)["scores"]
        for name, numbers in scores.items():
            assert numbers["low"] <= numbers["value"] <= numbers["high"], name
            width.setdefault(name, []).append(numbers["high"] - numbers["low"])
    for name in ("inception_score", "fid", "kid"):
        assert 2 < width[name][0] / width[name][1] < 8, name  # 4 in expectation


def test_kernel_distances_of_halves_are_those_of_the_halves(rng):
    x, y = rng.normal(size=(31, 4)), rng.normal(size=(17, 4))
    distances = kernel_distances_of_halves(x, y, np.random.default_rng(5), 6)
    again = np.random.default_rng(5)
    halves = [np.sort(again.choice(31, 15, replace=False)) for _ in range(6)]
    np.testing.assert_allclose(distances, [kernel_distance(x[half], y) for half in halves], rtol=1e-10)


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (2, "Frechet distance from 2 rows in 12 dimensions: the covariance is singular"),
        (3, "precision, recall, density, coverage are left out: k = 3 neighbours need more than 3 images"),
        (20, "kid is of subsets of 20 images, not 1000"),
        (20, "fid_infinity is left out: below 24 images"),
        (60, "not comparable with published scores: the network is not that of 2015-12-05 but .*; 60 images were"),
        (60, "the Inception Score is of 2 splits, not 10"),
    ],
)
def test_no_score_without_its_doubts(fake, tiny_extractor, real_statistics, count, message):
    import re

    settings = Settings(16, splits=2, extrapolate=True, resamples=20 if count < 4 else 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ScoreWarning)  # it goes into the result, not elsewhere
        result = evaluate(fake[:count], real_statistics, tiny_extractor, settings)
    assert any(re.search(message, text) for text in result["warnings"]), result["warnings"]
    for text in result["warnings"]:
        assert text in results.table(result)


def test_fewer_images_than_splits_are_refused(fake, tiny_extractor, real_statistics):
    with pytest.raises(UserError, match="has 7 images, and --splits=10 of the Inception Score"):
        evaluate(fake[:7], real_statistics, tiny_extractor)


# ---- results ----------------------------------------------------------------------------------------------------


def test_a_result_says_by_what_protocol(fake, real, tiny_extractor, real_statistics):
    result = evaluate(fake, real_statistics, tiny_extractor, generator_statistics="standing", seed=3)
    assert result["protocol"] == {
        "weights_sha256": tiny_extractor.weights_sha256,
        "preprocessing": tiny_extractor.preprocessing,
        "quantisation": "uint8",
        "image_size": [8, 8],
        "num_images": 60,
        "splits": 10,
        "reference_images_sha256": hash_pixels(of_pixels(real).parts()),
        "reference_num_images": 80,
        "generator_statistics": "standing",
        "rows": [60, 80],
        "kid": "100 subsets of 60, seed 0",
        "neighbours": 3,
    }
    assert result["samples"]["seed"] == 3 and result["versions"] == VERSIONS
    assert result["samples"]["images_sha256"] == hash_pixels(of_pixels(fake).parts())


def test_save_load_compare(tmp_path, fake, tiny_extractor, real_statistics):
    one = evaluate(fake, real_statistics, tiny_extractor, Settings(16, resamples=20))
    other = evaluate(fake // 2, real_statistics, tiny_extractor, Settings(16, resamples=20))
    results.save(one, str(tmp_path / "one.json"))
    assert results.load(str(tmp_path / "one.json")) == json.loads(json.dumps(one)) == one
    text = results.compare(one, other, ["A", "B"])
    line = next(line for line in text.splitlines() if line.startswith("fid"))
    fids = [result["scores"]["fid"]["value"] for result in (one, other)]
    for number in (*(f"{fid:.5g}" for fid in fids), f"{fids[1] - fids[0]:+.4g}"):
        assert number in line
    assert line.endswith(" apart") and not line.endswith("not told apart")
    assert "not told apart" in results.compare(one, one, ["A", "B"])


@pytest.mark.parametrize("field", ["weights_sha256", "num_images", "reference_images_sha256", "generator_statistics"])
def test_results_of_different_protocols_are_not_compared(fake, tiny_extractor, real_statistics, field):
    one = evaluate(fake, real_statistics, tiny_extractor, generator_statistics="batch")
    other = copy.deepcopy(one)
    other["protocol"][field] = "another"
    with pytest.raises(UserError, match=rf"A and B cannot be compared, as they differ in {field} \(.* and another\)"):
        results.compare(one, other, ["A", "B"])
    other["protocol"][field] = None
    assert f"{field} is null in one of the two" in results.compare(one, other, ["A", "B"])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"scores": {"fid": 3}, "protocol": {}}', '{"scores": {}}'])
def test_files_that_are_no_results(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match=r"x.json is no result of a scoring"):
        results.load(str(tmp_path / "x.json"))


def test_the_metrics_take_at_most_as_many_rows_as_the_protocol_says(fake, tiny_extractor, real_statistics, monkeypatch):
    monkeypatch.setattr(scores, "ROWS", 30)
    result = evaluate(fake, real_statistics, tiny_extractor)
    assert result["protocol"]["rows"] == [30, 80] and result["protocol"]["kid"] == "100 subsets of 30, seed 0"
    rows = tiny_extractor(fake)[0].numpy()[::2]
    expected = manifold_scores(real_statistics.features, rows, 3)
    assert result["scores"]["recall"]["value"] == pytest.approx(expected.recall)
