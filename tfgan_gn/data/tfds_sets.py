"""Image data sets of tensorflow-datasets: opening, choosing splits and labels, downloading."""

import contextlib
import functools
import os
import re
import urllib.error
import urllib.request
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfgan_gn.data.decode import CHANNELS, decode_exactly
from tfgan_gn.data.sources import HOLD_OUT, PART, Source, Stored, is_held_out
from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.noted_hashes import hash_files

# tensorflow_datasets takes seconds to import. The functions that use it import it, so that other data do not wait.

TIMEOUT = 5  # seconds for the host of an archive to answer
VERSION = r"\d+\.(\d+|\*)\.(\d+|\*)"
OWN_FOLDER = "tensorflow-datasets' folder"


class Spec(NamedTuple):
    """A data set by name: its builder, with its version if one is given, and its split, or an empty string."""

    builder: str
    split: str


def parse(text):
    """Takes "NAME[/CONFIG][:VERSION][:SPLIT]" apart; a split may hold colons too ("mnist:train[10:20]")."""
    name, *rest = text.split(":")
    if rest and re.fullmatch(VERSION, rest[0]):
        name = f"{name}:{rest.pop(0)}"
    return Spec(name, ":".join(rest))


def open_set(name, data_dir, way_out=""):
    """Opens a data set to learn from; it is downloaded if it is missing and its host answers.

    The split that is named is learned from, and every twentieth of its images is held out. Without a named split,
    `train` is learned from, and `test` is held out, else `validation`, else every twentieth image of `train`. The
    labels are those that the set is published for. In a set or a split without labels, all images are of one class.

    Args:
        name: "NAME[/CONFIG][:VERSION][:SPLIT]"; all but the split is as for `tfds.builder`.
        data_dir: folder of prepared data sets; empty for the folder that tensorflow-datasets uses.
        way_out: advice for missing data; empty for the advice that holds for every set.

    Returns:
        `sources.Source`.

    Raises:
        UserError: no such set or split, no images in it, or missing data that cannot be downloaded.
    """
    spec = parse(name)
    way_out = way_out or _way_out(spec.builder)
    reading = functools.partial(_reading, f"{name} in {data_dir or OWN_FOLDER}", way_out)
    with reading():
        builder = _prepared(spec.builder, data_dir, way_out)
        image, label = _image_feature(builder.info, (np.uint8, np.uint16)), _label_feature(builder.info)
        stored = functools.partial(_stored, builder, image, label, reading)
        learn, hold_out = _choose(list(builder.info.splits), spec)
        return Source(
            train=stored(learn, None if hold_out else False),
            test=stored(hold_out, None) if hold_out else stored(learn, True),
            classes=_classes(builder.info, label),
            description=f"{name} from tensorflow-datasets",
            channels=1 if builder.info.features[image].shape[-1] == 1 else 3,
            hash_content=_hash_content(str(builder.data_path)),
        )


def open_split(text, data_dir=""):
    """Opens all images of a split, without labels, of a data set that is prepared; nothing is downloaded.

    Args:
        text: "NAME[/CONFIG][:VERSION]:SPLIT".
        data_dir: folder of prepared data sets; empty for the folder that tensorflow-datasets uses.

    Returns:
        `sources.Stored`.

    Raises:
        UserError: no such data set or split, or images that are not in colour.
    """
    import tensorflow_datasets as tfds

    spec = parse(text)
    reading = functools.partial(_reading, f"tfds:{text} in {data_dir or OWN_FOLDER}", _way_out(spec.builder))
    with reading():
        builder = tfds.builder(spec.builder, data_dir=data_dir or None)
        if not _is_prepared(builder):
            raise ValueError(f"{builder.data_path} does not exist")
        image = _image_feature(builder.info, (np.uint8,))
        shape = builder.info.features[image].shape
        if shape[-1] != 3:
            raise ValueError(f"its images have the shape {shape}, and scores need [height, width, 3]")
        return _stored(builder, image, None, reading, spec.split, None)


# ---- which images, which labels --------------------------------------------------------------------------------------


def _choose(names, spec):
    """(split to learn from, split to hold out); the second is None if a part of the first is held out."""
    if spec.split:
        return spec.split, None
    if "train" not in names:
        raise ValueError(
            f"it has no split train, but {', '.join(names)}: name one of them, as tfds:{spec.builder}:{names[0]}"
        )
    return "train", next((name for name in ("test", "validation") if name in names), None)


