"""Runs the quick tests with the lowest and with the highest version of each dependency that setup.cfg declares.

    python tests/faults/versions.py OUT.json --folder=/tmp/versions

Makes two environments in the folder: in `lowest`, each dependency has the version of its lower bound, and one without
bound the newest that goes with these; in `highest`, pip chooses the newest versions of all. OUT.json has, for each, the
versions and how the tests ended; their output is in lowest.log and highest.log of the folder. This needs pip's package
index, 5 GB, and the Python that the environments shall have. An environment that is complete is not made again.
"""

import argparse
import configparser
import json
import os
import pathlib
import platform
import re
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
TESTS = ["pytest", "pytest-xdist", "pyyaml", "selenium", "setuptools", "wheel"]  # what the quick tests import


def declared(path=ROOT / "setup.cfg"):
    """The dependencies of the package, e.g. {"numpy": "numpy >=1.26"}."""
    setup = configparser.ConfigParser()
    setup.read(path)
    lines = setup["options"]["install_requires"].splitlines()
    return {re.match(r"[\w-]+", line)[0]: line for line in lines if line and line[0] != "#"}


def lowest(requirements):
    """The lower bound of each requirement that has one, as that version, e.g. ["numpy==1.26"]."""
    bounds = {name: re.search(r">=\s*([\d.]+)", text) for name, text in requirements.items()}
    return [f"{name}=={bound[1]}" for name, bound in bounds.items() if bound]


def make(folder, constraints, log):
    """Makes an environment with the package's dependencies. Returns its Python, or None after a message.

    Args:
        folder: of the environment; one that is complete is kept.
        constraints: list of text, such as "numpy==1.26".
        log: open file for the output of pip.
    """
    python, complete = folder / "bin" / "python", folder / "complete"
    if complete.exists() and complete.read_text().split() == constraints:
        return python
    complete.unlink(missing_ok=True)
    limits = folder.with_suffix(".txt")
    limits.write_text("\n".join(constraints) + "\n")
    for command in (
        [sys.executable, "-m", "venv", "--clear", folder],
        [python, "-m", "pip", "install", "-q", "-c", limits, *declared().values(), *TESTS],
    ):
        if subprocess.run(list(map(str, command)), stdout=log, stderr=log, check=False).returncode:
            sys.stdout.write(f"{folder.name}: this could not be installed, {log.name} says why\n")
            return None
    complete.write_text("\n".join(constraints))
    return python


def versions_of(python):
    """The versions of all packages of an environment by name."""
    listed = subprocess.run([python, "-m", "pip", "list", "--format=json"], capture_output=True, check=True)
    return {each["name"]: each["version"] for each in json.loads(listed.stdout)}


def _heed_signals():
    """A shell has its background jobs ignore SIGINT, and `nohup` SIGHUP; tests send both."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def test(python, log):
    """Runs the quick tests in an environment. Returns the last line of pytest, e.g. "900 passed in 90 s"."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [python, "-m", "pytest", "-q", "-m", "quick", "-p", "no:cacheprovider"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    run = subprocess.run(command, cwd=ROOT, env=environment, check=False, preexec_fn=_heed_signals, **pipes)
    text = run.stdout.decode(errors="replace")
    log.write(text)
    ends = [line for line in text.splitlines() if re.search(r"\d+ (passed|failed|error)", line)]
    return (ends or [f"exit code {run.returncode}"])[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="JSON to write")
    parser.add_argument("--folder", default="/tmp/versions", help="where the environments are made [/tmp/versions]")
    parser.add_argument("--only", choices=("lowest", "highest"), help="make and test this one only")
    arguments = parser.parse_args()
    folder, dependencies, found = pathlib.Path(arguments.folder), declared(), {}
    folder.mkdir(parents=True, exist_ok=True)
    environments = {"lowest": lowest(dependencies), "highest": []}
    for name in [arguments.only] if arguments.only else environments:
        with open(folder / f"{name}.log", "w", encoding="utf-8") as log:
            python = make(folder / name, environments[name], log)
            if python is None:
                sys.exit(1)
            versions = versions_of(python)
            shown = {each: version for each, version in versions.items() if each in dependencies}
            sys.stdout.write(f"{name}: Python {platform.python_version()}, {shown}\n")
            sys.stdout.flush()
            found[name] = {"python": platform.python_version(), "versions": versions, "tests": test(python, log)}
        sys.stdout.write(f"{name}: {found[name]['tests']}\n")
        pathlib.Path(arguments.out).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
