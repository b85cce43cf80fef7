"""The losses of the two networks as functions of images, noise and labels."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfgan_gn.training.losses import (
    PENALTY_AXES,
    Auxiliary,
    Loss,
    accuracy,
    cross_entropy,
    gradient_penalty,
    interpolate,
)


class Masks(NamedTuple):
    """What dropout multiplies in one step, for each pass through a network; empty for networks without dropout.

    Each is a tuple with a tensor [N, *shape] for each of the network's `mask_shapes`. Its values are 0, or
    1 / (1 - rate) for what stays.

    Attributes:
        generator: of the generator's pass.
        real: of the critic's pass of real images.
        fake: of the critic's pass of fake images.
        x_hat: of the critic's pass of the penalty.
    """

    generator: tuple = ()
    real: tuple = ()
    fake: tuple = ()
    x_hat: tuple = ()


NO_MASKS = Masks()


@dataclasses.dataclass(frozen=True, eq=False)
class Objective:
    """The losses of a pair of networks. It draws nothing random and updates no weights.

    Conditional networks take a condition: labels [N], or images [N, H, W, C]. In a critic step it is that of the real
    images, which the fake images are generated with too.

    Attributes:
        generator: called as generator(z [N, z_dim], condition=, training=, towers=), to images [N, H, W, C] in [-1, 1].
        critic: called as critic(images [N, H, W, C], condition=), to scores [N].
        loss: `losses.Loss`.
        gp_weight: lambda, the weight of the gradient penalty; None for no penalty.
        auxiliary: `losses.Auxiliary`, for a critic with a classifier; None for one without.
        separate_passes: whether real and fake images are two batches for the critic (`gan_cifar.py`, Miyato et al.
            2018), or one joined batch (`gan_cifar_resnet.py`). It matters for batch norm in the critic, which takes
            the statistics of a batch, and for spectral norm, which takes a power iteration for each batch.
        penalty_axes: of the norm in the gradient penalty, a value of `losses.PENALTY_AXES`.
        towers: number of consecutive parts of a batch, over all replicas, each of which the generator's batch norm
            normalizes by its own statistics (2 in `gan_cifar_resnet.py`). The critic's batch norm takes those of the
            whole batch that it is given: the published critic sees both towers joined.
    """

    generator: Callable[..., tf.Tensor]
    critic: Callable[..., tf.Tensor]
    loss: Loss
    gp_weight: float | None
    auxiliary: Auxiliary | None = None
    separate_passes: bool = False
    penalty_axes: tuple[int, ...] = PENALTY_AXES["gradient"]
    towers: int = 1

    def generate(self, z, condition=None, training=True, masks=()):
        """Fake images for a step: the generator's, with batch norm by towers.

        Args:
            z: noise vectors [N, z_dim].
            condition: to generate images with, or None.
            training: whether this is part of a training step, so that spectral norm takes its power iteration.
            masks: `Masks.generator`.

        Returns:
            Images [N, H, W, C] in [-1, 1].
        """
        dropout = _masked(masks)
        return self.generator(z, condition=condition, training=training, towers=self.towers, **dropout)

    def critic_loss(self, real, fake, eps, condition=None, training=True, masks=NO_MASKS):
        """Equation 3 of Gulrajani et al. 2017: E[D(fake)] - E[D(real)] + lambda E[(|grad D(x_hat)|_2 - 1)^2].

        The first two terms are `loss.critic`; other losses replace them. There is no last term if gp_weight is None.
        With an auxiliary classifier, its cross-entropy on the real images is added.

        Args:
            real: images [N, H, W, C] in [-1, 1].
            fake: generated images of the same shape.
            eps: [N] in [0, 1).
            condition: of both, or None. The penalty does not differentiate by it.
            training: whether this is part of a training step, so that spectral norm takes its power iteration. The
                penalty takes none: it is about the critic that has just scored.
            masks: for dropout.

        Returns:
            (loss, logs, slopes): a scalar, scalars by tag, and |grad D(x_hat)|_2 of each image [N]; [0] without
            penalty.
        """
        (d_real, d_fake), logits = self._judge_both(real, fake, condition, training, masks)
        loss = distance = self.loss.critic(d_real, d_fake)
        logs = {"critic/wasserstein": tf.reduce_mean(d_real) - tf.reduce_mean(d_fake)}
        slopes = tf.zeros([0], distance.dtype)
        if self.gp_weight is not None:
            x_hat = interpolate(real, fake, eps)
            dropout = _masked(masks.x_hat)
            penalty, slopes = gradient_penalty(
                lambda x: self.critic(x, condition=condition, **dropout), x_hat, self.penalty_axes
            )
            loss = distance + self.gp_weight * penalty
            logs["critic/gradient_penalty"] = penalty
        if self.auxiliary is not None:
            class_loss = cross_entropy(logits[0], condition)
            loss += self.auxiliary.critic * class_loss
            logs["critic/class_loss"] = class_loss
            logs["critic/accuracy_real"], logs["critic/accuracy_fake"] = (accuracy(each, condition) for each in logits)
        return loss, {"critic/loss": loss, **logs}, slopes

    def generator_loss(self, z, condition=None, masks=NO_MASKS):
        """The generator's loss, -E[D(G(z))] for the Wasserstein loss.

        With an auxiliary classifier, its cross-entropy on the fake images is added, times `auxiliary.generator` (0.1).

        Args:
            z: noise vectors [N, z_dim].
            condition: to generate images with, or None.
            masks: for dropout, those of the generator and of the critic's pass of fake images.

        Returns:
            (loss, logs): a scalar, and scalars by tag.
        """
        fake = self.generate(z, condition, masks=masks.generator)
        scores, logits = self._judge(fake, condition, True, masks.fake)
        loss, logs = self.loss.generator(scores), {}
        if self.auxiliary is not None:
            class_loss = cross_entropy(logits, condition)
            loss += self.auxiliary.generator * class_loss
            logs["generator/class_loss"] = class_loss
        return loss, {"generator/loss": loss, **logs}

    def tags(self):
        """The tags of all logs of a critic step and of a generator step."""
        penalty = ("critic/gradient_penalty",) if self.gp_weight is not None else ()
        classes = ("critic/class_loss", "critic/accuracy_real", "critic/accuracy_fake") if self.auxiliary else ()
        generator = ("generator/loss", "generator/class_loss") if self.auxiliary else ("generator/loss",)
        return "critic/loss", "critic/wasserstein", *penalty, *classes, *generator

    def _judge(self, x, condition, training, masks):
        """Scores [N] of images, and their class logits [N, num_classes] or None."""
        dropout = _masked(masks)
        if self.auxiliary is None:
            return self.critic(x, condition=condition, training=training, **dropout), None
        return self.critic(x, condition=condition, training=training, classify=True, **dropout)

    def _judge_both(self, real, fake, condition, training, masks):
        """((scores of real, of fake), (class logits of real, of fake))."""
        if self.separate_passes:
            passes = ((real, masks.real), (fake, masks.fake))
            return tuple(zip(*(self._judge(x, condition, training, dropped) for x, dropped in passes)))
        twice = None if condition is None else tf.concat([condition, condition], 0)
        both = tuple(tf.concat(pair, 0) for pair in zip(masks.real, masks.fake, strict=True))
        scores, logits = self._judge(tf.concat([real, fake], 0), twice, training, both)
        return tf.split(scores, 2), (None, None) if logits is None else tf.split(logits, 2)


def _masked(masks):
    """The argument for dropout, which networks without dropout do not take."""
    return {"masks": masks} if masks else {}
