"""The command that scores, as a user runs it."""

import dataclasses
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_networks
from inception_seeded import GOLDENS
from test_images import write_folder

from tfgan_gn import export
from tfgan_gn.data import sets
from tfgan_gn.data.drawn import shapes
from tfgan_gn.errors import UserError
from tfgan_gn.files.hashes import hash_pixels
from tfgan_gn.runs.evaluate import note_other_images
from tfgan_gn.scoring import results
from tfgan_gn.settings import command_line
from tfgan_gn.settings.scoring import EvalConfig, make_eval_config

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
import eval_inception  # the command itself, which is not installed


@pytest.fixture
def command(tiny_extractor_path, tmp_path, monkeypatch, capsys):
    """Runs the command with the tiny extractor; returns (exit code, what it printed, what it said)."""
    # several replicas are tested with the network itself
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", tf.distribute.get_strategy)

    def run(*arguments):
        cache = [] if any("--compare" in str(a) for a in arguments) else [f"--cache_dir={tmp_path / 'cache'}"]
        scorer = [f"--scorer={tiny_extractor_path}"] if cache else []
        code = eval_inception.main(["eval_inception.py", *map(str, arguments), *scorer, *cache])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def refused(command, *arguments):
    code, out, err = command(*arguments)
    assert code == 1 and not out and "Traceback" not in err
    (message,) = [line for line in err.splitlines() if line.startswith("eval_inception.py: error: ")]
    return message


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """120 real images."""
    path = str(tmp_path_factory.mktemp("real") / "x.npz")
    np.savez(path, shapes.draw_shapes(120, 16, 0)[0])
    return path


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("run") / "export")
    settings = {"z_dim": 8, "statistics": "standing", "batch_size": 4, "seed": 0, "metadata": {"iteration": 7}}
    export.export_generator(export.make_sampler(tiny_networks().generator, **settings), path)
    return path


def test_the_same_images_have_the_same_scores_wherever_they_lie(command, exported, real, tmp_path):
    model = export.load_generator(exported)
    pixels = model.sample(150, 5).numpy()
    np.savez(tmp_path / "x.npz", pixels)
    write_folder(tmp_path / "png", pixels)
    given = {"npz": tmp_path / "x.npz", "png": tmp_path / "png", "model": exported}
    scores = {}
    for name, samples in given.items():
        more = ["--num_images=150", "--seed=5"] if name == "model" else []
        out = tmp_path / f"{name}.json"
        code, printed, err = command(samples, f"--reference={real}", f"--out={out}", *more)
        assert code == 0, err
        assert f"written to {out}" in printed and "fid" in printed
        scores[name] = results.load(out)["scores"]
    for name in ("png", "model"):
        for score, numbers in scores["npz"].items():
            assert scores[name][score]["value"] == pytest.approx(numbers["value"], rel=1e-6), (name, score)


def test_real_statistics_are_found_again_and_results_compared(command, exported, real, tmp_path):
    arguments = [exported, "--num_images=100", f"--reference={real}", "--bootstrap"]
    outs = [tmp_path / f"{seed}.json" for seed in range(3)]
    said = [command(*arguments, "--resamples=20", f"--seed={i}", f"--out={out}")[2] for i, out in enumerate(outs[:2])]
    assert "are kept in" in said[0] and "are kept in" not in said[1]
    code, printed, _ = command("--compare", outs[0], outs[1])
    assert code == 0 and "fid" in printed and "difference" in printed and "apart" in printed
    command(exported, "--num_images=99", f"--reference={real}", f"--out={outs[2]}")
    message = refused(command, f"--compare={outs[0]}", outs[2])
    assert "as they differ in num_images (100 and 99)" in message


