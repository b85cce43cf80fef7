"""Changes the package in many small ways, one at a time, and sees whether a test fails.

    python tests/faults/mutate.py OUT.json --count=300 --workers=2

OUT.json has one row for each mutant: what was changed, and the test that noticed it ("killed"), or none ("survived").
The same command goes on where it was stopped. Mutants are drawn with a seed, of every file of SUBJECTS about equally
often. Each is run against the test files that import the changed file, or a file that imports it, the quickest first.
"""

import argparse
import ast
import collections
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from forked import run_forked
from mutants import mutants_of

ROOT = pathlib.Path(__file__).parents[2]
COPIED = ("tfgan_gn", "tests", "benchmarks", "docs", "examples", "*.py", "*.cfg", "*.toml", "*.md", "LICENSE")
SUBJECTS = ("training", "layers", "models", "metrics", "scoring", "runs", "export.py")
LEFT_OUT = ("scoring/train_cifar10net.py",)  # made the weights once, and is not part of a run
# These test files read the sources themselves, or start so many processes that they take minutes.
NOT_RUN = ("test_imports", "test_wheel", "test_multi_worker", "test_browser", "test_study", "test_old_runs")
PATIENCE = 3  # a test file that takes this many times as long as without a change hangs
SECONDS_MORE = 60


def subjects():
    """The files that are changed, as paths in the repository."""
    package = ROOT / "tfgan_gn"
    files = [
        path
        for name in SUBJECTS
        for path in ([package / name] if name.endswith(".py") else (package / name).rglob("*.py"))
    ]
    found = [path for path in files if path.stat().st_size and str(path.relative_to(package)) not in LEFT_OUT]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def draw(count, seed):
    """Draws mutants: a list of dicts with "file", "line", "what" and the changed "source"."""
    rng, left, drawn = random.Random(seed), {}, []
    for file in subjects():
        left[file] = mutants_of((ROOT / file).read_text())
        rng.shuffle(left[file])
    while len(drawn) < count and any(left.values()):
        for file, mutants in left.items():
            if mutants:
                drawn.append({"file": file, **mutants.pop()._asdict()})
    return drawn[:count]


# ---- which tests ---------------------------------------------------------------------------------------------------


def imports_of(path):
    """The files of this repository that a file imports, as paths in the repository."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            for place in (f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__init__.py"):
                if name.startswith("tfgan_gn") and (ROOT / place).exists():
                    found.add(place)
    return found


def tests_by_subject():
    """The test files of each file of the package: those that import it, and those that import a file that does."""
    users = collections.defaultdict(set)
    for path in (ROOT / "tfgan_gn" / "models").glob("*.py"):
        users[str(path.relative_to(ROOT))].add("tfgan_gn/models/__init__.py")  # which imports them by their names
    for path in (ROOT / "tfgan_gn").rglob("*.py"):
        for used in imports_of(path):
            users[used].add(str(path.relative_to(ROOT)))
    direct = collections.defaultdict(set)
    for path in (ROOT / "tests").glob("test_*.py"):
        if path.stem not in NOT_RUN:
            for used in imports_of(path):
                direct[used].add(path.stem)
    return {file: direct[file].union(*(direct[user] for user in users[file])) for file in subjects()}


# ---- running them --------------------------------------------------------------------------------------------------


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
        (exit code of pytest, or HUNG; the first failed test, text; seconds that it took).
    """
    begin, log = time.monotonic(), folder / "log"

    def run():
        sys.path[:0] = [str(folder), str(folder / "tests")]
        sys.dont_write_bytecode = True
        import pytest

        return pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--tb=line", f"tests/{name}.py"])

    code = run_forked(run, folder, log, seconds)
    failed = [line for line in log.read_text(errors="replace").splitlines() if line.startswith(("FAILED", "ERROR"))]
    return code, (failed or [name])[0][:200], time.monotonic() - begin


