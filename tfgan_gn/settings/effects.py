"""Settings that do not fit together: one that changes nothing beside another, too few images, uneven towers."""

from tfgan_gn.architectures import ARCHITECTURES
from tfgan_gn.errors import UserError
from tfgan_gn.settings.protocols import PROTOCOLS
from tfgan_gn.settings.registry_names import TAKES_GROUPS

OF_LEVELS = ("levels", "inner_layers", "generator_inner_layers", "dense_units", "wide_connections", "dropout")
OF_PAIRS = ("validation_classes", "test_classes", "class_file", "same_image")


def without_effect(config):
    """The settings of a `training.Config` that change nothing beside the others.

    Returns:
        dict from the name of a setting to a flag that would give it an effect.
    """
    sgd = "sgd" in (config.optimizer, config.critic_optimizer)
    adam = "adam" in (config.optimizer, config.critic_optimizer)
    architecture = ARCHITECTURES[config.architecture]
    shapes, pairs = architecture.levels is not None, architecture.image_condition
    needs = {  # a setting: whether it has an effect, and what gives it one
        "groups": (TAKES_GROUPS[config.norm], "--norm=group"),
        "generator_groups": (TAKES_GROUPS[config.generator_norm], "--generator_norm=group"),
        "batch_norm_towers": (config.generator_norm == "batch", "--generator_norm=batch"),
        "synced_batch_norm": (
            any(norm.startswith("batch") for norm in (config.norm, config.generator_norm)),
            "--generator_norm=batch",
        ),
        "auxiliary": (config.conditional, "--conditional"),
        "gp_weight": (config.penalty != "none", "--penalty=gradient"),
        "momentum": (sgd, "--optimizer=sgd"),
        "beta_1": (adam, "--optimizer=adam"),
        "beta_2": (adam, "--optimizer=adam"),
        "initializer": (
            config.initializer != architecture.initializer,
            "an --architecture with other initial weights",
        ),
        "reuse_real_batch": (config.n_critic > 1, "--n_critic=5"),
        "wait": (config.strategy == "multi_worker", "--strategy=multi_worker"),
        "patch_size": (config.dataset == "folder", "--dataset=folder"),
        "eval_images": (config.eval_every, "--eval_every=1000"),
        "scorer": (config.eval_every, "--eval_every=1000"),
        **dict.fromkeys(OF_LEVELS, (shapes, "--architecture=dagan")),
        "image_width": (shapes, "--architecture=dagan"),
        **dict.fromkeys(OF_PAIRS, (pairs, "--architecture=dagan")),
    }
    return {name: way_out for name, (has_effect, way_out) in needs.items() if not has_effect}


def refuse_without_effect(config, given):
    """Checks that every setting that was given changes something.

    Args:
        config: `training.Config`.
        given: dict of the settings that were given, by name.

    Raises:
        UserError: one changes nothing, because of the value of another; names both.
    """
    for name, way_out in without_effect(config).items():
        if given.get(name):
            raise UserError(f"--{name} has no effect without {way_out}: leave out --{name}, or add {way_out}")
    if config.auxiliary and not config.conditional:
        raise UserError("--auxiliary needs --conditional, because the classifier learns from the labels: add it")


def refuse_too_few_images(config):
    """Raises UserError for a `training.Config` with fewer images per scoring than its protocol has splits."""
    least = PROTOCOLS[config.protocol].splits
    if 0 < config.eval_images < least:
        raise UserError(
            f"--eval_images={config.eval_images}: give {least} or more, because the classifier score is the mean over "
            f"{least} parts of the images; or leave it out"
        )


def refuse_unfit_pairs(config, given):
    """Checks the settings of networks that take pairs of images.

    Args:
        config: `training.Config`.
        given: dict of the settings that were given, by name.

    Raises:
        UserError: the classes are divided in two ways, the steps have different sizes, images that are not square
            shall be turned, or statistics of batch norm cannot be collected.
    """
    if not ARCHITECTURES[config.architecture].image_condition:
        return
    if config.class_file and given.keys() & {"validation_classes", "test_classes"}:
        raise UserError(
            "--class_file divides the classes, so that --validation_classes and --test_classes have no effect: leave "
            "them out, or leave out --class_file"
        )
    if config.generator_batch_multiple != 1:
        raise UserError(
            f"--generator_batch_multiple={config.generator_batch_multiple}: a generator step of "
            f"--architecture={config.architecture} takes one batch of pairs; give --generator_batch_multiple=1"
        )
    if config.generator_norm == "batch" and config.generator_statistics == "standing":
        raise UserError(
            f"--generator_norm=batch: the export of --architecture={config.architecture} cannot collect the statistics "
            "of batch norm; give --generator_norm=group, layer, instance or batch_renorm, or "
            "--generator_statistics=batch"
        )
    if config.turns and config.sides[0] != config.sides[1]:
        raise UserError(
            f"--image_size={config.image_size} --image_width={config.image_width}: images that are not square cannot "
            "be turned by 90 degrees; give --noturns"
        )


def refuse_uneven_towers(config):
    """Raises UserError for a `training.Config` whose batches cannot be divided evenly into towers of batch norm."""
    towers = config.batch_norm_towers
    if config.generator_norm == "batch" and config.batch_size % towers:
        raise UserError(
            f"--batch_norm_towers={towers} does not divide --batch_size={config.batch_size}: give a multiple of "
            f"{towers} as --batch_size, or --batch_norm_towers=1"
        )
