"""Imports TensorFlow without the lines that it writes on every machine."""

import contextlib
import glob
import os
import pathlib
import re
import signal
import sys

from absl import logging

# Lines about the machine that need no action. TensorFlow writes some of them before its log exists, so that
# TF_CPP_MIN_LOG_LEVEL does not hide them. All other lines are shown.
KNOWN = (
    rb"All log messages before absl::InitializeLog\(\) is called are written to STDERR",
    rb"oneDNN custom operations are on\.",
    rb"This TensorFlow binary is optimized to use available CPU instructions",
    rb"^To enable the following instructions: .*, in other operations, rebuild TensorFlow",
)
KNOWN_WITHOUT_GPU = (  # a user who has a GPU must see why it is not used
    rb"Could not find cuda drivers on your machine, GPU will not be used\.",
    rb"failed call to cuInit: ",
)
STDERR = 2
NVIDIA = "0x10de"  # as vendor of a PCI device
# What tells the child process that the import has ended: well, or with an exception.
ENDED, FAILED = b"\0import ended\0", b"\0import failed\0"


def load_tensorflow():
    """Imports TensorFlow and asks for the devices, which makes it write all lines about them.

    Lines that match KNOWN are left out, unless `--verbosity` is 1 or more; where the machine has no GPU, those of
    KNOWN_WITHOUT_GPU too. They are shown where TensorFlow raises an exception or ends the process.
    """
    shown = logging.get_verbosity() >= logging.DEBUG
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if shown else "2")
    known = re.compile(b"|".join(KNOWN if has_gpu() else KNOWN + KNOWN_WITHOUT_GPU))
    with contextlib.nullcontext() if shown or "tensorflow" in sys.modules else _without(known):
        import tensorflow as tf

        tf.config.list_physical_devices()


def has_gpu():
    """Whether this machine has hardware of NVIDIA, also where its driver is missing."""
    if any(os.path.exists(path) for path in ("/dev/nvidiactl", "/dev/dxg")):
        return True
    vendors = glob.glob("/sys/bus/pci/devices/*/vendor")
    return any(pathlib.Path(path).read_text().strip() == NVIDIA for path in vendors)


@contextlib.contextmanager
def _without(known):
    """Within it, a child process passes on what this one writes to standard error, but for lines that match `known`.

    The lines come from C++, so that they are read from the file descriptor, below Python. The reader is a process and
    not a thread, so that nothing is lost where this process crashes or is killed.
    """
    sys.stderr.flush()
    terminal = os.dup(STDERR)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        _pass_on(read, terminal, known)
    os.close(read)
    os.dup2(write, STDERR)
    end = ENDED
    try:
        yield
    except Exception:
        end = FAILED
        raise
    finally:
        sys.stderr.flush()
        with contextlib.suppress(BrokenPipeError):
            os.write(write, end)
        os.dup2(terminal, STDERR)
        os.close(write)
        os.close(terminal)
        os.waitpid(child, 0)


def _pass_on(read, write, known):
    """Copies lines until ENDED, but for those that match `known`, and ends this process.

    After FAILED, or where the input ends without any of the two, it copies those that match too.

    Args:
        read: file descriptor of a pipe.
        write: file descriptor.
        known: compiled pattern of bytes.
    """
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to every process of a terminal
        held, rest, end = [], b"", b""
        while not end and (part := os.read(read, 65536)):
            rest, end, _ = _before(rest + part)
            *lines, rest = rest.split(b"\n")
            for line in lines:
                if known.search(line):
                    held.append(line + b"\n")
                else:
                    os.write(write, line + b"\n")
        os.write(write, (b"" if end == ENDED else b"".join(held)) + rest)
    finally:
        os._exit(0)


def _before(text):
    """(what stands before the first of ENDED and FAILED, which of the two it is or b"", what stands behind it)."""
    end = next((end for end in (ENDED, FAILED) if end in text), b"")
    return text.partition(end) if end else (text, b"", b"")
