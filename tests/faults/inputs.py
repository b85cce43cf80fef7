"""Inputs of every kind that this package reads, small and valid, and the commands that read them."""

import contextlib
import io
import json
import pickle
import sys
from typing import NamedTuple
from unittest import mock

import numpy as np

TINY = ["--architecture=simple_cnn", "--norm=none", "--width=4", "--z_dim=4", "--batch_size=4", "--n_critic=1"]
TINY += ["--iterations=2", "--test_batches=1", "--eval_every=0", "--strategy=one_device", "--cache_dir=cache"]
REFERENCE = "--reference=images.npz:images"
OF_RUN = ["--dataset=npz", "--data_dir=images.npz", "--workdir=run"]
STUDY = {
    "name": "two",
    "seeds": [1, 2],
    "baseline": "a",
    "settings": {"dataset": "shapes", "architecture": "simple_cnn", "norm": "none", "width": 4, "batch_size": 4}
    | {"iterations": 4, "eval_every": 2, "eval_images": 40, "scorer": "cifar10net"},
    "arms": [{"name": "a", "settings": {}}, {"name": "b", "settings": {"learning_rate": 0.01}}],
}


class Input(NamedTuple):
    """One kind of input.

    Attributes:
        files: patterns of the files that may be damaged, in the folder of all inputs.
        is_json: whether they are JSON.
        commands: command lines that read them, each a list of text: a name of `commands`, and arguments.
    """

    files: tuple
    is_json: bool
    commands: list


def train(*arguments):
    return ["train_cifar.py", *TINY, *arguments]


def evaluate(*arguments):
    return ["eval_inception.py", *arguments, "--scorer=cifar10net", "--num_images=40", "--cache_dir=cache"]


KINDS = {
    "folder of images": Input(
        ("folder/*/*",), False, [train("--dataset=folder", "--data_dir=folder", "--workdir=new")]
    ),
    "npz": Input(("images.npz",), False, [train("--dataset=npz", "--data_dir=images.npz", "--workdir=new")]),
    "npy of classes": Input(
        ("classes.npy",), False, [train("--dataset=npz", "--data_dir=classes.npy", "--workdir=new")]
    ),
    "pickles": Input(("pickles/*",), False, [train("--dataset=cifar10", "--data_dir=pickles", "--workdir=new")]),
    "binary CIFAR-10": Input(("binary/*",), False, [train("--dataset=cifar10", "--data_dir=binary", "--workdir=new")]),
    "tfrecords": Input(("tfds/cifar10/*/*",), False, [train("--dataset=cifar10", "--data_dir=tfds", "--workdir=new")]),
    "config.json": Input(("run/config.json",), True, [train(*OF_RUN), evaluate("run"), ["report", "run"]]),
    "checkpoint": Input(("run/checkpoints/*",), False, [train(*OF_RUN, "--iterations=2"), evaluate("run")]),
    "points": Input(("run/train/*",), False, [["report", "run"]]),
    "score": Input(("run/scores/*",), True, [["report", "run"], train(*OF_RUN)]),
    "export": Input(("run/export/*", "run/export/variables/*"), False, [evaluate("run/export", REFERENCE)]),
    "images that are scored": Input(
        ("folder/*/*", "images.npz"), False, [evaluate("folder", REFERENCE), evaluate("images.npz:images", REFERENCE)]
    ),
    "statistics": Input(("statistics.npz",), False, [evaluate("images.npz:images", "--reference=statistics.npz")]),
    "cached statistics": Input(("cache/*",), False, [evaluate("images.npz:images", REFERENCE)]),
    "result": Input(("result.json",), True, [["eval_inception.py", "--compare", "result.json", "other.json"]]),
    "settings": Input(
        ("settings.json",),
        True,
        [train("--config=settings.json", "--dataset=npz", "--data_dir=images.npz", "--workdir=new")],
    ),
    "study": Input(("study.json",), True, [["study", "study.json", "--out=study", "--notrain"]]),
    "command line": Input(
        (),
        False,
        [
            train("--dataset=npz", "--data_dir=images.npz", "--workdir=new"),
            evaluate("images.npz:images"),
            ["report", "run"],
        ],
    ),
}


def commands():
    """The commands by name: functions of a list of text, the name first, that return an exit code."""
    import eval_inception
    import train_cifar
    from tfgan_gn import report
    from tfgan_gn.study import __main__ as study

    return {
        "train_cifar.py": train_cifar.main,
        "eval_inception.py": eval_inception.main,
        "report": report.main,
        "study": study.main,
    }


def make(folder):
    """Writes all inputs into a folder, which is the current one."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (48, 32, 32, 3), np.uint8)
    labels = np.arange(48) % 10
    encoders = {"png": tf.io.encode_png, "jpg": tf.io.encode_jpeg}
    for number, image in enumerate(images):
        ending = ("png", "jpg")[number % 2]
        path = folder / "folder" / f"class{number % 3}" / f"{number}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoders[ending](image).numpy())
    np.savez(folder / "images.npz", images=images, labels=labels)
    np.save(folder / "classes.npy", images.reshape(6, 8, 32, 32, 3))
    _write_cifar_files(folder, images, labels)
    _prepare_tfds(folder / "tfds", images, labels)
    features = rng.normal(size=(400, 128))
    np.savez(folder / "statistics.npz", mu=features.mean(0), sigma=np.cov(features.T))
    (folder / "settings.json").write_text('{"learning_rate": 0.001, "n_critic": 1, "groups": [4], "ema": 0.9}')
    (folder / "study.json").write_text(json.dumps(STUDY))
    for command in (
        train(*OF_RUN, "--eval_every=2", "--eval_images=40", "--scorer=cifar10net"),
        evaluate("images.npz:images", REFERENCE, "--out=result.json"),
        evaluate("folder", REFERENCE, "--out=other.json"),
    ):
        code = commands()[command[0]](command)
        if code:
            sys.exit(f"a valid input is refused: {command}")


def _write_cifar_files(folder, images, labels):
    for form in ("pickles", "binary"):
        (folder / form).mkdir()
    for number, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        rows = images[8 * number : 8 * number + 8].transpose(0, 3, 1, 2).reshape(8, -1)
        classes = labels[8 * number : 8 * number + 8].astype(np.uint8)
        (folder / "pickles" / name).write_bytes(pickle.dumps({b"data": rows, b"labels": classes.tolist()}))
        (folder / "binary" / f"{name}.bin").write_bytes(np.column_stack([classes, rows]).tobytes())


def _prepare_tfds(folder, images, labels):
    import tensorflow_datasets as tfds

    builder = tfds.builder("cifar10", data_dir=str(folder))

    def examples(first, last):
        for i in range(first, last):
            yield str(i), {"image": images[i], "label": int(labels[i]), "id": str(i)}

    splits = {"train": examples(0, 40), "test": examples(40, 48)}
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        mock.patch.object(builder, "_split_generators", lambda _: splits),
    ):
        builder.download_and_prepare()
