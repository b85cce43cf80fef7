"""Training steps and scoring can run on a GPU, and XLA takes the steps, as far as can be seen without one.

`test_twenty_iterations.py` looks in the same way at float32, with everything that is drawn, and at the sampling.
"""

import functools

import pytest
import tensorflow as tf
from gpu_kernels import not_for_gpus
from test_presets import FACTS, tiny

from tfgan_gn.runs import building
from tfgan_gn.scoring import extractors
from tfgan_gn.settings.presets import PRESETS
from tfgan_gn.settings.training import make_config
from tfgan_gn.training.noise import critic_inputs, generator_inputs

# What a preset can choose that changes the operations of a step.
CHOICES = (
    *("architecture", "norm", "generator_norm", "loss", "penalty"),
    *("optimizer", "critic_optimizer", "conditional", "auxiliary"),
)
CHOSEN = (
    "author",
    "author_acgan",
    "author_conditional",
    "author_dcgan",
    "author_dcgan_published",
    "dagan",
    "dagan_published",
    "report_cnn_published",
    "sngan_dcgan",
    "sngan_resnet_published",
    "wgan_64",
    "wgan_32_published",
)


@pytest.mark.quick
def test_the_chosen_presets_have_every_choice_of_all_presets():
    for name in CHOICES:
        of_all, of_chosen = ({getattr(make_config(each), name) for each in presets} for presets in (PRESETS, CHOSEN))
        assert of_chosen == of_all, name


@pytest.mark.parametrize("preset", CHOSEN)
def test_steps_in_bfloat16_have_kernels_for_gpus_and_are_taken_by_xla(preset):
    """XLA is asked for its program, which it does not compile to machine code."""
    config = tiny(preset, precision="bfloat16")
    trainer = building.build_trainer(config, FACTS)
    pixels = tf.zeros([config.batch_size, config.image_size, config.image_size, 3], tf.uint8)
    condition = pixels if trainer.noise.pairs else tf.zeros([config.batch_size], tf.int64)
    batch = pixels, condition
    inputs = critic_inputs(trainer.noise, batch, 0, 0, 0), generator_inputs(trainer.noise, 0, batch)
    for step, given in zip((trainer.critic_step, trainer.generator_step), inputs, strict=True):
        traced = tf.function(functools.partial(step, *given), jit_compile=True, autograph=False)
        assert not_for_gpus(traced.get_concrete_function()) == set()
        assert "bf16" in traced.experimental_get_compiler_ir()(stage="hlo")


@pytest.mark.parametrize("name", ["cifar10net", "inception"])
def test_the_networks_that_score_have_kernels_for_gpus(name, request):
    scorer = request.getfixturevalue("seeded_graph") if name == "inception" else name
    step = extractors.load_extractor(scorer).step(tf.distribute.get_strategy())
    assert not_for_gpus(step.get_concrete_function()) == set()
