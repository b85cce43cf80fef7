"""The benchmark of the input pipeline: it counts every batch, and its ratio and exit code follow from the rates."""

import importlib.util
import json
import pathlib
import sys

import pytest

pytestmark = pytest.mark.quick

BENCHMARKS = pathlib.Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
spec = importlib.util.spec_from_file_location("input_benchmark", BENCHMARKS / "input.py")
benchmark = importlib.util.module_from_spec(spec)
spec.loader.exec_module(benchmark)


def test_ratio_and_verdict_follow_from_the_rates(tmp_path, monkeypatch, capsys):
    rates = iter([100.0, 40.0, 300.0, 60.0, 200.0, 50.0])  # in memory, mapped, in turns
    monkeypatch.setattr(benchmark, "time_batches", lambda *_: next(rates))
    flags = ["--images=20", "--repeats=3", "--step_images_per_second=4", f"--json={tmp_path / 'x.json'}"]
    assert benchmark.main(flags) == 1, "12.5 times is less than 20"
    found = json.loads((tmp_path / "x.json").read_text())["results"]
    assert [(row["place"], row["images_per_second"], row["ratio"]) for row in found] == [
        ("in memory", 200, 50),
        ("mapped", 50, 12.5),
    ]
    assert "| mapped | 50 | 4.0 | 12 |" in capsys.readouterr().out


def test_every_batch_is_counted():
    flags = benchmark.parse(["--images=50", "--image_size=8", "--batch_size=10", "--batches=12", "--repeats=1"])
    flags.step_images_per_second = 1e-3
    rows = list(benchmark.measure(flags))
    assert [row["place"] for row in rows] == ["in memory", "mapped"]
    assert all(row["ratio"] == row["images_per_second"] / 1e-3 > 0 for row in rows)
