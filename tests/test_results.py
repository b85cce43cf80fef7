"""Results on disk, and which of them can be compared."""

import copy
import json
import math

import pytest
from scored_images import FAKE, evaluate

from tfgan_gn.errors import UserError
from tfgan_gn.scoring import results

pytestmark = pytest.mark.quick
SAMPLED = {"generator_statistics": "batch", "generator_block_size": 64, "pixel_scale": 128.0}


@pytest.fixture(scope="module")
def result(tiny_extractor, real_statistics):
    """The result of a generator, with intervals."""
    return evaluate(FAKE, real_statistics, tiny_extractor, made_with=SAMPLED, resamples=20)


def test_save_load_compare(tmp_path, result, tiny_extractor, real_statistics):
    other = evaluate(FAKE // 2, real_statistics, tiny_extractor, resamples=20)
    results.save(result, str(tmp_path / "one.json"))
    assert results.load(str(tmp_path / "one.json")) == json.loads(json.dumps(result)) == result
    text = results.compare(result, other, ["A", "B"])
    line = next(line for line in text.splitlines() if line.startswith("fid"))
    fids = [each["scores"]["fid"]["value"] for each in (result, other)]
    for number in (*(f"{fid:.5g}" for fid in fids), f"{fids[1] - fids[0]:+.4g}"):
        assert number in line
    assert line.endswith(" apart") and not line.endswith("not told apart")
    assert "not told apart" in results.compare(result, result, ["A", "B"])


def test_two_scores_are_apart_by_more_than_the_root_of_the_sum_of_their_squared_half_widths():
    """Half widths of 3 and 4, so that the error of the difference is 5."""
    score = {"value": 10.0, "low": 7.0, "high": 13.0}
    for difference, said in ((4.99, "not told apart"), (5.01, "apart")):
        other = {"value": 10 + difference, "low": 6.0, "high": 14.0}
        assert results._told(score, other) == results._told(other, score) == said
    assert results._told(score, {"value": 1.0}) == ""


@pytest.mark.parametrize(
    "field",
    [
        "weights_sha256",
        "num_images",
        "reference_images_sha256",
        "generator_statistics",
        "generator_block_size",
        "pixel_scale",
    ],
)
def test_results_of_different_protocols_are_not_compared(result, field):
    other = copy.deepcopy(result)
    other["protocol"][field] = "another"
    with pytest.raises(UserError, match=rf"A and B cannot be compared, as they differ in {field} \(.* and another\)"):
        results.compare(result, other, ["A", "B"])
    other["protocol"][field] = None
    assert f"{field} is null in one of the two" in results.compare(result, other, ["A", "B"])


def test_earlier_results_of_generators_were_sampled_in_blocks_of_64(tmp_path, result):
    """So that a result of the published protocol is not set beside them."""
    names = ("generator_block_size", "pixel_scale")
    older = {**result, "protocol": {name: v for name, v in result["protocol"].items() if name not in names}}
    results.save(older, str(tmp_path / "older.json"))
    assert [results.load(str(tmp_path / "older.json"))["protocol"][name] for name in names] == [64, 128]
    older["protocol"]["generator_statistics"] = None
    results.save(older, str(tmp_path / "files.json"))
    assert [results.load(str(tmp_path / "files.json"))["protocol"][name] for name in names] == [None, None]


def test_scores_of_two_networks_are_not_compared(result):
    """Also where nothing else is known of them."""
    tiny = {"scores": {"tiny/precision": {"value": 1.0}}, "protocol": dict.fromkeys(result["protocol"])}
    with pytest.raises(UserError, match=r"A and B cannot be compared, as they differ in scorer \(Inception and tiny\)"):
        results.compare(result, tiny, ["A", "B"])


SCORED = {"scores": {"fid": {"value": 1.0}}, "protocol": {}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "its brackets are nested too deeply"),
        ("", ""),
        ("{}", ""),
        ("[1]", ""),
        ("null", ""),
        ("\ud800", "codec"),
        (json.dumps({**SCORED, "scores": "x"}), ""),
        (json.dumps({**SCORED, "scores": {"fid": 5}}), ""),
        (json.dumps({**SCORED, "scores": {"fid": {"value": float("nan")}}}), "fid has the value nan"),
        (json.dumps({**SCORED, "scores": {"fid": {"value": 1.0, "low": "a", "high": 1.0}}}), "fid has the value 'a'"),
        (json.dumps({**SCORED, "scores": {"fid": {"value": 1.0, "low": 0.5}}}), "one end of an interval only"),
        (json.dumps({**SCORED, "protocol": []}), "its protocol is"),
        (json.dumps({**SCORED, "warnings": 5}), "its warnings is 5"),
        (json.dumps({**SCORED, "warnings": [["a"]]}), r"one of its warnings is \['a'\]"),
        (json.dumps({**SCORED, "protocol": {"num_images": 5, "seed": math.nan}}), "its seed is nan"),
        (json.dumps({**SCORED, "protocol": {"num_images": "5"}}), "its num_images is '5'"),
    ],
)
def test_a_file_that_is_no_result_is_one_message(tmp_path, content, message):
    path = tmp_path / "x.json"
    path.write_bytes(content.encode(errors="surrogatepass"))
    with pytest.raises(UserError, match=f"x.json is no result of a scoring .*{message}"):
        results.load(str(path))
