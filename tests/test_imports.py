"""The one rule of imports, as docs/design.md prints it: down the steps, never up, never sideways within a step."""

import ast
import pathlib
import re

import pytest

pytestmark = pytest.mark.quick
ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "tfgan_gn"
DESIGN = (ROOT / "docs" / "design.md").read_text()
RULE = re.findall(r"^commands > .*$", DESIGN, re.M)
COMMANDS = sorted(  # also those that are started as `python -m tfgan_gn.NAME`
    path.stem for path in (*ROOT.glob("*.py"), *PACKAGE.glob("*.py")) if '__name__ == "__main__"' in path.read_text()
)
# The package's own `__init__` may offer what `runs` has.
STEPS = [[*COMMANDS, "__init__"], *(step.split(", ") for step in RULE[0].split(" > ")[1:])]
STEP = {name: number for number, names in enumerate(STEPS) for name in names}
SEES_SETTINGS = {*COMMANDS, "study", "runs", "settings"}
FILES = [*ROOT.glob("*.py"), *PACKAGE.rglob("*.py")]
MOST_FILES = 12  # of a folder, `__init__.py` left out


def room(path):
    """The folder of the package, or the file at its top or above it, that a file belongs to."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "tfgan_gn" else parts[0]


def imported_rooms(source, package):
    """The rooms that a file imports, anywhere in it, its own too.

    Args:
        source: text of the file.
        package: dotted name of the package that it is in, which relative imports start from.
    """
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            names += [f"{base}.{alias.name}" for alias in node.names]
    parts = [name.split(".") for name in names]
    return {each[1] for each in parts if each[0] == "tfgan_gn" and not each[-1].startswith("__")}


def package_of(path):
    return ".".join(path.relative_to(ROOT).parent.parts)


def test_the_rule_is_printed_once_and_names_every_room():
    assert len(RULE) == 1
    folders = {path.parent.name for path in PACKAGE.glob("*/*.py")}
    files = {path.stem for path in PACKAGE.glob("*.py")}
    assert {*COMMANDS, *folders, *files} == set(STEP)


def files_of_the_tree():
    """The paths in the tree of docs/design.md, which has one line for each and two spaces for each folder."""
    tree = re.search(r"## The tree\n\n```text\n(.*?)```", DESIGN, re.S)[1]
    folders = []
    for indent, name in re.findall(r"^( *)(\S+)", tree, re.M):
        folders[len(indent) // 2 :] = [name]
        if not name.endswith("/"):
            yield "".join(folders)


def test_the_tree_lists_every_file_once():
    """But an `__init__.py` with little more than a docstring."""
    short = {path for path in FILES if path.name == "__init__.py" and len(path.read_text().splitlines()) < 20}
    assert sorted(files_of_the_tree()) == sorted(str(path.relative_to(ROOT)) for path in {*FILES} - short)


@pytest.mark.parametrize(
    ("source", "package", "rooms"),
    [
        ("from tfgan_gn import runs, __version__", "", {"runs"}),
        ("from tfgan_gn.models import author", "", {"models"}),
        ("import tfgan_gn.layers.norms as norms, numpy", "", {"layers"}),
        ("def late():\n    if late:\n        from tfgan_gn.data import sets", "", {"data"}),
        ("from . import losses", "tfgan_gn.training", {"training"}),
        ("from ..scoring.images import Images", "tfgan_gn.training", {"scoring"}),
        ("from .. import export", "tfgan_gn.training", {"export"}),
        ("from .runs import load_run", "tfgan_gn", {"runs"}),
        ("import tensorflow as tf\nfrom os import path", "tfgan_gn.training", set()),
    ],
)
def test_an_import_is_seen_in_every_form(source, package, rooms):
    assert imported_rooms(source, package) == rooms


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path):
    own = room(path)
    for other in imported_rooms(path.read_text(), package_of(path)) - {own}:
        assert STEP[own] < STEP[other], f"{own} imports {other}"
        assert other != "settings" or own in SEES_SETTINGS, f"{own} imports settings"


def test_modules_are_imported_by_a_computed_name_in_one_place_only():
    """Which the test above could not see: an architecture by its name, within `models`."""
    users = [str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if "importlib" in path.read_text()]
    assert users == ["models/__init__.py"]


def test_no_folder_has_more_than_a_dozen_files():
    for folder in {path.parent for path in PACKAGE.rglob("*.py")}:
        files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(files) <= MOST_FILES, folder.name
