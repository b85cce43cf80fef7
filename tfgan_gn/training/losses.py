"""Losses as pure functions of scores, and the gradient penalty (Gulrajani et al. 2017)."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class Loss(NamedTuple):
    """What each network minimises, per batch.

    Attributes:
        critic: (scores of real images [N], scores of fake ones [N]) to a scalar.
        generator: scores of fake images [N] to a scalar.
    """

    critic: Callable
    generator: Callable


LOSSES = {
    # Arjovsky et al. 2017, section 3: the critic maximises E[D(x)] - E[D(G(z))], the generator E[D(G(z))].
    "wasserstein": Loss(
        critic=lambda real, fake: tf.reduce_mean(fake) - tf.reduce_mean(real),
        generator=lambda fake: -tf.reduce_mean(fake),
    ),
    # Miyato et al. 2018, equations 16 and 17: the critic's loss is 0 for real scores above 1 and fake ones below -1.
    "hinge": Loss(
        critic=lambda real, fake: tf.reduce_mean(tf.nn.relu(1 - real)) + tf.reduce_mean(tf.nn.relu(1 + fake)),
        generator=lambda fake: -tf.reduce_mean(fake),
    ),
    # Goodfellow et al. 2014 with the non-saturating loss of the generator (section 3). Scores are logits:
    # -log sigmoid(s) = softplus(-s) and -log(1 - sigmoid(s)) = softplus(s), finite for every score.
    "bce": Loss(
        critic=lambda real, fake: tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake)),
        generator=lambda fake: tf.reduce_mean(tf.nn.softplus(-fake)),
    ),
    # Half of the critic's sum, as `gan_cifar.py` has it. Adam's steps differ through its epsilon only.
    "bce_halved": Loss(
        critic=lambda real, fake: (tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))) / 2,
        generator=lambda fake: tf.reduce_mean(tf.nn.softplus(-fake)),
    ),
}


class Auxiliary(NamedTuple):
    """Weights of the auxiliary classifier's cross-entropy (Odena et al. 2017) in the two losses.

    Attributes:
        critic: for real images and their labels. Fake images have no part in it, as in `gan_cifar_resnet.py`.
        generator: for fake images and the labels that they were generated with.
    """

    critic: float = 1.0
    generator: float = 0.1


def cross_entropy(logits, labels):
    """E[-log softmax(logits)_label], a scalar, of logits [N, num_classes] and labels [N]."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def accuracy(logits, labels):
    """The fraction of images, in [0, 1], whose largest logit of [N, num_classes] is that of their label [N]."""
    right = tf.equal(tf.argmax(logits, -1), tf.cast(labels, tf.int64))
    return tf.reduce_mean(tf.cast(right, logits.dtype))


def interpolate(real, fake, eps):
    """x_hat = real + eps (fake - real): a point on the line between each pair (Algorithm 1, line 6).

    Args:
        real: images [N, H, W, C].
        fake: images of the same shape.
        eps: [N], drawn from U[0, 1). It is the weight of the fake image, as in the authors' code. In the paper it is
            the weight of the real image; the distribution of x_hat is the same.

    Returns:
        Images [N, H, W, C].
    """
    return real + tf.reshape(eps, [-1, 1, 1, 1]) * (fake - real)


PENALTY_AXES = {  # what the norm in the penalty is over, by --penalty
    "gradient": (1, 2, 3),  # height, width and channels of each image, as in the paper
    "channels": (3,),  # the channels of each pixel, as in github.com/Zeleni9/pytorch-wgan
    "columns": (1,),  # the height: each column of pixels in each channel, as in github.com/AntreasAntoniou/DAGAN
}


def gradient_penalty(critic, x_hat, axes=PENALTY_AXES["gradient"]):
    """E[(|grad_x_hat D(x_hat)|_2 - 1)^2], equation 3 of Gulrajani et al. 2017 without its factor lambda.

    The norm is over H, W and C of each image, or over fewer axes; the mean is over all other axes. The square root has
    no derivative at a slope of exactly 0; its gradient is taken as 0 there. So no epsilon is needed, which would change
    the other slopes.

    Args:
        critic: callable, images [N, H, W, C] to scores [N].
        x_hat: images [N, H, W, C].
        axes: of the norm, a value of PENALTY_AXES.

    Returns:
        (penalty, slopes): a scalar, and |grad D(x_hat)|_2 of each image [N].
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x_hat)
        scores = critic(x_hat)
    gradient = tape.gradient(scores, x_hat)
    squares = tf.square(gradient)
    penalty = tf.reduce_mean(tf.square(_root(tf.reduce_sum(squares, axes)) - 1))
    return penalty, _root(tf.reduce_sum(squares, [1, 2, 3]))


def _root(squares):
    """The square root, with gradient 0 at 0."""
    positive = squares > 0
    return tf.where(positive, tf.sqrt(tf.where(positive, squares, 1)), 0)
