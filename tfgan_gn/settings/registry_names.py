"""The names in the registries that flags choose from.

The registries are in modules that import TensorFlow, for which --help and the refusal of a flag would have to wait. So
their keys are listed here again; `tests/test_config.py` compares the lists.
"""

STRATEGY_NAMES = ("mirrored", "one_device", "multi_worker")
TAKES_GROUPS = {  # norm: whether its number of groups can be chosen
    "none": False,
    "batch": False,
    "layer": False,
    "instance": False,
    "group": True,
    "report_group": True,
    "contrib_layer": False,
    "batch_renorm": False,
}
NORM_NAMES = tuple(TAKES_GROUPS)
LOSS_NAMES = ("wasserstein", "hinge", "bce", "bce_halved")
INITIALIZER_NAMES = ("author", "torch", "normal")
PIXEL_NAMES = ("256_dequantized", "255")
PENALTY_NAMES = ("gradient", "channels", "columns")
OPTIMIZER_NAMES = ("adam", "rmsprop", "sgd")
GREY_NAMES = ("repeat", "keep")
DATASET_NAMES = (
    "cifar10",
    "cifar100",
    "stl10",
    "celeb_a",
    "svhn_cropped",
    "mnist",
    "fashion_mnist",
    "folder",
    "npz",
    "shapes",
    "strokes",
)
