"""Trains cifar10net, the classifier of CIFAR-10 that scores generated images.

    python -m tfgan_gn.scoring.train_cifar10net --data_dir=PATH --out=FOLDER

PATH holds CIFAR-10 as for train_cifar.py. After every epoch the state is saved in FOLDER, and the same command goes on
from there. At the end, FOLDER has the weights, cifar10net.npz, and cifar10net.json with their hash, command, training
data and accuracy.
"""

import argparse
import hashlib
import io
import json
import os
import sys
import time

import numpy as np

from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.whole import write_whole

BATCH, RATE = 256, 0.25
PATCH_IMAGES = 5000  # that the filters of the first layer are taken from
WATCHED = 2000  # test images looked at after an epoch; nothing is decided by them
STATE, WEIGHTS = "state.npz", "cifar10net.npz"


def train(trainee, images, labels, epochs, seed, folder, report, batch=BATCH):
    """Trains until so many epochs are done, from the state in a folder where there is one.

    Args:
        trainee: `cifar10net_training.Trainee`.
        images: uint8 [N, H, W, 3].
        labels: int64 [N].
        epochs: how many in all.
        seed: of the order and the variations of the images, which are functions of it and the epoch.
        folder: for the state.
        report: function of (epochs done, loss, accuracy) after each.
        batch: images a step.

    Raises:
        UserError: the state is of other settings, or not readable.
    """
    from tfgan_gn.scoring.networks.cifar10net_training import one_cycle, varied

    path = os.path.join(folder, STATE)
    settings = json.dumps({"epochs": epochs, "seed": seed, "batch": batch, "dtype": trainee.dtype.name})
    done = restore(trainee, path, settings) if os.path.exists(path) else 0
    per_epoch = len(images) // batch
    for epoch in range(done, epochs):
        random = np.random.default_rng([seed, epoch])
        # every image is mirrored every other epoch
        mirrored = np.random.default_rng(seed).integers(2, size=len(images)) ^ (epoch % 2) == 1
        results = []
        for i, rows in enumerate(random.permutation(len(images))[: per_epoch * batch].reshape(per_epoch, batch)):
            rate = one_cycle(epoch * per_epoch + i, epochs * per_epoch, RATE * batch / BATCH)
            picture = varied(images[rows], mirrored[rows], random)
            results.append(trainee.step(picture, labels[rows], np.float32(rate)))
        save_arrays(path, trainee.state() | {"epoch": np.array(epoch + 1), "settings": np.array(settings)})
        report(epoch + 1, *np.mean(results, axis=0))


def restore(trainee, path, settings):
    """Sets a trainee to a saved state and returns how many epochs it has done. Raises UserError as `train`."""
    try:
        with np.load(path, allow_pickle=False) as state:
            found, epoch = str(state["settings"]), int(state["epoch"])
            if found == settings:
                trainee.restore(state)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}): remove it to begin anew") from None
    if found != settings:
        raise UserError(f"{path} is of {found}, not {settings}: give another --out, or remove it to begin anew")
    return epoch


def save_arrays(path, arrays):
    """Writes a dict of arrays as an `.npz`, whole or not at all; equal arrays make equal files.

    Raises:
        UserError: the file cannot be written.
    """
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    _write(path, buffer.getvalue())


def _write(path, contents):
    from tfgan_gn.guards import writing_to  # which imports TensorFlow

    with writing_to(path, "another --out"):
        write_whole(path, contents)


def accuracy(network, images, labels, batch=500):
    """The share of images whose class a network tells."""
    told = [np.argmax(network(images[i : i + batch])[1], -1) for i in range(0, len(images), batch)]
    return float(np.mean(np.concatenate(told) == labels))


def hash_data(images, labels):
    """The SHA-256 of images, uint8, and then labels, as little-endian int64: 64 hexadecimal digits."""
    digest = hashlib.sha256(np.ascontiguousarray(images, np.uint8))
    digest.update(np.ascontiguousarray(labels, "<i8"))
    return digest.hexdigest()


def nearest(images, among):
    """For each image the number of the one `among` others that differs least: int64 [N]."""
    wanted, others = (x.reshape(len(x), -1).astype(np.float32) for x in (images, among))
    return np.argmin((others**2).sum(1) - 2 * wanted @ others.T, axis=1)


