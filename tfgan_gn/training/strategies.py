"""Devices and processes: which of them compute, and how several processes of one run stay together."""

import contextlib
import hashlib
import json
import os
import socket
import time

import tensorflow as tf

from tfgan_gn.errors import UserError, first_line

SECONDS_BETWEEN_NOTES = 10


def _multi_worker(wait, say):
    workers, index = _workers()
    try:
        _wait_for([address for i, address in enumerate(workers) if i != index], workers[index], wait, say)
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (OSError, tf.errors.OpError) as error:
        raise UserError(
            f"cannot listen on {workers[index]}, its address in TF_CONFIG ({first_line(error)}): give a "
            "free port of this machine in TF_CONFIG of all processes, or end the program that uses the port"
        ) from None


def _wait_for(others, own, wait, say):
    """Waits until all other workers answer, and answers them. TensorFlow itself would wait for ever, without a word.

    Raises:
        UserError: one does not answer in time. OSError: the own address cannot be listened on.
    """
    since, told = time.monotonic(), SECONDS_BETWEEN_NOTES
    with socket.create_server(("", int(own.rpartition(":")[2]))) as listener:
        listener.setblocking(False)
        while absent := [address for address in others if not _answers(address)]:
            seconds = time.monotonic() - since
            if seconds > wait:
                raise UserError(
                    f"{', '.join(absent)} did not answer in {wait} s: start the same command there, correct the "
                    "addresses in TF_CONFIG, or give a longer --wait"
                )
            if seconds > told:
                say(f"waiting for {', '.join(absent)} since {told} s")
                told += SECONDS_BETWEEN_NOTES
            with contextlib.suppress(BlockingIOError):
                while True:  # those who asked, so that others can
                    listener.accept()[0].close()
            time.sleep(0.5)


def _answers(address):
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False


def _workers():
    """(the addresses of all workers, the number of this one) in TF_CONFIG. Raises UserError if they cannot be right."""
    try:
        cluster = json.loads(os.environ["TF_CONFIG"])
        workers, index = cluster["cluster"]["worker"], cluster["task"]["index"]
        if not isinstance(workers, list) or not all(isinstance(worker, str) for worker in workers):
            raise ValueError(f"its workers are {workers!r}, not a list of addresses")
        if cluster["task"]["type"] != "worker" or not 0 <= index < len(workers):
            raise ValueError(f"its task {cluster['task']} is none of the {len(workers)} workers")
        others = cluster["cluster"].keys() - {"worker"}
        if others:
            raise ValueError(f"it names processes that are no workers: {', '.join(sorted(others))}")
        if len(set(workers)) < len(workers):
            raise ValueError(f"it names an address twice: {', '.join(workers)}")
    except (KeyError, ValueError, TypeError) as error:
        example = {"cluster": {"worker": ["host0:12345", "host1:12345"]}, "task": {"type": "worker", "index": 0}}
        raise UserError(
            f"--strategy=multi_worker needs TF_CONFIG in the environment ({first_line(error)}): on the first machine "
            f"TF_CONFIG='{json.dumps(example)}', on the others with their own index"
        ) from None
    for address in workers:
        _refuse_unknown_host(address)
    return workers, index


def _refuse_unknown_host(address):
    host, _, port = address.rpartition(":")
    try:
        if not 0 < int(port) < 2**16:  # the system would take the number modulo 65536, and Python would raise later
            raise ValueError(f"the port {port} is not one of 1 to 65535")
        socket.getaddrinfo(host, int(port))
    except (OSError, ValueError) as error:
        raise UserError(
            f"TF_CONFIG names the worker {address}, which has no address ({first_line(error)}): write HOST:PORT"
        ) from None


def _local_devices():
    """The GPUs of this machine, or without any its CPU, as logical devices."""
    return tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")


def _one_device(wait, say):
    return tf.distribute.OneDeviceStrategy(f"{_local_devices()[0].device_type}:0")


def _mirrored(wait, say):
    # On a GPU, XLA cannot compile a step of a MirroredStrategy: Keras' optimizers count their updates by `merge_call`,
    # which a compiled step cannot contain. One device needs no such strategy.
    return tf.distribute.MirroredStrategy() if len(_local_devices()) > 1 else _one_device(wait, say)