def test_bad_input_is_one_message(command, exported, tmp_path):
    assert "there is nothing to score" in refused(command)
    assert "there are no real images" in refused(command, exported)
    assert "nowhere is no file and no folder" in refused(command, tmp_path / "nowhere")
    assert "--checkpoint has no effect on" in refused(command, exported, "--checkpoint=5")
    assert "--generator_statistics has no effect" in refused(command, exported, "--generator_statistics=batch")
    assert "--protocol has no effect on" in refused(command, exported, "--protocol=author")
    assert "--resamples has no effect without --bootstrap" in refused(command, exported, "--resamples=30")
    assert "a.json is no result" in refused(command, "--compare", "a.json", "b.json")
    assert "'b' is not a flag" in refused(command, "a", "b")
    (tmp_path / "one").mkdir()
    write_folder(tmp_path / "one" / "f", np.zeros((1, 8, 8, 3), np.uint8))
    assert "has 1 image" in refused(command, tmp_path / "one", "--reference=shapes:train", "--splits=1")
    message = refused(command, "shapes:test", "--num_images=3", "--reference=shapes:train")
    assert "has 3 images, and --splits=10" in message
    assert "export is an exported generator, whose images" in refused(command, exported, f"--reference={exported}")
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text("{}")
    assert "run is a run folder, whose images" in refused(command, exported, f"--reference={run}")
    assert "--value_range has no effect on" in refused(command, run, "--value_range=0,1")
    assert "--image_size has no effect on" in refused(command, run, "--image_size=32")


def test_a_result_that_cannot_be_written_is_refused_before_anything_is_scored(command, real, tmp_path, monkeypatch):
    monkeypatch.setattr("tfgan_gn.scoring.extractors.load_extractor", lambda *_: pytest.fail("it began to score"))
    (tmp_path / "file").write_text("")
    for out in (tmp_path, tmp_path / "file" / "x.json"):
        assert f"cannot write to {out}" in refused(command, real, f"--reference={real}", f"--out={out}")


def test_scores_are_printed_though_they_cannot_be_written(command, real, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(results, "save", full)
    code, printed, err = command(real, f"--reference={real}", f"--out={tmp_path / 'x.json'}")
    assert code == 1 and "precision" in printed and "No space left on device" in err and "Traceback" not in err


def test_too_little_memory_is_told_with_flags_of_this_command(command, real, monkeypatch):
    def too_much(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "failed to allocate memory")

    monkeypatch.setattr("tfgan_gn.runs.evaluate.score", too_much)
    message = refused(command, real, f"--reference={real}")
    assert message.endswith("out of memory: failed to allocate memory. Give a smaller --batch_size or --num_images")
    assert {"batch_size", "num_images"} <= {field.name for field in dataclasses.fields(EvalConfig)}


def test_other_images_than_the_run_learnt_from_are_told(capsys):
    dataset = sets.make_dataset("shapes", image_size=8)
    note_other_images(dataset, {"images_sha256": hash_pixels([dataset.train.images])})
    assert not capsys.readouterr().err
    note_other_images(dataset, {"images_sha256": hash_pixels([dataset.test.images])})
    assert "other training images than the run learnt from" in capsys.readouterr().err


@pytest.mark.quick
def test_settings_of_compare_are_refused():
    with pytest.raises(UserError, match="--splits has no effect with --compare"):
        make_eval_config(compare="a", splits=3)


@pytest.mark.quick
def test_help_lists_every_flag_and_needs_no_tensorflow():
    code = "import sys, eval_inception as e; e.main(['x', '--help']); sys.exit('tensorflow' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0
    for name in EvalConfig.__dataclass_fields__:
        assert f"--{name}" in process.stdout


@pytest.mark.quick
def test_comparing_needs_no_tensorflow():
    """It only reads two files; the import of TensorFlow takes many seconds."""
    golden = str(GOLDENS / "result_of_8x8_images.json")
    code = f"import sys, eval_inception as e; e.main(['x', '--compare', {golden!r}, {golden!r}])"
    process = subprocess.run(
        [sys.executable, "-c", f"{code}; sys.exit('tensorflow' in sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0 and "not told apart" in process.stdout, process.stderr


@pytest.mark.quick
def test_every_flag_sets_its_field():
    given = {
        "reference": "a",
        "checkpoint": "b",
        "protocol": "ours",
        "generator_statistics": "batch",
        "value_range": "0,1",
    }
    given |= {"data_dir": "c", "scorer": "d", "cache_dir": "e", "bootstrap": "true", "out": "f"}
    names = [name for name in EvalConfig.__dataclass_fields__ if name != "compare"]
    flags = [f"--{name}={given.get(name, 23)}" for name in names]
    config, rest = command_line.parse_arguments(
        ["x", *flags, "samples"], EvalConfig, make_eval_config, most_arguments=1
    )
    assert rest == ["samples"]
    for name in names:
        assert str(getattr(config, name)).lower() == str(given.get(name, 23)), name
