"""Convolutions joined with what resamples before or after them: the same functions for fewer operations.

A convolution, the mean over 2x2 pixels and nearest-neighbour upsampling are linear, so each pair of them is one linear
map, and the cheapest form of the map can be computed. Nothing is approximated: each function here equals the naive
pair, at the border too, and differs from it by rounding. `tests/test_resampling.py` holds value, gradient and gradient
of the gradient to it.

Every function takes x [N, H, W, C] (floating, channels last), the kernel [3, 3, C, filters] or [1, 1, C, filters] and
the bias [filters] of the published layer, all of one dtype, and returns that dtype. The bias is added, not given to
`tf.nn.bias_add`: TensorFlow 2.21's graph optimizer joins that with the convolution to one oneDNN operation, and where
several of those ran at once on a CPU the held-out loss came out wrong now and then, or the process died.
"""

import tensorflow as tf


def upsample(x):
    """Nearest neighbour: [N, H, W, C] to [N, 2H, 2W, C]."""
    return tf.repeat(tf.repeat(x, 2, 1), 2, 2)


def mean_pool(x):
    """Mean of each 2x2: [N, H, W, C] to [N, H/2, W/2, C]; H and W must be even."""
    return tf.nn.avg_pool2d(x, 2, 2, "VALID")


def convolve(x, kernel, bias):
    """Convolution of stride 1 with zeros beyond the border, and bias: [N, H, W, C] to [N, H, W, filters]."""
    return tf.nn.conv2d(x, kernel, 1, "SAME") + bias


def pool_then_convolve1x1(x, kernel, bias):
    """mean_pool(convolve(x)) for a 1x1 kernel: [N, H, W, C] to [N, H/2, W/2, filters].

    A 1x1 convolution acts on channels alone, a mean on pixels alone, and the mean of the bias is the bias. So they
    commute, and the pool goes first: a quarter of the operations.
    """
    return convolve(mean_pool(x), kernel, bias)


def convolve1x1_then_upsample(x, kernel, bias):
    """convolve(upsample(x)) for a 1x1 kernel: [N, H, W, C] to [N, 2H, 2W, filters].

    Four equal pixels have four equal results: compute one and repeat it, a quarter of the operations.
    """
    return upsample(convolve(x, kernel, bias))


def convolve3x3_and_pool(x, kernel, bias):
    """mean_pool(convolve(x)) for a 3x3 kernel: [N, H, W, C] to [N, H/2, W/2, filters]; H and W must be even.

    In one dimension, with rows k_0 k_1 k_2 of the kernel and 0 where x ends, the convolution is
    y_t = sum_i k_i x_{t+i-1}, and the mean

        (y_2p + y_2p+1) / 2 = sum_i k_i (x_{2p+i-1} + x_{2p+i}) / 2 = sum_j (k_j + k_{j-1}) / 2 x_{2p+j-1},  j = 0 .. 3:

    a convolution of stride 2 with the four rows of `sum_of_shifts(k) / 2`, which begins one pixel before the image
    and ends one behind it, as "SAME" does at an even size. Per output 16 products instead of 4 x 9.
    """
    kernel = sum_of_shifts(kernel) / 4
    return tf.nn.conv2d(x, kernel, 2, "SAME") + bias


def upsample_and_convolve3x3(x, kernel, bias):
    """convolve(upsample(x)) for a 3x3 kernel: [N, H, W, C] to [N, 2H, 2W, filters].

    Upsampling repeats what pooling sums, so that this is the transpose of `convolve3x3_and_pool`, up to the factor of
    the mean. In one dimension y_t = sum_i k_i x_{floor((t+i-1) / 2)}; x_p enters it where t + i - 1 is 2p or 2p + 1, so

        y_t = sum_p w_{t-2p+1} x_p,  w_j = k_{2-j} + k_{3-j},  j = 0 .. 3:

    a transposed convolution of stride 2 with the `sum_of_shifts` of the mirrored kernel. Beyond the border x is 0, and
    so are both pixels that it would become. Per output 4 products instead of 9.
    """
    n, (height, width) = tf.shape(x)[0], x.shape[1:3]
    kernel = tf.transpose(sum_of_shifts(tf.reverse(kernel, [0, 1])), [0, 1, 3, 2])
    shape = [n, 2 * height, 2 * width, kernel.shape[2]]
    return tf.nn.conv2d_transpose(x, kernel, shape, 2, "SAME") + bias


def sum_of_shifts(kernel):
    """The kernel added to itself one pixel lower, one to the right, and both: [3, 3, ...] to [4, 4, ...]."""
    for before, behind in (([[1, 0], [0, 0]], [[0, 1], [0, 0]]), ([[0, 0], [1, 0]], [[0, 0], [0, 1]])):
        none = [[0, 0]] * (kernel.shape.rank - 2)
        kernel = tf.pad(kernel, before + none) + tf.pad(kernel, behind + none)
    return kernel
