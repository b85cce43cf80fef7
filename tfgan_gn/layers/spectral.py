"""Spectral normalization (Miyato et al. 2018): layers that use the kernel W / sigma(W), computed from W in each call.

The gradient goes through sigma: dL/dW = (E - <E, W / sigma> u v^T) / sigma with E = dL/d(W / sigma), the paper's
equation 12. Higher derivatives go through sigma too. All derivatives treat u and v as constants.
`keras.layers.SpectralNormalization` writes W / sigma into the kernel instead. Its gradient lacks the factor 1 / sigma
and the second term.
"""

import math

import keras
import tensorflow as tf

EPSILON = 1e-12  # as in torch.nn.utils.spectral_norm: a zero vector stays finite when normalized


def normalize(x):
    """A vector divided by its length: x / max(|x|_2, 1e-12)."""
    return x / tf.maximum(tf.norm(x), EPSILON)


def matrix(kernel, transposed=False):
    """A kernel as the paper's W^T: a matrix with one column for each output channel.

    Args:
        kernel: [H, W, in, out] or [in, out]; [H, W, out, in] of a transposed convolution.
        transposed: whether the kernel belongs to a transposed convolution.

    Returns:
        A matrix [H * W * in, out] or [in, out].
    """
    kernel = tf.linalg.matrix_transpose(kernel) if transposed else kernel
    return tf.reshape(kernel, [-1, kernel.shape[-1]])


def power_iteration(w, u):
    """One step towards the first singular vectors: v = n(W^T u), u = n(W v) (Miyato et al. 2018, Algorithm 1).

    Args:
        w: W^T, float matrix [K, out].
        u: unit vector [out].

    Returns:
        (u, v): unit vectors [out] and [K]. No gradient goes through them to w.
    """
    w = tf.stop_gradient(w)
    v = normalize(tf.linalg.matvec(w, u))
    return normalize(tf.linalg.matvec(w, v, transpose_a=True)), v


def _random_direction(shape, dtype=None):
    return normalize(keras.random.normal(shape, dtype=dtype))


