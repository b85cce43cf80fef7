"""The Inception v3 of 2015-12-05 as a Keras network, built from `keras.applications.InceptionV3`.

It is the network of `classify_image_graph_def.pb`, with which Inception Scores and FIDs are published. It differs from
`keras.applications.InceptionV3` in one pooling layer, in its 1008 outputs without bias, and in how images are resized
and scaled. Average pools without padding and the epsilon of batch norm are the same in both.
"""

import keras
import numpy as np
import tensorflow as tf

SIZE = 299
FEATURES, CLASSES = 2048, 1008
EPSILON = 0.001  # of every batch norm in the file
PREPROCESSING = "TF1 bilinear to 299x299 without half-pixel centres, then (x - 128) / 128"

# The names of the convolution units in the file, in the order of its graph. `_rebuild` visits the layers in this order
# too: it goes through the inputs of a concatenation from left to right.
_STEM = "conv conv_1 conv_2 conv_3 conv_4"
_BLOCKS = (
    *3 * ("conv tower/conv tower/conv_1 tower_1/conv tower_1/conv_1 tower_1/conv_2 tower_2/conv",),
    "conv tower/conv tower/conv_1 tower/conv_2",
    *4
    * (
        "conv tower/conv tower/conv_1 tower/conv_2 "
        "tower_1/conv tower_1/conv_1 tower_1/conv_2 tower_1/conv_3 tower_1/conv_4 tower_2/conv",
    ),
    "tower/conv tower/conv_1 tower_1/conv tower_1/conv_1 tower_1/conv_2 tower_1/conv_3",
    *2
    * (
        "conv tower/conv tower/mixed/conv tower/mixed/conv_1 "
        "tower_1/conv tower_1/conv_1 tower_1/mixed/conv tower_1/mixed/conv_1 tower_2/conv",
    ),
)
UNITS = (
    *_STEM.split(),
    *(f"mixed{f'_{i}' * (i > 0)}/{unit}" for i, block in enumerate(_BLOCKS) for unit in block.split()),
)


def resize(images, size=(SIZE, SIZE)):
    """Bilinear resize as in TensorFlow 1: output row i is read at row i * in / out, without half-pixel centres.

    `tf.image.resize` and `keras.layers.Resizing` read at (i + 1/2) * in / out - 1/2 instead, which shifts all pixels.
    Values are not rounded to integers, and images are not smoothed before they shrink.

    Args:
        images: uint8 or float32 [N, H, W, C].
        size: (height, width) of the result.

    Returns:
        float32 tensor [N, height, width, C], with values in the range of the input.
    """
    images = tf.cast(images, tf.float32)
    return tf.raw_ops.ResizeBilinear(images=images, size=size, align_corners=False, half_pixel_centers=False)


def preprocess(images):
    """Resizes and scales images as the graph does before its first convolution.

    Args:
        images: uint8 (or float32 in [0, 255]) [N, H, W, 3], red first, any height and width.

    Returns:
        float32 tensor [N, 299, 299, 3] in [-1, 0.9921875].
    """
    return (resize(images) - 128) * 0.0078125


def build_network(dtype="float32"):
    """Builds the network; `assign_weights` sets its weights.

    Batch norm is part of the kernels and biases of the convolutions (see `assign_weights`). Without training this is
    the same function, and it needs fewer passes over memory.

    Args:
        dtype: type of the weights and of the computation.

    Returns:
        A Keras model. Its input is float [N, 299, 299, 3], from `preprocess`. Its outputs are [pool3, logits]: features
        [N, 2048], and class scores without bias [N, 1008], whose softmax gives the Inception Score.
    """
    base = keras.applications.InceptionV3(include_top=False, weights=None, pooling="avg", input_shape=(SIZE, SIZE, 3))
    x = keras.Input((SIZE, SIZE, 3), dtype="float32")
    pool3 = _rebuild(base, x, dtype)
    logits = keras.layers.Dense(CLASSES, use_bias=False, kernel_initializer="zeros", dtype=dtype, name="softmax")(pool3)
    return keras.Model(x, [pool3, logits], name="inception_2015_12_05")


def _rebuild(base, x, dtype):
    """Applies the layers of `base` to x, with the changes of this network."""
    last_pool, units = _last_pool(base), iter(UNITS)
    made = {base.input._keras_history.operation: x}

    def output(tensor):
        layer = tensor._keras_history.operation
        if layer not in made:
            inputs = [output(previous) for previous in tf.nest.flatten(layer.input)]
            made[layer] = apply(layer, inputs if len(inputs) > 1 else inputs[0])
        return made[layer]

    def apply(layer, inputs):
        config = {**layer.get_config(), "dtype": dtype}
        if isinstance(layer, keras.layers.BatchNormalization | keras.layers.Activation):
            return inputs  # is part of the convolution before it
        if isinstance(layer, keras.layers.Conv2D):
            config |= {"use_bias": True, "activation": "relu", "kernel_initializer": "zeros"}
            config["name"] = _layer_name(next(units))
        kind = keras.layers.MaxPooling2D if layer is last_pool else type(layer)
        return kind.from_config(config)(inputs)

    return output(base.output)


def _last_pool(base):
    """The pooling layer of the last block: an average in `base`, a maximum in this network."""
    tensor = base.get_layer("mixed10").input[-1]
    while not isinstance(tensor._keras_history.operation, keras.layers.AveragePooling2D):
        tensor = tensor._keras_history.operation.input
    return tensor._keras_history.operation


def _layer_name(unit):
    return unit.replace("/", ".")  # Keras allows no slash in a name


def _weight_names(unit):
    batch_norm = (f"{unit}/batchnorm/{name}" for name in ("beta", "gamma", "moving_mean", "moving_variance"))
    return (f"{unit}/conv2d_params", *batch_norm)


def weight_shapes(network):
    """Names and shapes of the weights that the file must hold.

    Args:
        network: of `build_network`.

    Returns:
        A dict from the 472 names in the frozen graph to shapes; kernels are [height, width, in, out].
    """
    shapes = {}
    for unit in UNITS:
        shape = tuple(network.get_layer(_layer_name(unit)).kernel.shape)
        kernel, *batch_norm = _weight_names(unit)
        shapes |= {kernel: shape, **dict.fromkeys(batch_norm, shape[-1:])}
    return {**shapes, "softmax/weights": (FEATURES, CLASSES), "softmax/biases": (CLASSES,)}


def assign_weights(network, weights):
    """Sets the weights of the network, with each batch norm folded into its convolution.

    gamma (k * x - mean) / sqrt(variance + epsilon) + beta is a convolution with the kernel k s and the bias
    beta - mean s, where s = gamma / sqrt(variance + epsilon). The products are computed in float64.

    Args:
        network: of `build_network`.
        weights: dict from the names of `weight_shapes` to arrays of those shapes. `softmax/biases` is not used.
    """
    for unit in UNITS:
        kernel, beta, gamma, mean, variance = (np.asarray(weights[name], np.float64) for name in _weight_names(unit))
        scale = gamma / np.sqrt(variance + EPSILON)
        layer = network.get_layer(_layer_name(unit))
        layer.kernel.assign(kernel * scale)
        layer.bias.assign(beta - mean * scale)
    network.get_layer("softmax").kernel.assign(weights["softmax/weights"])
