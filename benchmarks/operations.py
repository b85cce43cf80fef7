"""How many operations a training step needs, counted from the layers of its networks.

It counts the multiplications and additions (2 for each product) of convolutions and linear layers. It does not count
norms, ReLUs, sums, losses, Adam, and the critic's last layer, which has one output. Rates computed from it are
therefore a little below the true rates. `tests/test_step_benchmark.py` compares the count with the traced graph.

For a linear layer y = W x, each of these costs the same: y, the gradient by x, the gradient by W, and the second-order
gradient by y's gradient. So the cost of an update is a number of passes over each layer:

    critic update, generated images    generator forward                                                 1
    critic update, real and generated  forward, by the filter, by the input (not by the image)           3 (2), twice
    critic update, x_hat, penalty      forward, by the input                                             2
    critic update, x_hat, its gradient through the pass back: by the filter, by what came in             2
                                       through the forward pass: by the filter, by the input (not image) 2 (1)
    generator update                   generator forward, by the filter, by the input (not by the noise) 3 (2)
                                       critic forward, by the input                                      2

The row "through the forward pass" applies only to layers that a norm follows. The slope of a ReLU does not change with
its input, so without norms the slopes of the critic do not depend on the values of the forward pass.
"""

from typing import NamedTuple


class Linear(NamedTuple):
    """A convolution or linear layer as it is computed for one image.

    Attributes:
        products: multiplications of one pass.
        on_input: whether its input is the image or the noise. An update of its own network needs no gradient by these.
        before_norm: whether a norm follows it.
    """

    products: int
    on_input: bool = False
    before_norm: bool = False


def critic_layers(width, image_size, channels, normed, joined):
    """The critic of Gulrajani et al. 2017 as `Linear`s, in order.

    Args:
        width: channels of every block.
        image_size: height and width of the image.
        channels: of the image.
        normed: whether the critic has norms at its six sites.
        joined: whether resampling is computed together with the convolutions (`tfgan_gn.layers.resampling`).
    """
    full, half, quarter = image_size**2, image_size**2 // 4, image_size**2 // 16
    square = width * width
    pooled = 4 if joined else 9  # products per full-size pixel of a 3x3 convolution that is pooled
    shortcut = half // 4 if joined else half  # the pixels at which block 2 computes its shortcut
    return [
        Linear(9 * full * channels * width, on_input=True, before_norm=normed),
        Linear(pooled * full * square, before_norm=normed),
        Linear(half * channels * width, on_input=True, before_norm=normed),  # published so: it pools first
        Linear(9 * half * square, before_norm=normed),
        Linear(pooled * half * square, before_norm=normed),
        Linear(shortcut * square, before_norm=normed),
        *[Linear(9 * quarter * square, before_norm=normed)] * 3,
        Linear(9 * quarter * square),
    ]


def generator_layers(width, image_size, channels, z_dim, joined):
    """The generator of Gulrajani et al. 2017 as `Linear`s; arguments as of `critic_layers`."""
    square, layers = width * width, [Linear(z_dim * width * (image_size // 8) ** 2, on_input=True)]
    for divisor in (4, 2, 1):
        pixels = (image_size // divisor) ** 2
        layers += [Linear((4 if joined else 9) * pixels * square), Linear(9 * pixels * square)]
        layers += [Linear((pixels // 4 if joined else pixels) * square)]
    return [*layers, Linear(9 * image_size**2 * width * channels)]


def critic_update(critic, generator, batch_size):
    """Operations of one critic update, of lists of `Linear`s: see the table above."""
    passes = 0
    for layer in critic:
        labelled = 3 - layer.on_input
        penalty = 4 + layer.before_norm * (2 - layer.on_input)
        passes += (2 * labelled + penalty) * layer.products
    return 2 * batch_size * (passes + sum(layer.products for layer in generator))


def generator_update(critic, generator, batch_size):
    """Operations of one generator update on `batch_size` images: see the table above."""
    passes = sum((3 - layer.on_input) * layer.products for layer in generator)
    return 2 * batch_size * (passes + 2 * sum(layer.products for layer in critic))