def measure(folder, names):
    """Runs each test file without a change. Returns the seconds of each that passes; tells of the others."""
    seconds = {}
    for name in sorted(names):
        code, failed, taken = run_test_file(folder, name, 1200)
        if code in (0, 5):
            seconds[name] = round(taken, 1)
        else:
            sys.stdout.write(f"left out, because it fails without a change: {failed}\n")
    return seconds


def judge(folder, mutant, names, seconds):
    """Runs the tests of a mutant, the quickest first. Returns its row for the JSON."""
    path = folder / mutant["file"]
    original = path.read_text()
    row = {key: mutant[key] for key in ("file", "line", "what")}
    try:
        path.write_text(mutant["source"])
        for name in sorted(names, key=seconds.get):
            code, failed, _ = run_test_file(folder, name, PATIENCE * seconds[name] + SECONDS_MORE)
            if code not in (0, 5):
                return {**row, "result": "killed", "by": failed}
        return {**row, "result": "survived", "by": f"none of {len(names)} test files"}
    finally:
        path.write_text(original)


def work(number, workers, state, out, longest):
    """One of several processes: judges every `workers`-th mutant that has no row yet."""
    tests = tests_by_subject()
    rows = {(row["file"], row["line"], row["what"]) for row in state["rows"]}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        copy_of_the_repository(folder)
        for mutant in draw(state["count"], state["seed"])[number::workers]:
            if (mutant["file"], mutant["line"], mutant["what"]) in rows:
                continue
            names = [n for n in tests[mutant["file"]] if state["seconds"].get(n, longest + 1) <= longest]
            row = judge(folder, mutant, names, state["seconds"])
            with open(f"{out}.{number}.part", "a", encoding="utf-8") as part:
                part.write(json.dumps(row) + "\n")
            sys.stdout.write(f"{row['result']}: {row['file']}:{row['line']}: {row['what']}  [{row['by']}]\n")
            sys.stdout.flush()


def gather(state, out, workers):
    """Takes the rows of all processes into the state, and writes it."""
    for number in range(workers):
        part = pathlib.Path(f"{out}.{number}.part")
        if part.exists():
            state["rows"] += [json.loads(line) for line in part.read_text().splitlines()]
    with open(out, "w", encoding="utf-8") as file:
        json.dump(state, file, indent=1)
    for number in range(workers):
        pathlib.Path(f"{out}.{number}.part").unlink(missing_ok=True)


def load(arguments):
    """The state of an earlier call, or a new one, for which all test files are run once."""
    if os.path.exists(arguments.out):
        return json.loads(pathlib.Path(arguments.out).read_text())
    names = set().union(*tests_by_subject().values())
    with tempfile.TemporaryDirectory() as name:
        copy_of_the_repository(pathlib.Path(name))
        seconds = measure(pathlib.Path(name), names)
    return {"count": arguments.count, "seed": arguments.seed, "seconds": seconds, "rows": []}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="JSON to write, and to go on with")
    parser.add_argument("--count", type=int, default=300, help="mutants [300]")
    parser.add_argument("--seed", type=int, default=0, help="of the draw [0]")
    parser.add_argument("--workers", type=int, default=2, help="processes side by side [2]")
    parser.add_argument(
        "--longest", type=float, default=60, help="seconds of a test file; longer ones are not run [60]"
    )
    arguments = parser.parse_args()
    load_libraries()
    state = load(arguments)
    gather(state, arguments.out, arguments.workers)
    children = []
    for number in range(arguments.workers):
        child = os.fork()
        if not child:
            work(number, arguments.workers, state, arguments.out, arguments.longest)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    gather(state, arguments.out, arguments.workers)
    results = collections.Counter(row["result"] for row in state["rows"])
    sys.stdout.write(f"{len(state['rows'])} mutants: {results['killed']} killed, {results['survived']} survived\n")


if __name__ == "__main__":
    main()
