"""What can be scored: arrays, folders and data sets of images, and what a generator makes, all as 8-bit images."""

import concurrent.futures
import itertools
import json
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tfgan_gn.data import decode, folder, npz, sets, tfds_sets
from tfgan_gn.errors import UserError
from tfgan_gn.export import BLOCK, load_generator

PART = 256  # images held at once where they come one by one
GENERATED = 50_000  # images of a generator behind published scores (Salimans et al. 2016, Heusel et al. 2017)
WAYS = (
    "give a run folder, an exported SavedModel, a folder of images, an .npz or .npy (FILE.npz:KEY where it holds "
    "several arrays), cifar10:train, shapes:test and so on, or tfds:NAME:SPLIT"
)


class Images(NamedTuple):
    """Images to be scored.

    Attributes:
        source: where they come from, in words.
        count: how many they are.
        parts: function that starts a pass over them: uint8 arrays [n, H, W, 3] of any n.
        facts: dict of JSON values: how a generator made them, how floats became 8-bit.
    """

    source: str
    count: int
    parts: Callable[[], Iterator[np.ndarray]]
    facts: dict


def open_images(spec, *, num_images=0, seed=0, value_range="", image_size=0, data_dir="", cache_dir=""):
    """Opens images by path or name.

    Args:
        spec: the folder of an exported generator or of images (any depth, in order of path), an .npz or .npy of them
            ("FILE.npz:KEY" for one of several arrays), "NAME:SPLIT" for a key of `sets.DATASETS` and train or test, or
            "tfds:NAME:SPLIT" for what tensorflow-datasets has prepared.
        num_images: how many of them, in order; 0 for all, and for 50,000 of a generator.
        seed: of a generator's noise.
        value_range: key of `npz.LEVELS`, for arrays that are not 8-bit.
        image_size: scale and crop images of folders and of data sets to this; 0 for as they are.
        data_dir: where data sets lie that are given by name.
        cache_dir: where large ones of `sets.DATASETS` are kept decoded; empty for `cache_folder.DEFAULT`.

    Returns:
        Images.

    Raises:
        UserError: nothing such there, or not as said; `parts` raises it for values and files that are wrong.
    """
    path, _, key = spec.partition(":")
    is_array = path.endswith((".npz", ".npy"))
    if value_range and not is_array:
        raise UserError(f"--value_range={value_range} has no effect on {spec}, whose images are 8-bit: leave it out")
    if os.path.isfile(os.path.join(spec, "saved_model.pb")):
        return of_generator(load_generator(spec), num_images, seed, f"the SavedModel {spec}")
    if os.path.isdir(spec):
        images = _of_folder(spec, image_size)
    elif is_array:
        images = _of_array(path, key, value_range)
    elif path == "tfds" and ":" in key:
        images = _of_tfds(key, data_dir, image_size)
    elif path in sets.DATASETS and key in ("train", "test"):
        images = of_split(sets.make_dataset(path, data_dir, image_size or 32, cache_dir=cache_dir), key)
    else:
        raise UserError(f"{spec} is no file and no folder, nor the name of a data set and a split of it: {WAYS}")
    return _first(images, num_images, spec)


def of_generator(sampler, num_images, seed, source):
    """What a generator samples, its images 0 to num_images - 1 of the seed.

    Args:
        sampler: `export.Sampler`, or the SavedModel of one.
        num_images: how many; 0 for 50,000.
        seed: of the noise.
        source: where the generator comes from, in words.

    Returns:
        Images.
    """
    num_images = num_images or GENERATED
    metadata = json.loads(sampler.metadata().numpy())
    of_all_classes = [] if metadata.get("num_classes") is None else [-1]

    def parts():
        for block in range(-(-num_images // BLOCK)):
            images = sampler.sample_block(block, seed, *of_all_classes).numpy()
            yield _colour(images[: num_images - block * BLOCK])

    facts = {"generator_statistics": metadata["statistics"], "iteration": metadata.get("iteration"), "seed": seed}
    return Images(source, num_images, parts, facts)


def of_split(dataset, name):
    """The images of the "train" or the "test" split of a `sets.Dataset`."""
    images = getattr(dataset, name).images
    return Images(f"{dataset.source}, {name}", len(images), lambda: map(_colour, _cut(images)), {})


def _colour(images):
    """Three equal channels of grey images, as the network that scores has no other use for them."""
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def _of_array(path, key, value_range):
    array = npz.read(path, key)
    to_pixels = npz.converter(array, path, value_range)
    return Images(
        f"{path}:{key}" if key else path,
        len(array),
        lambda: (to_pixels(part, i * PART) for i, part in enumerate(_cut(array))),
        {"value_range": value_range} if value_range else {},
    )


def _of_folder(path, image_size):
    paths = folder.list_images(path)
    if not paths:
        raise UserError(f"{path} holds no images ({', '.join(folder.ENDINGS)}): {WAYS}")

    def chunks():
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for names in (paths[i : i + PART] for i in range(0, len(paths), PART)):
                yield zip(names, pool.map(decode.decode_colour, names), strict=True)

    return Images(path, len(paths), lambda: _stack(chunks(), image_size), {})


def _of_tfds(spec, data_dir, image_size):
    count, examples = tfds_sets.open_split(spec, data_dir)

    def chunks():
        images = enumerate(examples.as_numpy_iterator())
        for _ in range(0, count, PART):
            yield ((f"image {i} of {spec}", image) for i, image in itertools.islice(images, PART))

    return Images(f"tfds {spec}", count, lambda: _stack(chunks(), image_size), {})


def _stack(chunks, image_size):
    """Arrays [n, H, W, 3] of chunks of (name, image), all of one size; `image_size` not 0 makes them so."""
    first = None
    for chunk in chunks:
        images = []
        for name, image in chunk:
            image = decode.resize_and_crop(image, image_size).numpy() if image_size else image
            first = first or (name, image.shape)
            if image.shape != first[1]:
                sizes = ["x".join(map(str, shape[:2])) for shape in (image.shape, first[1])]
                raise UserError(
                    f"{name} has {sizes[0]} pixels, {first[0]} {sizes[1]}: give images of one size, or --image_size=N "
                    "to scale and centre-crop all of them"
                )
            images.append(image)
        yield np.stack(images)


def _cut(array):
    return (array[i : i + PART] for i in range(0, len(array), PART))


def _first(images, num_images, spec):
    """The first of them; all where num_images is 0."""
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
