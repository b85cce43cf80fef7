"""The published pair in its simplest form: Keras' own layers, and resampling separate from the convolutions.

`step.py` compares its speed with the other columns. Its group norm is Keras' `GroupNormalization`, whose second
derivative is wrong (`second_derivative.py`); only its cost matters here.
"""

import keras
from keras import layers


def conv(filters, size, name):
    """A convolution that keeps the size."""
    return layers.Conv2D(filters, size, padding="same", kernel_initializer="he_uniform", name=name)


def norm(kind, groups, name):
    """Keras' own layer for a norm site."""
    if kind == "none":
        return layers.Identity(name=name)
    if kind == "batch":
        return layers.BatchNormalization(epsilon=1e-5, name=name)
    return layers.GroupNormalization({"layer": 1, "instance": -1}.get(kind, groups[0]), epsilon=1e-5, name=name)


def block(x, filters, resample, kind, groups, name):
    """Residual block: upsampling before its first convolution and its shortcut's, pooling after its last."""
    upsample = layers.UpSampling2D(2) if resample == "up" else layers.Identity()
    pool = layers.AveragePooling2D(2) if resample == "down" else layers.Identity()
    y = layers.ReLU()(norm(kind, groups, f"{name}_norm1")(x))
    y = conv(x.shape[-1] if resample == "down" else filters, 3, f"{name}_conv1")(upsample(y))
    y = layers.ReLU()(norm(kind, groups, f"{name}_norm2")(y))
    y = pool(conv(filters, 3, f"{name}_conv2")(y))
    return layers.Add()([y, pool(conv(filters, 1, f"{name}_shortcut")(upsample(x))) if resample else x])


def build_critic(*, width, image_size, channels, norm, groups):
    """Images to scores [N], float32; arguments as of `tfgan_gn.models.build_networks`, one group count."""
    images = keras.Input((image_size, image_size, channels))
    y = conv(width, 3, "block1_conv2")(layers.ReLU()(conv(width, 3, "block1_conv1")(images)))
    shortcut = conv(width, 1, "block1_shortcut")(layers.AveragePooling2D(2)(images))
    x = layers.Add()([layers.AveragePooling2D(2)(y), shortcut])
    for i, resample in enumerate(("down", None, None), 2):
        x = block(x, width, resample, norm, groups, f"block{i}")
    x = layers.Dense(1, name="output")(layers.GlobalAveragePooling2D()(layers.ReLU()(x)))
    return keras.Model(images, layers.Reshape((), dtype="float32")(x), name="critic")


def build_generator(*, width, z_dim, image_size, channels, norm, groups):
    """Noise to images, float32; arguments as of `build_critic`."""
    z, start = keras.Input((z_dim,)), image_size // 8
    x = layers.Dense(start * start * width, name="input")(z)
    x = layers.Permute((2, 3, 1))(layers.Reshape((width, start, start))(x))
    for i in (1, 2, 3):
        x = block(x, width, "up", norm, groups, f"block{i}")
    x = layers.ReLU()(globals()["norm"](norm, groups, "output_norm")(x))
    x = layers.Activation("tanh", dtype="float32")(conv(channels, 3, "output")(x))
    return keras.Model(z, x, name="generator")