def _image_feature(info, dtypes):
    """Name of the feature that holds the images, which are of one of the dtypes."""
    import tensorflow_datasets as tfds

    found = [name for name, feature in info.features.items() if isinstance(feature, tfds.features.Image)]
    if "image" not in found and len(found) != 1:
        raise ValueError(f"its features are {', '.join(info.features)}, and not exactly one of them is an image")
    name = "image" if "image" in found else found[0]
    dtype = info.features[name].np_dtype
    if dtype not in dtypes:
        allowed = " and ".join(each.__name__ for each in dtypes)
        raise ValueError(f"its images are {dtype.__name__}, and only {allowed} can be read")
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


def _stored(builder, image, label, reading, split, held_out):
    """The images of a split: all (`held_out` is None), every twentieth (True), or all others (False)."""
    import tensorflow_datasets as tfds

    count = builder.info.splits[split].num_examples
    features = dict.fromkeys([image] if label is None else [image, label], True)
    decoders = tfds.decode.PartialDecoding(features, decoders={image: tfds.decode.SkipDecoding()})
    dtype = builder.info.features[image].np_dtype
    decode = decode_exactly if dtype == np.uint8 else functools.partial(tf.io.decode_png, dtype=tf.uint16)
    examples = builder.as_dataset(split=split, decoders=decoders, shuffle_files=False)
    if held_out is not None:
        if count < HOLD_OUT:
            raise ValueError(f"{split} holds {count} images, and one in {HOLD_OUT} is held out: too few")
        numbered = examples.enumerate().filter(lambda i, _: tf.equal(is_held_out(i), held_out))
        examples = numbered.map(lambda _, example: example)
        count = count // HOLD_OUT if held_out else count - count // HOLD_OUT

    def read(grey, fit=None):
        channels = CHANNELS[grey]

        def load(example):
            pixels = tf.ensure_shape(decode(example[image], channels), [None, None, channels])
            return fit(pixels) if fit else pixels, tf.cast(example[label] if label else 0, tf.int64)

        with reading():
            batches = examples.map(load, tf.data.AUTOTUNE).batch(PART if fit else 1)  # without fit, sizes may differ
            yield from batches.prefetch(1).as_numpy_iterator()

    which = {"split": split, "held_out": held_out}
    return Stored(count, read, lambda i: f"image {i} of {builder.name}:{split}", which, dtype)


@contextlib.contextmanager
def _reading(what, way_out):
    """Turns every exception into a UserError: what TFDS raises for a damaged or missing folder is not documented."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{what} cannot be read: {first_line(error)}. {way_out}") from error


def _hash_content(folder):
    names = sorted(
        os.path.relpath(os.path.join(place, name), folder) for place, _, names in os.walk(folder) for name in names
    )
    return functools.partial(hash_files, folder, names)


# ---- downloading -----------------------------------------------------------------------------------------------------


def _is_prepared(builder):
    return os.path.exists(os.path.join(str(builder.data_path), "dataset_info.json"))


def _prepared(name, data_dir, way_out):
    """The builder of a set; the set is downloaded now if it is missing."""
    import tensorflow_datasets as tfds

    builder = tfds.builder(name, data_dir=data_dir or None)
    if not _is_prepared(builder):
        what = f"{name} is not in {builder.data_path} and cannot be downloaded"
        archives = list(builder.url_infos)
        if not archives:
            raise UserError(f"{what} from here (tensorflow-datasets knows no address of it). {way_out}")
        _refuse_without_network(archives[0], what, way_out)
        builder.download_and_prepare()
    return builder


def _refuse_without_network(url, what, way_out):
    """Asks the host for the head of the archive. Without this, TFDS tries for minutes before it gives up."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=TIMEOUT).close()
    except OSError as error:  # also what the host answers with an error code
        if isinstance(error, urllib.error.HTTPError) and error.code in (405, 501):
            return  # the host answers, but not to HEAD
        raise UserError(f"{what} ({error}). {way_out}") from None


def _way_out(name):
    return (
        'Give the folder that holds it as --data_dir, or prepare it on a machine with a network: python -c "import '
        f"tensorflow_datasets as t; t.builder('{name}').download_and_prepare()\". Without any data, --dataset=shapes "
        "draws its own"
    )
