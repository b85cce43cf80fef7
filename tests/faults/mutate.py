"""Changes the package in many small ways, one at a time, and sees whether a test fails.

    python tests/faults/mutate.py OUT.json --count=300 --workers=2 --longest=20

OUT.json has one row for each mutant: what was changed, and the test that noticed it ("killed"), or none ("survived").
Mutants are drawn with a seed, of every file of SUBJECTS about equally often. Each is run against the test files that
import the changed file, and then against all others, the quickest first, until one fails.

First, every test file is run without a change, and left out if it takes longer than --longest. The same command goes
on where it was stopped. With a greater --longest, it runs the mutants that survived against the test files that were
left out. With --again, after new tests, it judges all that survived anew. The package must stay the same meanwhile:
the draw depends on it.
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

from affected import PASSED, ROOT, copy_of_the_repository, load_libraries, nearest_tests, run_test_file, test_files
from forked import HUNG
from mutants import mutants_of

SUBJECTS = ("training", "layers", "models", "metrics", "scoring", "runs", "export.py")
LEFT_OUT = ("scoring/train_cifar10net.py",)  # made the weights once, and is not part of a run
KEY = ("file", "line", "column", "what")  # of a mutant
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
    row = {key: mutant[key] for key in KEY}
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
    """
    children = []
    for number in range(workers):
        child = os.fork()
        if not child:
            with tempfile.TemporaryDirectory() as name, open(f"{out}.{number}", "a", encoding="utf-8") as part:
                copy_of_the_repository(pathlib.Path(name))
                for item in items[number::workers]:
                    row = json.dumps(function(pathlib.Path(name), item))
                    for file in (part, sys.stdout):
                        file.write(f"{row}\n")
                        file.flush()
            os._exit(0)
        children.append(child)
    statuses = [os.waitpid(child, 0)[1] for child in children]  # of all of them, so that none is left behind
    if any(statuses):
        sys.exit("a process ended with an error, which stands above; the same command goes on")


class State:
    """What is known: the rows of `measure` as `tests`, by name; those of `judge` as `mutants`, by `key_of`."""

    def __init__(self, out):
        self.out, self.tests, self.mutants = out, {}, {}

    def gather(self):
        """Takes the rows of OUT.json, and those that processes wrote since, also in a call that was stopped."""
        known = {"tests": [], "mutants": []}
        if os.path.exists(self.out):
            known = json.loads(pathlib.Path(self.out).read_text())
        parts = {
            kind: sorted(pathlib.Path(self.out).parent.glob(f"{os.path.basename(self.out)}.{kind}.*")) for kind in known
        }
        for kind, rows in known.items():
            rows += [json.loads(line) for part in parts[kind] for line in part.read_text().splitlines()]
        self.tests = {row["name"]: row for row in known["tests"]}
        self.mutants = {key_of(row): row for row in known["mutants"]}
        with open(self.out, "w", encoding="utf-8") as file:
            json.dump({"tests": list(self.tests.values()), "mutants": list(self.mutants.values())}, file, indent=1)
        for part in parts["tests"] + parts["mutants"]:
            part.unlink()

    def forget_survivors(self):
        """Has `to_judge` name the mutants that survived, and `to_run` name all test files for them."""
        self.mutants = {key: row for key, row in self.mutants.items() if row["result"] != "survived"}

    def to_measure(self, names, longest):
        """The test files of which no call knows whether they take less than `longest`."""
        return [n for n in names if n not in self.tests or self.tests[n].get("longest", longest) < longest]

    def to_judge(self, mutants, longest):
        """The mutants that no call has judged, or that survived with a smaller `longest`."""
        rows = [(mutant, self.mutants.get(key_of(mutant))) for mutant in mutants]
        return [m for m, row in rows if not row or (row["result"] == "survived" and row["longest"] < longest)]

    def to_run(self, mutant, near, longest):
        """The test files that a mutant has not met yet: pairs of (name, seconds), those of `near` first."""
        known = self.mutants.get(key_of(mutant), {}).get("longest", 0)
        seconds = {name: row["seconds"] or 0 for name, row in self.tests.items()}
        new = [name for name in seconds if known < seconds[name] <= longest]
        return [(name, seconds[name]) for name in sorted(new, key=lambda name: (name not in near, seconds[name]))]


def key_of(row):
    return tuple(row[key] for key in KEY)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="JSON to write, and to go on with")
    parser.add_argument("--count", type=int, default=300, help="mutants [300]")
    parser.add_argument("--seed", type=int, default=0, help="of the draw [0]")
    parser.add_argument("--workers", type=int, default=2, help="processes side by side [2]")
    parser.add_argument(
        "--longest", type=float, default=60, help="seconds of a test file; longer ones are not run [60]"
    )
    parser.add_argument("--again", action="store_true", help="judge the mutants that survived once more")
    arguments = parser.parse_args()
    load_libraries()
    longest, near, state = arguments.longest, nearest_tests(), State(arguments.out)
    state.gather()
    names = state.to_measure(test_files(), longest)
    side_by_side(names, lambda folder, name: measure(folder, name, longest), f"{state.out}.tests", arguments.workers)
    state.gather()
    if arguments.again:
        state.forget_survivors()

    def judge_one(folder, mutant):
        return judge(folder, mutant, state.to_run(mutant, near[mutant["file"]], longest), longest)

    mutants = state.to_judge(draw(arguments.count, arguments.seed), longest)
    side_by_side(mutants, judge_one, f"{state.out}.mutants", arguments.workers)
    state.gather()
    results = collections.Counter(row["result"] for row in state.mutants.values())
    sys.stdout.write(f"{len(state.mutants)} mutants: {results['killed']} killed, {results['survived']} survived\n")


if __name__ == "__main__":
    main()
