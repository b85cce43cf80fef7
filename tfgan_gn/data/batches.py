"""The batches of images, and of labels, that training draws."""

import numpy as np
import tensorflow as tf

from tfgan_gn.errors import UserError


def train_batches(images, batch_size, seed, first=0, labels=None, share=(1, 0, 1)):
    """Endless batches. Each epoch has an order of its own; images that do not fill its last batch are left out.

    The order is a function of the seed and the epoch, so that no state needs to be saved: to go on after n batches,
    begin at `first=n`.

    Args:
        images: uint8 [N, H, W, C], in memory or mapped from a file.
        batch_size: images per batch, over all replicas.
        seed: of the order.
        first: number of the batch to begin with.
        labels: int64 [N], or None.
        share: (R, i, j): each batch is cut into R parts, for as many replicas, and parts i to j - 1 come one by one.

    Returns:
        `tf.data.Dataset` of uint8 [batch_size / R, H, W, C]; with labels, of (images, labels).

    Raises:
        UserError: fewer images than a batch.
    """
    per_epoch, (replicas, begin, end) = len(images) // batch_size, share
    if per_epoch == 0:
        raise UserError(f"--batch_size={batch_size} is more than the {len(images)} images there are: give fewer")

    def epoch_indices(epoch):
        order = tf.random.experimental.stateless_shuffle(tf.range(len(images)), seed=tf.stack([seed, epoch]))
        parts = tf.reshape(order[: per_epoch * batch_size], [per_epoch, replicas, batch_size // replicas])
        return tf.data.Dataset.from_tensor_slices(parts[:, begin:end])

    def gather(rows):  # by numpy: a mapped array is not read into memory, and one in memory is not copied as a whole
        batch = tf.ensure_shape(
            tf.numpy_function(lambda rows: np.asarray(images[rows]), [rows], tf.uint8),
            [batch_size // replicas, *images.shape[1:]],
        )
        return batch if labels is None else (batch, tf.gather(labels, rows))

    epochs = tf.data.Dataset.range(first // per_epoch, tf.int64.max)
    return epochs.flat_map(epoch_indices).skip(first % per_epoch).unbatch().map(gather).prefetch(tf.data.AUTOTUNE)


def held_out_batches(images, batch_size, seed, labels=None, share=(1, 0, 1)):
    """Batches of held-out images, as `train_batches` gives them; images that do not fill one batch are repeated."""
    if len(images) < batch_size:
        rows = np.resize(np.arange(len(images)), batch_size)
        images, labels = images[rows], None if labels is None else labels[rows]
    return train_batches(images, batch_size, seed, labels=labels, share=share)
