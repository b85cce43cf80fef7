"""Readings of a training that show whether something is wrong with it, and their alarms."""

import math

import numpy as np
import tensorflow as tf

from tfgan_gn.metrics.alarms import Alarm

SLOPE, GAP, SAMPLES = "alarms/slope", "alarms/held_out_gap", "alarms/sample_spread"  # tags
CRITIC_MOVES, GENERATOR_MOVES = "alarms/critic_moves", "alarms/generator_moves"
# Why these bounds: docs/reliability.md.
SLOPES, LEAST_SPREAD, LEAST_MOVE, MOST_GAP, GAP_OF_ONE_IMAGE = (1 / 3, 3), 0.1, 1e-8, 0.5, 6


def rows_for(num_held_out):
    """The alarms of every run.

    Args:
        num_held_out: number of images that the held-out loss is the mean over.
    """
    stopped = (
        "the weights of the {} changed by {{:.1g}} of their size since the reading before, which is nothing: its "
        "gradients or its learning rate are zero"
    )
    return (
        Alarm(
            SLOPE,
            *SLOPES,
            "the slopes of the critic have the mean {:.3g}, and the gradient penalty does not hold them at 1: a larger "
            "--gp_weight holds them closer; slopes near 0 are those of a critic that gives each image the same score",
        ),
        Alarm(
            GAP,
            -math.inf,
            MOST_GAP + GAP_OF_ONE_IMAGE / math.sqrt(num_held_out),
            "the critic loses {:.0%} of its advantage on held-out images: it knows its training images by heart. More "
            "images, --flips or a smaller --width may help",
        ),
        Alarm(
            SAMPLES,
            LEAST_SPREAD,
            math.inf,
            "two samples differ by {:.1%} of what two real images differ by: the generator makes nearly the same image "
            "of every z. A lower --learning_rate or another --seed may help",
        ),
        Alarm(CRITIC_MOVES, LEAST_MOVE, math.inf, stopped.format("critic")),
        Alarm(GENERATOR_MOVES, LEAST_MOVE, math.inf, stopped.format("generator")),
    )


class Readings:
    """The readings at each point of TensorBoard that has a held-out loss; that of the samples is not among them.

    Args:
        trainer: `Trainer`.
        penalized: whether a gradient penalty draws the slopes of whole images to 1.
        like_training: whether the held-out images are of the same classes as the training images.
    """

    def __init__(self, trainer, penalized, like_training):
        self.trainer, self.penalized, self.like_training = trainer, penalized, like_training
        self.constant = loss_of_constant_critic(trainer.objective, trainer.noise.num_classes)
        self.most = 0.0  # the largest advantage so far
        self.networks = {CRITIC_MOVES: trainer.critic, GENERATOR_MOVES: trainer.generator}
        self.before = {tag: _weights(network) for tag, network in self.networks.items()}

    def __call__(self, scalars, slopes):
        """Computes the readings.

        Args:
            scalars: of TensorBoard, floats by tag.
            slopes: of the last critic step [N]; [0] without gradient penalty.

        Returns:
            Floats by tag.
        """
        values = {}
        for tag, network in self.networks.items():
            now = _weights(network)
            values[tag], self.before[tag] = relative_change(now, self.before[tag]), now
        if self.penalized and len(slopes):
            values[SLOPE] = float(np.mean(slopes))
        if self.like_training:
            training, held_out = scalars["critic/loss"], scalars["critic/test_loss"]
            self.most = max(self.most, self.constant - training)
            values[GAP] = held_out_gap(training, held_out, self.constant, self.most)
        return values


def loss_of_constant_critic(objective, num_classes):
    """The loss, without penalty, of a critic that gives each image the score 0 and each class the same probability.

    Args:
        objective: `objective.Objective`.
        num_classes: of the labels; None for networks without labels.

    Returns:
        A float: 0 for the Wasserstein loss, 2 for hinge, 2 log 2 for bce; log num_classes more with a classifier.
    """
    zero = tf.zeros([1])
    of_classes = objective.auxiliary.critic * math.log(num_classes) if objective.auxiliary else 0.0
    return float(objective.loss.critic(zero, zero)) + of_classes


def held_out_gap(training, held_out, constant, most):
    """The part of a critic's advantage over a constant critic that it does not have on held-out images.

    Args:
        training: mean loss on training images.
        held_out: the same on held-out images.
        constant: of `loss_of_constant_critic`.
        most: the largest advantage of the run, constant - training.

    Returns:
        (held_out - training) / (constant - training), a float: 0 for equal losses, 1 where the critic is no better than
        a constant one on held-out images. The advantage counts as a tenth of `most` at least, so that the noise of a
        critic without an advantage is no gap. 0 for a critic that was never better than a constant one.
    """
    advantage = max(constant - training, most / 10)
    return (held_out - training) / advantage if advantage > 0 else 0.0


def relative_change(now, before):
    """The change of weights, relative to their size: |now - before| / |before| over all tensors of two lists."""
    change, size = (
        math.fsum(float(tf.reduce_sum(tf.square(each))) for each in part)
        for part in ((a - b for a, b in zip(now, before, strict=True)), before)
    )
    return math.sqrt(change / max(size, np.finfo(np.float32).tiny))


def _weights(network):
    return [tf.identity(variable.value) for variable in network.trainable_variables]
