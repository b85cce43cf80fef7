"""The one rule of imports: down the steps, never up, never sideways between two folders of one step."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
STEPS = [
    {"train_cifar", "eval_inception"},
    {"runs"},
    {"scoring", "training"},
    {"export"},
    {"models", "data", "settings"},
    {"layers", "metrics", "files"},
    {"guards", "architectures"},
    {"errors"},
]
STEP = {name: number for number, names in enumerate(STEPS) for name in names}
SEES_SETTINGS = STEPS[0] | STEPS[1] | {"settings"}
FILES = [*ROOT.glob("*.py"), *ROOT.glob("tfgan_gn/**/*.py")]
MOST_FILES = 12  # of a folder, `__init__.py` left out


def room(path):
    """The folder of the package, or the file at its top or above it, that a file belongs to."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "tfgan_gn" else parts[0]


def imported_rooms(path):
    """The rooms that a file imports, its own left out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "tfgan_gn":
            yield from (alias.name for alias in node.names if not alias.name.startswith("__"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfgan_gn."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("tfgan_gn."))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path):
    own = room(path)
    for other in imported_rooms(path):
        if own not in ("__init__", other):
            assert STEP[own] < STEP[other], f"{own} imports {other}"
        if other == "settings":
            assert own in SEES_SETTINGS, f"{own} imports settings"


def test_no_folder_has_more_than_a_dozen_files():
    for folder in ROOT.glob("tfgan_gn/*/"):
        files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(files) <= MOST_FILES, folder.name
