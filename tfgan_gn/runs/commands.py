"""The commands to go on with a run, as text for a shell or for Python."""

import os
import shlex

from tfgan_gn.settings.differences import flags_of


def commands_of(config, exported):
    """What can be done with a run.

    Args:
        config: Config of the run, with its folder as `workdir`.
        exported: whether the run has its generator as a SavedModel, as it has when it is complete.

    Returns:
        list of (what it does, text). Paths are as in the Config; in the shell they are quoted.
    """
    scorer = config.scorer if config.eval_every else "cifar10net"
    return [
        (
            "Resume the run, or start it again in an empty folder:",
            shlex.join(["python", "train_cifar.py", *flags_of(config)]),
        ),
        (
            "Score its newest checkpoint:",
            shlex.join(["python", "eval_inception.py", config.workdir, f"--scorer={scorer}"]),
        ),
        ("Write this page again:", shlex.join(["python", "-m", "tfgan_gn.report", config.workdir])),
        ("See all points in TensorBoard:", shlex.join(["tensorboard", "--logdir", config.workdir])),
        ("Sample in Python:", _sampling(config, exported)),
    ]


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
