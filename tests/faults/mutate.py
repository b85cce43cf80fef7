"""Changes the package in many small ways, one at a time, and sees whether a test fails.

    python tests/faults/mutate.py OUT.json --count=300 --workers=2 --longest=20

OUT.json has one row for each mutant: what was changed, and the test that noticed it ("killed"), or none ("survived").
Mutants are drawn with a seed, of every file of SUBJECTS about equally often. Each is run against the test files that
import the changed file, the quickest first, and then against those that import a file which imports it.

First, every test file is run without a change, and left out if it takes longer than --longest. The same command goes
on where it was stopped. With a greater --longest, it runs the mutants that survived against the test files that were
left out.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from affected import PASSED, ROOT, copy_of_the_repository, load_libraries, run_test_file, tests_of
from forked import HUNG
from mutants import mutants_of

SUBJECTS = ("training", "layers", "models", "metrics", "scoring", "runs", "export.py")
LEFT_OUT = ("scoring/train_cifar10net.py",)  # made the weights once, and is not part of a run
PATIENCE = 3  # a test file that takes this many times as long as without a change hangs
SECONDS_MORE = 30


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


# ---- one piece of work ---------------------------------------------------------------------------------------------


def measure(folder, name, longest):
    """Runs a test file without a change. Returns its row: its seconds, None if it takes longer or fails."""
    code, failed, seconds = run_test_file(folder, name, longest)
    if code in PASSED:
        return {"name": name, "seconds": round(seconds, 1)}
    reason = f"takes more than {longest:g} s" if code == HUNG else f"fails without a change: {failed}"
    return {"name": name, "seconds": None, "reason": reason, "longest": longest}


def judge(folder, mutant, tests, longest):
    """Runs the tests of a mutant until one fails. Returns its row.

    Args:
        folder: a copy of the repository.
        mutant: dict of `draw`.
        tests: pairs of (name, seconds without a change), in the order in which they are run.
        longest: `--longest`, noted in the row.
    """
    path = folder / mutant["file"]
    original = path.read_text()
    row = {key: mutant[key] for key in ("file", "line", "what")}
    try:
        path.write_text(mutant["source"])
        for name, seconds in tests:
            code, failed, _ = run_test_file(folder, name, PATIENCE * seconds + SECONDS_MORE)
            if code not in PASSED:
                return {**row, "result": "killed", "by": f"{failed}, which hangs" if code == HUNG else failed}
        return {**row, "result": "survived", "longest": longest}
    finally:
        path.write_text(original)


# ---- all of it, in several processes -------------------------------------------------------------------------------


def side_by_side(items, function, out, workers):
    """Calls a function for each item, in several processes, and writes its rows as they come.

    Args:
        items: list.
        function: of (folder of this process with a copy of the repository, item); returns a row, for JSON.
        out: path; process n appends its rows to `<out>.<n>`, one JSON on a line.
        workers: number of processes.

    Returns:
        list of the rows.
    """
    children = []
    for number in range(workers):
        child = os.fork()
        if not child:
            with tempfile.TemporaryDirectory() as name, open(f"{out}.{number}", "a", encoding="utf-8") as part:
                copy_of_the_repository(pathlib.Path(name))
                for item in items[number::workers]:
                    row = function(pathlib.Path(name), item)
                    part.write(json.dumps(row) + "\n")
                    part.flush()
                    sys.stdout.write(f"{row}\n")
                    sys.stdout.flush()
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def gather(out, known, key):
    """Takes the rows that processes wrote, also in a call that was stopped, into a dict of key to row."""
    for part in sorted(pathlib.Path(out).parent.glob(f"{pathlib.Path(out).name}.[0-9]*")):
        for line in part.read_text().splitlines():
            known[key(json.loads(line))] = json.loads(line)
        part.unlink()
    return known


def key_of(row):
    return row["file"], row["line"], row["what"]


def write(state, arguments):
    with open(arguments.out, "w", encoding="utf-8") as file:
        json.dump({**state, "tests": list(state["tests"].values()), "rows": list(state["rows"].values())}, file, indent=1)


def read(arguments):
    """The state of earlier calls, or a new one. Rows are dicts here, by their names."""
    state = {"count": arguments.count, "seed": arguments.seed, "tests": [], "rows": []}
    if os.path.exists(arguments.out):
        state = json.loads(pathlib.Path(arguments.out).read_text())
    state["tests"] = gather(f"{arguments.out}.tests", {row["name"]: row for row in state["tests"]}, lambda r: r["name"])
    state["rows"] = gather(f"{arguments.out}.rows", {key_of(row): row for row in state["rows"]}, key_of)
    return state


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
    longest, tests = arguments.longest, tests_of(subjects())
    state = read(arguments)
    write(state, arguments)

    def unmeasured(name):
        known = state["tests"].get(name)
        return not known or known.get("longest", longest) < longest

    names = [name for name in sorted(set().union(*(near | far for near, far in tests.values()))) if unmeasured(name)]
    side_by_side(names, lambda folder, name: measure(folder, name, longest), f"{arguments.out}.tests", arguments.workers)
    state = read(arguments)
    write(state, arguments)
    seconds = {name: row["seconds"] for name, row in state["tests"].items() if row["seconds"] is not None}

    def to_run(mutant):
        """The tests of a mutant that were not run yet: pairs of (name, seconds)."""
        done = state["rows"].get(key_of(mutant), {}).get("longest", 0)
        sets = [[(n, seconds[n]) for n in each if done < seconds.get(n, 0) <= longest] for each in tests[mutant["file"]]]
        return [pair for each in sets for pair in sorted(each, key=lambda pair: pair[1])]

    def undecided(mutant):
        row = state["rows"].get(key_of(mutant))
        return not row or (row["result"] == "survived" and row["longest"] < longest)

    left = [mutant for mutant in draw(state["count"], state["seed"]) if undecided(mutant)]
    side_by_side(left, lambda folder, m: judge(folder, m, to_run(m), longest), f"{arguments.out}.rows", arguments.workers)
    state = read(arguments)
    write(state, arguments)
    results = collections.Counter(row["result"] for row in state["rows"].values())
    sys.stdout.write(f"{len(state['rows'])} mutants: {results['killed']} killed, {results['survived']} survived\n")


if __name__ == "__main__":
    main()
