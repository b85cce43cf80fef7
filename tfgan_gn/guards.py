"""Signals, full disks, too little memory and lost workers, turned into a request to stop or into a UserError."""

import contextlib
import signal
import threading

import tensorflow as tf

from tfgan_gn.errors import UserError, first_line

# For `fitting_in_memory`: what takes less memory in a training, and in a scoring.
SMALLER_TRAINING = "Give a smaller --batch_size, --width or --image_size; what was saved before is still there"
SMALLER_SCORING = "Give a smaller --batch_size or --num_images"


class StopRequests:
    """The signals that asked the program to stop. Called, it returns the number of the first one; None without any.

    Args:
        say: function that prints a line.
    """

    def __init__(self, say):
        self.say, self.received, self.at_hand = say, [], "the work at hand"

    def __call__(self):
        return self.received[0] if self.received else None

    def tell(self, number):
        """Says what the program still does after a signal."""
        name = signal.Signals(number).name
        with contextlib.suppress(OSError, RuntimeError):  # the terminal is gone, or was being written to
            self.say(f"{name}: stops and saves when {self.at_hand} is done; a second {name} stops at once")

    @contextlib.contextmanager
    def during(self, work):
        """Within it, the program does `work`, in words, before it stops. It says so too if a signal came earlier."""
        before, self.at_hand = self.at_hand, work
        if self.received:
            self.tell(self.received[0])
        try:
            yield
        finally:
            self.at_hand = before


@contextlib.contextmanager
def stop_requests(say=lambda line: None):
    """Within it, the first Ctrl-C, SIGTERM or SIGHUP only asks the program to stop; a second one ends it as usual.

    SIGHUP comes when a terminal is closed. It is left alone where it is ignored, as `nohup` has it.

    Args:
        say: function that prints a line; called when the first signal comes.

    Yields:
        StopRequests. Outside of the main thread there are none.
    """
    requests = StopRequests(say)
    if threading.current_thread() is not threading.main_thread():  # the only one that may ask for signals
        yield requests
        return

    def ask(number, _):
        requests.received.append(number)
        signal.signal(number, previous[number])
        requests.tell(number)

    numbers = [n for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) != signal.SIG_IGN]
    previous = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield requests
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _as_user_error(exceptions, message):
    """Turns exceptions of these classes into a UserError with the text that `message` makes of them."""
    try:
        yield
    except exceptions as error:
        raise UserError(message(error)) from error


def writing_to(path, elsewhere="another --workdir"):
    """Turns the exceptions of a full or read-only disk into a UserError. Only code that writes belongs within it.

    Args:
        path: of the folder or the file that is written.
        elsewhere: how the user gives another one.
    """
    return _as_user_error(
        (OSError, tf.errors.OpError),
        lambda error: (
            f"cannot write to {path}: {first_line(error)}. What was saved before is still there: free the "
            f"disk, or give {elsewhere}, and run the same command again"
        ),
    )


def fitting_in_memory(advice):
    """Turns the exceptions of too little memory into a UserError, with an advice that fits the command."""
    return _as_user_error(
        (MemoryError, tf.errors.ResourceExhaustedError),
        lambda error: f"out of memory: {first_line(error)}. {advice}",
    )


def reaching_workers(num_workers):
    """Turns the loss of another worker into a UserError: nothing that all workers compute together can go on then.

    Args:
        num_workers: number of processes that train together; with 1 no exception is changed.
    """
    if num_workers == 1:
        return contextlib.nullcontext()
    return _as_user_error(
        (
            tf.errors.UnavailableError,
            tf.errors.AbortedError,
            tf.errors.CancelledError,
            tf.errors.DeadlineExceededError,
            tf.errors.InternalError,
        ),
        lambda error: (
            f"another of the {num_workers} workers is gone, or cannot be reached ({type(error).__name__}). "
            "Start all of them again with the same commands: they go on from the newest checkpoint"
        ),
    )
