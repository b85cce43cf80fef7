"""Random stand-ins for the weights of the Inception network, and a frozen graph that holds them."""

import csv
import pathlib

import numpy as np
import tensorflow as tf

GOLDENS = pathlib.Path(__file__).parent / "goldens"
BASE = 1000  # seed of the goldens


def rows():
    """The 472 weights of the published file in order: name, shape, and sums over the weights of BASE."""
    with open(GOLDENS / "inception_weights.csv", newline="") as file:
        for row in csv.DictReader(file):
            yield row | {"shape": tuple(map(int, row["shape"].split("x")))}


def seeded_weights(base=BASE):
    """Weights that keep activations of order 1; weight i is drawn with the seed base + i."""
    return {row["name"]: _draw(row["name"], row["shape"], base + i) for i, row in enumerate(rows())}


def _draw(name, shape, seed):
    kind = name.rpartition("/")[2]
    if kind == "gamma":
        return np.ones(shape, np.float32)
    z = np.random.RandomState(seed).standard_normal(shape)
    make = {
        "conv2d_params": lambda: (z - z.mean((0, 1, 2)) / 2) * np.sqrt(2.8 / np.prod(shape[:3])),
        "beta": lambda: 0.1 * z,
        "moving_mean": lambda: 0.1 * z,
        "moving_variance": lambda: 1 + 0.1 * abs(z),
        "weights": lambda: 0.12 * z,
        "biases": lambda: 0.5 * z,
    }
    return make[kind]().astype(np.float32)


def frozen_graph(weights):
    """A GraphDef with a constant for each weight, serialized, as `classify_image_graph_def.pb` is."""
    graph = tf.compat.v1.GraphDef()
    for name, array in weights.items():
        node = graph.node.add(name=name, op="Const")
        node.attr["dtype"].type = tf.as_dtype(array.dtype).as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(array))
    graph.node.add(name="DecodeJpeg", op="DecodeJpeg")  # the published file has other nodes too
    return graph.SerializeToString()
