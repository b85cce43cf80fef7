"""Damages inputs in many ways and sees whether each ends in success or in one clear message.

    python tests/faults/fuzz.py OUT.json --count=1000 --workers=2

A case is one kind of input (`inputs.KINDS`) that is damaged in one way (`corrupt`), and one command that reads it. It
passes if the command ends with 0, or with 1 or 2 and one line "...: error: ..." without a traceback, within its time,
and if no file outside of the run folder, the cache and the results changed. OUT.json has one row for each case. The
same command goes on where it was stopped; `--case N N` runs these cases only and prints all of their output.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(pathlib.Path(__file__).parent)]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import corrupt
import inputs
from forked import HUNG, run_forked

SECONDS = 300  # of one case
WRITTEN = re.compile("(new|run|cache|study|runs)/|scores-[^/]*$")  # what commands may write, without another --out
ERROR = re.compile("^.*: error: (.*)$", re.M)
FLAGS = {}  # names of the flags by command


def damage(folder, case, seed):
    """Damages one input in a folder of valid ones.

    Args:
        folder: a copy of what `inputs.make` made.
        case: number of the case.
        seed: of the whole run; with the number, it says what is done.

    Returns:
        (kind, what was done, the command line to run).
    """
    rng = random.Random(f"{seed} {case}")
    kind = list(inputs.KINDS)[case % len(inputs.KINDS)]
    files, is_json, commands = inputs.KINDS[kind]
    command = rng.choice(commands)
    if not files:
        what, arguments = corrupt.corrupt_arguments(command[1:], FLAGS[command[0]], rng)
        return kind, what, [command[0], *arguments]
    path = rng.choice(sorted(path for pattern in files for path in folder.glob(pattern) if path.is_file()))
    what, data = (corrupt.corrupt_json if is_json else corrupt.corrupt_bytes)(path.read_bytes(), rng)
    path.write_bytes(data)
    return kind, f"{path.relative_to(folder)}: {what}", command


def state_of(folder):
    """The files below a folder that no command may change: (size, time of change) by path."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not WRITTEN.match(name):
            found[name] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


def verdict(code, text, changed):
    """What is wrong with the end of a case, from its exit code, its output and the files that changed; else ""."""
    if changed:
        return f"wrote outside of its folders: {sorted(changed)[:3]}"
    if "Traceback (most recent call last)" in text:
        return f"traceback: {text.strip().splitlines()[-1][:300]}"
    errors = ERROR.findall(text)
    if (code, len(errors)) in ((0, 0), (1, 1), (2, 1)):  # argparse ends with 2
        return ""
    return f"exit code {code} with {len(errors)} messages: {text.strip()[-300:]}"


def run_case(valid, case, seed, shown=False):
    """Runs one case in a process and a folder of its own. Returns its row for the JSON."""
    with tempfile.TemporaryDirectory() as name:
        sandbox = pathlib.Path(name)
        folder = sandbox / "inputs"
        shutil.copytree(valid, folder)
        kind, what, command = damage(folder, case, seed)
        before, log = state_of(folder), sandbox / "log"
        code = run_forked(lambda: run_command(command, folder), folder, log, SECONDS)
        text = log.read_text(errors="replace")
        if shown:
            sys.stdout.write(f"{command}\n{what}\n{text}\n")
        after = state_of(folder)
        # A wrong command line may name another folder for what is written.
        watched = {*before, *after} if inputs.KINDS[kind].files else {*before}
        changed = {path for path in watched if before.get(path) != after.get(path)}
    wrong = "did not end" if code == HUNG else verdict(code, text, changed)
    row = {"case": case, "kind": kind, "command": command[0], "what": what[:300], "code": code, "wrong": wrong}
    return row | {"message": (ERROR.findall(text) or [""])[0][:300]}


def run_command(command, home):
    """Runs a command line, with a home folder in which it may keep files. Returns the exit code."""
    os.environ["HOME"] = str(home)
    return inputs.commands()[command[0]](command)


def load_libraries():
    """Imports what every case needs, once, before processes are forked; finds the names of the flags."""
    import dataclasses

    import tensorflow as tf  # noqa: F401
    import tensorflow_datasets  # noqa: F401

    from tfgan_gn.runs import evaluate, train  # noqa: F401
    from tfgan_gn.settings.scoring import EvalConfig
    from tfgan_gn.settings.training import Config

    inputs.commands()
    for name, settings in {"train_cifar.py": Config, "eval_inception.py": EvalConfig}.items():
        FLAGS[name] = [field.name for field in dataclasses.fields(settings)]
    FLAGS["report"] = ["out", "verbosity"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="JSON to write, and to go on with")
    parser.add_argument("--count", type=int, default=1000, help="cases [1000]")
    parser.add_argument("--seed", type=int, default=0, help="of all cases [0]")
    parser.add_argument("--workers", type=int, default=2, help="processes side by side [2]")
    parser.add_argument("--case", type=int, nargs="+", help="run only these, and show their output")
    arguments = parser.parse_args()
    load_libraries()
    parts = f"{arguments.out}.parts"
    with tempfile.TemporaryDirectory() as name:
        valid = pathlib.Path(name) / "inputs"
        valid.mkdir()
        if run_forked(lambda: inputs.make(valid), valid, pathlib.Path(name) / "log", SECONDS):
            sys.exit((pathlib.Path(name) / "log").read_text())
        if arguments.case:
            for case in arguments.case:
                sys.stdout.write(json.dumps(run_case(valid, case, arguments.seed, shown=True), indent=1) + "\n")
            return
        children = [fork_worker(valid, parts, arguments, number) for number in range(arguments.workers)]
        for child in children:
            os.waitpid(child, 0)
    rows = sorted(read_rows(parts), key=lambda row: row["case"])
    pathlib.Path(arguments.out).write_text(json.dumps(rows, indent=1))
    counts = collections.Counter((row["kind"], bool(row["wrong"])) for row in rows)
    for kind in inputs.KINDS:
        sys.stdout.write(f"{kind}: {counts[kind, False]} passed, {counts[kind, True]} failed\n")


def read_rows(parts):
    """The rows of a file of one JSON value in each line; none if there is no file."""
    path = pathlib.Path(parts)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def fork_worker(valid, parts, arguments, number):
    """Starts a process that runs every `workers`-th case. Returns its number."""
    child = os.fork()
    if not child:
        done = {row["case"] for row in read_rows(parts)}
        for case in range(number, arguments.count, arguments.workers):
            if case not in done:
                row = run_case(valid, case, arguments.seed)
                with open(parts, "a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                if row["wrong"]:
                    sys.stdout.write(f"case {case}, {row['kind']}, {row['what']}: {row['wrong']}\n")
                    sys.stdout.flush()
        os._exit(0)
    return child


if __name__ == "__main__":
    main()
