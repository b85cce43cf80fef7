"""What only a training pass may move: the state of batch renormalization, and the power iteration of spectral norm."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import simple_networks, tiny_trainer
from test_conformance import CASES, build, condition_of, size

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("case", CASES)
def test_only_a_training_pass_moves_it(case, rng):
    """So networks that were just built have the first state."""
    generator, critic = build(case, "batch_renorm", generator_norm="batch_renorm")
    condition, shape = condition_of(case), (4, size(case), size(case), 3)
    for network, x in ((generator, rng.normal(size=(4, 8))), (critic, rng.uniform(-1, 1, shape))):
        weights_of_state = [v.numpy() for v in network.non_trainable_variables if v.name == "renorm_weight"]
        assert weights_of_state and not any(weights_of_state)
        # The vector u of a layer with one output is always 1.
        variables = [v for v in network.non_trainable_variables if v.name != "u" or v.shape != (1,)]
        for training in (False, True):
            before = [v.numpy() for v in variables]
            network(tf.constant(x, tf.float32), condition=condition, **({"training": True} if training else {}))
            for old, variable in zip(before, variables, strict=True):
                assert (old != variable.numpy()).any() == training, variable.path


def test_a_held_out_loss_moves_nothing_and_a_step_does(eagerly, rng):
    trainer = tiny_trainer(simple_networks(generator_norm="batch_renorm"))
    images = tf.data.Dataset.from_tensors(rng.integers(0, 256, (4, 16, 16, 3), np.uint8)).repeat()
    state = [v for v in trainer.generator.variables if v.name.startswith(("renorm", "moving"))]
    before = [v.numpy() for v in state]
    trainer.evaluate(iter(images), tf.constant(1, tf.int64))
    for old, variable in zip(before, state, strict=True):
        np.testing.assert_array_equal(old, variable.numpy(), err_msg=variable.path)
    trainer.objective.generator_loss(tf.ones([2, 8]))
    for old, variable in zip(before, state, strict=True):
        assert (old != variable.numpy()).any(), variable.path
