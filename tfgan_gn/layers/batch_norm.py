"""Batch normalization by the statistics of a batch, or of each of its towers, over one or several replicas."""

import functools

import keras
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.layers.fused_batch_norm import fused_batch_norm, normalize
from tfgan_gn.layers.norm_layers import Affine, mean_and_variance


def towers_per_replica(towers, replicas, synchronized=False):
    """How many towers of a batch one replica normalizes.

    Args:
        towers: T, number of consecutive equal parts of the whole batch, each normalized by its own statistics.
        replicas: R, number of replicas that share the batch; replica i has its i-th consecutive part.
        synchronized: whether replicas join the statistics of a tower that they share.

    Returns:
        T / R. 1 with more replicas than towers: if they are synchronized, R / T replicas share one tower; otherwise
        each replica's part of the batch is a tower.

    Raises:
        UserError: towers and replicas that do not divide each other.
    """
    if replicas <= towers and towers % replicas:
        raise UserError(
            f"{towers} towers of batch norm cannot be divided evenly among {replicas} devices: give a multiple of "
            f"{replicas} as --batch_norm_towers"
        )
    if synchronized and towers % replicas and replicas % towers:
        raise UserError(
            f"{replicas} devices cannot be divided evenly among {towers} towers of synchronized batch norm: give "
            f"--batch_norm_towers={replicas} or 1"
        )
    return max(1, towers // replicas)


@keras.saving.register_keras_serializable("tfgan_gn")
class BatchNorm(Affine):
    """Batch normalization (Ioffe and Szegedy 2015) by the statistics of the batch: input and output [N, ..., C].

    The layer normalizes by the statistics of the batch at hand (of one replica), in training and in sampling, as the
    published code does. Called with `standing=True` it normalizes by its standing statistics, which
    `norms.collect_standing_statistics` sets. Training changes no state of this layer. A conditional layer
    (`num_classes`, labels [N] in the call) has a scale and offset for each class; its statistics are those of all
    classes together.

    Called with `towers=T`, it divides the whole batch, of all replicas, into T consecutive parts and normalizes each by
    its own statistics (ghost batch normalization, Hoffer et al. 2017, algorithm 1). The WGAN-GP authors train with
    T = 2, because `gan_cifar_resnet.py` calls the generator on the two halves of a batch. The result does not depend on
    the number of replicas, as long as `towers_per_replica` is T / R or the layer is synchronized.
    """

    accumulating = False  # whether calls add to the standing statistics; see `norms.collect_standing_statistics`
    synchronized = False  # see `norms.synchronize_batch_norm`

    def build(self, shape):
        """Creates the weights and the standing statistics (mean 0, variance 1, 0 batches seen)."""
        super().build(shape)
        self.standing_mean = self._add("standing_mean", shape[-1:], "zeros", trainable=False)
        self.standing_variance = self._add("standing_variance", shape[-1:], "ones", trainable=False)
        self.standing_batches = self._add("standing_batches", (), "zeros", trainable=False)

    def call(self, x, labels=None, standing=False, towers=1):
        gamma, beta = self.scale_and_offset(labels, x.shape.rank)
        if standing:
            mean, variance = (tf.convert_to_tensor(v) for v in (self.standing_mean, self.standing_variance))
        elif self._can_be_fused(x):
            here = towers_per_replica(towers, _replicas())
            parts = [fused_batch_norm(part, gamma, beta, self.epsilon) for part in tf.split(x, here)]
            return parts[0] if here == 1 else tf.concat(parts, 0)
        else:
            mean, variance = self._statistics(tf.cast(x, gamma.dtype), towers)
            if self.accumulating:
                self._accumulate(tf.reshape(mean, [-1]), tf.reshape(variance, [-1]))
        return normalize(x, gamma, beta, mean, variance, self.epsilon)

    def _can_be_fused(self, x):
        """Whether `fused_batch_norm` computes this norm: it gives no statistics, and takes one scale for all images."""
        plain = self.num_classes is None and not self.accumulating and not self.synchronized
        return plain and x.dtype == tf.bfloat16 and x.shape.rank == 4

    def _statistics(self, x, towers):
        """Mean and variance that normalize each image: [1, 1, ..., 1, C], or [N, 1, ..., 1, C] with several towers."""
        replica, replicas = tf.distribute.get_replica_context(), _replicas()
        here = towers_per_replica(towers, replicas, self.synchronized)
        if here > 1:
            return tuple(tf.repeat(each, tf.shape(x)[0] // here, axis=0) for each in _moments_of_parts(x, here))
        mean, variance = mean_and_variance(x, list(range(x.shape.rank - 1)))
        if not self.synchronized or replicas <= towers:
            return mean, variance
        of_tower = functools.partial(_mean_over_tower, replica, towers)
        mean_of_tower = of_tower(mean)
        return mean_of_tower, of_tower(variance + tf.square(mean - mean_of_tower))  # law of total variance

    def _accumulate(self, mean, variance):
        """Adds a batch to the statistics of the batches seen so far (Chan, Golub and LeVeque 1979, equal sizes)."""
        n = tf.convert_to_tensor(self.standing_batches) + 1
        delta = mean - tf.convert_to_tensor(self.standing_mean)
        old = tf.convert_to_tensor(self.standing_variance)
        self.standing_variance.assign(((n - 1) * old + variance + tf.square(delta) * (n - 1) / n) / n)
        self.standing_mean.assign_add(delta / n)
        self.standing_batches.assign(n)


def _replicas():
    """How many replicas compute the same call; 1 outside of a replica."""
    replica = tf.distribute.get_replica_context()
    return 1 if replica is None else replica.num_replicas_in_sync


def _moments_of_parts(x, count):
    """Mean and variance of each of `count` consecutive equal parts of a batch [N, ..., C]: [count, 1, ..., 1, C]."""
    parts = tf.reshape(x, [count, -1, *x.shape[1:]])
    return tuple(tf.squeeze(each, 1) for each in mean_and_variance(parts, list(range(1, x.shape.rank))))


def _mean_over_tower(replica, towers, statistic):
    """Mean of a statistic [1, ..., C] over the replicas that share this replica's tower, R / T each.

    There is no reduction over some of the replicas, so that each contributes its statistic in the row of its tower, and
    zeros in the others.
    """
    tower = replica.replica_id_in_sync_group * towers // replica.num_replicas_in_sync
    mine = tf.reshape(tf.one_hot(tower, towers, dtype=statistic.dtype), [towers] + [1] * (statistic.shape.rank - 1))
    of_all = replica.all_reduce(tf.distribute.ReduceOp.MEAN, towers * mine * statistic)
    return tf.reduce_sum(mine * of_all, 0, keepdims=True)
