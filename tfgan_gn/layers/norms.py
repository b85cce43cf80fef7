"""The norms by name, and the statistics of batch norm."""

import functools
from collections.abc import Callable, Iterable
from typing import NamedTuple

import keras
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.layers.batch_norm import BatchNorm
from tfgan_gn.layers.batch_renorm import BatchRenorm
from tfgan_gn.layers.norm_layers import GroupNorm, NoNorm, ReportGroupNorm


def collect_standing_statistics(model, batches: Iterable):
    """Sets the standing statistics of every `BatchNorm` of a model to those of the given batches together.

    Each layer then holds the mean and the variance of its input over all images of all batches. While they are
    collected, each batch is normalized by its own statistics, as in training. No other state of the model changes.

    Args:
        model: a Keras model with weights, called as model(batch) or model(batch, condition=condition).
        batches: inputs of the model, all of the same batch size; pairs (batch, condition) for a conditional model. A
            batch should be as large as what batch norm normalizes together in training: a tower, if there are several.
    """
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, BatchNorm)]
    for layer in layers:
        layer.accumulating = True
        for variable in (layer.standing_mean, layer.standing_variance, layer.standing_batches):
            variable.assign(tf.zeros(variable.shape, variable.dtype))
    # Not with training=True, which would make spectral norm take a step. Traced here, while `accumulating` is set.
    forward = tf.function(
        lambda x, condition=None: model(x, condition=condition), reduce_retracing=True, autograph=False
    )
    try:
        for batch in batches if layers else ():
            forward(*batch) if isinstance(batch, tuple) else forward(batch)
    finally:
        for layer in layers:
            layer.accumulating = False


def synchronize_batch_norm(model):
    """Makes every batch norm and batch renormalization use the whole batch's statistics, not its replica's share's.

    In a call with towers it uses those of the whole tower, where several replicas share one.

    Args:
        model: a Keras model, before a `tf.function` that calls it is traced.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, (BatchNorm, BatchRenorm)):
            layer.synchronized = True


class Norm(NamedTuple):
    """A norm that a network can have.

    Attributes:
        layer: from (groups, num_classes, name) to a new layer, called as layer(x, labels=None, standing=False,
            towers=1): [N, ..., C] to the same shape. `num_classes` is that of a conditional norm, which has a scale and
            offset for each class and takes labels [N]; None for an unconditional one, which ignores labels. `standing`
            and `towers` are for batch norm and are ignored by the others.
        caveat: warning shown when a network uses this norm; empty for none.
        critic_caveat: warning shown when this norm is used in a critic with a gradient penalty; empty for none.
        activates: whether the layer applies an activation of its own, so that the network adds none after it.
    """

    layer: Callable[..., keras.layers.Layer]
    caveat: str = ""
    critic_caveat: str = ""
    activates: bool = False

    def sites(self, groups, num_sites, num_classes=None):
        """The norm sites of a network, in order.

        Args:
            groups: sequence of one group count for all sites, or one per site. Only group norm uses them.
            num_sites: how many norm sites the network has.
            num_classes: of conditional norms; None for unconditional ones.

        Returns:
            A list with a function for each site, from the name of a layer to a new layer.

        Raises:
            UserError: any other number of group counts.
        """
        return [functools.partial(self.layer, g, num_classes) for g in groups_per_site(groups, num_sites)]

    def then(self, activation):
        """The activation that follows a site: the given one, or the identity where the norm has its own."""
        return tf.identity if self.activates else activation


CONTRIB_EPSILON = 1e-12  # `tf.contrib.layers.layer_norm`, which the published DAGAN calls

NORMS = {
    "none": Norm(lambda groups, num_classes, name: NoNorm(name=name)),
    "batch": Norm(
        lambda groups, num_classes, name: BatchNorm(num_classes=num_classes, name=name),
    ),
    "layer": Norm(lambda groups, num_classes, name: GroupNorm(1, num_classes=num_classes, name=name)),
    "instance": Norm(lambda groups, num_classes, name: GroupNorm(None, num_classes=num_classes, name=name)),
    "group": Norm(lambda groups, num_classes, name: GroupNorm(groups, num_classes=num_classes, name=name)),
    "report_group": Norm(
        lambda groups, num_classes, name: ReportGroupNorm(groups, num_classes=num_classes, name=name),
        caveat="report_group is the formula of the group-norm report: where all values of a group are equal, it "
        "multiplies gradients by 1e10, and the gradient of the gradient penalty is undefined (NaN). --norm=group is "
        "smooth there.",
    ),
    "contrib_layer": Norm(
        lambda groups, num_classes, name: GroupNorm(1, CONTRIB_EPSILON, num_classes=num_classes, name=name)
    ),
    "batch_renorm": Norm(
        lambda groups, num_classes, name: BatchRenorm(num_classes=num_classes, name=name),
        critic_caveat="batch renormalization in the critic scores images by the statistics of their batch, but the "
        "gradient penalty is computed with the moving statistics. So the penalty is that of another function. "
        "--norm=layer, instance or group work with it.",
    ),
}


def get_norm(name):
    """The row of a norm in NORMS. Raises UserError where there is none of this name."""
    if name not in NORMS:
        raise UserError(f"norm {name!r} is not one of {', '.join(NORMS)}")
    return NORMS[name]


def groups_per_site(groups, num_sites):
    """One group count for each norm site of a network.

    Args:
        groups: sequence of one count for all sites, or one count per site in order.
        num_sites: how many norm sites the network has.

    Returns:
        A tuple of num_sites counts.

    Raises:
        UserError: any other number of counts.
    """
    groups = tuple(groups)
    if len(groups) not in (1, num_sites):
        raise UserError(
            f"groups={','.join(map(str, groups))} has {len(groups)} numbers: give one, or one for each of the "
            f"{num_sites} norm sites in order"
        )
    return groups if len(groups) == num_sites else groups * num_sites
