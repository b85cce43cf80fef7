"""Image data sets through tensorflow-datasets: which splits, which labels, and no minutes of waiting for a network."""

import contextlib
import functools
import os
import re
import urllib.error
import urllib.request
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfgan_gn.data.decode import CHANNELS, PART, decode_exactly, resize_and_crop
from tfgan_gn.data.source import HOLD_OUT, Source, Undecoded
from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.noted_hashes import hash_files

SECONDS = 5  # for the host of an archive to answer
VERSION = r"\d+\.(\d+|\*)\.(\d+|\*)"
OWN_FOLDER = "tensorflow-datasets' folder"


class Spec(NamedTuple):
    """What a data set is asked for by: its builder, with its version if that is said, and a split or nothing."""

    builder: str
    split: str


def parse(text):
    """The Spec of "NAME[/CONFIG][:VERSION][:SPLIT]"; a split may hold colons too ("mnist:train[10:20]")."""
    name, *rest = text.split(":")
    if rest and re.fullmatch(VERSION, rest[0]):
        name = f"{name}:{rest.pop(0)}"
    return Spec(name, ":".join(rest))


def open_set(name, data_dir, image_size, grey, way_out=""):
    """Opens a data set, which is fetched where it is missing and its host answers.

    To learn from is the split that is named, else `train`; held out is `test`, else `validation`, and one image in
    twenty where there is neither or where a split is named. The labels are those of the class that the set is
    published for; where there is none, and in splits without labels, all images are of one class.

    Args:
        name: "NAME[/CONFIG][:VERSION][:SPLIT]", as for `tfds.builder` but for the split.
        data_dir: folder of prepared data sets; empty for TFDS' own.
        image_size: height and width to bring the images to.
        grey: key of `decode.CHANNELS`.
        way_out: what helps where the data are missing; empty for what helps with any set.

    Returns:
        `source.Source`, whose parts raise UserError for damage. A label of -1 means that there is none.

    Raises:
        UserError: no such set or split, no images in it, or missing and not to be fetched.
    """
    spec = parse(name)
    way_out = way_out or _way_out(spec.builder)
    reading = functools.partial(_reading, f"{name} in {data_dir or OWN_FOLDER}", way_out)
    with reading():
        builder = _prepared(spec.builder, data_dir, way_out)
        image = _image_feature(builder.info, grey)
        label = _label_feature(builder.info)
        split = functools.partial(_undecoded, builder, image, label, image_size, CHANNELS[grey], reading)
        learn, hold_out = _choose(list(builder.info.splits), spec)
        if hold_out:
            train, test = split(learn, None), split(hold_out, None)
        else:
            train, test = split(learn, False), split(learn, True)
        return Source(
            train,
            test,
            _classes(builder.info, label),
            f"{name} from tensorflow-datasets",
            _content(str(builder.data_path)),
        )


def open_split(text, data_dir=""):
    """Opens the colour images of a split of a data set that is prepared; nothing is fetched.

    Args:
        text: "NAME[/CONFIG][:VERSION]:SPLIT".
        data_dir: folder of prepared data sets; empty for TFDS' own.

    Returns:
        (how many they are, `tf.data.Dataset` of uint8 [H, W, 3]).

    Raises:
        UserError: no such data set or split, or one without colour images.
    """
    import tensorflow_datasets as tfds  # takes seconds to import, and only what reads such data needs it

    spec = parse(text)
    try:
        builder = tfds.builder(spec.builder, data_dir=data_dir or None)
        if not _is_prepared(builder):
            raise ValueError(f"{builder.data_path} does not exist")
        image = _image_feature(builder.info, "repeat")
        shape = builder.info.features[image].shape
        if shape[-1] != 3:
            raise ValueError(f"its images have the shape {shape}, and scores need [height, width, 3]")
        count = builder.info.splits[spec.split].num_examples
        examples = _examples(builder, spec.split, [image])
    except Exception as error:  # what TFDS raises for a wrong name, split or folder is not documented
        raise UserError(
            f"tfds:{text} cannot be opened in {data_dir or OWN_FOLDER}: {first_line(error)}. {_way_out(spec.builder)}"
        ) from None
    return count, examples.map(lambda example: decode_exactly(example[image]))


# ---- which images, which labels --------------------------------------------------------------------------------------


def _choose(names, spec):
    """(split to learn from, split to hold out, or None for a part of the first)."""
    if spec.split:
        return spec.split, None
    if "train" not in names:
        raise ValueError(f"it has no split train, but {', '.join(names)}: say which, as tfds:{spec.builder}:{names[0]}")
    return "train", next((name for name in ("test", "validation") if name in names), None)


