"""One pass of images through the extractor, the kept statistics of real images, the result of both."""

import hashlib
import re
import warnings

import numpy as np
import pytest
from conftest import TinyExtractor
from inception_seeded import GOLDENS
from scored_images import FAKE, REAL, VERSIONS, evaluate, of_pixels, statistics_of
from test_images import write_folder

from tfgan_gn.errors import UserError
from tfgan_gn.files.hashes import hash_pixels
from tfgan_gn.metrics import ScoreWarning
from tfgan_gn.scoring import extractors, features, images, reference, results

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def rows_and_logits(tiny_extractor):
    """Features and logits of FAKE, by the extractor itself."""
    return [x.numpy() for x in tiny_extractor(FAKE)]


# ---- one pass ---------------------------------------------------------------------------------------------------


def test_a_pass_leaves_statistics_of_all_images_and_evenly_spread_rows(rows_and_logits, tiny_extractor):
    rows, logits = rows_and_logits
    whole, thinned = (features.compute(tiny_extractor, of_pixels(FAKE), 16, kept) for kept in (60, 25))
    for result in (whole, thinned):
        np.testing.assert_allclose(result.stats.covariance, np.cov(rows.astype(np.float64).T), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(result.stats.mean, rows.mean(0, dtype=np.float64), rtol=1e-9)
        np.testing.assert_allclose(result.logits, logits, rtol=1e-6)
        assert result.image_size == (8, 8)
    np.testing.assert_allclose(whole.features, rows, rtol=1e-6)
    np.testing.assert_allclose(thinned.features, rows[[i * 60 // 25 for i in range(25)]], rtol=1e-6)


def test_the_hash_is_of_pixels_in_order_and_of_nothing_else(tmp_path):
    np.save(tmp_path / "x.npy", FAKE)
    opened = [images.open_images(path) for path in (str(tmp_path / "x.npy"), write_folder(tmp_path / "f", FAKE))]
    hashes = [hash_pixels(each.parts()) for each in (*opened, of_pixels(FAKE))]
    assert set(hashes) == {hashlib.sha256(b"(8, 8, 3)" + FAKE.tobytes()).hexdigest()}
    others = (FAKE[::-1], FAKE[:-1], FAKE.reshape(60, 4, 16, 3), FAKE ^ (np.arange(60) == 59)[:, None, None, None])
    assert hashes[0] not in [hash_pixels(of_pixels(other).parts()) for other in others]


def test_fewer_or_other_images_than_announced_are_refused(tiny_extractor):
    with pytest.raises(UserError, match="pixels has 1 image, which has no covariance: give 2 or more"):
        features.compute(tiny_extractor, of_pixels(FAKE[:1]), 16)
    with pytest.raises(UserError, match="gave 60 images, not 61"):
        features.compute(tiny_extractor, of_pixels(FAKE)._replace(count=61), 16)


# ---- the cache --------------------------------------------------------------------------------------------------


def test_statistics_are_computed_once_for_the_same_pixels(tmp_path, tiny_extractor, monkeypatch):
    said = []
    first = statistics_of(REAL, tiny_extractor, tmp_path, said)
    assert len(said) == 1 and "are kept in" in said[0]
    monkeypatch.setattr(features, "compute", None)
    second = statistics_of(REAL.copy(), tiny_extractor, tmp_path, said)
    assert len(said) == 1 and len(list(tmp_path.iterdir())) == 1
    np.testing.assert_array_equal(first.features, second.features)
    np.testing.assert_array_equal(first.stats.mean, second.stats.mean)
    np.testing.assert_allclose(first.stats.covariance, second.stats.covariance, rtol=1e-12, atol=1e-15)
    assert first.images_sha256 == second.images_sha256 and first.num_images == second.num_images == 80
    assert first.stats.count == second.stats.count == 80


def test_other_pixels_and_other_weights_have_files_of_their_own(tmp_path, tiny_extractor):
    statistics_of(REAL, tiny_extractor, tmp_path)
    statistics_of(REAL[::-1], tiny_extractor, tmp_path)
    statistics_of(REAL, other_extractor(tmp_path), tmp_path)
    assert len(list(tmp_path.glob("real-*.npz"))) == 3


def other_extractor(tmp_path):
    import tensorflow as tf

    tf.saved_model.save(TinyExtractor(seed=1), str(tmp_path / "other"))
    return extractors.load_extractor(str(tmp_path / "other"))


@pytest.mark.parametrize("damage", ["truncated", "edited", "of something else", "not even a file of arrays"])
def test_a_bad_cache_is_computed_again_and_the_user_is_told(tmp_path, tiny_extractor, damage):
    good = statistics_of(REAL, tiny_extractor, tmp_path)
    (path,) = tmp_path.glob("real-*.npz")
    contents = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(contents[:-200])
    elif damage == "edited":
        arrays = dict(np.load(path))
        arrays["mu"] = arrays["mu"] + 1e-3
        np.savez(path, **arrays)
    elif damage == "of something else":
        statistics_of(REAL[::-1], tiny_extractor, tmp_path)
        other = next(p for p in tmp_path.glob("real-*.npz") if p != path)
        path.write_bytes(other.read_bytes())
    else:
        path.write_text("garbage")
    said = []
    again = statistics_of(REAL, tiny_extractor, tmp_path, said)
    assert str(path) in said[0] and said[0].endswith("It is computed again")
    np.testing.assert_array_equal(again.features, good.features)
    assert path.read_bytes() == contents


def test_a_cache_that_cannot_be_written_is_said_and_does_not_stop(tmp_path, tiny_extractor):
    (tmp_path / "file").write_text("")
    said = []
    statistics_of(REAL, tiny_extractor, tmp_path / "file", said)
    assert len(said) == 1 and "are not kept" in said[0]


def test_statistics_by_file(tmp_path, tiny_extractor, real_statistics):
    statistics_of(REAL, tiny_extractor, tmp_path)
    (path,) = tmp_path.glob("real-*.npz")
    ours = reference.of_file(str(path), tiny_extractor)
    assert (ours.images_sha256, ours.num_images) == (real_statistics.images_sha256, 80)
    with pytest.raises(UserError, match="npz has the weights_sha256 .*, but the network for the samples has"):
        reference.of_file(str(path), other_extractor(tmp_path))
    rows = tiny_extractor(REAL)[0].numpy().astype(np.float64)
    np.savez(tmp_path / "theirs.npz", mu=rows.mean(0), sigma=np.cov(rows.T))  # as TTUR publishes them
    theirs = reference.of_file(str(tmp_path / "theirs.npz"), tiny_extractor)
    results = [evaluate(FAKE, each, tiny_extractor) for each in (ours, theirs)]
    fids = [result["scores"]["fid"]["value"] for result in results]
    np.testing.assert_allclose(*fids, rtol=1e-9)
    assert set(results[1]["scores"]) == {"inception_score", "fid"}
    assert any("kid, precision, recall, density, coverage are left out" in text for text in results[1]["warnings"])
    np.savez(tmp_path / "images.npz", REAL)
    assert reference.of_file(str(tmp_path / "images.npz"), tiny_extractor) is None


MU, SIGMA = np.zeros(12), np.eye(12)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("mu", "sigma", "message"),
    [
        (MU[:11], SIGMA[:11, :11], r"mu has the shape \(11,\), and the network gives 12 features"),
        (MU[None], SIGMA, r"mu has the shape \(1, 12\)"),
        (MU, SIGMA[:11], r"sigma has the shape \(11, 12\), not \(12, 12\)"),
        (MU.astype("U1"), SIGMA, "holds no numbers"),
        (MU, SIGMA * np.nan, "not finite"),
        (MU + 1e200, SIGMA, "larger than 1e\\+12"),
        (MU, SIGMA + np.triu(SIGMA, 1) + np.eye(12, k=1), "not symmetric"),
        (MU, -SIGMA, "it has the eigenvalue -1 < 0"),
        (MU, np.diag([*np.ones(11), -0.01]), "it has the eigenvalue -0.01 < 0"),
    ],
)
def test_impossible_statistics_are_refused_with_the_name_of_their_file(tmp_path, tiny_extractor, mu, sigma, message):
    path = str(tmp_path / "theirs.npz")
    np.savez(path, mu=mu, sigma=sigma)
    with pytest.raises(UserError, match=f"theirs.npz: .*{message}.*: give statistics of this network"):
        reference.of_file(path, tiny_extractor)


def test_statistics_in_float32_whose_covariance_is_singular_are_taken(tmp_path, tiny_extractor, rng):
    rows = rng.normal(size=(5, 12))
    np.savez(tmp_path / "x.npz", mu=rows.mean(0).astype(np.float32), sigma=np.cov(rows.T).astype(np.float32))
    taken = reference.of_file(str(tmp_path / "x.npz"), tiny_extractor).stats
    np.testing.assert_allclose(taken.covariance, np.cov(rows.T), atol=1e-6)


# ---- the result -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (2, "Frechet distance from 2 rows in 12 dimensions: the covariance is singular"),
        (3, "precision, recall, density, coverage are left out: k = 3 neighbours need more than 3 images"),
        (20, "the kernel distance is of subsets of 20 images, not 1000"),
        (20, "fid_infinity is left out: it needs 24 images"),
        (60, "not comparable with published scores: the network is not that of 2015-12-05 but .*; 60 images were"),
        (60, "the Inception Score is of 2 splits, not 10"),
    ],
)
def test_no_score_without_its_doubts(tiny_extractor, real_statistics, count, message):
    given = {"splits": 2, "extrapolate": True, "resamples": 20 if count < 4 else 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ScoreWarning)  # warnings belong in the result, and nowhere else
        result = evaluate(FAKE[:count], real_statistics, tiny_extractor, **given)
    assert any(re.search(message, text) for text in result["warnings"]), result["warnings"]
    for text in result["warnings"]:
        assert text in results.table(result)


def test_fewer_images_than_splits_are_refused(tiny_extractor, real_statistics):
    with pytest.raises(UserError, match="has 7 images, and --splits=10 and the covariance of"):
        evaluate(FAKE[:7], real_statistics, tiny_extractor)


def test_a_result_says_by_what_protocol(tiny_extractor, real_statistics):
    sampled = {"generator_statistics": "standing", "generator_block_size": 100, "pixel_scale": 127.995}
    result = evaluate(FAKE, real_statistics, tiny_extractor, made_with={**sampled, "seed": 3})
    assert result["protocol"] == {
        "weights_sha256": tiny_extractor.weights_sha256,
        "preprocessing": tiny_extractor.preprocessing,
        "quantisation": "uint8",
        "image_size": [8, 8],
        "num_images": 60,
        "splits": 10,
        "reference_images_sha256": hash_pixels(of_pixels(REAL).parts()),
        "reference_num_images": 80,
        **sampled,
        "rows": [60, 80],
        "kid": "100 subsets of 60, seed 0",
        "neighbours": 3,
    }
    assert result["samples"]["seed"] == 3 and result["versions"] == VERSIONS
    assert result["samples"]["images_sha256"] == hash_pixels(of_pixels(FAKE).parts())


def test_a_result_written_before_the_table_of_scores_is_found_again(tiny_extractor, real_statistics):
    """All values, errors, bounds and protocol fields are equal, so that the two can be compared."""
    before = results.load(str(GOLDENS / "result_of_8x8_images.json"))
    before["protocol"]["weights_sha256"] = tiny_extractor.weights_sha256  # the hash of a SavedModel is new each time
    after = evaluate(FAKE, real_statistics, tiny_extractor, resamples=20, extrapolate=True)
    assert after["protocol"] == before["protocol"] and list(after["scores"]) == list(before["scores"])
    for name, numbers in before["scores"].items():
        assert after["scores"][name] == pytest.approx(numbers, rel=1e-6), name
    assert results.compare(before, after, ["A", "B"]).count("not told apart") == 7
