"""The search for groups by successive halving, with trainings whose scores are made up."""

import os

import pytest
from test_study_definition import CONTENT, changed
from test_study_summary import FRECHET, result

from tfgan_gn.errors import UserError
from tfgan_gn.study import prepare, search, trials
from tfgan_gn.study.definition import make_study
from tfgan_gn.study.findings import page, tables

pytestmark = pytest.mark.quick
SEARCH = {"arm": "group", "sites": 6, "choices": [1, 2, 4, 8], "seed": 50}
STUDY = make_study({**changed(["settings", "iterations"], 40), "search": SEARCH}, "x")


def test_each_rung_costs_two_full_trainings_and_the_last_is_one():
    rungs = search.plan(8, 1000)
    assert rungs == [(16, 125), (8, 250), (4, 500), (2, 1000)]
    assert search.plan(2, 1000) == search.plan(3, 1000) == [(2, 1000)]
    with pytest.raises(UserError, match="3 iterations cannot be halved 2 times"):
        search.plan(6, 3)


def test_candidates_are_different_and_those_of_the_seed():
    drawn = search.candidates(STUDY.search, 64)
    assert len(set(drawn)) == 64 and {len(groups) for groups in drawn} == {6}
    assert {count for groups in drawn for count in groups} == {1, 2, 4, 8}
    assert drawn == search.candidates(STUDY.search, 64) != search.candidates(STUDY.search._replace(seed=51), 64)
    with pytest.raises(UserError, match="asks for 5000 candidates, and there are 4096"):
        search.candidates(STUDY.search, 5000)


@pytest.fixture
def trained(monkeypatch):
    """Training writes the sum of the groups as score; returns the trials in order."""
    done = []

    def train(of_rung, out, workers, pictures=()):
        for trial in of_rung:
            path = trials.result_path(out, trial)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            distance = float(sum(trial.config.groups))
            outcome = {**result(distance, 3.0), "protocol": {}}
            outcome["curves"] = {FRECHET: {"iteration": [trial.config.iterations], "value": [distance]}}
            trials.write_result(path, trial, outcome)
        done.extend(of_rung)
        return 0

    monkeypatch.setattr(prepare, "refuse_impossible", lambda missing, found: None)
    monkeypatch.setattr(prepare, "train", train)
    return done


def test_the_best_candidate_wins_and_only_the_better_half_goes_on(tmp_path, trained):
    found = search.run(STUDY, 6, str(tmp_path), "runs", train=True, workers=1)
    drawn = search.candidates(STUDY.search, 8)
    assert [len(rung) for rung in found.ranking] == [8, 4, 2]
    assert [groups for groups, _ in found.ranking[1]] == sorted(drawn, key=sum)[:4]
    best = min(drawn, key=sum)
    assert found.winner.settings["groups"] == best and found.winner.against == "layer"
    assert {trial.config.seed for trial in trained} == {50}, "a seed that no arm has"
    assert [trial.config.iterations for trial in trained] == [10] * 8 + [20] * 4 + [40] * 2
    # again: nothing is trained; the winner is the same without training at all
    trained.clear()
    assert search.run(STUDY, 6, str(tmp_path), "runs", train=False, workers=1) == found and not trained
    study = STUDY._replace(arms=(*STUDY.arms, found.winner))
    text = page.page_of(study, {}, str(tmp_path), found)
    assert "what the selection alone buys" in text.replace("\n", " ") and "-".join(map(str, best)) in text
    assert f'"winner": [\n   {best[0]}' in tables.as_json(study, {}, found)


def test_a_search_that_is_stopped_or_not_trained_has_no_winner(tmp_path, monkeypatch, trained):
    assert search.run(STUDY, 4, str(tmp_path), "runs", train=False, workers=1) is None
    monkeypatch.setattr(prepare, "train", lambda *arguments: 143)
    assert search.run(STUDY, 4, str(tmp_path), "runs", train=True, workers=1) == 143


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("arm", "layer", "arm=layer: give the name of an arm that has groups"),
        ("choices", [4], "give a list of two or more group counts"),
        ("choices", [4, 0], "choices has 0"),
        ("seed", 13, "seed=13: give a seed that no arm is trained with"),
    ],
)
def test_a_wrong_search_is_refused_by_name(key, value, words):
    with pytest.raises(UserError) as refused:
        make_study({**CONTENT, "search": {**SEARCH, key: value}}, "study.json")
    assert words in str(refused.value)
