"""From the results of trials to the answer, the tables and the page."""

import csv
import io
import json

import numpy as np
import pytest
from scipy import stats
from test_study_definition import CONTENT

from tfgan_gn.study.definition import make_study
from tfgan_gn.study.findings import page, summary, tables
from tfgan_gn.study.findings.statistics import holm

pytestmark = pytest.mark.quick
FRECHET, CLASSIFIER = "cifar10net/frechet_distance", "cifar10net/classifier_score"
SEEDS = [1, 2, 3, 4, 5]
STUDY = make_study({**CONTENT, "seeds": SEEDS}, "x")
FAMILY = ("frechet_distance", "last")


def result(distance, score):
    scores = {"iteration": 4, FRECHET: distance, CLASSIFIER: score}
    curve = {"iteration": [2, 4], "value": [2 * distance, distance]}
    return {
        "status": "finished",
        "last": scores,
        "best": {**scores, "iteration": 2},
        "curves": {FRECHET: curve, "slope": {**curve, "low": [0, 0], "high": [1, 1]}},
        "seconds_per_iteration": 0.5,
        "command": "python train_cifar.py --norm=<layer>",
        "versions": {"tfgan_gn": "0.1.0"},
        "threads": 1,
    }


@pytest.fixture
def found(rng):
    """Arm `group` is better by 20, and `one` is as good. Seed 5 of `group` diverged, seed 4 of `one` is missing."""
    of_seed = rng.normal(0, 10, len(SEEDS))
    shifts = {"layer": 100.0, "group": 80.0, "one": 80.0}
    trials = {
        f"{arm}-seed-{seed}": result(shift + of_seed[i] + rng.normal(), 3.0 + 0.1 * rng.normal())
        for arm, shift in shifts.items()
        for i, seed in enumerate(SEEDS)
    }
    trials["group-seed-5"] = {"status": "diverged", "reason": "critic/loss is nan", "command": "python train_cifar.py"}
    del trials["one-seed-4"]
    return trials


def test_differences_are_paired_by_seed(found):
    group, one = summary.comparisons_of(STUDY, found)[FAMILY]
    pairs = [
        (found[f"group-seed-{s}"]["last"][FRECHET], found[f"layer-seed-{s}"]["last"][FRECHET]) for s in (1, 2, 3, 4)
    ]
    reference = stats.ttest_rel(*zip(*pairs, strict=True))
    interval = reference.confidence_interval(0.95)
    assert (group.arm, group.against, group.pairs) == ("group", "layer", 4)
    np.testing.assert_allclose(
        [group.difference, group.low, group.high, group.p],
        [np.mean(np.subtract(*np.transpose(pairs))), *interval, reference.pvalue],
    )
    assert (one.against, one.pairs) == ("group", 3), "seed 5 of the other and seed 4 of its own are missing"
    np.testing.assert_allclose([group.p_holm, one.p_holm], holm([group.p, one.p]))
    assert (group.words, one.words) == ("better", "no difference shown")
    assert one.smallest > abs(one.difference)


def test_more_is_better_for_one_score_and_worse_for_the_other(found):
    for trial in found.values():
        for checkpoint in ("last", "best"):
            if trial["status"] == "finished":
                trial[checkpoint][CLASSIFIER] = trial[checkpoint][FRECHET]
    comparisons = summary.comparisons_of(STUDY, found)
    assert comparisons["classifier_score", "last"][0].words == "worse"
    assert comparisons["frechet_distance", "best"][0].words == "better"


def test_equal_scores_show_no_difference(found):
    for seed in SEEDS:
        found[f"group-seed-{seed}"] = found[f"layer-seed-{seed}"]
    group = summary.comparisons_of(STUDY, found)[FAMILY][0]
    assert (group.difference, group.low, group.high, group.p_holm) == (0, 0, 0, 1)
    assert group.words == "no difference shown" and np.isnan(group.smallest)


def test_where_nothing_is_shown_the_answer_has_the_range_of_what_could_be_missed(found):
    for seed in SEEDS[:4]:
        layer, shift = found[f"layer-seed-{seed}"]["last"][FRECHET], (-1) ** seed
        found[f"group-seed-{seed}"] = result(layer + shift, 3.0)
        found[f"one-seed-{seed}"] = result(layer - shift, 3.0)
    smallest = sorted(each.smallest for each in summary.comparisons_of(STUDY, found)[FAMILY])
    answer = summary.answer(STUDY, found)
    assert "no difference was shown in any of 2 comparisons." in answer
    assert "at least {:.3g} to {:.3g}, depending on the arm, to be shown".format(*smallest) in answer


def test_the_answer_names_what_was_shown_and_how_many_were_not(found):
    answer = summary.answer(STUDY, found)
    assert answer.startswith(
        "By the Fréchet distance (cifar10net) of the last checkpoint, group is better than layer by "
    )
    assert "In the other 1 of 2 comparisons no difference was shown." in answer
    one = summary.comparisons_of(STUDY, found)[FAMILY][1]
    assert f"a true difference must be at least {one.smallest:.3g} to be shown" in answer, "not that of group, as shown"
    alike = {name: trial for name, trial in found.items() if not name.startswith("group")}
    assert "there is nothing to compare" in summary.answer(STUDY, alike)


def test_trials_that_did_not_finish_are_told(found):
    layer, group, one = summary.rows_of(STUDY, found)
    assert (layer.finished, layer.ended) == (5, {})
    assert (group.finished, group.ended) == (4, {"diverged": 1})
    assert (one.finished, one.ended) == (4, {"not trained": 1})
    values = [found[f"group-seed-{s}"]["last"][FRECHET] for s in (1, 2, 3, 4)]
    np.testing.assert_allclose(group.means[FAMILY], [np.mean(values), np.std(values, ddof=1)])


def test_json_and_csv_hold_every_trial(found):
    content = json.loads(tables.as_json(STUDY, found), parse_constant=pytest.fail)
    assert content["trials"].keys() == found.keys() and content["study"]["seeds"] == SEEDS
    assert content["arms"][2]["seeds"] == [11, 12, 13, 14, 15]
    lines = list(csv.DictReader(io.StringIO(tables.as_csv(STUDY, found))))
    assert len(lines) == 13 * 4 + 2
    (line,) = [x for x in lines if (x["arm"], x["seed"], x["score"], x["checkpoint"]) == ("one", "3", *FAMILY)]
    assert float(line["value"]) == found["one-seed-3"]["last"][FRECHET]
    assert {x["status"] for x in lines} == {"finished", "diverged", "not trained"}


def test_the_page_says_what_was_shown_and_fetches_nothing(found, tmp_path):
    text = page.page_of(STUDY, found, tmp_path)
    assert text == page.page_of(STUDY, found, tmp_path)
    for words in (summary.answer(STUDY, found), "no difference shown", "critic/loss is nan", "--norm=&lt;layer&gt;"):
        assert words in text, words
    assert text.count('class="chart"') == 4 + 2, "four forest plots, two curves"
    assert "http://" not in text.replace("http://www.w3.org", "") and "https://" not in text


def test_a_study_without_results_has_a_page(tmp_path):
    assert "nothing to compare" in page.page_of(STUDY, {}, tmp_path)
    assert tables.as_csv(STUDY, {}).count("not trained") == 15
    json.loads(tables.as_json(STUDY, {}))
