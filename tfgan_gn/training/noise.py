"""Every random draw of training: a function of (seed, purpose, iteration, critic step) and of nothing else.

So a resumed run, a run in other portions and a run on another number of replicas see the same noise, and nothing about
it has to be saved.
"""

import tensorflow as tf

CRITIC_Z, DEQUANTIZATION, EPS, GENERATOR_Z, GENERATOR_LABELS, FLIPS = range(6)  # purposes


def draw(purpose, shape, seed, counters, dtype, num_classes=None):
    """This replica's rows of a global batch's noise; called on a replica.

    Args:
        purpose: what it is for. CRITIC_Z and GENERATOR_Z are normal, GENERATOR_LABELS classes, all else is uniform on
            [0, 1).
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
        key = tf.random.fold_in(key, tf.cast(counter, tf.int64))  # whose type decides the bits that are kept
    if purpose == GENERATOR_LABELS:
        drawn = tf.random.stateless_uniform(shape, key, 0, num_classes, tf.int64)
    elif purpose in (CRITIC_Z, GENERATOR_Z):
        drawn = tf.random.stateless_normal(shape, key, dtype=dtype)
    else:
        drawn = tf.random.stateless_uniform(shape, key, dtype=dtype)
    replica = tf.distribute.get_replica_context()
    rows = shape[0] // replica.num_replicas_in_sync
    return drawn[rows * replica.replica_id_in_sync_group :][:rows]
