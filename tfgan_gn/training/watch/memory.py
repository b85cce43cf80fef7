"""The memory that training needs, counted from its variables and from the tensors of a traced function."""

import math

# What these operations return is their first input, or a variable, in the same memory.
_SHARING = {"Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient", "PreventGradient", "EnsureShape"}
_NOT_MADE = {"Placeholder", "Const", "ReadVariableOp"}  # arguments, constants, variables
_CALLS = {"While": "body", "StatelessWhile": "body", "PartitionedCall": "f", "StatefulPartitionedCall": "f"}


def variable_bytes(variables):
    """The memory that `tf.Variable`s take, in bytes, a whole number."""
    return sum(math.prod(variable.shape) * variable.dtype.size for variable in variables)


def peak_bytes(graph):
    """The most memory that the tensors of a traced function take at one time, on the device that needs most.

    The operations are taken in the order in which they were traced. A tensor takes memory from the operation that makes
    it to the last one that reads it; so what a gradient needs of the forward pass stays until then. A function that an
    operation calls, such as the body of a loop, needs its own peak beside what lives around it.

    Not counted are variables, arguments, and the working memory within an operation. TensorFlow runs operations that do
    not wait for each other in another order, writes some results over an input, and rewrites some graphs, so that the
    count is an estimate.

    Args:
        graph: `ConcreteFunction.graph`, whose tensors have known shapes; one of an unknown size counts as 0.

    Returns:
        Bytes, a whole number.
    """
    return max(_peak(graph, device) for device in _devices(graph))


def _devices(graph):
    return {operation.device for each in (graph, *_called(graph)) for operation in each.get_operations()} or {""}


def _called(graph):
    for operation in graph.get_operations():
        if operation.type in _CALLS:
            inner = _function(operation)
            yield inner
            yield from _called(inner)


def _function(operation):
    """The graph of the function that an operation calls. TensorFlow has no public way to it."""
    return operation.graph._get_function(operation.get_attr(_CALLS[operation.type]).name).graph


def _peak(graph, device):
    operations = graph.get_operations()
    kept = {id(_owner(tensor)) for tensor in graph.outputs}
    last = {}  # by the identity of a tensor that owns memory: the number of the last operation that reads it
    for number, operation in enumerate(operations):
        for tensor in operation.inputs:
            last[id(_owner(tensor))] = number
    dying = [[] for _ in operations]
    alive = most = 0
    for number, operation in enumerate(operations):
        inner = _peak(_function(operation), device) if operation.type in _CALLS else 0
        most = max(most, alive + inner)  # what a function returns is in its own peak
        for tensor in operation.outputs if operation.device == device else ():
            if _owner(tensor) is tensor and operation.type not in _NOT_MADE:
                alive += _bytes(tensor)
                if id(tensor) not in kept:
                    dying[last.get(id(tensor), number)].append(_bytes(tensor))
        most = max(most, alive)
        alive -= sum(dying[number])
    return most


def _owner(tensor):
    """The tensor in whose memory a tensor lies."""
    while (place := _returned(tensor)) is not None:
        tensor = tensor.op.inputs[place]
    return tensor


def _returned(tensor):
    """The place among the inputs of the operation that made a tensor, of the input that it returns; None for none."""
    if tensor.op.type in _CALLS:
        inner = _function(tensor.op)
        owner = _owner(inner.outputs[tensor.value_index])
        return next((place for place, each in enumerate(inner.inputs) if each is owner), None)
    return 0 if tensor.op.type in _SHARING else None


def _bytes(tensor):
    known = tensor.shape.is_fully_defined() and tensor.dtype.size
    return math.prod(tensor.shape) * tensor.dtype.size if known else 0
