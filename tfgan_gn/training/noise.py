"""Every random draw of training: a function of the seed, its purpose, the iteration and the critic step alone.

So a resumed run, a run in other portions and a run on another number of replicas see the same noise, and no state of a
random generator has to be saved.
"""

import dataclasses

import tensorflow as tf

from tfgan_gn.data.pixels import PIXELS, Pixels

CRITIC_Z, DEQUANTIZATION, EPS, GENERATOR_Z, GENERATOR_LABELS, FLIPS = range(6)  # purposes


@dataclasses.dataclass(frozen=True)
class Noise:
    """What is random in the training steps of one run.

    Each method returns this replica's rows of a global batch: N images of a critic step (`batch_size` / replicas), or
    M images of a generator step (`generator_batch_size` / replicas). Call them on a replica.

    Attributes:
        seed: whole number; another seed gives other noise everywhere.
        z_dim: size of the noise vector.
        batch_size: images per critic step, over all replicas.
        generator_batch_size: images per generator step, over all replicas.
        num_classes: classes that the labels of generated images are drawn from; None for networks without labels.
        flips: whether each real image is mirrored, left to right, with probability 1/2.
        pixels: `pixels.Pixels`, how 8-bit pixels become real images.
        dtype: of normal and uniform noise: that of the networks' weights.
    """

    seed: int
    z_dim: int
    batch_size: int
    generator_batch_size: int
    num_classes: int | None = None
    flips: bool = False
    pixels: Pixels = PIXELS["256_dequantized"]
    dtype: str = "float32"

    def of_critic_step(self, iteration, step):
        """(z [N, z_dim] ~ N(0, 1), eps [N] ~ U[0, 1)) of one critic step of an iteration."""
        counters = [iteration, step]
        z = self._draw(CRITIC_Z, [self.batch_size, self.z_dim], counters)
        return z, self._draw(EPS, [self.batch_size], counters)

    def of_generator_step(self, iteration):
        """(z [M, z_dim] ~ N(0, 1), labels int64 [M], uniform over the classes, or None) of a generator step."""
        z = self._draw(GENERATOR_Z, [self.generator_batch_size, self.z_dim], [iteration])
        if self.num_classes is None:
            return z, None
        return z, self._draw(GENERATOR_LABELS, [self.generator_batch_size], [iteration])

    def flip(self, pixels, iteration, step):
        """Mirrors each image [N, H, W, C] with probability 1/2 if `flips` is set; else returns them as they are."""
        if not self.flips:
            return pixels
        mirrored = self._draw(FLIPS, [self.batch_size, 1, 1, 1], [iteration, step]) < 0.5
        return tf.where(mirrored, tf.reverse(pixels, [2]), pixels)

    def to_floats(self, pixels, iteration, step):
        """Real images [N, H, W, C] in [-1, 1] of 8-bit pixels, dequantized with noise from U[0, 1/128) if at all."""
        shape = [self.batch_size, *pixels.shape[1:]]
        return self.pixels.to_floats(pixels, self._draw(DEQUANTIZATION, shape, [iteration, step]) / 128)

    def _draw(self, purpose, shape, counters):
        return draw(purpose, shape, self.seed, counters, self.dtype, self.num_classes)


def draw(purpose, shape, seed, counters, dtype, num_classes=None):
    """This replica's rows of a global batch's noise; called on a replica.

    Args:
        purpose: one of the constants above. CRITIC_Z and GENERATOR_Z are normal, GENERATOR_LABELS are classes, all
            others are uniform on [0, 1).
        shape: of the global batch, over all replicas.
        seed: whole number.
        counters: whole numbers or scalar tensors that tell this draw from others of the same purpose.
        dtype: of normal and uniform noise.
        num_classes: of labels.

    Returns:
        A tensor [shape[0] / replicas, ...]; labels are int64.
    """
    key = tf.constant([seed, purpose], tf.int64)
    for counter in counters:
        key = tf.random.fold_in(key, tf.cast(counter, tf.int64))  # its integer type decides which bits are kept
    if purpose == GENERATOR_LABELS:
        drawn = tf.random.stateless_uniform(shape, key, 0, num_classes, tf.int64)
    elif purpose in (CRITIC_Z, GENERATOR_Z):
        drawn = tf.random.stateless_normal(shape, key, dtype=dtype)
    else:
        drawn = tf.random.stateless_uniform(shape, key, dtype=dtype)
    replica = tf.distribute.get_replica_context()
    rows = shape[0] // replica.num_replicas_in_sync
    return drawn[rows * replica.replica_id_in_sync_group :][:rows]
