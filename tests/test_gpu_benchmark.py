"""The benchmark for GPUs runs on a CPU at a tiny size; what it checks holds there."""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import gpu


def test_it_runs_at_a_tiny_size_and_finds_the_published_numbers_and_a_resumed_run_that_is_the_whole_one(tmp_path):
    """Without the tables of steps, which `test_step_benchmark.py` runs."""
    path = tmp_path / "gpu.json"
    process = subprocess.run(
        [sys.executable, "benchmarks/gpu.py", "--toy", "--no_steps", f"--json={path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    found = json.loads(path.read_text())
    assert found["device"]["kind"] == "CPU" and found["device"]["tensorflow"]
    errors = found["goldens"]["float32"]
    assert len(errors) == 6 and all(1e-9 < error < 1e-4 for error in errors.values())
    assert found["command"]["iterations_per_second"] > 0 and found["waiting"]["share"] < 1
    assert found["resumed"]["variables"] > 20 and found["resumed"]["unequal"] == []
    assert process.stdout == gpu.page(found)


def test_what_is_wrong_is_said():
    found = {"device": {}, "steps": {"error": "no memory"}, "command": {}, "waiting": {}}
    found["goldens"] = {name: {"images": 2e-4, "slopes": 1e-6} for name in ("float32", "TensorFloat-32")}
    found["resumed"] = {"variables": 3, "unequal": ["critic/a"]}
    lines = gpu.failures(found)
    assert [line.split(":")[0] for line in lines] == ["steps", "goldens", "resumed"]
    assert "no memory" in lines[0] and "images is off by 2.0e-04" in lines[1] and "critic/a" in lines[2]
    assert all(f"FAILED: {line}" in gpu.page(found) for line in lines) and "2 of 3 variables" in gpu.page(found)
