"""One process in a folder; files that a killed process has left."""

import errno
import io
import os
import signal
import subprocess
import sys
import time

import pytest

from tfgan_gn.errors import UserError
from tfgan_gn.files import lock
from tfgan_gn.files.lock import SETTLED, hold, only_one, remove_abandoned

pytestmark = pytest.mark.quick
HOLDER = """
import sys, time
from tfgan_gn.files.lock import only_one
with only_one(sys.argv[1], ""):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_by_name_until_the_first_is_gone_however_it_ends(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        said = []
        with (
            pytest.raises(UserError, match=f"process {holder.pid} on .+ trains there: wait"),
            only_one(tmp_path, "trains there: wait", wait=1, say=said.append),
        ):
            pass
        assert len(said) == 1 and f"process {holder.pid}" in said[0]
        holder.send_signal(signal.SIGKILL)
    with only_one(tmp_path, ""):
        assert f"process {os.getpid()} on" in (tmp_path / ".lock").read_text()
        with pytest.raises(UserError, match="busy"), only_one(tmp_path, "busy"):
            pass
    with only_one(tmp_path, ""):
        pass


def test_a_lock_whose_file_cannot_be_emptied_ends_in_silence(tmp_path, monkeypatch):
    """Such as that of a folder of a server which is gone. The system gives the lock back by itself."""

    class Gone(io.TextIOWrapper):
        def truncate(self, size=None):
            if os.fstat(self.fileno()).st_size:
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
            return super().truncate(size)

    monkeypatch.setattr(lock, "open", lambda path, mode, encoding: Gone(io.FileIO(path, "a+")), raising=False)
    with only_one(tmp_path, ""):
        assert f"process {os.getpid()} on" in (tmp_path / ".lock").read_text()
    monkeypatch.undo()
    with only_one(tmp_path, ""):
        pass


def test_a_half_written_file_is_removed_unless_somebody_writes_it(tmp_path):
    old, young, held = (tmp_path / name for name in ("old", "young", "held"))
    for path in (old, young, held):
        path.write_bytes(b"half")
    now = time.time()
    os.utime(old, (now, now - 2 * SETTLED))
    with open(held, "ab") as file:
        hold(file)
        os.utime(held, (now, now - 2 * SETTLED))
        remove_abandoned([old, young, held, tmp_path / "absent"], now)
        assert not old.exists() and young.exists() and held.exists()
    remove_abandoned([held], now)
    assert not held.exists()