STRATEGIES = {
    "mirrored": _mirrored,
    "one_device": _one_device,
    "multi_worker": _multi_worker,
}


def make_strategy(name, wait=600, say=print):
    """Makes a strategy. Call it before any other use of TensorFlow.

    Args:
        name: key of STRATEGIES. "mirrored": all GPUs of this machine; with one or none, as "one_device".
            "one_device": one GPU, or the CPU. "multi_worker": all GPUs of the machines in the environment variable
            TF_CONFIG; this program runs on each.
        wait: seconds to wait for other workers; then the process ends with a message.
        say: function that prints a line, called every 10 seconds while workers are missing.

    Returns:
        `tf.distribute.Strategy`.

    Raises:
        UserError: TF_CONFIG is needed but missing or wrong, or its address is in use.
    """
    return STRATEGIES[name](wait, say)


def compute_deterministically():
    """Makes every operation of this process give the same bits each time, and turns TensorFloat-32 off.

    A GPU otherwise chooses among algorithms by their speed, and adds in an order that differs from time to time. An
    operation without a deterministic algorithm then raises an error. It cannot be undone. Call it before any
    computation.
    """
    tf.config.experimental.enable_op_determinism()
    tf.config.experimental.enable_tensor_float_32_execution(False)


def num_workers(strategy):
    """The number of processes that train together."""
    return strategy.extended._num_workers if hasattr(strategy.extended, "_num_workers") else 1


def is_chief(strategy):
    """Whether this process is the chief, the only one that writes files."""
    resolver = strategy.cluster_resolver
    return num_workers(strategy) == 1 or resolver.task_id == 0


def distribute(strategy, make):
    """Makes a data set from which each process reads its own share of every batch.

    Args:
        strategy: `tf.distribute.Strategy`.
        make: function from the `share` of `batches.train_batches` to a `tf.data.Dataset`.

    Returns:
        A distributed data set. An element contains one part of a global batch for each replica.
    """

    def of_worker(context):
        local = context.num_replicas_in_sync // context.num_input_pipelines
        first = context.input_pipeline_id * local
        return make((context.num_replicas_in_sync, first, first + local))

    return strategy.distribute_datasets_from_function(of_worker)


def _make_sum(strategy, length):
    """Makes a function from int64 [length] of this process to the sum over all processes."""
    local = strategy.num_replicas_in_sync // num_workers(strategy)

    @tf.function(input_signature=[tf.TensorSpec([length], tf.int64)])
    def add(mine):
        def replica():
            first = tf.distribute.get_replica_context().replica_id_in_sync_group % local == 0
            return tf.where(first, mine, tf.zeros_like(mine))

        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(replica), axis=None)

    return add


def refuse_unlike(strategy, values):
    """Checks that all processes have the same settings and data. All processes must call it.

    Args:
        strategy: `tf.distribute.Strategy`.
        values: dict from names to JSON values, which must be equal in all processes; the names in the same order.

    Raises:
        UserError: a value differs between processes; every process raises it.
    """
    workers = num_workers(strategy)
    if workers == 1:
        return
    numbers = [int(hashlib.sha256(json.dumps(each).encode()).hexdigest()[:12], 16) for each in values.values()]
    total = _make_sum(strategy, len(numbers))(tf.constant(numbers, tf.int64)).numpy().tolist()
    unlike = [name for name, mine, all_of_them in zip(values, numbers, total) if all_of_them != workers * mine]
    if unlike:
        raise UserError(
            f"the {workers} processes do not agree on {', '.join(unlike)}: start all of them with the same flags and "
            "data, and with a --workdir that all of them can read"
        )


def make_agree(strategy):
    """Makes a function by which all processes run the same number of iterations, and stop together.

    All processes compute an iteration together: one that stops alone would make the others wait for ever.

    Returns:
        Function from (count, stop) of this process to (count, stop) of all: the count of the chief, and whether any
        process was asked to stop. All processes must call it.
    """
    if num_workers(strategy) == 1:
        return lambda count, stop: (count, stop)
    chief, add = is_chief(strategy), _make_sum(strategy, 2)

    def agree(count, stop):
        count, stop = add(tf.constant([count if chief else 0, bool(stop)], tf.int64)).numpy().tolist()
        return count, stop > 0

    return agree
