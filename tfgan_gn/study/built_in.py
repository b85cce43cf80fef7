"""The built-in study: the question of the group-norm report, at two sizes.

The report (github.com/gzmkobe/wgan_with_group_normalization) trained a small convolutional network and a ResNet once
each with several norms in the critic. It found higher scores with group norm "at some of the best number of groups
settings": 3.261 without norm and 3.324 with group norm in the small network, 3.632 with layer norm and 3.841 with group
norm in the ResNet.
"""

REPORT_GROUPS = [16, 16, 8, 8, 4, 4]  # of the six norm sites of the report's ResNet
ONE_COUNT = (4, 8, 16, 32)  # groups at all sites
CHOICES = [2, 4, 8, 16, 32]  # of each site in a search
SEARCH_SEED = 5000
NULL_SHIFT = 1000  # other seeds than those of the arm that computes the same function

_ABOUT = (
    "The question of the group-norm report: which norm in the critic, how many groups, by how much? The ResNet is "
    "compared with itself with layer norm, the small convolutional network with itself without norm. The ResNet has "
    "{channels} channels at each norm site: group norm with as many groups is instance norm. "
    "resnet-group-1-other-seeds is a check of this study: it computes the same function as resnet-layer, with other "
    "seeds, so that a difference between the two would be chance."
)
_CPU = {
    "width": 32,
    "batch_size": 32,
    "iterations": 800,
    "precision": "bfloat16",
    "strategy": "one_device",
    "eval_every": 200,
    "eval_images": 5000,
    "log_every": 50,
    "sample_every": 800,
    "checkpoint_every": 200,
    "keep_checkpoints": 1,
    "test_batches": 4,
}
_FULL = {"eval_every": 1000, "eval_images": 10_000}
_SCALES = {"cpu": (_CPU, 32), "full": (_FULL, 128)}  # settings of all arms; channels at each norm site of the ResNet


def report_study(scale):
    """The content of a study file.

    One count of groups at all sites is left out where it equals the number of channels: it is instance norm then.

    Args:
        scale: "cpu" or "full".

    Returns:
        dict as in `definition.make_study`.
    """
    settings, channels = _SCALES[scale]

    def arm(name, preset, norm, groups=None, **more):
        chosen = {"preset": preset, "norm": norm, **({"groups": groups} if groups else {})}
        return {"name": name, "settings": chosen, **more}

    def resnet(name, norm, groups=None, **more):
        return arm(f"resnet-{name}", "report", norm, groups, **more)

    arms = [
        resnet("layer", "layer"),
        resnet("none", "none"),
        resnet("instance", "instance"),
        resnet("group-report", "group", REPORT_GROUPS),
        *(resnet(f"group-{count}", "group", [count]) for count in ONE_COUNT if count < channels),
        resnet("report_group", "report_group", REPORT_GROUPS),
        # The null check: group norm with one group is layer norm, so only the seeds differ.
        resnet("group-1-other-seeds", "group", [1], seed_shift=NULL_SHIFT),
        arm("cnn-none", "report_cnn", "none", against=""),
        arm("cnn-group-16", "report_cnn", "group", [16], against="cnn-none"),
    ]
    return {
        "name": f"report-{scale}",
        "about": _ABOUT.format(channels=channels),
        "seeds": [1, 2, 3, 4, 5],
        "baseline": "resnet-layer",
        "settings": {"dataset": "cifar10", "scorer": "cifar10net", **settings},
        "arms": arms,
        "search": {"arm": "resnet-group-report", "sites": 6, "choices": CHOICES, "seed": SEARCH_SEED},
    }
