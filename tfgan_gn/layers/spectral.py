"""Spectral normalization (Miyato et al. 2018): layers whose kernel is W / sigma(W), as a function of W.

The gradient goes through sigma: dL/dW = (E - <E, W / sigma> u v^T) / sigma with E = dL/d(W / sigma), the paper's
equation 12. So does every further derivative; u and v are constants to all of them.
`keras.layers.SpectralNormalization` writes W / sigma into the kernel instead, so that its gradient has neither the
factor 1 / sigma nor the second term.
"""

import math

import keras
import tensorflow as tf

EPSILON = 1e-12  # torch.nn.utils.spectral_norm: keeps the direction of a zero vector finite


def normalize(x):
    """A vector over its length, x / max(|x|_2, 1e-12)."""
    return x / tf.maximum(tf.norm(x), EPSILON)


def matrix(kernel, transposed=False):
    """A kernel as the paper's W^T, [everything else, out].

    Args:
        kernel: [H, W, in, out] or [in, out]; [H, W, out, in] where transposed.
        transposed: whether it belongs to a transposed convolution.

    Returns:
        A matrix with a column for each output channel.
    """
    kernel = tf.linalg.matrix_transpose(kernel) if transposed else kernel
    return tf.reshape(kernel, [-1, kernel.shape[-1]])


def power_iteration(w, u):
    """One step towards the first singular vectors: v = n(W^T u), u = n(W v) (Miyato et al. 2018, Algorithm 1).

    Args:
        w: W^T, float matrix [K, out].
        u: unit vector [out].

    Returns:
        (u, v): unit vectors [out] and [K], constants for differentiation.
    """
    w = tf.stop_gradient(w)
    v = normalize(tf.linalg.matvec(w, u))
    return normalize(tf.linalg.matvec(w, v, transpose_a=True)), v


def _random_direction(shape, dtype=None):
    return normalize(keras.random.normal(shape, dtype=dtype))