@keras.saving.register_keras_serializable("tfgan_gn")
class Sigma(keras.layers.Layer):
    """Estimates the largest singular value of a kernel: a scalar, u^T W v.

    A call with training=True takes one power iteration, from the stored u, and stores the new u and v. Any other call
    uses the stored u and v and changes nothing. So the penalty at x_hat and the held-out loss measure the critic as the
    last training pass left it.

    The new u and v depend on the kernel and on u alone. Both are the same on all replicas, so the results are the same
    on all replicas, and the first replica's are stored.

    Args:
        transposed: whether the kernel belongs to a transposed convolution.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, transposed=False, **kwargs):
        super().__init__(autocast=False, **kwargs)  # float32 even where the convolution computes in bfloat16
        self.transposed = transposed

    def build(self, shape):
        """Creates u and v, which are random unit vectors, for a kernel of this shape."""
        out = shape[-2] if self.transposed else shape[-1]
        kept = {"trainable": False, "autocast": False, "aggregation": "only_first_replica"}
        self.u = self.add_weight(name="u", shape=(out,), initializer=_random_direction, **kept)
        self.v = self.add_weight(name="v", shape=(math.prod(shape) // out,), initializer=_random_direction, **kept)
        self.built = True

    def iterate(self, kernel):
        """Takes one power iteration outside of a training pass, and stores its u and v."""
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


class _Spectral(keras.layers.Layer):
    """A layer with the kernel W / sigma(W), and a bias that is not normalized.

    Args:
        gain: of `xavier`, from which the initial W is drawn.
        **kwargs: of `keras.layers.Layer`.
    """

    transposed = False  # whether the layer is a transposed convolution

    def __init__(self, gain, **kwargs):
        super().__init__(**kwargs)
        self.gain = gain
        self.sigma = Sigma(transposed=self.transposed, name="sigma")

    def _create(self, kernel_shape, outputs):
        """Creates the kernel W, the bias (zeros), u and v."""
        self.kernel = self.add_weight(name="kernel", shape=kernel_shape, initializer=xavier(self.gain), autocast=False)
        self.bias = self.add_weight(name="bias", shape=(outputs,), initializer="zeros")
        self.sigma.build(kernel_shape)
        self.sigma.iterate(tf.convert_to_tensor(self.kernel))  # so that sigma is positive before the first pass

    def _kernel_and_bias(self, x, training):
        """W / sigma(W), divided in the precision of W and then cast to that of the input x, and the bias."""
        kernel = tf.convert_to_tensor(self.kernel)
        return tf.cast(kernel / self.sigma(kernel, training=training), x.dtype), tf.convert_to_tensor(self.bias)

    def get_config(self):
        return {**super().get_config(), "gain": self.gain}


@keras.saving.register_keras_serializable("tfgan_gn")
class SpectralConv2D(_Spectral):
    """Convolution with same padding: [N, H, W, in] to [N, H / strides, W / strides, filters].

    Args:
        filters: output channels.
        kernel_size: height and width of the kernel.
        strides: of both axes.
        gain: of `xavier`, from which W is drawn.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, filters, kernel_size, strides=1, gain=1.0, **kwargs):
        super().__init__(gain, **kwargs)
        self.filters, self.kernel_size, self.strides = filters, kernel_size, strides

    def build(self, shape):
        """Creates the weights for an input [N, H, W, in]."""
        channels = (self.filters, shape[-1]) if self.transposed else (shape[-1], self.filters)
        self._create((self.kernel_size, self.kernel_size, *channels), self.filters)

    def call(self, x, training=False, convolve=None):
        """Convolves. A function of `resampling` given as `convolve` does it together with a resampling."""
        kernel, bias = self._kernel_and_bias(x, training)
        return convolve(x, kernel, bias) if convolve else tf.nn.conv2d(x, kernel, self.strides, "SAME") + bias

    def get_config(self):
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "strides": self.strides}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("tfgan_gn")
class SpectralConv2DTranspose(SpectralConv2D):
    """Transposed convolution, whose kernel is [H, W, out, in].

    The output is `strides` times as large as the input with padding "same". With "valid" it has
    strides * (size - 1) + kernel_size pixels a side. The other arguments are those of `SpectralConv2D`.
    """

    transposed = True

    def __init__(self, filters, kernel_size, strides=1, padding="same", gain=1.0, **kwargs):
        super().__init__(filters, kernel_size, strides, gain, **kwargs)
        self.padding = padding

    def call(self, x, training=False):
        more = 0 if self.padding == "same" else self.kernel_size - self.strides
        shape = [tf.shape(x)[0], *(self.strides * side + more for side in x.shape[1:3]), self.filters]
        kernel, bias = self._kernel_and_bias(x, training)
        return tf.nn.conv2d_transpose(x, kernel, shape, self.strides, self.padding.upper()) + bias

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


@keras.saving.register_keras_serializable("tfgan_gn")
class SpectralDense(_Spectral):
    """Linear layer: [N, in] to [N, units].

    Args:
        units: size of the output.
        gain: of `xavier`, from which W is drawn.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, units, gain=1.0, **kwargs):
        super().__init__(gain, **kwargs)
        self.units = units

    def build(self, shape):
        """Creates the weights for an input [N, in]."""
        self._create((shape[-1], self.units), self.units)

    def call(self, x, training=False):
        kernel, bias = self._kernel_and_bias(x, training)
        return tf.linalg.matmul(x, kernel) + bias

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def iterate_power(model):
    """Takes one power iteration in every spectrally normalized layer of a model, after its kernels were assigned."""
    for layer in model._flatten_layers():
        if isinstance(layer, _Spectral):
            layer.sigma.iterate(tf.convert_to_tensor(layer.kernel))
