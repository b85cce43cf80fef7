"""The functions of an exported generator in the form that other tools call."""

import functools
import itertools

import tensorflow as tf

COMMON_INTEGERS = (tf.int64, tf.int32)  # TensorFlow makes int32 of a whole number, and NumPy int64
OTHER_INTEGERS = (tf.int8, tf.int16, tf.uint8, tf.uint16, tf.uint32, tf.uint64)


def taking_any_integers(function):
    """Makes a function for a SavedModel that takes whole numbers of any type.

    A SavedModel takes only the types that it was traced with. So this is traced once for each combination of types. A
    trace casts the numbers and calls `function`, so that the network is traced and saved only once.

    Args:
        function: tf.function with an input signature. Its scalars of type int64 are the whole numbers.

    Returns:
        tf.function with the same arguments by the same names. In one call, tensors are int32 or int64, and one of them
        may have another type. Python's and NumPy's whole numbers fit beside all of these.
    """
    specs = function.input_signature
    numbers = [place for place, spec in enumerate(specs) if spec.dtype == tf.int64]

    @functools.wraps(function.python_function)
    def cast_and_call(*arguments):
        return function(*(tf.cast(given, spec.dtype) for given, spec in zip(arguments, specs, strict=True)))

    taking = tf.function(cast_and_call, autograph=False)
    for dtypes in _combinations(len(numbers)):
        traced = dict(zip(numbers, dtypes, strict=True))
        taking.get_concrete_function(
            *(tf.TensorSpec([], traced[place]) if place in traced else spec for place, spec in enumerate(specs))
        )
    return taking


def _combinations(count):
    """The types of the numbers of a call, as tuples. A number that is no tensor takes the first type that fits."""
    yield from itertools.product(COMMON_INTEGERS, repeat=count)
    # The others stay int64: Python's 300 beside a tensor of uint8 would silently become 44 if uint8 was offered for it.
    for place, dtype in itertools.product(range(count), OTHER_INTEGERS):
        yield tuple(dtype if i == place else tf.int64 for i in range(count))


def signature(function):
    """Makes a signature of a SavedModel.

    Args:
        function: tf.function with an input signature, which returns images.

    Returns:
        tf.function with the same arguments. It returns the images as {"images": images}, because the outputs of a
        signature have names.
    """

    @functools.wraps(function.python_function)
    def named(*arguments):
        return {"images": function(*arguments)}

    return tf.function(named, input_signature=function.input_signature, autograph=False)
