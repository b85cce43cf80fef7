"""Settings of published systems: how each differs from the defaults and from the sizes of its architecture."""

from tfgan_gn.architectures import ARCHITECTURES, DEFAULT_ARCHITECTURE, SIZES, sizes_of
from tfgan_gn.settings.protocols import PROTOCOLS, defaults_of_protocol

AUTHOR = "gan_cifar_resnet.py"  # Gulrajani et al. 2017, github.com/igul222/improved_wgan_training
GULRAJANI = "Gulrajani et al. 2017, unconditional model"
WU_AND_HE = "Wu and He 2018"
DAGAN = "github.com/AntreasAntoniou/DAGAN"
DAGAN_READ_ME = DAGAN + ", its read-me"
DEFAULT_PRESET = "author"

_CNN = {  # gan_cifar.py of the WGAN-GP authors
    "architecture": "simple_cnn",
    "iterations": 200_000,
    "learning_rate": 1e-4,
    "lr_decay": "none",
    "beta_1": 0.5,
    "generator_batch_multiple": 1,
}
_CLIPPED = {  # Arjovsky et al. 2017, section 4
    "optimizer": "rmsprop",
    "learning_rate": 5e-5,
    "penalty": "none",
    "clip": 0.01,
    "separate_passes": True,
}
_REPORT = {  # gan_cifar10.py, github.com/gzmkobe/wgan_with_group_normalization
    "learning_rate": 1e-4,
    "beta_1": 0.5,
    "lr_decay": "none",
    "gp_weight": 5.0,
    "generator_batch_multiple": 1,
}
_DCGAN_64 = {  # github.com/giakou4/gans; its epochs are of 938 batches of its MNIST
    "architecture": "dcgan_64",
    "learning_rate": 1e-4,
    "lr_decay": "none",
    "generator_batch_multiple": 1,
}
_SNGAN = {  # github.com/ctjoy/deep-learning-project, Miyato et al. 2018
    "loss": "hinge",
    "penalty": "none",
    "separate_passes": True,
    "lr_decay": "none",
    "iterations": 200 * 781,  # 200 epochs of CIFAR-10, without the incomplete batches
    "generator_batch_multiple": 1,
}
_DAGAN = {  # train_omniglot_dagan.py, github.com/AntreasAntoniou/DAGAN
    "architecture": "dagan",
    "learning_rate": 1e-4,
    "lr_decay": "none",
    "batch_size": 32,
    "generator_batch_multiple": 1,
    "iterations": 200 * 562,  # 200 epochs of the 900 training classes of Omniglot, 20 images each
    "order": "critic_first",
    "pixels": "255",
    "turns": True,
    "dropout": 0.5,
    "eval_every": 0,  # cifar10net, the default scorer, has learnt from CIFAR-10 and not from characters
}
_TOWERS = {"batch_norm_towers": 2}  # gan_cifar_resnet.py splits every batch, on one GPU too; gan_cifar.py does not
_CORRECTED = {
    "author": _TOWERS,
    "report": {**_REPORT, "iterations": 10_000, "groups": (16, 16, 8, 8, 4, 4)},
    "report_cnn": {**_REPORT, "architecture": "report_cnn", "iterations": 200_000, "groups": (16,)},
    "author_acgan": {**_TOWERS, "norm": "none", "conditional": True, "auxiliary": True},
    "author_conditional": {**_TOWERS, "norm": "layer", "conditional": True},
    "simple_cnn": _CNN,
    "wgan_clip": {**_CNN, **_CLIPPED, "norm": "batch"},
    "author_dcgan": {
        **_CNN,
        "norm": "batch",
        "loss": "bce",
        "penalty": "none",
        "separate_passes": True,
        "learning_rate": 2e-4,
        "beta_2": 0.999,
        "n_critic": 1,
    },
    "wgan_gp_64": {**_DCGAN_64, "iterations": 50 * 938},
    "wgan_64": {**_DCGAN_64, **_CLIPPED, "z_dim": 128, "iterations": 50 * 938},
    "wcgan_gp_64": {**_DCGAN_64, "width": 16, "conditional": True, "iterations": 100 * 938},
    "wgan_32": {  # github.com/Zeleni9/pytorch-wgan
        "architecture": "wgan_32",
        "iterations": 40_000,
        "learning_rate": 1e-4,
        "lr_decay": "none",
        "beta_1": 0.5,
        "beta_2": 0.999,
        "generator_batch_multiple": 1,
    },
    "sngan_resnet": {**_SNGAN, "architecture": "sngan_resnet"},
    "sngan_dcgan": {**_SNGAN, "architecture": "sngan_dcgan"},
    "dagan": _DAGAN,
}

