"""The test files, those that are nearest to a file of the package, and a run of one of them in a process of its own."""

import ast
import collections
import os
import pathlib
import shutil
import sys
import time

from forked import run_forked

ROOT = pathlib.Path(__file__).parents[2]
COPIED = ("tfgan_gn", "tests", "benchmarks", "docs", "examples", "*.py", "*.cfg", "*.toml", "*.md", "LICENSE")
NOT_RUN = ("test_imports", "test_wheel", "test_browser", "test_old_runs")  # they test the text, or no mutant
QUICK_ONLY = ("test_multi_worker", "test_study")  # their other tests start many processes, for minutes
PASSED = (0, 5)  # exit codes of pytest; with 5, it found no test to run


def test_files():
    """The names of all test files that are run, sorted."""
    return sorted(path.stem for path in (ROOT / "tests").glob("test_*.py") if path.stem not in NOT_RUN)


def nearest_tests():
    """Finds the test files that import a file of the package, themselves or by another file of `tests/`.

    Returns:
        dict of paths in the repository to sets of names of test files. What conftest.py imports does not count, because
        that is nearly all.
    """
    near = collections.defaultdict(set)
    for name in test_files():
        for used in _imports_of(ROOT / "tests" / f"{name}.py"):
            near[used].add(name)
    return near


def _imports_of(path, seen=frozenset(["conftest"])):
    found, seen = set(), seen | {path.stem}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            helper = path.with_name(f"{name}.py")
            if name not in seen and helper.exists():
                found |= _imports_of(helper, seen)
            for place in (f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__init__.py"):
                if name.startswith("tfgan_gn") and (ROOT / place).exists():
                    found.add(place)
    return found


def load_libraries():
    """Imports what every test needs, once, so that each process which is forked afterwards has it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras  # noqa: F401
    import pytest  # noqa: F401
    import scipy.linalg  # noqa: F401
    import tensorflow as tf  # noqa: F401
    import tensorflow_datasets  # noqa: F401


def copy_of_the_repository(folder):
    for pattern in COPIED:
        for path in ROOT.glob(pattern):
            if path.is_dir():
                shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(path, folder)


def run_test_file(folder, name, seconds):
    """Runs one test file, up to its first failure, in a process of its own.

    Args:
        folder: a copy of the repository.
        name: of the test file, without its ending.
        seconds: after which the process is ended.

    Returns:
        (exit code of pytest, or forked.HUNG; the first failed test, text; seconds that it took).
    """
    begin, log = time.monotonic(), folder / "log"
    quick = ["-m", "quick"] if name in QUICK_ONLY else []

    def run():
        sys.path[:0] = [str(folder), str(folder / "tests")]
        sys.dont_write_bytecode = True
        import pytest

        return pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--tb=line", f"tests/{name}.py", *quick])

    code = run_forked(run, folder, log, seconds)
    failed = [line for line in log.read_text(errors="replace").splitlines() if line.startswith(("FAILED", "ERROR"))]
    return code, (failed or [name])[0][:200], time.monotonic() - begin
