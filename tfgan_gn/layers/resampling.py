"""Convolutions computed together with the resampling before or after them, which takes fewer operations.

A convolution, the mean over 2x2 pixels and nearest-neighbour upsampling are linear. Two of them in a row are again one
linear map, and each function here computes that map in its cheapest form. Nothing is approximated: each function equals
the two steps one after the other, also at the border, except for rounding. `tests/test_resampling.py` compares value,
gradient and gradient of the gradient.

Every function takes x [N, H, W, C] (floating, channels last), the kernel [3, 3, C, filters] or [1, 1, C, filters] and
the bias [filters] of the published layer, all of one dtype, and returns that dtype. The bias is added with `+`, not
with `tf.nn.bias_add`. TensorFlow 2.21's graph optimizer fuses `tf.nn.bias_add` and the convolution into one oneDNN
operation. When several of these ran at the same time on a CPU, the held-out loss was sometimes wrong, or the process
crashed.
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
    commute. Pooling first takes a quarter of the operations.
    """
    return convolve(mean_pool(x), kernel, bias)


def convolve1x1_then_upsample(x, kernel, bias):
    """convolve(upsample(x)) for a 1x1 kernel: [N, H, W, C] to [N, 2H, 2W, filters].

    Four equal pixels have four equal results. Computing one and repeating it takes a quarter of the operations.
    """
    return upsample(convolve(x, kernel, bias))


def convolve3x3_and_pool(x, kernel, bias):
    """mean_pool(convolve(x)) for a 3x3 kernel: [N, H, W, C] to [N, H/2, W/2, filters]; H and W must be even.

    In one dimension, with the kernel k_0 k_1 k_2 and x = 0 beyond the border, the convolution is
    y_t = sum_i k_i x_{t+i-1}, and the mean is

        (y_2p + y_2p+1) / 2 = sum_i k_i (x_{2p+i-1} + x_{2p+i}) / 2 = sum_j (k_j + k_{j-1}) / 2 x_{2p+j-1},  j = 0 .. 3:

    This is a convolution of stride 2 with the kernel `sum_of_shifts(k) / 2` of size 4. It begins one pixel before the
    image and ends one pixel after it, as "SAME" does at an even size. In two dimensions it takes 16 products per output
    instead of 4 x 9.
    """
    kernel = sum_of_shifts(kernel) / 4
    return tf.nn.conv2d(x, kernel, 2, "SAME") + bias


def upsample_and_convolve3x3(x, kernel, bias):
    """convolve(upsample(x)) for a 3x3 kernel: [N, H, W, C] to [N, 2H, 2W, filters].

    Upsampling is the transpose of pooling, up to the factor of the mean, so this is the transpose of a
    `convolve3x3_and_pool`. In one dimension y_t = sum_i k_i x_{floor((t+i-1) / 2)}. In it x_p appears where t + i - 1
    is 2p or 2p + 1, so

        y_t = sum_p w_{t-2p+1} x_p,  w_j = k_{2-j} + k_{3-j},  j = 0 .. 3:

    This is a transposed convolution of stride 2 with the `sum_of_shifts` of the mirrored kernel. Beyond the border x is
    0, before and after upsampling. In two dimensions it takes 4 products per output instead of 9.
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