_PYTORCH = {"pixels": "255", "order": "critic_first"}
_GIAKOU4 = {**_PYTORCH, "reuse_real_batch": True, "initializer": "normal"}
_READ_ME = {**_PYTORCH, "reuse_real_batch": True, "critic_optimizer": "sgd", "critic_learning_rate": 0.01}
PUBLISHED = {  # what `NAME_published` has beside the settings of NAME; docs/models.md says what still differs
    "author": {"norm": "none"},
    # The default of `--group_num_by_layer`, '111111', is read digit by digit: one group everywhere.
    "report": {**_PYTORCH, "iterations": 300_000, "norm": "report_group", "groups": (1,), "initializer": "torch"},
    "report_cnn": {**_PYTORCH, "norm": "report_group", "initializer": "torch"},
    "simple_cnn": {"pixels": "255"},
    "wgan_clip": {"pixels": "255"},
    "author_dcgan": {"pixels": "255", "loss": "bce_halved"},
    "wgan_gp_64": _GIAKOU4,
    "wgan_64": _GIAKOU4,
    "wcgan_gp_64": _GIAKOU4,
    "wgan_32": {**_PYTORCH, "penalty": "channels", "initializer": "torch"},
    "sngan_resnet": _READ_ME,
    "sngan_dcgan": {**_READ_ME, "initializer": "torch"},
    "dagan": {"norm": "contrib_layer", "generator_norm": "batch_renorm", "same_image": True},
}
PRESETS = {**_CORRECTED, **{f"{name}_published": {**_CORRECTED[name], **more} for name, more in PUBLISHED.items()}}


def defaults_of(preset, architecture=None):
    """The settings that a preset and an architecture give a default to.

    The sizes and norms are those of the architecture. Those that a preset names, its groups, towers, dropout,
    pairs and scoring were chosen for the architecture of the preset: they are left out where another architecture is
    asked for.

    Args:
        preset: key of PRESETS.
        architecture: key of `architectures.ARCHITECTURES`; None for that of the preset.

    Returns:
        dict from a name to a value. The settings that are not in it keep the default of `training.Config`.
    """
    named = PRESETS[preset]
    own = named.get("architecture", DEFAULT_ARCHITECTURE)
    if architecture not in (None, own):
        of_networks = (*SIZES, "groups", "generator_groups", "batch_norm_towers", "dropout", "same_image", "eval_every")
        named = {name: value for name, value in named.items() if name not in of_networks}
    return {**sizes_of(architecture or own), **named}


def other_defaults(name):
    """The defaults that architectures, presets and protocols give to a setting.

    Args:
        name: of the setting.

    Returns:
        {"architecture": dict, "preset": dict, "protocol": dict}, each from the name of an architecture, a preset or a
        protocol to its default. Those that give the setting no default are left out.
    """
    tables = {
        "architecture": {each: sizes_of(each) for each in ARCHITECTURES},
        "preset": PRESETS,
        "protocol": {each: defaults_of_protocol(each) for each in PROTOCOLS},
    }
    return {
        kind: {each: defaults[name] for each, defaults in table.items() if name in defaults}
        for kind, table in tables.items()
    }
