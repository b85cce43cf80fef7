"""The wheel contains what the package needs; its two commands exist."""

import configparser
import importlib
import inspect
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

import tfgan_gn

ROOT = pathlib.Path(__file__).parents[1]
COMMANDS = {"tfgan-train": "train_cifar", "tfgan-eval": "eval_inception"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built of a copy, because setuptools writes into the folder that it builds."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for pattern in ("*.py", "*.cfg", "*.toml", "README.md", "LICENSE"):
        for path in ROOT.glob(pattern):
            shutil.copy(path, source)
    shutil.copytree(ROOT / "tfgan_gn", source / "tfgan_gn", ignore=shutil.ignore_patterns("__pycache__"))
    code = "import sys, setuptools.build_meta as backend; backend.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(out)], cwd=source, check=True, capture_output=True)
    (path,) = out.iterdir()
    return zipfile.ZipFile(path)


def text_of(wheel, name):
    """The text of a file beside the package's own: METADATA, entry_points.txt, ..."""
    (path,) = (path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


def test_the_wheel_has_every_file_of_the_package_and_the_commands(wheel):
    expected = {path.relative_to(ROOT) for path in (ROOT / "tfgan_gn").rglob("*") if path.is_file()}
    expected = {str(path) for path in expected if "__pycache__" not in path.parts}
    expected |= {f"{module}.py" for module in COMMANDS.values()}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == expected
    assert "tfgan_gn/scoring/networks/cifar10net.npz" in expected and "tfgan_gn/page/page.css" in expected
    assert "tfgan_gn/example/generator/saved_model.pb" in expected


def test_the_commands_are_functions_without_required_arguments(wheel):
    points = configparser.ConfigParser()
    points.read_string(text_of(wheel, "entry_points.txt"))
    assert dict(points["console_scripts"]) == {name: f"{module}:main" for name, module in COMMANDS.items()}
    sys.path.insert(0, str(ROOT))
    for module in COMMANDS.values():
        inspect.signature(importlib.import_module(module).main).bind()


def test_the_version_is_that_of_the_package_and_stands_first_in_the_changelog(wheel):
    assert re.search("^Version: (.*)$", text_of(wheel, "METADATA"), re.M)[1] == tfgan_gn.__version__
    assert re.findall("^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.M)[0] == tfgan_gn.__version__
