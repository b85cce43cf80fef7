"""What can be scored, as 8-bit images: arrays, folders, data sets, and the samples of a generator."""

import itertools
import json
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tfgan_gn.data import folder, npz, sets, tfds_sets
from tfgan_gn.data.decode import repeat_grey, resizer
from tfgan_gn.data.pixels import as_8_bits
from tfgan_gn.data.sources import PART, of_array
from tfgan_gn.errors import UserError
from tfgan_gn.export import load_generator
from tfgan_gn.scoring.results import EARLIER_GENERATORS

GENERATED = 50_000  # images of a generator behind published scores (Salimans et al. 2016, Heusel et al. 2017)
WAYS = (
    "give a run folder, an exported SavedModel, a folder of images, an .npz or .npy (FILE.npz:KEY if it holds "
    "several arrays), a data set and its split (cifar10:train, shapes:test), or tfds:NAME:SPLIT"
)


class Images(NamedTuple):
    """Images to be scored.

    Attributes:
        source: where they come from, in words.
        count: the number of images.
        parts: function that starts a pass over them and yields uint8 arrays [n, H, W, 3], of one H and W and any n.
        made_with: dict of JSON values: statistics, block size, pixel scale, iteration and seed of the generator that
            made them, or the value range of an array of floats; empty for others.
    """

    source: str
    count: int
    parts: Callable[[], Iterator[np.ndarray]]
    made_with: dict


def open_images(spec, *, num_images=0, seed=0, value_range="", image_size=0, data_dir="", cache_dir="", grey="refuse"):
    """Opens images by path or name.

    Args:
        spec: one of

            - the folder of an exported generator;
            - a folder of images, at any depth, taken in order of path;
            - an .npz or .npy of images ("FILE.npz:KEY" for one of several arrays);
            - "NAME:SPLIT": a key of `sets.DATASETS` and train or test;
            - "tfds:NAME:SPLIT": a data set that tensorflow-datasets has prepared.
        num_images: how many of them, the first ones; 0 for all, and for 50,000 of a generator.
        seed: of a generator's noise.
        value_range: key of `npz.LEVELS`, what the values of an array of floats mean.
        image_size: `decode.resize_and_crop` brings images of folders and of data sets to this size; 0 leaves them as
            they are, but those of `sets.DATASETS` get 32x32 pixels.
        data_dir: folder of the data sets that are given by name.
        cache_dir: folder that keeps the large ones of `sets.DATASETS` decoded; empty for `cache_folder.DEFAULT`.
        grey: what is done with grey images of folders and arrays: "refuse", or "repeat" their channel three times.
            That of data sets is always repeated.

    Returns:
        Images.

    Raises:
        UserError: there is no such thing, or it does not fit the arguments. `parts` raises it for wrong values, for
            damaged files and for images of several sizes.
    """
    path, _, key = spec.partition(":")
    is_array = path.endswith((".npz", ".npy"))
    if value_range and not is_array:
        raise UserError(f"--value_range={value_range} has no effect on {spec}, whose images are 8-bit: leave it out")
    if os.path.isfile(os.path.join(spec, "saved_model.pb")):
        return of_generator(load_generator(spec), num_images, seed, f"the SavedModel {spec}")
    if os.path.isdir(spec):
        paths, left_out = folder.list_images(spec)
        if not paths:
            raise UserError(f"{spec} holds no images ({', '.join(folder.ENDINGS)}): {WAYS}")
        images = _of_stored(folder.of_files(paths), f"{spec}{left_out}", image_size, grey)
    elif is_array:
        channels = (1, 3) if grey == "repeat" else (3,)
        images = _of_stored(npz.open_array(path, key, value_range, channels), spec, grey=grey)
        images = images._replace(made_with={"value_range": value_range} if value_range else {})
    elif path == "tfds" and ":" in key:
        images = _of_stored(tfds_sets.open_split(key, data_dir), f"tfds {key}", image_size)
    elif path in sets.DATASETS and key in ("train", "test"):
        images = of_split(sets.make_dataset(path, data_dir, image_size or 32, cache_dir=cache_dir), key)
    else:
        raise UserError(f"{spec} is no file and no folder, and no data set with its split: {WAYS}")
    return _first(images, num_images, spec)


