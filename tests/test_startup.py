"""TensorFlow's lines about the machine are left out at the start, and nothing else is."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.quick
KNOWN = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1.2 3 port.cc:153] oneDNN custom operations are on. You may see slightly different results",
    "I0000 00:00:1.2 3 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used.",
    "E0000 00:00:1.2 3 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: UNKNOWN ERROR (303)",
    "To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with the flags.",
)
OTHER = (
    "W0000 00:00:1.2 3 gpu_device.cc:2341] Cannot dlopen some GPU libraries.",
    "E0000 00:00:1.2 3 cuda_dnn.cc:8579] Unable to register cuDNN factory",
    "no newline at the end, ünicode",
)


def run(folder, *after, verbosity=-1, gpu=False):
    """Standard error of a process that imports a stand-in for TensorFlow, whose import writes lines as C++ does.

    Args:
        folder: for the stand-in.
        *after: lines of Python at the end of the stand-in's import.
        verbosity: of `--verbosity`.
        gpu: whether the machine has a GPU.
    """
    lines = "\n".join([KNOWN[0], OTHER[0], *KNOWN[1:], *OTHER[1:]])
    source = ["import os, signal, types", f"os.write(2, {lines!r}.encode())", *after]
    source += ["config = types.SimpleNamespace(list_physical_devices=lambda: os.write(2, b'\\ndevices\\n'))"]
    (folder / "tensorflow.py").write_text("\n".join(source), encoding="utf-8")
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        f"from absl import logging; logging.set_verbosity({verbosity})\n"
        f"from tfgan_gn import startup; startup.has_gpu = lambda: {gpu}; startup.load_tensorflow()\n"
        "sys.stderr.write('the end\\n')"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=os.getcwd(), timeout=60)
    return process.returncode, process.stderr.decode().splitlines()


def test_known_lines_are_left_out_and_all_others_are_shown_in_order(tmp_path):
    assert run(tmp_path) == (0, [*OTHER, "devices", "the end"])


def test_with_a_gpu_the_lines_that_say_why_it_is_not_used_are_shown(tmp_path):
    assert run(tmp_path, gpu=True) == (0, [OTHER[0], *KNOWN[2:4], *OTHER[1:], "devices", "the end"])


def test_all_lines_are_shown_at_verbosity_1(tmp_path):
    code, lines = run(tmp_path, verbosity=1)
    assert code == 0 and lines == [KNOWN[0], OTHER[0], *KNOWN[1:], *OTHER[1:], "devices", "the end"]


@pytest.mark.parametrize("end", ["raise ImportError('broken')", "os.abort()", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_all_lines_are_shown_where_the_import_fails(tmp_path, end):
    code, lines = run(tmp_path, end)
    assert code != 0 and {*KNOWN, *OTHER[:2]} <= {*lines}
    assert any("ünicode" in line for line in lines)
    if "raise" in end:
        assert lines[-1].endswith("ImportError: broken")


def test_ctrl_c_during_the_import_ends_quietly(tmp_path):
    code, lines = run(tmp_path, "os.kill(os.getpid(), signal.SIGINT)")
    assert code != 0 and lines[-1].endswith("KeyboardInterrupt") and not {*KNOWN} & {*lines}
