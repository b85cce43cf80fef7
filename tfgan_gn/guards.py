"""What the world outside does to a run: signals, full disks, too little memory."""

import contextlib
import signal

import tensorflow as tf

from tfgan_gn.errors import UserError, first_line


@contextlib.contextmanager
def stop_requests():
    """Within it, Ctrl-C and SIGTERM ask to stop; a second one kills as usual.

    Yields:
        A function that returns the signal's number once one came, else None.
    """
    received = []

    def ask(number, _):
        received.append(number)
        signal.signal(number, previous[number])

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: received[0] if received else None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def writing_to(workdir):
    """Turns what a full or read-only disk raises into a UserError; only writes belong within it."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise UserError(
            f"cannot write to {workdir}: {first_line(error)}. What was saved before is still there: mend that, or give "
            "another --workdir, and run the same command again"
        ) from error


@contextlib.contextmanager
def fitting_in_memory():
    """Turns running out of memory into a UserError."""
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise UserError(
            f"out of memory: {first_line(error)}. Give a smaller --batch_size, --width or --image_size; what was saved "
            "before is still there"
        ) from error


@contextlib.contextmanager
def together(num_workers):
    """Turns the loss of another process, which ends whatever all of them compute together, into a UserError."""
    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
        tf.errors.InternalError,
    ) as error:
        if num_workers == 1:
            raise
        raise UserError(
            f"another of the {num_workers} workers is gone, or cannot be reached ({type(error).__name__}). Start all "
            "of them again with the same commands: they go on from the newest checkpoint"
        ) from error
