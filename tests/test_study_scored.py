"""What the checkpoints of a trial are scored with: not what they were chosen by."""

from types import SimpleNamespace

import pytest

from tfgan_gn.settings.training import make_config
from tfgan_gn.study import scored

pytestmark = pytest.mark.quick


def test_a_checkpoint_is_scored_with_other_noise_and_other_images_than_it_was_chosen_by(monkeypatch):
    """Training chooses it with noise of the run's seed, against the training images."""
    config, seen = make_config(seed=3, eval_images=50, scorer="cifar10net"), {}
    run = SimpleNamespace(generator=None, data_facts=None, iteration=1, checkpoint="iteration-1")
    for module, name, stand_in in (
        (scored.extractors, "load_extractor", lambda *_: None),
        (scored.images, "of_split", lambda dataset, split: seen.setdefault("split", split)),
        (scored.images, "of_generator", lambda sampler, count, seed, source: seen.update(count=count, seed=seed)),
        (scored.reference, "of_images", lambda *_: None),
        (scored.evaluation, "evaluate", lambda *_: {}),
        (scored, "sampling", lambda *_: {}),
        (scored, "make_sampler", lambda *_: None),
    ):
        monkeypatch.setattr(module, name, stand_in)
    scored._make_score(config, None)(run)
    assert seen["split"] == "test" and seen["count"] == 50
    assert seen["seed"] != config.seed


@pytest.mark.parametrize(("best", "scorings"), [(2, 2), (4, 1)])
def test_each_checkpoint_has_its_own_scores_and_one_checkpoint_is_scored_once(monkeypatch, best, scorings):
    scored_iterations = []

    def score(run):
        scored_iterations.append(run.iteration)
        result = {"scores": {"fid": {"value": 10.0 * run.iteration}}, "samples": {"iteration": run.iteration}}
        return None, {**result, "protocol": {}, "weights": {}, "versions": {}}

    for name, stand_in in (
        ("_make_score", lambda *_: score),
        ("load_run", lambda _, checkpoint: SimpleNamespace(iteration=best if checkpoint else 4)),
        ("read_curves", lambda _: {}),
        ("_seconds", lambda _: 0.5),
    ):
        monkeypatch.setattr(scored, name, stand_in)
    outcome = scored.outcome_of(make_config(), None)
    assert outcome["last"] == {"iteration": 4, "fid": 40.0}
    assert outcome["best"] == {"iteration": best, "fid": 10.0 * best}
    assert len(scored_iterations) == scorings
