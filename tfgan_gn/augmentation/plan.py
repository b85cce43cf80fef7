"""What is written where: the new images of each image of a folder, and the CSV that lists them."""

import csv
import filecmp
import io
import os
from typing import NamedTuple

from tfgan_gn.data.folder import ENDINGS, list_images
from tfgan_gn.errors import UserError, first_line

TABLE = "augmented.csv"
COLUMNS = ("image", "source", "number", "seed", "export_sha256")


class Plan(NamedTuple):
    """The new images of a folder.

    Attributes:
        images: the folder of the sources.
        out: the folder that is written to.
        sources: paths of the sources below `images`, in order.
        num: new images of each source.
        seed: whole number.
        export_sha256: hash of the export that makes them.
        copies: whether `out` gets the sources too.
    """

    images: str
    out: str
    sources: tuple[str, ...]
    num: int
    seed: int
    export_sha256: str
    copies: bool

    def new(self, source, number):
        """The path, below `out`, of a new image of a source; numbers begin with 1."""
        return f"{os.path.splitext(source)[0]}-new{number}.png"

    def rows(self):
        """The rows of the CSV, dicts by COLUMNS, as text."""
        for source in self.sources:
            for number in range(1, self.num + 1):
                values = (self.new(source, number), source, str(number), str(self.seed), self.export_sha256)
                yield dict(zip(COLUMNS, values, strict=True))


def make_plan(images, out, num, seed, export_sha256, copies):
    """Lists the images of a folder and checks that nothing would be overwritten.

    Args:
        images: folder of images, with or without folders in it.
        out: as of `Plan`.
        num: as of `Plan`.
        seed: as of `Plan`.
        export_sha256: as of `Plan`.
        copies: as of `Plan`.

    Returns:
        Plan.

    Raises:
        UserError: there are no images, one folder is in the other, two files would have one name, `out` has a file
            of that name that this command did not write, or it has new images of another seed or export.
    """
    if not os.path.isdir(images):
        raise UserError(f"{images} is not a folder: give the folder of images")
    inside, outside = (os.path.realpath(folder) for folder in (out, images))
    if os.path.commonpath([inside, outside]) in (inside, outside):
        raise UserError(f"OUT={out} and IMAGES={images} are in one another: give OUT a folder of its own")
    sources = tuple(os.path.relpath(path, images) for path in list_images(images)[0])
    if not sources:
        raise UserError(f"{images} holds no images ({', '.join(ENDINGS)}): give a folder that does")
    plan = Plan(images, out, sources, num, seed, export_sha256, copies)
    _refuse_equal_names(plan)
    _refuse_other_files(plan, read_table(out))
    return plan


def read_table(out):
    """The rows of the CSV in a folder: dict from the path of a new image to its row. Raises UserError if damaged."""
    path = os.path.join(out, TABLE)
    if not os.path.exists(path):
        return {}
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = csv.DictReader(file)
            if tuple(rows.fieldnames or ()) != COLUMNS:
                raise UserError(
                    f"{path} has other columns than {', '.join(COLUMNS)}: bring back the file, or move it away"
                )
            return {row["image"]: row for row in rows}
    except (OSError, csv.Error) as error:
        raise UserError(
            f"{path} cannot be read ({first_line(error)}): give permission, or bring back the file, or move it away"
        ) from None


def table(plan):
    """The CSV as bytes: the rows that are there, then those of the plan that are new."""
    rows = read_table(plan.out)
    rows |= {row["image"]: row for row in plan.rows() if row["image"] not in rows}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows.values())
    return text.getvalue().encode(errors="surrogateescape")


def _refuse_equal_names(plan):
    made_of = {source: source for source in plan.sources} if plan.copies else {}
    for row in plan.rows():
        other = made_of.setdefault(row["image"], row["source"])
        if other != row["source"]:
            raise UserError(
                f"{plan.images}: new images of {row['source']} and of {other} would have the same name "
                f"({row['image']}): rename one of the two"
            )


def _refuse_other_files(plan, written):
    for row in written.values():
        for column, is_now in (("seed", str(plan.seed)), ("export_sha256", plan.export_sha256)):
            if row[column] != is_now:
                raise UserError(
                    f"{plan.out} has new images with another {column} ({row[column]}, and now {is_now}): give another "
                    "folder as OUT, or the same seed and export"
                )
    for row in plan.rows():
        path = os.path.join(plan.out, row["image"])
        if row["image"] not in written and os.path.exists(path):
            raise UserError(f"{path} exists and is not listed in {TABLE}: move it away, or give another folder as OUT")
    for source in plan.sources if plan.copies else ():
        ours, copy = os.path.join(plan.images, source), os.path.join(plan.out, source)
        if os.path.exists(copy) and not filecmp.cmp(ours, copy):
            raise UserError(f"{copy} exists and differs from {ours}: move it away, or give another folder as OUT")