@keras.saving.register_keras_serializable("tfgan_gn")
class Sigma(keras.layers.Layer):
    """A kernel to the estimate u^T W v of its largest singular value, a scalar.

    Each call with training=True takes one power iteration from the kept u and keeps what comes out. Any other call
    changes nothing: sigma is that of the kept u and v. So the penalty at x_hat and a held-out loss see the critic that
    the training passes left.

    u and v are functions of the mirrored kernel and u, hence equal on all replicas; the first replica's are written.

    Args:
        transposed: whether the kernel is that of a transposed convolution.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, transposed=False, **kwargs):
        super().__init__(autocast=False, **kwargs)  # in full precision also where the convolution is bfloat16
        self.transposed = transposed

    def build(self, shape):
        """Creates u and v, random unit vectors, for a kernel of this shape."""
        out = shape[-2] if self.transposed else shape[-1]
        kept = {"trainable": False, "autocast": False, "aggregation": "only_first_replica"}
        self.u = self.add_weight(name="u", shape=(out,), initializer=_random_direction, **kept)
        self.v = self.add_weight(name="v", shape=(math.prod(shape) // out,), initializer=_random_direction, **kept)
        self.built = True

    def iterate(self, kernel):
        """Takes one power iteration and keeps it, outside of a training pass."""
        u, v = power_iteration(matrix(kernel, self.transposed), tf.convert_to_tensor(self.u))
        self.u.assign(u)
        self.v.assign(v)

    def call(self, kernel, training=False):
        w = matrix(kernel, self.transposed)
        u, v = tf.convert_to_tensor(self.u), tf.convert_to_tensor(self.v)
        if training:
            u, v = power_iteration(w, u)
            self.u.assign(u)
            self.v.assign(v)
        return tf.tensordot(v, tf.linalg.matvec(w, u), 1)

    def get_config(self):
        return {**super().get_config(), "transposed": self.transposed}


def xavier(gain):
    """A new initializer: U(-a, a) with a = gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, equation 16)."""
    return keras.initializers.VarianceScaling(gain**2, mode="fan_avg", distribution="uniform")


@keras.saving.register_keras_serializable("tfgan_gn")
class SpectralConv2D(keras.layers.Layer):
    """Convolution with the kernel W / sigma(W), same padding, and a bias that is not normalized.

    Args:
        filters: output channels.
        kernel_size: height and width of the kernel.
        strides: of both axes.
        gain: of `xavier`, from which W is drawn.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, filters, kernel_size, strides=1, gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.strides, self.gain = filters, kernel_size, strides, gain
        self.sigma = Sigma(name="sigma")

    def build(self, shape):
        """Creates the weights for an input [N, H, W, in]."""
        _create(self, (self.kernel_size, self.kernel_size, shape[-1], self.filters), self.filters)

    def call(self, x, training=False, convolve=None):
        """Convolves; with a function of `resampling` as `convolve`, in its way, joined with what resamples."""
        kernel, bias = _normalized(self, x, training), tf.convert_to_tensor(self.bias)
        return convolve(x, kernel, bias) if convolve else tf.nn.conv2d(x, kernel, self.strides, "SAME") + bias

    def get_config(self):
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "strides": self.strides, "gain": self.gain}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("tfgan_gn")
class SpectralConv2DTranspose(keras.layers.Layer):
    """Transposed convolution with the kernel W / sigma(W), [H, W, out, in], and a bias that is not normalized.

    Args:
        filters: output channels.
        kernel_size: height and width of the kernel.
        strides: of both axes.
        padding: "same": an output `strides` times as large; "valid": H - 1 strides and one kernel.
        gain: of `xavier`, from which W is drawn.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, filters, kernel_size, strides=1, padding="same", gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.strides = filters, kernel_size, strides
        self.padding, self.gain = padding, gain
        self.sigma = Sigma(transposed=True, name="sigma")

    def build(self, shape):
        """Creates the weights for an input [N, H, W, in]."""
        _create(self, (self.kernel_size, self.kernel_size, self.filters, shape[-1]), self.filters)

    def call(self, x, training=False):
        more = 0 if self.padding == "same" else self.kernel_size - self.strides
        size = [self.strides * side + more for side in x.shape[1:3]]
        kernel = _normalized(self, x, training)
        shape = [tf.shape(x)[0], *size, self.filters]
        return tf.nn.conv2d_transpose(x, kernel, shape, self.strides, self.padding.upper()) + tf.convert_to_tensor(
            self.bias
        )

    def get_config(self):
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "strides": self.strides}
        return {**super().get_config(), **own, "padding": self.padding, "gain": self.gain}


@keras.saving.register_keras_serializable("tfgan_gn")
class SpectralDense(keras.layers.Layer):
    """Linear layer with the kernel W / sigma(W) and a bias that is not normalized: [N, in] to [N, units].

    Args:
        units: size of the output.
        gain: of `xavier`, from which W is drawn.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, units, gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.gain = units, gain
        self.sigma = Sigma(name="sigma")

    def build(self, shape):
        """Creates the weights for an input [N, in]."""
        _create(self, (shape[-1], self.units), self.units)

    def call(self, x, training=False):
        return tf.linalg.matmul(x, _normalized(self, x, training)) + tf.convert_to_tensor(self.bias)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "gain": self.gain}


def _create(layer, shape, out):
    """Gives a layer its kernel W, its bias (zeros), u and v."""
    layer.kernel = layer.add_weight(name="kernel", shape=shape, initializer=xavier(layer.gain), autocast=False)
    layer.bias = layer.add_weight(name="bias", shape=(out,), initializer="zeros")
    layer.sigma.build(shape)
    layer.sigma.iterate(tf.convert_to_tensor(layer.kernel))  # so that sigma is positive before the first pass
    layer.built = True


def _normalized(layer, x, training):
    """W / sigma(W), divided in W's precision and then cast to the input's."""
    kernel = tf.convert_to_tensor(layer.kernel)
    return tf.cast(kernel / layer.sigma(kernel, training=training), x.dtype)


def iterate_power(model):
    """Takes one power iteration in every spectrally normalized layer of a model, after its kernels were assigned."""
    for layer in model._flatten_layers():
        if isinstance(getattr(layer, "sigma", None), Sigma):
            layer.sigma.iterate(tf.convert_to_tensor(layer.kernel))
