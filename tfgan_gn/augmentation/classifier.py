"""A small classifier, trained anew for each measurement, and ordinary augmentation of its images."""

import keras
import numpy as np
import tensorflow as tf

WIDTH, BLOCKS, GROUPS = 32, 3, 8  # channels of the first of the blocks, each of which halves the image
LEARNING_RATE = 1e-3
WEIGHTS, BATCHES, CHANGES = 0, 1, 2  # purposes of the random draws


class Classifier:
    """Convolutions with group norm and average pooling. One object trains many times, so that it is traced once.

    Args:
        image_shape: (height, width, channels).
        num_classes: number of classes.
        width: channels of the first block, a multiple of GROUPS; each further block has twice as many.
    """

    def __init__(self, image_shape, num_classes, width=WIDTH):
        layers = [keras.Input(image_shape), keras.layers.Rescaling(1 / 127.5, -1)]
        for block in range(BLOCKS):
            layers += [
                keras.layers.Conv2D(width * 2**block, 3, padding="same"),
                keras.layers.GroupNormalization(GROUPS),
                keras.layers.ReLU(),
                keras.layers.AveragePooling2D(2, padding="same"),
            ]
        self.network = keras.Sequential(
            [*layers, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(num_classes)]
        )
        self.optimizer = keras.optimizers.Adam(LEARNING_RATE)
        self.optimizer.build(self.network.trainable_variables)
        self.start = [variable.numpy() for variable in self.optimizer.variables]
        batch = tf.TensorSpec([None, *image_shape], tf.uint8), tf.TensorSpec([None], tf.int64)
        self.step = tf.function(self._step, input_signature=batch)

    def _step(self, images, labels):
        with tf.GradientTape() as tape:
            logits = self.network(tf.cast(images, tf.float32), training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        variables = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def train(self, images, labels, steps, batch_size, seed, change=None):
        """Trains from new first weights with Adam; the learning rate falls along half a cosine to 0.

        Args:
            images: uint8 [N, H, W, C].
            labels: int64 [N], below `num_classes`.
            steps: number of steps.
            batch_size: images of a step, drawn evenly and with replacement.
            seed: whole number; first weights and draws are a function of it.
            change: function of (uint8 [B, H, W, C], `numpy.random.Generator`) to images of the same shape, ordinary
                augmentation; None for none.
        """
        self._restart(np.random.default_rng([seed, WEIGHTS]))
        of_batches, of_changes = (np.random.default_rng([seed, purpose]) for purpose in (BATCHES, CHANGES))
        for step in range(steps):
            rows = of_batches.integers(0, len(images), batch_size)
            batch = change(images[rows], of_changes) if change else images[rows]
            self.optimizer.learning_rate.assign(LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * step / steps)))
            self.step(tf.constant(batch), tf.constant(labels[rows]))

    def _restart(self, random):
        """Kernels after He et al. (2015), scales of 1, and zeros; the optimizer as it was at first."""
        for variable in self.network.trainable_variables:
            shape = tuple(variable.shape)
            if variable.name == "kernel":
                variable.assign(random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1])))
            else:
                variable.assign(np.full(shape, float(variable.name == "gamma")))
        for variable, value in zip(self.optimizer.variables, self.start, strict=True):
            variable.assign(value)

    def accuracy(self, images, labels):
        """The share of the images whose class is found, as the mean over the classes, a float in [0, 1].

        Args:
            images: uint8 [N, H, W, C].
            labels: int64 [N].
        """
        logits = self.network.predict(images.astype(np.float32), batch_size=256, verbose=0)
        return balanced_accuracy(logits.argmax(-1), labels)


def balanced_accuracy(found, labels):
    """The mean over the classes of the share of the images of a class that are found to be of it.

    Args:
        found: whole numbers [N], the classes that were found.
        labels: whole numbers [N], the true ones.

    Returns:
        A float in [0, 1]. Classes with many images and with few have the same weight.
    """
    return float(np.mean([(found[labels == number] == number).mean() for number in np.unique(labels)]))


def shifted(images, random, most, flips):
    """Ordinary augmentation: each image is shifted, and perhaps mirrored; at the border it is reflected.

    Args:
        images: uint8 [N, H, W, C].
        random: `numpy.random.Generator`.
        most: largest shift in pixels, in each direction; smaller than H and W.
        flips: whether half of the images are mirrored left to right.

    Returns:
        uint8 [N, H, W, C].
    """
    count, height, width, _ = images.shape
    padded = np.pad(images, [(0, 0), (most, most), (most, most), (0, 0)], mode="reflect")
    moves, mirrored = random.integers(0, 2 * most + 1, [count, 2]), random.random(count) < 0.5
    cut = np.stack(
        [image[top : top + height, left : left + width] for image, (top, left) in zip(padded, moves, strict=True)]
    )
    return np.where(mirrored[:, None, None, None], cut[:, :, ::-1], cut) if flips else cut
