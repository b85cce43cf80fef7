"""A function in a process of its own, forked, so that the libraries that are imported already cost no time again."""

import os
import signal
import sys
import time
import traceback

HUNG = "hung"


def run_forked(function, folder, log, seconds, kill=lambda process: False):
    """Calls a function in a forked process, and ends that process with all that it started if it takes too long.

    Args:
        function: without arguments; returns an exit code, or raises SystemExit.
        folder: current folder of the process.
        log: path of the file that gets all of its output.
        seconds: after which it is ended.
        kill: function of the number of the process, called all the time; the process is killed when it is true.

    Returns:
        Its exit code, negative for a signal, 99 after an exception; or HUNG.
    """
    child = os.fork()
    if not child:
        _call(function, folder, log)
    begin = time.monotonic()
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() - begin > seconds:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return HUNG
        if kill(child):
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.02)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _call(function, folder, log):
    """Calls the function and ends this process."""
    os.setsid()
    out = os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(out, stream)
    os.chdir(folder)
    code = 99
    try:
        code = function() or 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(code))
