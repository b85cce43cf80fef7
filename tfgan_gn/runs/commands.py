"""The commands to go on with a run, as text for a shell or for Python."""

import os
import shlex

from tfgan_gn.architectures import ARCHITECTURES
from tfgan_gn.settings.differences import flags_of

AUGMENT = "Write new images of a folder of IMAGES to the folder OUT:"


def commands_of(config, exported):
    """What can be done with a run.

    Args:
        config: Config of the run, with its folder as `workdir`.
        exported: whether the run has its generator as a SavedModel, as it has when it is complete.

    Returns:
        list of (what it does, text). Paths are as in the Config; in the shell they are quoted.
    """
    pairs = ARCHITECTURES[config.architecture].image_condition
    scorer = config.scorer if config.eval_every else "cifar10net"
    score = (
        "Score its newest checkpoint:",
        shlex.join(["python", "eval_inception.py", config.workdir, f"--scorer={scorer}"]),
    )
    augment = [(AUGMENT, _augment(config))] if pairs and exported else []
    return [
        (
            "Resume the run, or start it again in an empty folder:",
            shlex.join(["python", "train_cifar.py", *flags_of(config)]),
        ),
        score,
        *augment,
        ("Write this page again:", shlex.join(["python", "-m", "tfgan_gn.report", config.workdir])),
        ("See all points in TensorBoard:", shlex.join(["tensorboard", "--logdir", config.workdir])),
        (
            "Make new images in Python:" if pairs else "Sample in Python:",
            _augmenting(config, exported) if pairs else _sampling(config, exported),
        ),
    ]


def _augment(config):
    return shlex.join(["python", "-m", "tfgan_gn.augment", os.path.join(config.workdir, "export"), "IMAGES", "OUT"])


def _augmenting(config, exported):
    """Python that makes new images of given ones, with what `_sampling` takes."""
    size = "{}, {}".format(*config.sides)
    if exported:
        folder = os.path.join(config.workdir, "export")
        return (
            "import tensorflow as tf\n\n"
            f"model = tf.saved_model.load({folder!r})\n"
            f"# images: yours, uint8 [N, {size}, channels]; five new ones of each, with seed 1\n"
            f"new = model.augment(images, 5, 1).numpy()  # uint8 [N, 5, {size}, channels]"
        )
    return (
        "import tensorflow as tf\nimport tfgan_gn\n\n"
        f"run = tfgan_gn.load_run({config.workdir!r})\n"
        f"# images: yours, float32 [N, {size}, channels] in [-1, 1]\n"
        f"z = tf.random.normal([len(images), {config.z_dim}])\n"
        "new = run.generator(z, condition=images).numpy()  # float32 in [-1, 1]"
    )


def _sampling(config, exported):
    """Python that makes 64 images: with the exported generator, or with the newest checkpoint before there is one."""
    if exported:
        folder = os.path.join(config.workdir, "export")
        label = ", -1" if config.conditional else ""
        about = "  # of all classes; a number from 0 on chooses one" if config.conditional else ""
        return (
            "import tensorflow as tf\n\n"
            f"model = tf.saved_model.load({folder!r})\n"
            f"images = model.sample(64, 1{label}).numpy()  # seed 1; uint8 [64, height, width, channels]{about}"
        )
    labels = ", condition=tf.zeros([64], tf.int64)" if config.conditional else ""
    return (
        "import tensorflow as tf\nimport tfgan_gn\n\n"
        f"run = tfgan_gn.load_run({config.workdir!r})\n"
        f"images = run.generator(tf.random.normal([64, {config.z_dim}]){labels}).numpy()  # float32 in [-1, 1]"
    )
