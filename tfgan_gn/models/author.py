"""The published code's variable names (igul222/improved_wgan_training, `gan_cifar_resnet.py`) for our variables.

Our variables have the authors' shapes and element order, so that weights are exchanged by renaming alone.
"""

import re

import numpy as np

from tfgan_gn.errors import UserError

_NETWORKS = {"generator": "Generator", "critic": "Discriminator"}
_LAYERS = {
    "input": "Input",
    "output": "Output",
    "class_output": "ACGANOutput",
    "output_norm": "OutputN",
    "conv1": "Conv1",
    "conv2": "Conv2",
    "shortcut": "Shortcut",
    "norm1": "N1",
    "norm2": "N2",
}
_NORM_WEIGHTS = {"gamma": "scale", "beta": "offset"}
_WEIGHTS = {  # of a layer, by the rank of its kernel
    2: {"kernel": "W", "bias": "b"},
    4: {"kernel": "Filters", "bias": "Biases"},
}


def _published_name(path, kernel_rank):
    network, *layers, weight = path.split("/")
    layers = [re.sub(r"^block(?=\d+$)", "", layer) for layer in layers]
    names = _NORM_WEIGHTS if weight in _NORM_WEIGHTS else _WEIGHTS[kernel_rank]
    return ".".join([_NETWORKS[network], *(_LAYERS.get(layer, layer) for layer in layers), names[weight]])


def variables(model):
    """The trainable variables of a network under the published code's names.

    Args:
        model: generator or critic of `build_networks`.

    Returns:
        dict from names such as `Generator.1.Conv1.Filters`, `Discriminator.2.N1.scale`, `Discriminator.Output.W` to
        Keras variables. Kernels are [height, width, in, out] and [in, out]; the columns of `Generator.Input.W` are in
        the authors' order (channel, height, width).
    """
    owner = {v.path: v.path.rpartition("/")[0] for v in model.trainable_variables}
    ranks = {owner[v.path]: len(v.shape) for v in model.trainable_variables if v.path.endswith("/kernel")}
    return {_published_name(v.path, ranks.get(owner[v.path])): v for v in model.trainable_variables}


def assign(model, arrays):
    """Gives a network the weights of the published code.

    Args:
        model: generator or critic of `build_networks`.
        arrays: dict from exactly the names of `variables(model)` to arrays of their shapes.

    Raises:
        UserError: a name is missing or unknown, or an array has another shape. Nothing is assigned then.
    """
    ours = variables(model)
    for what, names in (("missing", ours.keys() - arrays.keys()), ("unknown", arrays.keys() - ours.keys())):
        if names:
            raise UserError(f"weights for {model.name}: {what} {', '.join(sorted(names))}")
    for name, variable in ours.items():
        if np.shape(arrays[name]) != tuple(variable.shape):
            raise UserError(
                f"weights for {model.name}: {name} has shape {np.shape(arrays[name])}, the network needs "
                f"{tuple(variable.shape)}; build it with the width of the weights"
            )
    for name, variable in ours.items():
        variable.assign(arrays[name])
