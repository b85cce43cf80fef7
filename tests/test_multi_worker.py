"""Two processes on this machine, as on two machines: they train together, and stop together when one is lost."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from test_train_cifar import QUICK, ROOT, TINY, wait_for

from tfgan_gn.errors import UserError
from tfgan_gn.runs import about, checks
from tfgan_gn.runs.train import train
from tfgan_gn.settings.training import make_config
from tfgan_gn.training import strategies

# Batch norm synchronized, which one process has in any case: its statistics are those of the whole batch everywhere.
FLAGS = {
    **TINY,
    **QUICK,
    "generator_norm": "batch",
    "synced_batch_norm": True,
    "checkpoint_every": 2,
    "lr_decay": "none",
}
# Adam would make steps of the learning rate's size out of the rounding of gradients that are nearly 0.
FLAGS |= {"optimizer": "sgd", "learning_rate": 1e-3}


def start(index, addresses, workdir, **flags):
    """One worker; without addresses the only process of a run on one device."""
    environment = dict(os.environ)
    flags["strategy"] = "multi_worker" if addresses else "one_device"
    if addresses:
        cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment["TF_CONFIG"] = json.dumps(cluster)
    arguments = [
        f"--{name}={value}" for name, value in {**FLAGS, "workdir": workdir, **flags}.items() if value is not None
    ]
    return subprocess.Popen(
        [sys.executable, "tests/two_workers.py", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def two_addresses():
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("localhost", 0))
    addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def finish(process):
    out, err = process.communicate(timeout=400)
    return process.returncode, re.findall(r"^weights (\w{64})$", out, re.M), err


def test_two_processes_are_killed_resume_agree_bit_for_bit_and_are_what_one_computes(tmp_path, tiny_extractor_path):
    run, alone = tmp_path / "run", tmp_path / "alone"
    one = start(0, [], alone, iterations=6)
    assert finish(one)[0] == 0
    addresses = two_addresses()
    workers = [start(i, addresses, run, iterations=10**6) for i in range(2)]
    wait_for(run / "checkpoints" / "iteration-2.index")
    workers[1].send_signal(signal.SIGKILL)
    code, _, err = finish(workers[0])
    finish(workers[1])
    assert code == 1 and "Traceback" not in err
    assert len(re.findall("error: another of the 2 workers is gone.*go on from the newest checkpoint", err)) == 1, err
    (run / "config.json").write_text((alone / "config.json").read_text())  # of 6 iterations
    keep_checkpoint(run / "checkpoints", "iteration-2")
    addresses = two_addresses()
    scoring = {"eval_every": 6, "eval_images": 20, "scorer": tiny_extractor_path, "cache_dir": tmp_path / "cache"}
    workers = [start(i, addresses, run, iterations=6, **scoring) for i in range(2)]
    ends = [finish(worker) for worker in workers]
    for code, _, err in ends:
        assert code == 0 and "resumed at iteration 2 of 6" in err, err
    assert ends[0][1] == ends[1][1] != [], "every weight of the two processes is the same to the last bit"
    together, by_one = (tf.train.load_checkpoint(str(path / "checkpoints")) for path in (run, alone))
    for name in by_one.get_variable_to_shape_map():
        if name.startswith(("generator/", "critic/")) and "standing" not in name:  # collected for the scores
            a, b = together.get_tensor(name), by_one.get_tensor(name)
            np.testing.assert_allclose(a, b, atol=1e-5, err_msg=name)
    (scores,) = (run / "scores").iterdir()
    assert json.loads(scores.read_text())["protocol"]["num_images"] == 20
    written = {path.name for path in run.iterdir()} - {"scores", "best", "neighbours"}
    assert written == {path.name for path in alone.iterdir()}


def test_two_processes_without_penalty_and_two_that_are_not_alike(tmp_path):
    """Without slopes to gather; and with another seed in one, which both refuse by name."""
    flags = {"preset": "wgan_clip", "norm": "batch", "iterations": 2}
    for seed, expected in ((0, 0), (1, 1)):
        addresses = two_addresses()
        workers = [start(i, addresses, tmp_path / "run", **flags, seed=i * seed) for i in range(2)]
        for code, _, err in map(finish, workers):
            assert code == expected and "Traceback" not in err, err
            assert ("error: the 2 processes do not agree on seed: start all of them" in err) == bool(expected), err
        shutil.rmtree(tmp_path / "run", ignore_errors=True)  # refused ones leave none


def test_an_address_that_is_taken_is_one_message(tmp_path):
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        address = f"localhost:{taken.getsockname()[1]}"
        code, _, err = finish(start(0, [address, "localhost:1"], tmp_path / "run", iterations=2))
    assert code == 1 and "Traceback" not in err
    assert len(re.findall(f"error: cannot listen on {address}", err)) == 1, err


def keep_checkpoint(folder, name):
    """Makes a checkpoint the newest one."""
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{name}"\n')


def test_a_worker_that_never_comes_is_named_and_the_run_ends(tmp_path):
    here, absent = two_addresses()
    code, _, err = finish(start(0, [here, absent], tmp_path / "run", iterations=2, wait=15))
    assert code == 1 and "Traceback" not in err
    assert f"waiting for {absent} since 10 s" in err and f"error: {absent} did not answer in 15 s" in err


@pytest.mark.quick
@pytest.mark.parametrize(
    "address", ["localhost", "localhost:x", "localhost:99999", "localhost:0", "no.such.host.invalid:1"]
)
def test_an_address_that_leads_nowhere_is_refused(monkeypatch, address):
    cluster = {"cluster": {"worker": ["localhost:1", address]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(UserError, match=f"TF_CONFIG names the worker {address}, which has no address"):
        strategies.make_strategy("multi_worker")


@pytest.mark.quick
@pytest.mark.parametrize(
    "environment",
    [
        "",
        "{",
        '{"cluster": {}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {}}',
        '{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["localhost:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["localhost:1", "localhost:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": [1]}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_a_missing_or_wrong_tf_config_is_refused_with_an_example(monkeypatch, environment):
    monkeypatch.setenv("TF_CONFIG", environment)
    with pytest.raises(UserError, match="--strategy=multi_worker needs TF_CONFIG in the environment .*host0:12345"):
        strategies.make_strategy("multi_worker")


@pytest.mark.quick
def test_the_highest_port_leads_somewhere():
    strategies._refuse_unknown_host("localhost:65535")
    with pytest.raises(UserError, match="localhost:65536, which has no address"):
        strategies._refuse_unknown_host("localhost:65536")


@pytest.mark.quick
def test_processes_that_differ_are_refused_by_what_differs(monkeypatch):
    """Of three processes, the first two have the values of this one."""

    def make_sum(strategy, length):
        assert length == 2
        return lambda mine: 3 * mine + tf.constant([0, other], tf.int64)

    monkeypatch.setattr(strategies, "num_workers", lambda strategy: 3)
    monkeypatch.setattr(strategies, "_make_sum", make_sum)
    other = 0
    strategies.refuse_unlike(None, {"seed": 1, "data": "x"})
    other = -5
    with pytest.raises(UserError, match="the 3 processes do not agree on data: start all of them with the same flags"):
        strategies.refuse_unlike(None, {"seed": 1, "data": "x"})


@pytest.mark.quick
def test_the_sum_over_one_process_counts_it_once_however_many_devices_it_has(two_replicas):
    values = tf.constant([5, -7, 2**47], tf.int64)
    for strategy in (strategies.make_strategy("one_device"), two_replicas):
        np.testing.assert_array_equal(strategies._make_sum(strategy, 3)(values), values)


@pytest.mark.quick
def test_one_device_is_one_replica():
    strategy = strategies.make_strategy("one_device")
    assert strategy.num_replicas_in_sync == 1 == strategies.num_workers(strategy) and strategies.is_chief(strategy)
    assert strategies.make_agree(strategy)(5, None) == (5, None)


@pytest.mark.quick
@pytest.mark.parametrize(("devices", "mirrors"), [(1, False), (2, True)])
def test_only_several_devices_are_mirrored(monkeypatch, devices, mirrors):
    """XLA could not compile the steps on one GPU otherwise: this was seen on one."""
    monkeypatch.setattr(strategies, "_local_devices", lambda: tf.config.list_logical_devices("CPU")[:1] * devices)
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda: "mirrored")
    strategy = strategies.make_strategy("mirrored")
    assert strategy == "mirrored" if mirrors else isinstance(strategy, tf.distribute.OneDeviceStrategy)


@pytest.mark.quick
def test_xla_is_refused_on_several_devices():
    with pytest.raises(UserError, match="--jit .* takes 2: give --strategy=one_device"):
        checks.refuse_xla_on_several_devices(make_config(jit=True), 2)
    checks.refuse_xla_on_several_devices(make_config(jit=True), 1)
    checks.refuse_xla_on_several_devices(make_config(jit=False), 2)


@pytest.mark.quick
def test_training_refuses_xla_on_several_devices_before_it_reads_data(monkeypatch, tmp_path):
    monkeypatch.setattr(strategies, "make_strategy", lambda *given: types.SimpleNamespace(num_replicas_in_sync=2))
    with pytest.raises(UserError, match="--jit .* takes 2"):
        train(make_config(jit=True, generator_norm="none", workdir=str(tmp_path / "run")))
    assert not (tmp_path / "run").exists()


@pytest.mark.quick
@pytest.mark.parametrize(
    ("given", "replicas", "device", "said"),
    [
        ({}, 1, "GPU", 1),
        ({}, 1, "CPU", 0),
        ({}, 2, "GPU", 0),
        ({"jit": True}, 1, "GPU", 0),
        ({"deterministic": True}, 1, "GPU", 0),
    ],
)
def test_xla_is_advised_on_one_gpu(capsys, given, replicas, device, said):
    about.note_slow_settings(make_config(**given), replicas, device)
    assert capsys.readouterr().err.count("--jit") == said
