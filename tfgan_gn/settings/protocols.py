"""The protocols: how a run's samples are made and scored, and how its held-out loss is computed."""

from typing import NamedTuple

from tfgan_gn.errors import UserError


class Protocol(NamedTuple):
    """A row of PROTOCOLS.

    Attributes:
        generator_statistics: statistics of batch norm in samples: "standing", or "batch", those of the samples that are
            generated together.
        block_size: number of samples that are generated together.
        pixel_scale: the scale of `pixels.quantize`, which makes 8-bit images of samples and rounds down; None for the
            inverse of the run's own `--pixels`.
        splits: parts of the Inception Score.
        scorer: network that scores samples during training, as in `extractors.load_extractor`.
        eval_every: iterations between two scorings during training; 0 for no scoring.
        eval_images: samples per scoring during training; 0 for as many as `runs.affordable` allows.
        test_batches: batches of the held-out loss; 0 for all held-out images that fill a batch.
        fresh_test_noise: whether the held-out loss has other noise at each iteration; without it, always the same.
        decided: the fields that are settings too, and that no flag may change under this protocol.
    """

    generator_statistics: str
    block_size: int
    pixel_scale: float | None
    splits: int
    scorer: str
    eval_every: int
    eval_images: int
    test_batches: int
    fresh_test_noise: bool
    decided: tuple[str, ...] = ()


DEFAULT_PROTOCOL = "ours"
PROTOCOLS = {
    "ours": Protocol(
        generator_statistics="standing",
        block_size=64,
        pixel_scale=None,
        splits=10,
        scorer="cifar10net",
        eval_every=1000,
        eval_images=0,
        test_batches=10,
        fresh_test_noise=False,
    ),
    "author": Protocol(  # `gan_cifar_resnet.py`: get_inception_score, INCEPTION_FREQUENCY and dev_disc_costs
        generator_statistics="batch",
        block_size=100,
        pixel_scale=127.995,  # 255.99 / 2
        splits=10,
        scorer="inception",
        eval_every=1000,
        eval_images=50_000,
        test_batches=0,
        fresh_test_noise=True,
        decided=("generator_statistics", "splits", "test_batches"),
    ),
}
DEFAULTS = PROTOCOLS[DEFAULT_PROTOCOL]
# The settings of a run among them.
OF_TRAINING = ("generator_statistics", "scorer", "eval_every", "eval_images", "test_batches")


def defaults_of_protocol(name):
    """The settings of a training run that a protocol gives a default to: a dict from a name to a value."""
    return {setting: getattr(PROTOCOLS[name], setting) for setting in OF_TRAINING}


def refuse_contradictions(protocol, settings):
    """Checks that settings agree with what a protocol decides.

    Args:
        protocol: key of PROTOCOLS.
        settings: object with settings as attributes. An empty text stands for a setting that was not given.

    Raises:
        UserError: a setting that differs from the protocol, by name.
    """
    for name in PROTOCOLS[protocol].decided:
        decided = getattr(PROTOCOLS[protocol], name)
        if getattr(settings, name, decided) not in (decided, ""):
            raise UserError(
                f"--{name}={getattr(settings, name)} contradicts --protocol={protocol}, which has {decided}: leave out "
                f"--{name}, or give another --protocol"
            )
