"""Each choice of a protocol has its effect; a setting against a protocol is refused by name."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn import export
from tfgan_gn.data import pixels
from tfgan_gn.errors import UserError
from tfgan_gn.runs import building, recording
from tfgan_gn.runs.run_data import DataFacts
from tfgan_gn.settings import config_file
from tfgan_gn.settings.protocols import DEFAULTS, PROTOCOLS, Protocol
from tfgan_gn.settings.scoring import as_scored, make_eval_config
from tfgan_gn.settings.training import make_config

pytestmark = pytest.mark.quick


def test_the_protocol_of_the_authors_is_published():
    """Constants of `gan_cifar_resnet.py`: get_inception_score(50000), samples_100, 255.99 / 2, INCEPTION_FREQUENCY."""
    assert PROTOCOLS["author"]._replace(decided=()) == Protocol(
        "batch", 100, 255.99 / 2, 10, "inception", 1000, 50_000, 0, True
    )


def test_the_default_protocol_has_the_defaults_of_what_it_is_given_to():
    assert (DEFAULTS.block_size, DEFAULTS.pixel_scale) == (export.BLOCK, None)
    assert make_eval_config().splits == DEFAULTS.splits


def test_a_protocol_gives_defaults_and_a_flag_wins_over_what_it_does_not_decide():
    ours, author = make_config(), make_config(protocol="author")
    assert (ours.scorer, ours.eval_every, ours.eval_images, ours.test_batches) == ("cifar10net", 1000, 0, 10)
    assert ours.generator_statistics == "standing"
    assert (author.scorer, author.eval_every, author.eval_images) == ("inception", 1000, 50_000)
    assert author.test_batches == 0 and author.generator_statistics == "batch"
    changed = {"protocol", "scorer", "eval_every", "eval_images", "test_batches", "generator_statistics"}
    assert dataclasses.replace(author, **{name: getattr(ours, name) for name in changed}) == ours
    given = make_config("report", protocol="author", eval_every=20, eval_images=30, test_batches=0)
    assert (given.eval_every, given.eval_images, given.gp_weight) == (20, 30, 5)
    assert make_config(protocol="author", scorer="cifar10net").scorer == "cifar10net"


@pytest.mark.parametrize(
    ("make", "name", "value", "decided"),
    [
        (make_config, "generator_statistics", "standing", "batch"),
        (make_config, "test_batches", 7, "0"),
        (make_eval_config, "generator_statistics", "standing", "batch"),
        (make_eval_config, "splits", 5, "10"),
    ],
)
def test_a_setting_against_the_protocol_is_refused_by_name(make, name, value, decided):
    message = f"--{name}={value} contradicts --protocol=author, which has {decided}: leave out --{name}"
    with pytest.raises(UserError, match=message):
        make(protocol="author", **{name: value})
    assert getattr(make(protocol="ours", **{name: value}), name) == value
    assert getattr(make(**{name: value}), name) == value


def test_a_run_is_scored_by_its_own_protocol_unless_another_is_given():
    def scored_by(run, **given):
        config = as_scored(run, make_eval_config(**given))
        return config.protocol, config.generator_statistics

    ours, author = make_config(), make_config(protocol="author")
    assert scored_by(ours) == ("ours", "standing") and scored_by(author) == ("author", "batch")
    assert scored_by(ours, protocol="author") == ("author", "batch")
    assert scored_by(author, protocol="ours") == ("ours", "standing")
    assert scored_by(author, protocol="ours", generator_statistics="batch") == ("ours", "batch")
    assert scored_by(make_config(generator_statistics="batch")) == ("ours", "batch")
    with pytest.raises(UserError, match="--splits=5 contradicts --protocol=author, which has 10"):
        scored_by(author, splits=5)


def test_a_run_folder_keeps_the_protocol(tmp_path):
    config = make_config(protocol="author", eval_images=70)
    config_file.save_config(config, str(tmp_path), {}, {})
    assert config_file.load_config(str(tmp_path)) == config
    config_file.refuse_other_settings(make_config(), config, str(tmp_path))  # a resumed run may change it


@pytest.mark.parametrize("of_pixels", pixels.PIXELS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_samples_are_made_by_the_protocol_or_by_the_inverse_of_the_runs_own_pixels(protocol, of_pixels):
    row, own = PROTOCOLS[protocol], pixels.PIXELS[of_pixels]
    arguments = building.sampling(make_config(protocol=protocol, pixels=of_pixels), DataFacts(2, 3, ""), 5)
    assert (arguments["statistics"], arguments["block_size"]) == (row.generator_statistics, row.block_size)
    expected = (own.scale, own.shift) if protocol == "ours" else (row.pixel_scale, 0)
    assert (arguments["pixel_scale"], arguments["pixel_shift"]) == expected


@pytest.mark.parametrize(
    ("given", "count", "draws"),
    [({}, 10, [0, 0]), ({"test_batches": 0}, 13, [0, 0]), ({"protocol": "author"}, 13, [100, 200])],
)
def test_the_held_out_loss_takes_the_batches_and_the_noise_of_the_protocol(given, count, draws):
    """13 batches of 8 fit in 107 images; `draw` is the number of the noise."""
    calls, images = [], np.zeros((107, 4, 4, 3), np.uint8)
    split = SimpleNamespace(images=images, labels=np.zeros(107, np.int64))

    def evaluate(batches, num_batches, draw):
        assert next(batches).shape == (8, 4, 4, 3)
        calls.append((int(num_batches), int(draw)))
        return tf.constant(0.5)

    config = make_config(batch_size=8, **given)
    arguments = (
        SimpleNamespace(evaluate=evaluate),
        SimpleNamespace(train=split, test=split),
        tf.distribute.get_strategy(),
    )
    held_out_loss = recording.make_held_out_loss(config, *arguments)
    assert [held_out_loss(iteration) for iteration in (100, 200)] == [0.5, 0.5]
    assert calls == [(count, draw) for draw in draws]
