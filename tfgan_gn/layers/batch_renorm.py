"""Batch renormalization (Ioffe 2017) with the weighted state of TensorFlow 1."""

import keras
import tensorflow as tf

from tfgan_gn.layers.norm_layers import Affine, mean_and_variance

EPSILON, DECAY = 1e-3, 0.99  # `tf.contrib.layers.batch_norm(decay=0.99, scale=True, renorm=True)`, as DAGAN calls it


@keras.saving.register_keras_serializable("tfgan_gn")
class BatchRenorm(Affine):
    """Batch renormalization by `tf.contrib.layers.batch_norm(renorm=True)`, without clipping: [N, ..., C] to the same.

    In a training pass, with m and v the mean and the biased variance of the batch and s = sqrt(v + epsilon):

        mu = renorm_mean + (1 - renorm_weight) m,   sigma = renorm_stddev + (1 - renorm_weight) s
        r = s / sigma,   d = (m - mu) / sigma       (constants for the gradient)
        y = ((x - m) / s * r + d) gamma + beta      (Ioffe 2017, algorithm 1)

    Then the state moves: `a = decay a + (1 - decay) value` for renorm_mean (value m), renorm_stddev (s) and
    renorm_weight (1), which start at 0. So renorm_mean / renorm_weight is a weighted mean of the batches seen, and the
    first pass is plain batch norm. `tf.keras` had another function: its `renorm` has no weight and starts at 0 and 1.
    The moving statistics then move towards (renorm_mean / weight) and (renorm_stddev / weight)^2 - epsilon.

    Any other pass changes nothing and uses the moving statistics, also with `standing=True`:
    y = (x - moving_mean) / sqrt(moving_variance + epsilon) gamma + beta.

    A training pass is one of a network that is called with `training=True`; Keras passes that on to its layers.
    Several replicas each normalize by the m and s of their share of the batch, and the state moves by the means of
    these m and s over the replicas, so that it is the same on all replicas. With `norms.synchronize_batch_norm`, m and
    s are those of the whole batch. `towers` is ignored.
    """

    synchronized = False  # see `norms.synchronize_batch_norm`

    def __init__(self, epsilon=EPSILON, num_classes=None, **kwargs):
        super().__init__(epsilon, num_classes, **kwargs)

    def build(self, shape):
        """Creates the weights and the state: weighted sums and their weight 0, moving mean 0, moving variance 1."""
        super().build(shape)
        channels = shape[-1:]
        self.renorm_mean = self._add_state("renorm_mean", channels, "zeros")
        self.renorm_stddev = self._add_state("renorm_stddev", channels, "zeros")
        self.renorm_weight = self._add_state("renorm_weight", (), "zeros")
        self.moving_mean = self._add_state("moving_mean", channels, "zeros")
        self.moving_variance = self._add_state("moving_variance", channels, "ones")

    def _add_state(self, name, shape, initializer):
        # Each replica computes the same new value, so that the first replica's is stored.
        kept = {"trainable": False, "autocast": False, "aggregation": "only_first_replica"}
        return self.add_weight(name=name, shape=shape, initializer=initializer, **kept)

    @property
    def state(self):
        """The variables that training passes move."""
        return [self.renorm_mean, self.renorm_stddev, self.renorm_weight, self.moving_mean, self.moving_variance]

    def call(self, x, labels=None, standing=False, towers=1, training=False):
        gamma, beta = self.scale_and_offset(labels, x.shape.rank)
        wide = tf.cast(x, gamma.dtype)
        if training and not standing:
            m, v = self._statistics(wide)
            s = tf.sqrt(v + self.epsilon)
            r, d = self._correction(m, s)
            self._move(m, s)
            scale = gamma * (r / s)
            offset = beta + gamma * d
        else:
            m, v = tf.convert_to_tensor(self.moving_mean), tf.convert_to_tensor(self.moving_variance)
            scale, offset = gamma * tf.math.rsqrt(v + self.epsilon), beta
        return tf.cast(wide * scale + (offset - m * scale), x.dtype)

    def _statistics(self, x):
        """Mean and biased variance [1, ..., 1, C] of this replica's share, or of the whole batch."""
        mean, variance = mean_and_variance(x, list(range(x.shape.rank - 1)))
        if not self.synchronized:
            return mean, variance
        mean_of_all = _mean_over_replicas(mean)
        return mean_of_all, _mean_over_replicas(variance + tf.square(mean - mean_of_all))  # law of total variance

    def _correction(self, m, s):
        """The pair (r, d), constants for the gradient."""
        rest = 1 - tf.convert_to_tensor(self.renorm_weight)
        mu = tf.convert_to_tensor(self.renorm_mean) + rest * m
        sigma = tf.convert_to_tensor(self.renorm_stddev) + rest * s
        return tf.stop_gradient(s / sigma), tf.stop_gradient((m - mu) / sigma)

    def _move(self, m, s):
        """Moves the state by the statistics of this pass."""
        m, s = (tf.reshape(_mean_over_replicas(tf.stop_gradient(each)), [-1]) for each in (m, s))
        mean, stddev, weight = (
            _towards(variable, value)
            for variable, value in (
                (self.renorm_mean, m),
                (self.renorm_stddev, s),
                (self.renorm_weight, tf.ones([], m.dtype)),
            )
        )
        _towards(self.moving_mean, mean / weight)
        _towards(self.moving_variance, tf.square(stddev / weight) - self.epsilon)


def _towards(variable, value):
    """Moves a variable towards a value, and returns the new one."""
    moved = DECAY * tf.convert_to_tensor(variable) + (1 - DECAY) * value
    variable.assign(moved)
    return moved


def _mean_over_replicas(statistic):
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return statistic
    return replica.all_reduce(tf.distribute.ReduceOp.MEAN, statistic)


def copy_state(source, target):
    """Gives the batch renormalization layers of a network the state of those of another, built alike.

    Call it outside of the replicas, in the scope of the strategy.

    Args:
        source: Keras model whose state is taken.
        target: Keras model that gets it.
    """
    for theirs, ours in zip(*map(_layers, (source, target)), strict=True):
        for value, variable in zip(theirs.state, ours.state, strict=True):
            tf.distribute.get_strategy().extended.update(
                variable.value, lambda variable, value: variable.assign(value), args=(value.value,)
            )


def _layers(network):
    return [layer for layer in network._flatten_layers() if isinstance(layer, BatchRenorm)]
