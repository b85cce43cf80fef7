"""The table of scores: their formulas, their intervals, their names, and what a new row needs."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from scored_images import FAKE, REAL, evaluate, settings
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tfgan_gn.metrics import (
    FeatureStats,
    fid_infinity,
    frechet_distance,
    inception_score,
    kernel_distance,
    kernel_distance_of_subsets,
    kernel_distances_of_halves,
    manifold_scores,
)
from tfgan_gn.scoring import history, naming, results, scores
from tfgan_gn.scoring.extractors import Extractor
from tfgan_gn.training import summaries

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def both(tiny_extractor):
    """Features and logits of FAKE and of REAL, by the extractor itself."""
    return [[x.numpy() for x in tiny_extractor(pixels)] for pixels in (FAKE, REAL)]


@pytest.fixture(scope="module")
def result(tiny_extractor, real_statistics):
    """Every score, with every interval."""
    return evaluate(FAKE, real_statistics, tiny_extractor, splits=4, extrapolate=True, resamples=20)


# ---- values -----------------------------------------------------------------------------------------------------


def test_scores_are_those_of_the_formulas(both, result):
    (rows, logits), (real_rows, _) = both
    scores = result["scores"]
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
    assert scores["fid_infinity"]["standard_error_of_fit"] == pytest.approx(limit.standard_error, rel=1e-3)


def test_neighbours_and_splits_change_their_scores_only(tiny_extractor, real_statistics):
    one, other = (
        evaluate(FAKE, real_statistics, tiny_extractor, splits=splits, neighbours=k)["scores"]
        for splits, k in ((2, 3), (5, 1))
    )
    changed = {name for name in one if one[name]["value"] != other[name]["value"]}
    assert changed >= {"inception_score", "recall", "density"} and not changed & {"fid", "kid"}


def test_rows_are_at_most_as_many_as_the_protocol_says(tiny_extractor, real_statistics, both, monkeypatch):
    monkeypatch.setattr(scores, "ROWS", 30)
    result = evaluate(FAKE, real_statistics, tiny_extractor)
    assert result["protocol"]["rows"] == [30, 30] and result["protocol"]["kid"] == "100 subsets of 30, seed 0"
    expected = manifold_scores(real_statistics.features[[i * 80 // 30 for i in range(30)]], both[0][0][::2], 3)
    assert result["scores"]["recall"]["value"] == pytest.approx(expected.recall)


@pytest.mark.filterwarnings("ignore::tfgan_gn.metrics.ScoreWarning")
@pytest.mark.parametrize("name", scores.SCORES)
def test_a_score_reads_only_what_its_row_says_it_needs(both, name):
    (rows, logits), (real_rows, _) = both
    near = rows[:, 0] ** 2, real_rows[:, 0] ** 2
    whole = scores.Inputs(FeatureStats.of(rows), rows, rows, logits, FeatureStats.of(real_rows), real_rows, *near)
    row = scores.SCORES[name]
    needed = whole._replace(**{field: None for field in whole._fields if field not in row.needs})
    assert row.numbers(row.function(needed, settings())) == row.numbers(row.function(whole, settings()))
    row.protocol(needed, settings())


# ---- intervals --------------------------------------------------------------------------------------------------


def test_intervals_hold_the_score_and_shrink_with_more_images(tiny_extractor, real_statistics):
    rng = np.random.default_rng(3)
    width = {}
    for n in (60, 960):
        pixels = rng.integers(0, 200, (n, 8, 8, 3), dtype=np.uint8)
        scores = evaluate(pixels, real_statistics, tiny_extractor, batch_size=64, splits=2, resamples=40)["scores"]
        for name, numbers in scores.items():
            assert numbers["low"] <= numbers["value"] <= numbers["high"], name
            width.setdefault(name, []).append(numbers["high"] - numbers["low"])
    for name in ("inception_score", "fid", "kid"):
        assert 2 < width[name][0] / width[name][1] < 8, name  # 4 in expectation


def test_a_score_has_no_interval_where_half_of_the_images_are_too_few(tiny_extractor, real_statistics):
    """Three neighbours need four images, so that six images have the score and their half has not; KID needs two."""
    found = evaluate(FAKE[:6], real_statistics, tiny_extractor, splits=2, resamples=20)["scores"]
    assert {name for name, numbers in found.items() if "low" in numbers} == {"inception_score", "fid", "kid"}
    found = evaluate(FAKE[:3], real_statistics, tiny_extractor, splits=2, neighbours=1, resamples=20)["scores"]
    assert {name for name, numbers in found.items() if "low" in numbers} == {"inception_score", "fid"}
    assert {"kid", "precision"} <= found.keys()


def test_kernel_distances_of_halves_are_those_of_the_halves(rng):
    x, y = rng.normal(size=(31, 4)), rng.normal(size=(17, 4))
    distances = kernel_distances_of_halves(x, y, np.random.default_rng(5), 6)
    again = np.random.default_rng(5)
    halves = [np.sort(again.choice(31, 15, replace=False)) for _ in range(6)]
    np.testing.assert_allclose(distances, [kernel_distance(x[half], y) for half in halves], rtol=1e-10)


# ---- names ------------------------------------------------------------------------------------------------------


def test_another_network_names_its_scores_everywhere(tiny_extractor, real_statistics):
    """No table, comparison or warning calls them FID, KID or Inception Score."""
    own = Extractor(tiny_extractor, source="tiny", weights_sha256="0", preprocessing="none", name="tiny")
    result = evaluate(FAKE[:20], real_statistics, own, splits=2, extrapolate=True)
    without = {"frechet_distance_infinity", "memorisation_share"}  # of too few images; without held-out images
    assert list(result["scores"]) == [f"tiny/{name}" for name in scores.SCORES if name not in without]
    printed = [results.table(result), results.compare(result, result, ["A", "B"])]
    for text in printed:
        assert "Fréchet distance (tiny)" in text and "precision (tiny)" in text
        assert not {"fid", "kid", "inception_score"} & {line.split(" ")[0] for line in text.splitlines()}
    assert not any("FID" in text or "Inception" in text for text in result["warnings"])
    left_out = "Fréchet distance of infinitely many images (tiny) is left out"
    assert any(text.startswith(left_out) for text in result["warnings"])
    assert naming.tag_of("tiny/frechet_distance") == "eval/tiny/frechet_distance"


def test_every_name_leads_back_to_its_row_and_no_two_are_alike():
    for extractor_name in ("", "tiny"):
        keys = [naming.key_of(name, extractor_name) for name in scores.SCORES]
        assert [naming.row_of(key) for key in keys] == list(scores.SCORES.values())
        titles, words = ([of(key) for key in keys] for of in (naming.title_of, naming.words_of))
        assert len(set(keys)) == len(set(titles)) == len(set(words)) == len(keys)
        assert [naming.find_key(name, keys) for name in scores.SCORES] == keys
        assert {naming.extractor_of(key) for key in keys} == {extractor_name}
    assert naming.words_of("fid") == "FID" and naming.words_of("tiny/recall") == "recall (tiny)"
    assert naming.find_key("recall", ["fid"]) is None
    assert naming.row_of("frechet_distance") is None and naming.title_of("of_tomorrow") == "of_tomorrow"


# ---- a new score ------------------------------------------------------------------------------------------------


class Mean(NamedTuple):
    mean: float
    error: float


def largest_feature(inputs, settings):
    largest = inputs.features.max(1)
    return Mean(largest.mean(), largest.std() / len(largest) ** 0.5)


def test_a_new_score_is_in_json_table_comparison_and_tensorboard_by_its_row_alone(
    tiny_extractor, real_statistics, both, monkeypatch, tmp_path
):
    row = scores.Score(
        title="largest feature",
        function=largest_feature,
        needs=("features",),
        field="mean",
        error=scores.ErrorOf("error", "error of mean"),
        interval=scores.Resampling("features", replace=True),
        protocol=lambda inputs, settings: {"largest": "over all features"},
    )
    monkeypatch.setitem(scores.SCORES, "largest", row)
    result = evaluate(FAKE, real_statistics, tiny_extractor, resamples=20)
    scalars, _ = history.add(result, 2, str(tmp_path), "best", [].append)
    writer = tf.summary.create_file_writer(str(tmp_path))
    summaries.write_scalars(writer, scalars, 2)
    writer.close()

    written = results.load(str(tmp_path / "scores" / "000002.json"))
    numbers, expected = written["scores"]["largest"], both[0][0].max(1)
    assert numbers["value"] == pytest.approx(expected.mean(), rel=1e-6)
    assert numbers["error_of_mean"] == pytest.approx(expected.std() / 60**0.5, rel=1e-5)
    assert (numbers["high"] - numbers["low"]) / numbers["error_of_mean"] == pytest.approx(4, rel=0.4)
    assert written["protocol"]["largest"] == "over all features"

    value, error, low, high = (
        f"{numbers[name]:.{digits}g}" for name, digits in (("value", 5), ("error_of_mean", 4), ("low", 5), ("high", 5))
    )
    printed = next(line for line in results.table(written).splitlines() if line.startswith("largest"))
    for text in (value, f"{error} (error of mean)", f"{low} to {high}"):
        assert text in printed
    compared = results.compare(written, written, ["A", "B"])
    assert compared.count(f"{value} [{low}, {high}]") == 2
    (point,) = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0}).Reload().Tensors("eval/largest")
    assert point.step == 2
    assert float(tf.make_ndarray(point.tensor_proto)) == pytest.approx(numbers["value"], rel=1e-6)
