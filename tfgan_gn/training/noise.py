"""Every random draw of training, a function of the seed, its purpose, the iteration and the critic step alone.

So a resumed run, a run in other portions and a run on another number of replicas see the same noise, and no state of a
random generator has to be saved.
"""

import dataclasses

import tensorflow as tf

from tfgan_gn.data.pixels import PIXELS, Pixels
from tfgan_gn.training.objective import Masks

CRITIC_Z, DEQUANTIZATION, EPS, GENERATOR_Z, GENERATOR_LABELS, FLIPS = range(6)  # purposes
CONDITION_DEQUANTIZATION, DROPOUT, TURNS = 6, 7, 8
GENERATOR_STEP = -1  # in the place of the critic step


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
        pairs: whether each real image comes with another, which is the condition of both networks. A generator step
            then takes a batch of real images too, and is as large as a critic step.
        flips: whether each real image is mirrored, left to right, with probability 1/2; a pair is mirrored as one.
        turns: whether each real image is turned by 0, 90, 180 or 270 degrees with probability 1/2; a pair as one.
        dropout: rate of dropout, in [0, 1).
        generator_masks: shapes of the masks of one image in a pass of the generator (`mask_shapes` of the network);
            empty for a network without dropout.
        critic_masks: the same for the critic.
        pixels: `pixels.Pixels`, how 8-bit pixels become real images.
        dtype: of normal and uniform noise: that of the networks' weights.
    """

    seed: int
    z_dim: int
    batch_size: int
    generator_batch_size: int
    num_classes: int | None = None
    pairs: bool = False
    flips: bool = False
    turns: bool = False
    dropout: float = 0.0
    generator_masks: tuple = ()
    critic_masks: tuple = ()
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

    def turn(self, pixels, iteration, step):
        """Turns each image [N, H, H, C] if `turns` is set; else returns them as they are.

        With probability 1/2 an image is turned by 0, 90, 180 or 270 degrees, each equally likely, as in the published
        DAGAN. So 5/8 of the images stay as they are.
        """
        if not self.turns:
            return pixels
        eighth = tf.floor(8 * self._draw(TURNS, [self.batch_size, 1, 1, 1], [iteration, step]))
        turned = pixels
        for quarters in (1, 2, 3):
            turned = tf.where(eighth == quarters, tf.image.rot90(pixels, quarters), turned)
        return turned

    def to_floats(self, pixels, iteration, step, purpose=DEQUANTIZATION):
        """Real images [N, H, W, C] in [-1, 1] of 8-bit pixels, dequantized with noise from U[0, 1/128) if at all."""
        shape = [self.batch_size, *pixels.shape[1:]]
        return self.pixels.to_floats(pixels, self._draw(purpose, shape, [iteration, step]) / 128)

    def masks_of_critic_step(self, iteration, step):
        """The `objective.Masks` of one critic step of an iteration."""
        generator, critic = self.generator_masks, self.critic_masks
        return Masks(*self._masks(self.batch_size, (generator, critic, critic, critic), iteration, step))

    def masks_of_generator_step(self, iteration):
        """The `objective.Masks` of the generator step of an iteration, which has one pass of each network."""
        passes = (self.generator_masks, (), self.critic_masks, ())
        return Masks(*self._masks(self.generator_batch_size, passes, iteration, GENERATOR_STEP))

    def _masks(self, rows, passes, iteration, step):
        """One tuple of masks a pass: 0 with probability `dropout`, else 1 / (1 - dropout) (Srivastava et al. 2014)."""

        def mask(number, place, shape):
            u = self._draw(DROPOUT, [rows, *shape], [iteration, step, number, place])
            return tf.cast(u >= self.dropout, self.dtype) / (1 - self.dropout)

        return [
            tuple(mask(number, place, shape) for place, shape in enumerate(shapes if self.dropout else ()))
            for number, shapes in enumerate(passes)
        ]

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


# ---- the arguments of a step on one replica, from its share of a batch ----------------------------------------------


def critic_inputs(noise, batch, iteration, step, step_of_real):
    """The arguments of `Trainer.critic_step`.

    Args:
        noise: `Noise`.
        batch: as of `Trainer.iterate`.
        iteration: whole number or tensor.
        step: number of the critic step.
        step_of_real: number of the critic step whose flips and dequantization noise the real images have.

    Returns:
        (real, z, eps, condition, masks).
    """
    real, condition = _real_and_condition(noise, batch, iteration, step_of_real, _moved)
    z, eps = noise.of_critic_step(iteration, step)
    return real, z, eps, condition, noise.masks_of_critic_step(iteration, step)


def generator_inputs(noise, iteration, batch=None):
    """The arguments of `Trainer.generator_step`.

    Args:
        noise: `Noise`.
        iteration: whole number or tensor.
        batch: a batch of pairs, whose second images are the condition; None for other networks.

    Returns:
        (z, condition, masks).
    """
    z, condition = noise.of_generator_step(iteration)
    if noise.pairs:
        _, condition = _real_and_condition(noise, batch, iteration, GENERATOR_STEP, _moved)
    return z, condition, noise.masks_of_generator_step(iteration)


def held_out_inputs(noise, batch, draw, step):
    """(real, z, eps, condition) of a batch of held-out images, which are neither flipped nor turned.

    Args:
        noise: `Noise`.
        batch: as of `Trainer.iterate`.
        draw: number of the noise, 0 or more. It is that of an iteration that no training step has.
        step: number of the batch.
    """
    real, condition = _real_and_condition(noise, batch, -1 - draw, step, lambda noise, pixels, *counters: pixels)
    return real, *noise.of_critic_step(-1 - draw, step), condition


def _real_and_condition(noise, batch, iteration, step, move):
    """The real images in [-1, 1], and labels, images in [-1, 1] or None for networks without a condition.

    `move` flips and turns a batch of images. Its random draws are a function of iteration and step, so that both images
    of a pair are moved in the same way.
    """
    pixels, condition = batch if isinstance(batch, tuple) else (batch, None)
    real = noise.to_floats(move(noise, pixels, iteration, step), iteration, step)
    if noise.pairs:
        moved = move(noise, condition, iteration, step)
        return real, noise.to_floats(moved, iteration, step, CONDITION_DEQUANTIZATION)
    return real, condition if noise.num_classes is not None else None


def _moved(noise, pixels, iteration, step):
    return noise.turn(noise.flip(pixels, iteration, step), iteration, step)
