"""The step benchmark counts what the traced graph holds, and its baselines compute the same function."""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "benchmarks"))

import operations
import straightforward
import variants

from tfgan_gn.models import build_networks

SIZES = variants.Settings(width=32, batch_size=4, n_critic=5, threads=2, precision="float32", jit=False)


def products(operation):
    """Multiplications of a convolution or matrix product of a traced graph, from its shapes."""
    kernel_at = {"Conv2D": 1, "Conv2DBackpropInput": 1, "MatMul": 1}
    if operation.type == "MatMul":
        a, out = operation.inputs[0].shape, operation.outputs[0].shape
        return out.num_elements() * a[0 if operation.get_attr("transpose_a") else 1]
    if operation.type == "Conv2DBackpropFilter":
        kernel, small = operation.outputs[0].shape, operation.inputs[2].shape
    else:
        kernel = operation.inputs[kernel_at[operation.type]].shape
        small = (operation.outputs[0] if operation.type == "Conv2D" else operation.inputs[2]).shape
    return kernel.num_elements() * small[0] * small[1] * small[2]


def read_by(operation, seen):
    """All operations that an operation needs."""
    stack = [operation]
    while stack:
        operation = stack.pop()
        if operation not in seen:
            seen.add(operation)
            stack += [t.op for t in operation.inputs] + list(operation.control_inputs)
    return seen


def operations_in(function):
    """2 x the products of all convolutions and matrix products that a traced function needs."""
    graph, needed = function.get_concrete_function().graph, set()
    for operation in graph.get_operations():
        if operation.type.startswith(("Assign", "ResourceApply")) or operation in {t.op for t in graph.outputs}:
            read_by(operation, needed)
    linear = ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter", "MatMul")
    return 2 * sum(products(operation) for operation in needed if operation.type in linear)


@pytest.mark.parametrize("name", ["none", "none, zeros", "layer", "group 32", "spectral", "straightforward"])
def test_operations_counted_from_the_layers_are_those_of_the_graph(name, monkeypatch):
    """To a thousandth: the linear layer of the critic's output is not counted."""
    from tfgan_gn.models import resnet

    monkeypatch.setattr(resnet, "relu", resnet.relu)  # "none, zeros" replaces it: put it back afterwards
    trainer = variants.make_trainer(variants.COLUMNS[name], SIZES)
    n = SIZES.batch_size
    real, z, eps = tf.zeros([n, 32, 32, 3]), tf.zeros([n, 128]), tf.zeros([n])
    critic = tf.function(lambda: trainer.critic_step(real, z, eps)[1])
    generator = tf.function(lambda: trainer.generator_step(tf.zeros([2 * n, 128])))
    traced = [operations_in(f) for f in (critic, generator)]
    np.testing.assert_allclose(variants.count(variants.COLUMNS[name], SIZES), traced, rtol=1e-3)


def test_joining_saves_what_the_algebra_says():
    """2.25 times fewer for a resampled 3x3 convolution, 4 times fewer for a resampled shortcut."""
    for layers in (
        lambda joined: operations.critic_layers(8, 32, 3, True, joined),
        lambda joined: operations.generator_layers(8, 32, 3, 128, joined),
    ):
        ratios = {a.products / b.products for a, b in zip(layers(False), layers(True), strict=True)}
        assert ratios == {1, 2.25, 4}


@pytest.mark.parametrize("network", ["generator", "critic"])
def test_the_straightforward_network_is_the_same_function(network, rng):
    sizes = {"width": 32, "image_size": 32, "channels": 3, "groups": (4,)}
    ours = getattr(build_networks(**sizes), network)
    if network == "critic":
        theirs, x = straightforward.build_critic(**sizes, norm="group"), rng.uniform(-1, 1, (3, 32, 32, 3))
    else:
        theirs, x = straightforward.build_generator(**sizes, z_dim=128, norm="batch"), rng.normal(size=(3, 128))
    for variable in ours.trainable_variables:
        variable.assign(variable + 0.1 * rng.normal(size=variable.shape))
    by_name = {v.path.replace(f"{network}/", "").rpartition("/"): v for v in ours.trainable_variables}
    by_name = {(layer.replace("/", "_"), weight): v for (layer, _, weight), v in by_name.items()}
    for variable in theirs.trainable_variables:
        layer, _, weight = variable.path.rpartition("/")
        variable.assign(by_name.pop((layer, weight)))
    assert not by_name
    x = keras.ops.cast(x, "float32")
    ours, theirs = ours(x, training=True), theirs(x, training=True)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


def test_a_run_of_the_benchmark_holds_together(tmp_path):
    """At its smallest: rates are the counted work in the median time."""
    path = tmp_path / "step.json"
    flags = ["--width=32", "--batch_size=2", "--n_critic=2", "--repeats=1", f"--json={path}"]
    process = subprocess.run(
        [sys.executable, "benchmarks/step.py", *flags, "--columns=group 32"],
        cwd=pathlib.Path(__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    results = json.loads(path.read_text())["results"]
    assert [r["column"] for r in results] == ["group 32"]
    for r in results:
        operations, seconds = r["operations"], r["median"]
        assert operations["iteration"] == operations["generator"] + 2 * operations["critic"]
        assert r["images_per_second"]["critic"] == pytest.approx(2 / seconds["critic"])
        assert r["images_per_second"]["generator"] == pytest.approx(4 / seconds["generator"])
        assert r["fraction_of_convolution"]["critic"] == pytest.approx(
            operations["critic"] / seconds["critic"] / r["convolution_flops"]
        )
        assert f"| {r['column']} | float32 | off | {seconds['iteration']:.3f} |" in process.stdout
