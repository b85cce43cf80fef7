"""Which devices compute, and what several processes must agree on."""

import json
import os

import tensorflow as tf

from tfgan_gn.errors import UserError, first_line


def _multi_worker():
    try:
        cluster = json.loads(os.environ["TF_CONFIG"])
        workers, index = cluster["cluster"]["worker"], cluster["task"]["index"]
        if cluster["task"]["type"] != "worker" or not 0 <= index < len(workers):
            raise ValueError(f"its task {cluster['task']} is none of the {len(workers)} workers")
    except (KeyError, ValueError, TypeError) as error:
        example = {"cluster": {"worker": ["host0:12345", "host1:12345"]}, "task": {"type": "worker", "index": 0}}
        raise UserError(
            f"--strategy=multi_worker needs TF_CONFIG in the environment ({first_line(error)}): on the first machine "
            f"TF_CONFIG='{json.dumps(example)}', on the others with their own index"
        ) from None
    return tf.distribute.MultiWorkerMirroredStrategy()


def _one_device():
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    return tf.distribute.OneDeviceStrategy(f"{kind}:0")


STRATEGIES = {
    "mirrored": tf.distribute.MirroredStrategy,
    "one_device": _one_device,
    "multi_worker": _multi_worker,
}


def make_strategy(name):
    """Makes a strategy, before any other use of TensorFlow.

    Args:
        name: key of STRATEGIES: "mirrored", all GPUs of this machine; "one_device"; "multi_worker", those of all
            machines that the environment variable TF_CONFIG lists, with this program running on each.

    Returns:
        `tf.distribute.Strategy`.

    Raises:
        UserError: TF_CONFIG is needed, and missing or wrong.
    """
    return STRATEGIES[name]()


def num_workers(strategy):
    """How many processes take part."""
    return strategy.extended._num_workers if hasattr(strategy.extended, "_num_workers") else 1


def is_chief(strategy):
    """Whether this is the one process that writes files."""
    resolver = strategy.cluster_resolver
    return num_workers(strategy) == 1 or resolver.task_id == 0


def distribute(strategy, make):
    """A data set of which each process reads its own share.

    Args:
        strategy: `tf.distribute.Strategy`.
        make: function from the `share` of `data.batches` to a `tf.data.Dataset`.

    Returns:
        A distributed data set; an element has, for each replica, its part of a global batch.
    """

    def of_worker(context):
        local = context.num_replicas_in_sync // context.num_input_pipelines
        first = context.input_pipeline_id * local
        return make((context.num_replicas_in_sync, first, first + local))

    return strategy.distribute_datasets_from_function(of_worker)


def make_agree(strategy):
    """What brings all processes to one mind before each portion of work, as they must compute it together.

    Returns:
        Function from this process's (count, stop) to everyone's: the count of the chief, and whether any wants to stop.
    """
    if num_workers(strategy) == 1:
        return lambda count, stop: (count, stop)
    local, chief = strategy.num_replicas_in_sync // num_workers(strategy), is_chief(strategy)

    @tf.function(input_signature=[tf.TensorSpec([2], tf.int64)])
    def add(mine):
        def replica():
            first = tf.distribute.get_replica_context().replica_id_in_sync_group % local == 0
            return tf.where(first, mine, tf.zeros_like(mine))

        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(replica), axis=None)

    def agree(count, stop):
        count, stop = add(tf.constant([count if chief else 0, bool(stop)], tf.int64)).numpy().tolist()
        return count, stop > 0

    return agree
