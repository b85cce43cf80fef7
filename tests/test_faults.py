"""What tests/faults/ rests on: each kind of change is made, a fault is seen, a case can be repeated."""

import json
import pathlib
import random
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "faults"))
import corrupt
import forked
import fuzz
import long_run
import mutants
import mutate
import versions

pytestmark = pytest.mark.quick
SOURCE = '''
"""A docstring: 1 + 1."""
def f(a, b, axis=-1):
    if a < b and not b:
        raise ValueError(f"{a + 1} is wrong")
    total = 0.5 if b else g(a, b, axis=axis)
    total += 1
    return np.stack([a, total], True)
'''
CHANGES = [
    "-1  ->  1",
    "1  ->  2",
    "if a < b and (not b):  ->  if not (a < b and (not b)):",
    "a < b and (not b)  ->  a < b or not b",
    "a < b  ->  a <= b",
    "not b  ->  b",
    "0.5 if b else g(a, b, axis=axis)  ->  g(a, b, axis=axis) if b else 0.5",
    "0.5  ->  1.0",
    "g(a, b, axis=axis)  ->  g(a, b)",
    "g(a, b, axis=axis)  ->  g(b, a, axis=axis)",
    "total += 1  ->  pass",
    "1  ->  2",
    "True  ->  False",
]


def test_each_expression_is_changed_and_what_is_only_read_is_not():
    found = mutants.mutants_of(SOURCE)
    assert sorted(mutant.what for mutant in found) == sorted(CHANGES)
    assert len({mutant.source for mutant in found}) == len(CHANGES)
    for mutant in found:
        compile(mutant.source, "mutant", "exec")


@pytest.mark.parametrize(
    ("code", "text", "changed", "wrong"),
    [
        (0, "done\n", set(), ""),
        (1, "x.py: error: x.npz is empty\n", set(), ""),
        (1, "x.py: error: a\nx.py: error: b\n", set(), "exit code 1 with 2 messages"),
        (0, "x.py: error: a\n", set(), "exit code 0 with 1 messages"),
        (-11, "", set(), "exit code -11"),
        (1, "Traceback (most recent call last):\n  ...\nKeyError: 3\n", set(), "traceback: KeyError: 3"),
        (0, "done\n", {"images.npz"}, "wrote outside"),
    ],
)
def test_a_case_passes_with_success_or_with_one_message(code, text, changed, wrong):
    found = fuzz.verdict(code, text, changed)
    assert found.startswith(wrong) and bool(found) == bool(wrong)


def test_the_same_number_damages_in_the_same_way():
    data = bytes(range(256))
    ways = [corrupt.corrupt_bytes(data, random.Random(number)) for number in range(60)]
    assert ways == [corrupt.corrupt_bytes(data, random.Random(number)) for number in range(60)]
    assert len({name for name, _ in ways}) == 9
    assert sum(damaged == data for _, damaged in ways) <= 3


@pytest.mark.parametrize(
    ("function", "code"),
    [
        (lambda: None, 0),
        (lambda: 3, 3),
        (lambda: sys.exit(2), 2),
        (lambda: 1 / 0, 99),
        (lambda: time.sleep(60), "hung"),
    ],
)
def test_a_forked_function_ends_with_its_code_or_is_ended(function, code, tmp_path):
    assert forked.run_forked(function, tmp_path, tmp_path / "log", 2) == code
    assert ("ZeroDivisionError" in (tmp_path / "log").read_text()) == (code == 99)


def test_a_forked_function_is_killed_when_it_is_asked_for(tmp_path):
    asked = []
    kill = lambda process: asked.append(process) or len(asked) == 3  # noqa: E731
    assert forked.run_forked(lambda: time.sleep(60), tmp_path, tmp_path / "log", 30, kill) == -9
    assert len(set(asked)) == 1


def test_the_lowest_versions_are_the_bounds_of_setup_cfg():
    assert versions.lowest({"a-b": "a-b >=1.20, <3", "c": "c", "d": "d>= 2"}) == ["a-b==1.20", "d==2"]
    declared = versions.declared()
    assert {"numpy", "scipy", "keras", "tensorflow", "tensorflow-datasets"} <= {*declared} and "torch" not in declared
    assert all(text.startswith(name) for name, text in declared.items())


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({}, []),
        ({"bytes": 1049}, []),
        ({"bytes": 1051}, ["memory grew by 5.1%"]),
        ({"train": 2}, ["train was traced 2 times"]),
        ({"evaluate": 3}, ["evaluate was traced 3 times"]),
        ({"samples": 7}, ["7 files in samples, not 5"]),
    ],
)
def test_a_long_run_passes_if_nothing_grows(changed, wrong):
    row = {"iteration": 1, "bytes": 100, "train": 1, "evaluate": 1}
    rows = [row, row | {"bytes": 1000}, row | {"bytes": 1000} | changed]
    numbers = {"interpolations": 5, "checkpoints": 7, "train": 1, "test": 1, "samples": changed.get("samples", 5)}
    assert long_run.wrong_with(rows, {part: (number, 0) for part, number in numbers.items()}, 20_000) == wrong


def test_a_mutation_run_goes_on_where_it_was_stopped(tmp_path):
    """Two processes wrote rows and were stopped. Survivors meet the longer test files only, or all anew."""
    rows = {
        "tests.0": [{"name": "slow", "seconds": 50.0}, {"name": "quick", "seconds": 1.0}],
        "tests.1": [{"name": "slower", "seconds": None, "longest": 60.0}],
        "mutants.0": [{**mutant("a"), "result": "killed", "by": "quick"}],
        "mutants.1": [{**mutant("b"), "result": "survived", "longest": 20.0}],
    }
    for name, lines in rows.items():
        (tmp_path / f"out.json.{name}").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    state, mutants_ = mutate.State(str(tmp_path / "out.json")), [mutant(name) for name in "abc"]
    state.gather()
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    state = mutate.State(str(tmp_path / "out.json"))
    state.gather()
    assert state.to_measure(["new", "quick", "slower"], 60) == ["new"]
    assert state.to_measure(["new", "quick", "slower"], 61) == ["new", "slower"]
    assert [each["file"] for each in state.to_judge(mutants_, 20)] == ["c"]
    assert [each["file"] for each in state.to_judge(mutants_, 60)] == ["b", "c"]
    assert state.to_run(mutants_[1], {"slow"}, 60) == [("slow", 50.0)]
    assert state.to_run(mutants_[2], {"slow"}, 60) == [("slow", 50.0), ("quick", 1.0)]
    assert state.to_run(mutants_[2], {"slow"}, 20) == [("quick", 1.0)]
    state.forget_survivors()
    assert [each["file"] for each in state.to_judge(mutants_, 20)] == ["b", "c"]
    assert state.to_run(mutants_[1], {"slow"}, 60) == [("slow", 50.0), ("quick", 1.0)]


def mutant(file):
    return {"file": file, "line": 1, "column": 0, "what": "1  ->  2"}


def test_a_process_that_fails_ends_the_mutation_run(tmp_path):
    """A failure in it must not look like a mutant without a row."""
    code = f"""
import sys; sys.path.insert(0, {str(pathlib.Path(mutate.__file__).parent)!r}); import mutate
mutate.copy_of_the_repository = lambda folder: None
mutate.side_by_side([2, 0], lambda folder, item: {{"row": 1 / item}}, {str(tmp_path / "out")!r}, 2)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1 and "a process ended with an error, which stands above" in run.stderr
    assert (tmp_path / "out.0").read_text() == '{"row": 0.5}\n'
