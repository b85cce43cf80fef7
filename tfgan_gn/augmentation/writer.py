"""Makes the new images of a plan and writes them."""

import hashlib
import json
import os
import shutil

import numpy as np
import tensorflow as tf

from tfgan_gn.augmentation import depth
from tfgan_gn.augmentation.plan import TABLE, table
from tfgan_gn.errors import UserError
from tfgan_gn.export import load_generator
from tfgan_gn.files.whole import read_whole, write_whole
from tfgan_gn.guards import writing_to
from tfgan_gn.progress import progress_bar


def load_augmenter(path):
    """Loads the export of a generator that makes new images of given ones.

    Args:
        path: folder of the SavedModel.

    Returns:
        The loaded object; see `export.export_generator`.

    Raises:
        UserError: there is none, or its generator takes no images.
    """
    model = load_generator(path)
    if not hasattr(model, "augment"):
        raise UserError(f"{path} makes images of noise alone: give the export/ folder of a run of --preset=dagan")
    return model


def noise(seed, source, number, z_dim):
    """The noise of one new image, float32 [z_dim] ~ N(0, 1): a function of the seed, the source and the number.

    Args:
        seed: whole number.
        source: path of the source in its folder, so that the folder may be moved and other images may come or go.
        number: of the new image of this source.
        z_dim: size of the noise vector.
    """
    name = int.from_bytes(hashlib.sha256(os.fsencode(source.replace(os.sep, "/"))).digest()[:8])
    return np.random.default_rng([seed, name, number]).standard_normal(z_dim, np.float32)


def write(plan, model, say):
    """Writes the new images of a plan that are not there yet, the CSV and, if asked for, copies of the sources.

    The CSV is written first and lists all of them. Each image is written completely or not at all.

    Args:
        plan: `plan.Plan`.
        model: of `load_augmenter`.
        say: function of a line of text for the user.

    Raises:
        UserError: an image cannot be read or written.
    """
    facts = json.loads(model.metadata().numpy())
    size = tuple(facts["image_shape"][:2])
    with writing_to(plan.out, "another OUT"):
        os.makedirs(plan.out, exist_ok=True)
        write_whole(os.path.join(plan.out, TABLE), table(plan))
    cut, total = 0, len(plan.sources) * plan.num
    with progress_bar(total=total, unit="image") as bar:
        for source in plan.sources:
            missing = [
                number
                for number in range(1, plan.num + 1)
                if not os.path.exists(os.path.join(plan.out, plan.new(source, number)))
            ]
            bar.update(plan.num - len(missing))
            if plan.copies:
                _copy(plan, source)
            if not missing:
                continue
            whole = depth.read(os.path.join(plan.images, source), facts["image_shape"][-1])
            image = depth.middle(whole, size)
            cut += image.shape != whole.shape
            for first in range(0, len(missing), facts["block_size"]):
                numbers = missing[first : first + facts["block_size"]]
                _write_block(plan, source, image, numbers, model, facts)
                bar.update(len(numbers))
    if cut:
        say(
            f"note: {cut} images do not have the shape of the network's, {size[0]}x{size[1]}: their new images are of "
            "the middle of them"
        )


def _write_block(plan, source, image, numbers, model, facts):
    """Makes and writes some new images of one source; `facts` is the metadata of the model."""
    *size, channels = facts["image_shape"]
    levels = depth.Range(facts["pixel_scale"], facts["pixel_shift"])
    z = np.stack([noise(plan.seed, source, number, facts["z_dim"]) for number in numbers])
    condition = tf.repeat(depth.to_network(image, size, channels, levels)[None], len(numbers), 0)
    made = depth.to_image(model.generate(tf.constant(z), condition), image, levels)
    for number, new in zip(numbers, made, strict=True):
        path = os.path.join(plan.out, plan.new(source, number))
        with writing_to(plan.out, "another OUT"):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_whole(path, depth.as_png(new))


def _copy(plan, source):
    path = os.path.join(plan.out, source)
    if not os.path.exists(path):
        with writing_to(plan.out, "another OUT"):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_whole(path, read_whole(os.path.join(plan.images, source)))
            shutil.copystat(os.path.join(plan.images, source), path)
