"""The settings of the data and of the sizes."""

import dataclasses

from tfgan_gn.architectures import ARCHITECTURES, DEFAULT_ARCHITECTURE
from tfgan_gn.settings.option import LOCAL, option
from tfgan_gn.settings.presets import AUTHOR, DAGAN
from tfgan_gn.settings.registry_names import DATASET_NAMES, GREY_NAMES, PIXEL_NAMES

DEFAULT_SIZES = ARCHITECTURES[DEFAULT_ARCHITECTURE]


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """The real images, and the sizes that follow from them."""

    dataset: str = option(
        "cifar10",
        "Data set to train on; tfds:NAME[/CONFIG][:VERSION][:SPLIT] takes any other image data set of "
        "tensorflow-datasets",
        AUTHOR,
        choices=DATASET_NAMES,
        prefix="tfds:",
    )
    data_dir: str = option(
        "",
        "Where the data are: a folder of tensorflow-datasets, a folder with the original CIFAR-10 files, a folder of "
        "images, or an .npz or .npy file; empty for the default folder of tensorflow-datasets",
        free=True,
        path=LOCAL,
    )
    grey: str = option(
        "repeat",
        "Channels of grey images: repeat makes three equal channels, keep leaves one channel and refuses colour images",
        choices=GREY_NAMES,
    )
    pixels: str = option(
        "256_dequantized",
        "How 8-bit pixels x become real images: 256_dequantized is 2 x / 256 - 1 plus uniform noise from [0, 1/128), "
        "255 is 2 x / 255 - 1 without noise; generated images become pixels by the inverse",
        AUTHOR,
        choices=PIXEL_NAMES,
    )
    image_size: int = option(
        DEFAULT_SIZES.image_size,
        "Height and width of the images in pixels; real images are resized and centre-cropped to it",
        AUTHOR,
        low=8,
    )
    image_width: int = option(
        0,
        "Width of the images where it is another than their height, --image_size, for --architecture=dagan; 0 for "
        "square images",
        low=0,
    )
    patch_size: int = option(
        0,
        "Height and width of the windows that are cut out of larger images of --dataset=folder and take their place; "
        "windows of dark background are left out; 0 for whole images",
        low=0,
    )
    width: int = option(
        DEFAULT_SIZES.width,
        "Base number of channels; each layer of the networks has a fixed multiple of it",
        AUTHOR + " DIM_G, DIM_D",
        low=1,
    )
    z_dim: int = option(DEFAULT_SIZES.z_dim, "Length of the generator's noise vector", AUTHOR, low=1)
    turns: bool = option(
        False,
        "Turn each real image by 0, 90, 180 or 270 degrees with probability 1/2; a pair is turned as one",
        DAGAN,
    )
    validation_classes: float = option(
        0.1,
        "Share of the classes that pairs of the held-out loss are drawn from and that training does not see, for "
        "--architecture=dagan; the classes are drawn by --seed",
        low=0.0001,
        high=0.9999,
    )
    test_classes: float = option(
        0.0,
        "Share of the classes that are neither trained on nor in the held-out loss, for --architecture=dagan",
        low=0,
        high=0.9999,
    )
    class_file: str = option(
        "",
        'File that divides the classes, for --architecture=dagan: JSON {"train": [names], "validation": [names], '
        '"test": [names]}; empty to divide them by --validation_classes and --test_classes',
        path=LOCAL,
    )
    same_image: bool = option(
        False,
        "Let both images of a pair be the same one, which happens by chance, for --architecture=dagan; without it they "
        "are two images of one class",
        DAGAN,
    )
