"""Which operations of a traced function have no kernel for GPUs, by TensorFlow's registry, which needs no GPU."""

import tensorflow as tf
from tensorflow.python.framework import kernels

# What stays on the host: an operation and the type of its values, and why no GPU waits for it.
ON_HOST = {
    ("Const", tf.string): "what an Assert says when it fails, in `tf.image.rot90` for the turns of pairs",
    ("ScaleAndTranslate", tf.uint8): "the antialiased resize of cifar10net, whose images come from the host",
    ("TensorListSetItem", tf.uint8): "a finished block of `sample`, which the user takes from the host",
    ("TensorListStack", tf.uint8): "all finished blocks of `sample`",
}
# They call Python, which stops the GPU until it has answered. TensorFlow says that they run on every device.
PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def not_for_gpus(function):
    """The names of the operations that no GPU can run with their types, or that call Python, but for ON_HOST: a set.

    Args:
        function: a concrete function; the functions that it calls are looked into too.
    """
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(node for called in graph.library.function for node in called.node_def)]
    nodes = [node for node in nodes if not any((node.op, tf.as_dtype(type)) in ON_HOST for type in _types_of(node))]
    return {node.op for node in nodes if node.op in PYTHON or not _has_kernel(node)}


def _types_of(node):
    return set().union(*(_types(value) for value in node.attr.values()))


def _has_kernel(node):
    return any(
        kernel.device_type in ("GPU", "DEFAULT")
        and all(_types(node.attr[each.name]) <= set(each.allowed_values.list.type) for each in kernel.constraint)
        for kernel in kernels.get_registered_kernels_for_op(node.op).kernel
    )


def _types(value):
    """The types in an AttrValue; 0 is none."""
    return {value.type, *value.list.type} - {0}
