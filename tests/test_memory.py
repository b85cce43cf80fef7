"""The estimate of the memory that training takes: what it counts, and the memory of a process beside it."""

import os
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf

from tfgan_gn.training.watch import memory

SIZE = 4000  # bytes of a vector
VECTOR = tf.TensorSpec([1000], tf.float32)
TOLERANCE = 0.3  # of the estimate, of what a process takes


def peak(function):
    return memory.peak_bytes(tf.function(function, input_signature=[VECTOR]).get_concrete_function().graph)


@pytest.mark.quick
def test_a_tensor_takes_memory_from_its_operation_to_the_last_that_reads_it():
    def chain(x):
        return tf.cos(tf.sin(tf.cos(tf.sin(x))))

    def kept(x):
        first = tf.sin(x)
        second = tf.reshape(tf.cos(first), [10, 100])  # in the memory of the cosine
        return first * tf.reduce_sum(second)

    assert peak(chain) == 2 * SIZE
    assert peak(kept) == 2 * SIZE + 4


@pytest.mark.quick
def test_a_gradient_keeps_what_the_forward_pass_made():
    """Of n hyperbolic tangents, all n results are kept; then each takes the gradient behind it to the one before it."""

    def gradient(x, n):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in range(n):
                y = tf.tanh(y)
        return tape.gradient(y, x)

    few, many = (peak(lambda x, n=n: gradient(x, n)) for n in (5, 15))
    assert many - few == 10 * SIZE and 6 * SIZE <= few <= 8 * SIZE


@pytest.mark.quick
def test_the_body_of_a_loop_counts_once_beside_what_lives_around_it():
    def loop(x):
        around, total = tf.sin(x), tf.zeros([])
        for _ in tf.range(tf.cast(x[0], tf.int32)):
            total += tf.reduce_sum(tf.cos(tf.sin(around)))
        return around * total

    assert 3 * SIZE <= peak(loop) < 3 * SIZE + 200


@pytest.mark.quick
def test_variables_count_by_their_type():
    variables = [tf.Variable(tf.zeros([3, 5])), tf.Variable(tf.zeros([], tf.int64))]
    assert memory.variable_bytes(variables) == 3 * 5 * 4 + 8


STEP = """
import resource, tensorflow as tf
from tfgan_gn.training.watch import memory
from tfgan_gn.models import build_networks
from tfgan_gn.training.losses import gradient_penalty

critic = build_networks("simple_cnn", width=32, norm="none").critic

@tf.function
def step(x):
    with tf.GradientTape() as tape:
        penalty, _ = gradient_penalty(critic, x)
    return [tf.reduce_sum(g) for g in tape.gradient(penalty, critic.trainable_variables) if g is not None]

def high():
    lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return 1024 * int(lines["VmHWM"].split()[0])

estimate = memory.peak_bytes(step.get_concrete_function(tf.TensorSpec([2048, 32, 32, 3], tf.float32)).graph)
step(tf.zeros([1, 32, 32, 3]))
x = tf.random.stateless_normal([2048, 32, 32, 3], [0, 0])
before = high()
step(x)
print(estimate, high() - before)
"""


@pytest.mark.skipif(not pathlib.Path("/proc/self/status").exists(), reason="the peak is read as Linux tells it")
def test_the_estimate_is_near_what_a_process_takes():
    """For a gradient penalty and its second derivative, within TOLERANCE."""
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "TF_CPP_MIN_LOG_LEVEL": "3"}  # freed at once
    process = subprocess.run([sys.executable, "-c", STEP], capture_output=True, text=True, env=environment)
    estimate, measured = map(int, process.stdout.split())
    assert estimate > 200e6 and abs(measured / estimate - 1) < TOLERANCE, (estimate, measured)


@pytest.mark.quick
def test_the_largest_batch_fills_three_quarters_of_the_memory():
    """Training that takes 1 GiB and half a GiB for each image fills 12 of 16 GiB with 22 images."""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "benchmarks"))
    import batch_that_fits

    needs = [2**30 * (1 + size / 2) for size in batch_that_fits.TRACED]
    assert batch_that_fits.largest_batch(needs, 16) == 22
    assert batch_that_fits.largest_batch(needs, 15.99) == 21
    assert batch_that_fits.largest_batch(needs, 1) == 0