def refuse_generated(spec):
    """Raises UserError for a path of generated images, which cannot be the real ones.

    Args:
        spec: as of `open_images`.
    """
    kinds = {"config.json": "a run folder", "saved_model.pb": "an exported generator"}
    for file, kind in kinds.items():
        if os.path.isfile(os.path.join(spec, file)):
            raise UserError(
                f"--reference={spec} is {kind}, whose images are generated: give real images, for example cifar10:train"
            )


def of_generator(sampler, num_images, seed, source):
    """The samples 0 to num_images - 1 of a generator and a seed.

    Args:
        sampler: `export.Sampler`, the SavedModel of one, or `augmenter.SourceSampler`. The channel of grey samples is
            repeated three times.
        num_images: how many; 0 for 50,000.
        seed: of the noise.
        source: where the generator comes from, in words.

    Returns:
        Images.

    Raises:
        UserError: the SavedModel makes new images of given ones.
    """
    if not hasattr(sampler, "sample_block"):
        raise UserError(
            f"{source} makes new images of given ones (`augment`), and holds none to make them of: give the folder of "
            "the run that it was exported from, whose data are read again"
        )
    num_images = num_images or GENERATED
    metadata = json.loads(sampler.metadata().numpy())
    block_size = metadata.get("block_size", EARLIER_GENERATORS["generator_block_size"])
    of_all_classes = [] if metadata.get("num_classes") is None else [-1]

    def parts():
        for block in range(-(-num_images // block_size)):
            images = sampler.sample_block(block, seed, *of_all_classes).numpy()
            yield repeat_grey(images[: num_images - block * block_size], 3)

    made_with = {
        "generator_statistics": metadata["statistics"],
        "generator_block_size": block_size,
        "pixel_scale": metadata.get("pixel_scale", EARLIER_GENERATORS["pixel_scale"]),
        "iteration": metadata.get("iteration"),
        "seed": seed,
    }
    return Images(source, num_images, parts, made_with)


def of_split(dataset, name):
    """The images of a split of a data set; the channel of grey ones is repeated three times.

    Args:
        dataset: `sets.Dataset`.
        name: "train" or "test".

    Returns:
        Images.
    """
    return _of_stored(of_array(getattr(dataset, name).images), f"{dataset.source}, {name}", grey="repeat")


def of_rows(pixels, rows, source):
    """Some images of an array; the channel of grey ones is repeated three times.

    Args:
        pixels: uint8 or uint16 [N, H, W, C], in memory or mapped from a file; those of 16 bits are scored with 8.
        rows: int64 [n], numbers of images, in order.
        source: where they come from, in words.

    Returns:
        Images.
    """

    def parts():
        for first in range(0, len(rows), PART):
            yield repeat_grey(as_8_bits(np.asarray(pixels[rows[first : first + PART]])), 3)

    return Images(source, len(rows), parts, {})


def _of_stored(stored, where, image_size=0, grey="refuse"):
    fit = resizer(image_size) if image_size else None
    return Images(where, stored.count, lambda: _of_one_size(stored, grey, fit), {})


def _of_one_size(stored, grey, fit):
    """Yields the images of a `sources.Stored` as arrays [n, H, W, 3]. Raises UserError for images of several sizes."""
    images = (image for part, _ in stored.read(grey, fit) for image in part)
    shape, done = None, 0
    while part := list(itertools.islice(images, PART)):
        shape = shape or part[0].shape
        for number, image in enumerate(part, done):
            if image.shape != shape:
                other, first = ("x".join(map(str, each[:2])) for each in (image.shape, shape))
                raise UserError(
                    f"{stored.name(number)} has {other} pixels, {stored.name(0)} {first}: give images of one size, or "
                    "--image_size=N to scale and centre-crop all of them"
                )
        done += len(part)
        yield np.stack(part)


def _first(images, num_images, spec):
    """The first num_images of them; all if it is 0."""
    if num_images > images.count:
        raise UserError(f"--num_images={num_images}, but {spec} has {images.count}: give fewer, or leave it out")
    if num_images in (0, images.count):
        return images

    def parts():
        left = num_images
        for part in images.parts():
            yield part[:left]
            left -= len(part)
            if left <= 0:
                return

    return images._replace(count=num_images, parts=parts)
