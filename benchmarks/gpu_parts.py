"""The parts of `gpu.py` that use TensorFlow; each runs in a process of its own, which ends with a line of JSON."""

import json
import pathlib
import platform
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import numpy as np
import tensorflow as tf

from tfgan_gn.data.pixels import dequantize
from tfgan_gn.models import author, build_networks
from tfgan_gn.runs import building, run_data
from tfgan_gn.runs.about import versions
from tfgan_gn.settings.training import make_config
from tfgan_gn.training import strategies
from tfgan_gn.training.losses import LOSSES
from tfgan_gn.training.objective import Objective

# Numbers of the published code, in float64.
GOLDEN = pathlib.Path(__file__).parents[1] / "tests" / "goldens" / "uncond_layernorm.npz"


def device(task):
    """The device that is used, and the versions."""
    devices = tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("CPU")
    details = tf.config.experimental.get_device_details(devices[0])
    build = tf.sysconfig.get_build_info()
    return {
        "kind": devices[0].device_type,
        "name": details.get("device_name", platform.processor() or platform.machine()),
        "compute_capability": details.get("compute_capability"),
        "count": len(devices),
        "cuda": build.get("cuda_version"),
        "cudnn": build.get("cudnn_version"),
        **versions(),
    }


def goldens(task):
    """The largest errors in float32 against the published code's numbers, relative to the largest value of each.

    Returns:
        {"float32" and "TensorFloat-32": {what is compared: error}}. Where the device has no TensorFloat-32, both are
        the same.
    """
    arrays = dict(np.load(GOLDEN))
    settings = json.loads(str(arrays["meta/config"]))
    networks = build_networks(width=settings["DIM_D"], norm="layer")
    author.assign(networks.generator, _group(arrays, "param/", "Generator"))
    author.assign(networks.critic, _group(arrays, "param/", "Discriminator"))
    objective = Objective(*networks, LOSSES["wasserstein"], float(settings["LAMBDA"]))
    found = {}
    for name, allowed in (("float32", False), ("TensorFloat-32", True)):
        tf.config.experimental.enable_tensor_float_32_execution(allowed)
        found[name] = _errors(objective, arrays)
    return found


def _errors(objective, arrays):
    pixels, noise = (_images(arrays[f"in/{key}"]) for key in ("real_int", "dequant"))
    z, of_generator = (tf.constant(arrays[f"in/{key}"], tf.float32) for key in ("noise", "gen_noise"))
    eps = tf.constant(arrays["in/alpha"][:, 0], tf.float32)
    fake = objective.generate(z)
    with tf.GradientTape() as tape:
        loss, _, slopes = objective.critic_loss(dequantize(tf.constant(pixels), tf.constant(noise)), fake, eps)
    with tf.GradientTape() as tape_of_generator:
        loss_of_generator, _ = objective.generator_loss(of_generator)
    of_critic = _gradients(tape, loss, objective.critic)
    pairs = {
        "images": (fake, _images(arrays["out/fake"])),
        "slopes": (slopes, arrays["out/slopes"]),
        "critic's loss": (loss, arrays["out/disc_cost"]),
        "generator's loss": (loss_of_generator, arrays["out/gen_cost"]),
        "critic's gradient": _joined(of_critic, _group(arrays, "grad_d/")),
        "generator's gradient": _joined(
            _gradients(tape_of_generator, loss_of_generator, objective.generator), _group(arrays, "grad_g/")
        ),
    }
    return {name: float(np.abs(ours - theirs).max() / np.abs(theirs).max()) for name, (ours, theirs) in pairs.items()}


def _group(arrays, prefix, network=""):
    return {key[len(prefix) :]: value for key, value in arrays.items() if key.startswith(prefix + network)}


def _images(flat):
    """The authors' rows of 3072, channels first, as float32 [N, 32, 32, 3]."""
    return np.asarray(flat, np.float32).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def _gradients(tape, loss, network):
    variables = author.variables(network)
    return dict(zip(variables, tape.gradient(loss, list(variables.values())), strict=True))


def _joined(ours, theirs):
    return tuple(np.concatenate([np.ravel(each[name]) for name in theirs]) for each in (ours, theirs))


def waiting(task):
    """Seconds per iteration with the input pipeline, and with one batch that is on the device already.

    Args:
        task: {"settings": of `make_config`, "iterations": of one measurement, "repeats": of both in turn}.

    Returns:
        {"pipeline" and "one batch": seconds per iteration, medians; "share": of the time spent waiting for data}.
    """
    config = make_config(**task["settings"])
    strategy = strategies.make_strategy(config.strategy)
    dataset = run_data.load_data(config)
    with strategy.scope():
        trainer = building.build_trainer(config, run_data.facts_of(dataset))
    images = dataset.train.images[: config.batch_size]

    def same(share):
        replicas, first, end = share
        parts = np.split(images, replicas)[first:end]
        return tf.data.Dataset.from_tensor_slices(np.stack(parts)).repeat().prefetch(tf.data.AUTOTUNE)

    sources = {
        "pipeline": run_data.make_train_batches(config, dataset, strategy, 0),
        "one batch": iter(strategies.distribute(strategy, same)),
    }
    count, seconds = tf.constant(task["iterations"], tf.int64), {name: [] for name in sources}
    for repeat in range(1 + task["repeats"]):
        for name, batches in sources.items():
            start = time.perf_counter()
            float(trainer.train(batches, count)[0]["critic/loss"])
            if repeat:  # the first one traces
                seconds[name].append((time.perf_counter() - start) / task["iterations"])
    found = {name: statistics.median(values) for name, values in seconds.items()}
    return {**found, "share": 1 - found["one batch"] / found["pipeline"]}


def differences(task):
    """The variables of two checkpoints that are not equal to the last bit, a list of names, and how many there are."""
    one, other = (tf.train.load_checkpoint(path) for path in task["folders"])
    names = [name for name in one.get_variable_to_shape_map() if not name.startswith(("_CHECK", "save_counter"))]
    unequal = [name for name in names if not np.array_equal(one.get_tensor(name), other.get_tensor(name))]
    return {"variables": len(names), "unequal": unequal}


PARTS = {part.__name__: part for part in (device, goldens, waiting, differences)}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(PARTS[sys.argv[1]](json.loads(sys.argv[2]))) + "\n")
