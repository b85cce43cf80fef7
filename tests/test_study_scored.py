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
