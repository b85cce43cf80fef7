"""Which devices compute, and what several processes must agree on."""

import hashlib
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
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.OpError as error:
        raise UserError(
            f"cannot listen on {workers[index]}, this process' address in TF_CONFIG ({first_line(error)}): give a free "
            "port of this machine, the same on all of them, or end what holds it"
        ) from None


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
        UserError: TF_CONFIG is needed, and missing or wrong, or its address is taken.
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
        make: function from the `share` of `batches.train_batches` to a `tf.data.Dataset`.

    Returns:
        A distributed data set; an element has, for each replica, its part of a global batch.
    """

    def of_worker(context):
        local = context.num_replicas_in_sync // context.num_input_pipelines
        first = context.input_pipeline_id * local
        return make((context.num_replicas_in_sync, first, first + local))

    return strategy.distribute_datasets_from_function(of_worker)


def _make_sum(strategy, length):
    """Function from this process's whole numbers [length] to their sum over all processes."""
    local = strategy.num_replicas_in_sync // num_workers(strategy)

    @tf.function(input_signature=[tf.TensorSpec([length], tf.int64)])
    def add(mine):
        def replica():
            first = tf.distribute.get_replica_context().replica_id_in_sync_group % local == 0
            return tf.where(first, mine, tf.zeros_like(mine))

        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(replica), axis=None)

    return add


def refuse_unlike(strategy, facts):
    """Raises UserError, in all processes, unless all of them bring the same facts.

    Args:
        strategy: `tf.distribute.Strategy`.
        facts: dict from a name to a JSON value, of what must be equal: settings, data, the iteration.
    """
    workers = num_workers(strategy)
    if workers == 1:
        return
    numbers = [int(hashlib.sha256(json.dumps(each).encode()).hexdigest()[:12], 16) for each in facts.values()]
    total = _make_sum(strategy, len(numbers))(tf.constant(numbers, tf.int64)).numpy().tolist()
    unlike = [name for name, mine, all_of_them in zip(facts, numbers, total) if all_of_them != workers * mine]
    if unlike:
        raise UserError(
            f"the {workers} processes do not agree on {', '.join(unlike)}: start all of them with the same flags, "
            "data and --workdir, which all of them must see"
        )


def make_agree(strategy):
    """What brings all processes to one mind before each portion of work, as they must compute it together.

    Returns:
        Function from this process's (count, stop) to everyone's: the count of the chief, and whether any wants to stop.
    """
    if num_workers(strategy) == 1:
        return lambda count, stop: (count, stop)
    chief, add = is_chief(strategy), _make_sum(strategy, 2)

    def agree(count, stop):
        count, stop = add(tf.constant([count if chief else 0, bool(stop)], tf.int64)).numpy().tolist()
        return count, stop > 0

    return agree