def export(trainee, folder, facts, test, lossless):
    """Writes the weights file and the JSON that belongs to it.

    Args:
        trainee: `cifar10net_training.Trainee`.
        folder: where to.
        facts: dict of JSON values on how the weights were made.
        test: (images, labels) held out.
        lossless: path of an `.npz` with some test images before their JPEG compression, `x_test` and `y_test`, or "".
    """
    from tfgan_gn.data.npz import read_npz
    from tfgan_gn.scoring.networks.cifar10net import Cifar10Net, facts_beside

    path = os.path.join(folder, WEIGHTS)
    weights = {name: array.astype(np.float16) for name, array in trainee.folded().items()}
    save_arrays(path, weights)
    network = Cifar10Net(weights)
    started = time.monotonic()
    accuracies = {f"{len(test[0])} test images": accuracy(network, *test)}
    seconds = time.monotonic() - started
    if lossless:
        arrays = read_npz(lossless)
        images, labels = arrays["x_test"], arrays["y_test"]
        copies = nearest(images, test[0])
        accuracies[f"{len(images)} lossless test images"] = accuracy(network, images, labels)
        same = f"the same {len(images)} images as the data set stores them"
        accuracies[same] = accuracy(network, test[0][copies], test[1][copies])
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    facts = {
        "sha256": digest,
        "parameters": sum(array.size for array in weights.values()),
        "accuracy": accuracies,
        **facts,
    }
    _write(facts_beside(path), (json.dumps(facts, indent=2) + "\n").encode())
    say(f"{len(test[0]) / seconds:.0f} images a second")
    say(f"written to {path}: {json.dumps(accuracies)}")


def run(args):
    """Does what the command line says."""
    import tensorflow as tf

    from tfgan_gn.data.sets import make_dataset
    from tfgan_gn.guards import writing_to
    from tfgan_gn.scoring.networks.cifar10net import Cifar10Net
    from tfgan_gn.scoring.networks.cifar10net_training import Trainee, patch_filters

    dataset = make_dataset("cifar10", args.data_dir, say=say)
    images, labels = dataset.train
    test = dataset.test
    trainee = Trainee(patch_filters(images[:PATCH_IMAGES]), seed=args.seed, dtype=args.dtype)
    started, first = time.monotonic(), None

    def report(epoch, loss, learned):
        nonlocal first
        first = epoch - 1 if first is None else first
        watched = accuracy(Cifar10Net(trainee.folded()), test.images[:WATCHED], test.labels[:WATCHED])
        each = (time.monotonic() - started) / (epoch - first)
        say(
            f"epoch {epoch}/{args.epochs}: loss {loss:.3f}, right {learned:.2%}, of {WATCHED} test images "
            f"{watched:.2%}; {each:.0f} s an epoch, {each * (args.epochs - epoch) / 60:.0f} min left"
        )

    with writing_to(args.out, "another --out"):
        os.makedirs(args.out, exist_ok=True)
    train(trainee, images, labels, args.epochs, args.seed, args.out, report)
    facts = {
        "command": "python -m tfgan_gn.scoring.train_cifar10net --data_dir=PATH --out=FOLDER "
        f"--epochs={args.epochs} --seed={args.seed} --dtype={args.dtype}"
        + (" --lossless=FILE" if args.lossless else ""),
        "training_data": {"images": len(images), "sha256": hash_data(images, labels)},
        "tensorflow": tf.__version__,
    }
    export(trainee, args.out, facts, test, args.lossless)


def say(line):
    """Prints a line with the time."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def main(argv=None):
    """Returns the exit code: 0 done, 1 a mistake of the user's, 130 interrupted."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", default="", help="where CIFAR-10 lies")
    parser.add_argument("--out", required=True, help="folder for the state, the weights and the JSON")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), default="bfloat16", help="of the convolutions")
    parser.add_argument("--lossless", default="", help=".npz with x_test, y_test: some test images before compression")
    try:
        run(parser.parse_args(argv))
        return 0
    except UserError as error:
        sys.stderr.write(f"train_cifar10net: error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: the same command goes on\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
