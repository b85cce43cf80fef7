"""The data of a run: the data set, what networks and a resumed run need to know of it, and its batches."""

from typing import NamedTuple

import numpy as np

from tfgan_gn.architectures import ARCHITECTURES
from tfgan_gn.data import pairs, sets
from tfgan_gn.data.batches import held_out_batches, train_batches
from tfgan_gn.errors import UserError
from tfgan_gn.files.hashes import hash_arrays, hash_pixels
from tfgan_gn.runs.about import say
from tfgan_gn.scoring import images
from tfgan_gn.training import strategies


class DataFacts(NamedTuple):
    """What the networks and a resumed run need to know of a data set; `config.json` has them as a table.

    Attributes:
        num_classes: number of classes, also where the networks take no labels.
        channels: of the images, 3 or 1.
        images_sha256: hash of all training images, after decoding and resizing.
        classes_sha256: of a run on pairs, hash of the class of each training image and of the division of the classes;
            empty for other runs, and for those of earlier versions.
    """

    num_classes: int
    channels: int
    images_sha256: str
    classes_sha256: str = ""


def facts_of(dataset, classes=None):
    """The DataFacts of a `sets.Dataset`, and of the `pairs.Classes` if pairs are drawn of it."""
    images, of_pairs = dataset.train.images, ""
    if classes is not None:
        parts = {name: np.array(part, np.int64) for name, part in classes._asdict().items()}
        of_pairs = hash_arrays({"labels": dataset.train.labels, **parts})
    return DataFacts(len(dataset.classes), int(images.shape[-1]), hash_pixels([images]), of_pairs)


def facts_from(data_facts, workdir):
    """The DataFacts that a run folder's `config.json` has as a dict. Raises UserError if the dict has other names."""
    try:
        return DataFacts(**data_facts)
    except TypeError:
        raise UserError(
            f"the table 'data' of {workdir}/config.json has {', '.join(data_facts) or 'nothing'} in place of "
            f"{', '.join(DataFacts._fields)}: bring back the file that the run wrote"
        ) from None


def classes_of(config, data_facts):
    """The number of classes that the networks of a Config take labels of; None for networks without labels."""
    return data_facts.num_classes if config.conditional else None


def load_data(config):
    """The `sets.Dataset` of a Config.

    Raises:
        UserError: it is missing or broken, or cannot be downloaded; images of several depths, or of 16 bits for
            networks that take no pairs.
    """
    return sets.make_dataset(
        config.dataset,
        config.data_dir,
        config.sides,
        config.grey,
        config.cache_dir,
        say,
        config.patch_size,
        deep=takes_pairs(config),
    )


def takes_pairs(config):
    """Whether the networks of a Config are given pairs of images of one class."""
    return ARCHITECTURES[config.architecture].image_condition


def classes_of_pairs(config, dataset):
    """The `pairs.Classes` of a Config that takes pairs.

    Raises:
        UserError: the classes cannot be divided as asked, or the file that divides them is wrong.
    """
    if config.class_file:
        return pairs.read_classes(config.class_file, dataset.classes)
    return pairs.divide_classes(len(dataset.classes), config.validation_classes, config.test_classes, config.seed)


def make_train_batches(config, dataset, strategy, iteration):
    """Makes an iterator over the run's distributed batches, from an iteration on.

    Args:
        config: Config.
        dataset: `sets.Dataset`.
        strategy: `tf.distribute.Strategy`; each of its processes reads its share.
        iteration: the next iteration, a whole number.

    Returns:
        Iterator as in `Trainer.iterate`.

    Raises:
        UserError: fewer training images than a batch; of pairs, as `pairs.pair_batches`.
    """
    train, first = dataset.train, _batches_before(config, iteration)

    def of_share(share):
        if takes_pairs(config):
            return _pairs(config, dataset, classes_of_pairs(config, dataset).train, config.seed, first, share)
        labels = _labels_of(config, train)
        return train_batches(train.images, config.batch_size, config.seed, first, labels=labels, share=share)

    return iter(strategies.distribute(strategy, of_share))


def count_batches(config, iteration):
    """How many batches an iteration takes."""
    return _batches_before(config, iteration + 1) - _batches_before(config, iteration)


def _batches_before(config, iteration):
    """How many batches the iterations before this one take. With pairs, each generator step takes one too."""
    of_critic = iteration * (1 if config.reuse_real_batch else config.n_critic)
    if not takes_pairs(config):
        return of_critic
    return of_critic + (iteration if config.order == "critic_first" else max(0, iteration - 1))


def make_test_batches(config, dataset, strategy):
    """Makes a distributed data set of the run's held-out batches, in the same order each time it is iterated.

    Pairs are those of the validation classes, from the images that are not held out: training does not see these
    classes.
    """
    test = dataset.test

    def of_share(share):
        if takes_pairs(config):
            return _pairs(config, dataset, classes_of_pairs(config, dataset).validation, 0, 0, share)
        return held_out_batches(test.images, config.batch_size, 0, labels=_labels_of(config, test), share=share)

    return strategies.distribute(strategy, of_share)


def count_images(config, dataset):
    """(number of images to learn from, number of images that the held-out loss is computed from)."""
    if not takes_pairs(config):
        return len(dataset.train.images), len(dataset.test.images)
    classes = classes_of_pairs(config, dataset)
    return tuple(int(np.isin(dataset.train.labels, part).sum()) for part in (classes.train, classes.validation))


def source_images(config, dataset, count):
    """The images, uint8 or uint16 [count, H, W, C], that the sample grids show new images of.

    They are of the validation classes, and a function of the seed and the data. None for networks without pairs.
    """
    if not takes_pairs(config):
        return None
    rows = _rows_held_out(config, dataset, dataset.train)
    chosen = np.random.default_rng(config.seed).choice(rows, count, replace=len(rows) < count)
    return np.asarray(dataset.train.images[np.sort(chosen)])


def sources_of(config, dataset):
    """What the samples that are scored are made of: (images, numbers of the sources among them).

    The sources are all images of the validation classes, but those that are held out. None for networks without pairs.

    Raises:
        UserError: there are no such images.
    """
    if not takes_pairs(config):
        return None
    rows = _rows_held_out(config, dataset, dataset.train)
    if not len(rows):
        raise UserError(
            f"{dataset.source} has no image of a class that training does not see, and samples are made of these: "
            "give the data of the run as --data_dir, or train with a larger --validation_classes"
        )
    return dataset.train.images, rows


def real_images(config, dataset):
    """The real images that samples are scored against, and other ones, held out, as two `images.Images`.

    They are the training images, and the held-out ones. Of networks that take pairs they are those of the validation
    classes alone, as the sources of the samples are.
    """
    if not takes_pairs(config):
        return images.of_split(dataset, "train"), images.of_split(dataset, "test")
    count = len(classes_of_pairs(config, dataset).validation)
    unseen = f"the {count} classes that training does not see" if count > 1 else "the class that training does not see"
    return tuple(
        images.of_rows(split.images, _rows_held_out(config, dataset, split), f"{dataset.source}, {name}, {unseen}")
        for name, split in (("train", dataset.train), ("test", dataset.test))
    )


def _rows_held_out(config, dataset, split):
    """The numbers of the images of a split that are of the validation classes."""
    return np.flatnonzero(np.isin(split.labels, classes_of_pairs(config, dataset).validation))


def _pairs(config, dataset, classes, seed, first, share):
    split, same = dataset.train, config.same_image
    return pairs.pair_batches(
        split.images, split.labels, classes, dataset.classes, config.batch_size, seed, first, share, same
    )


def _labels_of(config, split):
    return split.labels if config.conditional else None
