"""The losses of the two networks as functions of images, noise and labels."""

import dataclasses
from collections.abc import Callable

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


@dataclasses.dataclass(frozen=True, eq=False)
class Objective:
    """The losses of a pair of networks. It draws nothing random and updates no weights.

    Conditional networks take labels: in a critic step those of the real images, which the fake images are generated
    with too.

    Attributes:
        generator: called as generator(z [N, z_dim], labels=[N] or None, training=, towers=), to images [N, H, W, C] in
            [-1, 1].
        critic: called as critic(images [N, H, W, C], labels=[N] or None), to scores [N].
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

    def generate(self, z, labels=None, training=True):
        """Fake images for a step: the generator's, with batch norm by towers.

        Args:
            z: noise vectors [N, z_dim].
            labels: to generate images with [N], or None.
            training: whether this is part of a training step, so that spectral norm takes its power iteration.

        Returns:
            Images [N, H, W, C] in [-1, 1].
        """
        return self.generator(z, labels=labels, training=training, towers=self.towers)

    def critic_loss(self, real, fake, eps, labels=None, training=True):
        """Equation 3 of Gulrajani et al. 2017: E[D(fake)] - E[D(real)] + lambda E[(|grad D(x_hat)|_2 - 1)^2].

        The first two terms are `loss.critic`; other losses replace them. There is no last term if gp_weight is None.
        With an auxiliary classifier, its cross-entropy on the real images is added.

        Args:
            real: images [N, H, W, C] in [-1, 1].
            fake: generated images of the same shape.
            eps: [N] in [0, 1).
            labels: of both, [N], or None.
            training: whether this is part of a training step, so that spectral norm takes its power iteration. The
                penalty takes none: it is about the critic that has just scored.

        Returns:
            (loss, logs, slopes): a scalar, scalars by tag, and |grad D(x_hat)|_2 of each image [N]; [0] without
            penalty.
        """
        (d_real, d_fake), logits = self._judge_both(real, fake, labels, training)
        loss = distance = self.loss.critic(d_real, d_fake)
        logs = {"critic/wasserstein": tf.reduce_mean(d_real) - tf.reduce_mean(d_fake)}
        slopes = tf.zeros([0], distance.dtype)
        if self.gp_weight is not None:
            x_hat = interpolate(real, fake, eps)
            penalty, slopes = gradient_penalty(lambda x: self.critic(x, labels=labels), x_hat, self.penalty_axes)
            loss = distance + self.gp_weight * penalty
            logs["critic/gradient_penalty"] = penalty
        if self.auxiliary is not None:
            class_loss = cross_entropy(logits[0], labels)
            loss += self.auxiliary.critic * class_loss
            logs["critic/class_loss"] = class_loss
            logs["critic/accuracy_real"], logs["critic/accuracy_fake"] = (accuracy(each, labels) for each in logits)
        return loss, {"critic/loss": loss, **logs}, slopes

    def generator_loss(self, z, labels=None):
        """The generator's loss, -E[D(G(z))] for the Wasserstein loss.

        With an auxiliary classifier, its cross-entropy on the fake images is added, times `auxiliary.generator` (0.1).

        Args:
            z: noise vectors [N, z_dim].
            labels: to generate images with [N], or None.

        Returns:
            (loss, logs): a scalar, and scalars by tag.
        """
        scores, logits = self._judge(self.generate(z, labels), labels, training=True)
        loss, logs = self.loss.generator(scores), {}
        if self.auxiliary is not None:
            class_loss = cross_entropy(logits, labels)
            loss += self.auxiliary.generator * class_loss
            logs["generator/class_loss"] = class_loss
        return loss, {"generator/loss": loss, **logs}

    def tags(self):
        """The tags of all logs of a critic step and of a generator step."""
        penalty = ("critic/gradient_penalty",) if self.gp_weight is not None else ()
        classes = ("critic/class_loss", "critic/accuracy_real", "critic/accuracy_fake") if self.auxiliary else ()
        generator = ("generator/loss", "generator/class_loss") if self.auxiliary else ("generator/loss",)
        return "critic/loss", "critic/wasserstein", *penalty, *classes, *generator

    def _judge(self, x, labels, training):
        """Scores [N] of images, and their class logits [N, num_classes] or None."""
        if self.auxiliary is None:
            return self.critic(x, labels=labels, training=training), None
        return self.critic(x, labels=labels, training=training, classify=True)

    def _judge_both(self, real, fake, labels, training):
        """((scores of real, of fake), (class logits of real, of fake))."""
        if self.separate_passes:
            return tuple(zip(*(self._judge(x, labels, training) for x in (real, fake))))
        twice = None if labels is None else tf.concat([labels, labels], 0)
        scores, logits = self._judge(tf.concat([real, fake], 0), twice, training)
        return tf.split(scores, 2), (None, None) if logits is None else tf.split(logits, 2)