def _image_feature(info, grey):
    """Name of the feature that holds the images."""
    import tensorflow_datasets as tfds

    found = [name for name, feature in info.features.items() if isinstance(feature, tfds.features.Image)]
    if "image" not in found and len(found) != 1:
        raise ValueError(f"it holds {', '.join(info.features)}, and none of them is the one image of an example")
    name = "image" if "image" in found else found[0]
    feature = info.features[name]
    if feature.np_dtype != np.uint8:
        raise ValueError(f"its images are {feature.np_dtype.__name__}, and 8-bit ones are needed")
    if grey == "keep" and feature.shape[-1] != 1:
        raise UserError(
            f"--grey=keep has no effect on {info.name}, whose images have the shape {feature.shape}: leave it out"
        )
    return name


def _label_feature(info):
    """Name of the feature that is the class, or None."""
    import tensorflow_datasets as tfds

    supervised = info.supervised_keys or ()
    for name in (*supervised[1:2], "label"):
        feature = dict(info.features.items()).get(name)
        if isinstance(feature, tfds.features.ClassLabel) and feature.num_classes:
            return name
    return None


def _classes(info, label):
    if label is None:
        return ("image",)
    feature = info.features[label]
    return tuple(feature.names or map(str, range(feature.num_classes)))


# ---- reading ---------------------------------------------------------------------------------------------------------


def _examples(builder, split, features):
    """Data set of dicts of those features, images as the bytes that they are stored as."""
    import tensorflow_datasets as tfds

    wanted = dict.fromkeys(features, True)
    skip = {features[0]: tfds.decode.SkipDecoding()}
    decoders = tfds.decode.PartialDecoding(wanted, decoders=skip)
    return builder.as_dataset(split=split, decoders=decoders, shuffle_files=False)


def _undecoded(builder, image, label, image_size, channels, reading, split, held_out):
    """A split; where `held_out` is not None, every twentieth image of it (True), or all others (False)."""
    count = builder.info.splits[split].num_examples
    examples = _examples(builder, split, [image] if label is None else [image, label])
    if held_out is not None:
        if count < HOLD_OUT:
            raise ValueError(f"{split} holds {count} images, of which one in {HOLD_OUT} is held out: too few")
        of_both = examples.enumerate().filter(lambda i, _: tf.equal(i % HOLD_OUT == HOLD_OUT - 1, held_out))
        examples = of_both.map(lambda _, example: example)
        count = count // HOLD_OUT if held_out else count - count // HOLD_OUT

    def load(example):
        pixels = tf.ensure_shape(decode_exactly(example[image], channels), [None, None, channels])
        return resize_and_crop(pixels, image_size), tf.cast(example[label] if label else 0, tf.int64)

    def parts():
        with reading():
            yield from examples.map(load, tf.data.AUTOTUNE).batch(PART).prefetch(1).as_numpy_iterator()

    return Undecoded(count, parts, {"split": split, "held_out": held_out})


@contextlib.contextmanager
def _reading(what, way_out):
    """Turns whatever TFDS raises into a UserError: for a damaged folder or a broken download that is not documented."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{what} cannot be read: {first_line(error)}. {way_out}") from error


def _content(folder):
    names = sorted(
        os.path.relpath(os.path.join(place, name), folder) for place, _, names in os.walk(folder) for name in names
    )
    return functools.partial(hash_files, folder, names)


# ---- fetching --------------------------------------------------------------------------------------------------------


def _is_prepared(builder):
    return os.path.exists(os.path.join(str(builder.data_path), "dataset_info.json"))


def _prepared(name, data_dir, way_out):
    """The builder of a set that is there, or that was fetched now."""
    import tensorflow_datasets as tfds

    builder = tfds.builder(name, data_dir=data_dir or None)
    if not _is_prepared(builder):
        what = f"{name} is not in {builder.data_path} and cannot be fetched"
        archives = list(builder.url_infos)
        if not archives:
            raise UserError(f"{what} from here (tensorflow-datasets knows no address of it). {way_out}")
        _refuse_without_network(archives[0], what, way_out)
        builder.download_and_prepare()
    return builder


def _refuse_without_network(url, what, way_out):
    """Asks for the archive's head; TFDS alone would try for minutes."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=SECONDS).close()
    except OSError as error:  # no host, or its refusal
        if isinstance(error, urllib.error.HTTPError) and error.code in (405, 501):
            return  # it is there, and does not tell heads
        raise UserError(f"{what} ({error}). {way_out}") from None


def _way_out(name):
    return (
        f'Say where it lies with --data_dir, or prepare it where there is a network: python -c "import '
        f"tensorflow_datasets as t; t.builder('{name}').download_and_prepare()\". Without any data, --dataset=shapes "
        "draws its own"
    )
