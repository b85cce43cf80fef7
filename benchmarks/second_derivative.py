"""Measures the error that Keras' norms make in the critic's gradient, on the published critic, in float64.

    python benchmarks/second_derivative.py --widths=32,64,128 --seeds=0

A critic with this package's norms and one with Keras' norms have the same weights and get the same images. Their
losses agree to 1e-10, their gradients do not. A seed draws the weights, the images, the noise and the interpolation;
the table gives the range over the seeds.
"""

import argparse
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from tfgan_gn.data.drawn.shapes import draw_shapes
from tfgan_gn.layers import norm_layers, norms
from tfgan_gn.models import build_networks
from tfgan_gn.training.losses import LOSSES, gradient_penalty, interpolate

BATCH, GP_WEIGHT = 16, 10.0


class Stock(keras.layers.GroupNormalization):
    """Keras' layer with the call of this package's norms."""

    def call(self, x, labels=None, standing=False, towers=1):
        """Images [N, H, W, C] to the same shape; labels are not used."""
        return super().call(x)


def stock(count):
    """The `layer` of a row of NORMS: from (groups, num_classes, name) to Keras' layer with count(groups) groups."""
    return lambda groups, num_classes, name: Stock(count(groups), epsilon=norm_layers.EPSILON, name=name)


STOCK = {"group": stock(lambda groups: groups), "instance": stock(lambda groups: -1), "layer": stock(lambda groups: 1)}


def critic_gradient(critic, real, fake, eps):
    """The critic's loss and its gradient by every parameter."""
    with tf.GradientTape() as tape:
        penalty, _ = gradient_penalty(critic, interpolate(real, fake, eps))
        loss = LOSSES["wasserstein"].critic(critic(real), critic(fake)) + GP_WEIGHT * penalty
    return float(loss), tape.gradient(loss, critic.trainable_variables)


def compare(norm, width, seed):
    """(difference of the losses, error of Keras' gradient over all parameters, error in the worst tensor)."""
    keras.utils.set_random_seed(seed)
    settings = {"width": width, "norm": norm, "groups": (width // 4,)}
    ours = build_networks(**settings)
    kept, norms.NORMS[norm] = norms.NORMS[norm], norms.Norm(STOCK[norm])
    stock = build_networks(**settings).critic
    norms.NORMS[norm] = kept
    by_path = {v.path: v for v in stock.trainable_variables}
    for v in ours.critic.trainable_variables:
        by_path[v.path].assign(v)
    real = tf.constant(draw_shapes(BATCH, 32, seed)[0] / 128 - 1)
    rng = np.random.default_rng(seed)
    fake = ours.generator(tf.constant(rng.normal(size=(BATCH, 128))), training=True)
    eps = tf.constant(rng.uniform(size=BATCH))
    (loss, exact), (stock_loss, wrong) = (critic_gradient(c, real, fake, eps) for c in (ours.critic, stock))
    wrong = dict(zip((v.path for v in stock.trainable_variables), wrong, strict=True))
    pairs = [(g, wrong[v.path]) for v, g in zip(ours.critic.trainable_variables, exact, strict=True)]
    sizes = [float(tf.norm(g)) for g, _ in pairs]
    errors = [float(tf.norm(g - w)) for g, w in pairs]
    worst = max(e / s for e, s in zip(errors, sizes, strict=True) if s > 1e-9)
    return abs(loss - stock_loss), np.linalg.norm(errors) / np.linalg.norm(sizes), worst


def whole_numbers(text):
    """The numbers in a text such as "32,64"."""
    return [int(part) for part in text.split(",")]


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--widths", type=whole_numbers, default=[32, 64, 128])
    parser.add_argument(
        "--seeds", type=whole_numbers, default=[0], help="one measurement of each norm and width a seed"
    )
    args = parser.parse_args()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    sys.stdout.write("norm      width  |loss - loss|    gradient off by      worst tensor\n")
    for norm in STOCK:
        for width in args.widths:
            losses, errors, worst = zip(*(compare(norm, width, seed) for seed in args.seeds), strict=True)
            sys.stdout.write(f"{norm:9} {width:5}  {max(losses):13.0e}  {_range(errors):>17}  {_range(worst):>16}\n")
            sys.stdout.flush()


def _range(values):
    low, high = min(values), max(values)
    return f"{low:.1%}" if low == high else f"{low:.1%} to {high:.1%}"


if __name__ == "__main__":
    main()
