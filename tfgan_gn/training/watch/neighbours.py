"""How much a critic's score of an image depends on the other images of its batch."""

import numpy as np
import tensorflow as tf

TAKEN = 7  # images: one that is scored, and two times three beside it


def dependence_on_neighbours(critic, images, condition=None):
    """Scores one image in two batches, beside three images and beside three others. It takes about 0.1 s on a CPU.

    The gradient penalty is defined for the score of each image by itself (Gulrajani et al. 2017, section 4).

    Args:
        critic: called as in the gradient penalty, critic(images [4, H, W, C], condition=), to scores [4].
        images: float [TAKEN, H, W, C] in [-1, 1].
        condition: of the images, labels [TAKEN] or images; None for networks without a condition.

    Returns:
        The difference of the two scores, divided by the standard deviation of all scores; 0 where all scores are equal.
        0 too for a critic that scores each image by itself, but for rounding.
    """
    batches = [[0, 1, 2, 3], [0, 4, 5, 6]]
    given = [None if condition is None else tf.gather(condition, rows) for rows in batches]
    scores = [critic(tf.gather(images, rows), condition=each) for rows, each in zip(batches, given, strict=True)]
    deviation = np.std(scores)
    return float(abs(scores[0][0] - scores[1][0]) / deviation) if deviation else 0.0
