"""Which batch fits in the memory of a GPU: an estimate from the traced step, for given flags of train_cifar.py.

    python benchmarks/batch_that_fits.py --preset=dagan --image_size=256
    python benchmarks/batch_that_fits.py --preset=dagan --image_size=256 --batch_size=2 --measure

The first command traces the step with two batch sizes, takes the memory to be a line through them, and prints the
largest batch for each of `--gib`. A quarter of the memory is left for what the estimate does not count
(docs/dagan.md). The second one trains two iterations with this batch size, and prints by how much the memory of the
process rose beside the estimate. Images are black and of the given size; the data flags count for nothing.
"""

import argparse
import dataclasses
import math
import os
import pathlib
import resource
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import numpy as np
import tensorflow as tf

from tfgan_gn.data.sets import Dataset
from tfgan_gn.data.sources import Split
from tfgan_gn.runs import building, run_data
from tfgan_gn.runs.about import say
from tfgan_gn.settings import command_line
from tfgan_gn.settings.training import Config
from tfgan_gn.training import checkpoints, strategies
from tfgan_gn.training.watch import memory
from train_cifar import config_of

FILLED = 0.75  # share of the memory that the estimate may take
TRACED = 2, 4  # batch sizes; those of pairs are two or more


def black_images(config):
    """A `sets.Dataset` of black images: two classes, and as many images as two batches take."""
    classes, count = 2, max(4 * config.batch_size, 8)
    channels = 1 if config.grey == "keep" else 3
    images = np.zeros([count, *config.sides, channels], np.uint8)
    split = Split(images, np.arange(count) % classes)
    return Dataset(split, split, tuple("ab"), "black images")


def prepared(config, strategy):
    """A trainer, its batches, and the bytes of (its variables, the tensors of a step)."""
    dataset = black_images(config)
    with strategy.scope():
        trainer = building.build_trainer(config, run_data.facts_of(dataset))
    batches = run_data.make_train_batches(config, dataset, strategy, 0)
    graph = trainer.train.get_concrete_function(batches, tf.constant(1, tf.int64)).graph
    return trainer, batches, memory.variable_bytes(checkpoints.variables_of(trainer)), memory.peak_bytes(graph)


def largest_batch(needs, gib):
    """The largest batch that fits; 0 if none does.

    Args:
        needs: bytes that training takes with each batch size of TRACED.
        gib: memory of the GPU in GiB, of which FILLED is filled.

    Returns:
        A whole number, on the line through the two needs.
    """
    each = (needs[1] - needs[0]) / (TRACED[1] - TRACED[0])
    return max(0, int((FILLED * gib * 2**30 - needs[0]) // each) + TRACED[0])


def estimate(config, strategy, gib):
    """Prints the estimates of two batch sizes, and the largest batch for each number of GiB."""
    needs = []
    for size in TRACED:
        trainer, _, variables, tensors = prepared(dataclasses.replace(config, batch_size=size), strategy)
        needs.append(variables + tensors)
        say(f"batch {size}: variables {variables / 2**30:.2f} GiB, tensors {tensors / 2**30:.2f} GiB")
    networks = (building.count_parameters(network) for network in (trainer.generator, trainer.critic))
    say("trained parameters of generator and critic: {:,}, {:,}".format(*networks))
    for size in gib:
        say(f"{size:g} GiB: batch {largest_batch(needs, size)}")


def measure(config, strategy):
    """Prints by how much two iterations raise the memory of this process, beside the estimate."""
    trainer, batches, variables, tensors = prepared(config, strategy)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    trainer.train(batches, tf.constant(2, tf.int64))
    rise = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    say(
        f"batch {config.batch_size}: estimated {tensors / 2**30:.2f} GiB for the tensors of a step; the peak of the "
        f"process rose by {rise / 2**20:.2f} GiB (variables of {variables / 2**30:.2f} GiB were there before)"
    )


def gib_of(text):
    """The numbers of GiB in a text, e.g. "16,24"; raises `argparse.ArgumentTypeError` for another text."""
    try:
        sizes = [float(each) for each in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or not all(0 < size < math.inf for size in sizes):
        raise argparse.ArgumentTypeError(f"{text!r}: give numbers of GiB above 0, separated by commas, such as 16,24")
    return sizes


def main(argv):
    """Runs the command. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=gib_of, default="16,24,80", help="sizes of memory, separated by commas")
    parser.add_argument("--measure", action="store_true", help="train two iterations with --batch_size")
    flags, rest = parser.parse_known_args(argv[1:])
    config, _ = command_line.parse_arguments([argv[0], *rest], Config, config_of)
    strategy = strategies.make_strategy("one_device")
    if flags.measure:
        measure(config, strategy)
    else:
        estimate(config, strategy, flags.gib)
    return 0


if __name__ == "__main__":
    sys.exit(command_line.run(lambda: main(sys.argv), "batch_that_fits.py", "interrupted"))
