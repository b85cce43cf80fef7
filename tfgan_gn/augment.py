"""Writes new images of the class of each image in a folder, with a generator that --preset=dagan trained.

    python -m tfgan_gn.augment EXPORT IMAGES OUT --num=5

EXPORT is the export/ folder of a run: a SavedModel, which is a program that is run. Give only one that you trust.
IMAGES is a folder of images, with or without class folders. OUT gets the same folders, with a copy of each image and
its new images, which have its depth and size. Of an image whose sides have another ratio than the network's, the middle
is taken: the largest part that has this ratio. Its new images have the size of that part. OUT/augmented.csv lists each
new image with its source and seed. The same command goes on where it was stopped. It overwrites no image.
"""

import os
import sys

from tfgan_gn.errors import UserError
from tfgan_gn.settings import command_line, help
from tfgan_gn.settings.tools.augment import AugmentConfig
from tfgan_gn.startup import load_tensorflow


def write(config, export, images, out):
    """Writes the new images. Raises UserError for what is missing or does not fit."""
    load_tensorflow()
    from tfgan_gn.augmentation import writer
    from tfgan_gn.augmentation.plan import TABLE, make_plan
    from tfgan_gn.files.hashes import hash_folder
    from tfgan_gn.guards import fitting_in_memory
    from tfgan_gn.runs.about import say

    model = writer.load_augmenter(export)
    plan = make_plan(images, out, config.num, config.seed, hash_folder(export), config.copy)
    with fitting_in_memory("Give a smaller --num"):
        writer.write(plan, model, say)
    sys.stdout.write(
        f"{len(plan.sources)} images, {config.num} new ones of each, in {out}; listed in {os.path.join(out, TABLE)}\n"
    )


def command(argv):
    """Reads the command line and writes new images, or prints the help. Returns the exit code."""
    config, arguments = command_line.parse_arguments(argv, AugmentConfig, AugmentConfig, most_arguments=3)
    if config is None:
        sys.stdout.write(help.text(argv, __doc__, AugmentConfig, AugmentConfig) + "\n")
        return 0
    if len(arguments) < 3:
        raise UserError("give three folders, EXPORT IMAGES OUT (--help says which)")
    write(config, *arguments)
    return 0


def main(argv):
    """Runs the command. Returns the exit code: 0 done, 1 for a UserError, 130 if interrupted."""
    return command_line.run(lambda: command(argv), "tfgan_gn.augment", "interrupted; the same command goes on")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
