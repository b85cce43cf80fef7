"""From the text of flags to values: their types, and what is refused."""

import os
import shlex
import signal
import time

import pytest
from absl import flags
from test_config import parse

import eval_inception
from tfgan_gn.errors import UserError
from tfgan_gn.settings import command_line, help
from tfgan_gn.settings.training import Config, make_config

pytestmark = pytest.mark.quick


def test_a_flag_has_the_type_of_its_option_and_refuses_as_it_does():
    flags_of = flags.FlagValues()
    command_line.define_flags(Config, flags_of)
    flags_of(["x", "--width=8", "--groups=4,2", "--ema=1e-1", "--noflips", "--conditional", "--jit=1", "--norm=layer"])
    given = {name: flags_of[name].value for name in flags_of if flags_of[name].present}
    assert given == {
        "width": 8,
        "groups": (4, 2),
        "ema": 0.1,
        "flips": False,
        "conditional": True,
        "jit": True,
        "norm": "layer",
    }
    for flag, message in {
        "--flips=maybe": "--flips=maybe: give true or false",
        "--width=0": "--width=0: give 1 or more",
        "--width=8.5": "--width=8.5: give a whole number",
        "--norm=grup": "--norm=grup: choose one of none, batch",
        "--noflips=3": "--noflips=3 does not take an argument (--help lists the flags)",
        "--flip": "--flip is not a flag: write --flips instead (--help lists the flags)",
    }.items():
        with pytest.raises(UserError) as refused:
            parse(flag)
        assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("--nrom=group", "--norm=group"),
        ("-nrom=group", "--norm=group"),
        ("--learning-rate=1e-4", "--learning_rate=1e-4"),
        ("--wrokdir=a--b -c", "'--workdir=a--b -c'"),
        ("--nofilps", "--noflips"),
        ("--eval=5", "--eval_every=5|--eval_images=5"),
        ("\u2013norm=group", "--norm=group"),
        ("\u2014noflips", "--noflips"),
        ("\u2212\u2212workdir=a\u2013b", "'--workdir=a\u2013b'"),
        ("norm=group", "--norm=group"),
        ("--inception=it's", """'--scorer=it'"'"'s'"""),
        ("--zzz=1", ""),
    ],
)
def test_a_flag_that_a_message_tells_can_be_copied(typed, told):
    """It has the two hyphens of a flag and the value as it was typed, quoted where a shell would change it."""
    with pytest.raises(UserError) as refused:
        parse(typed)
    message = str(refused.value).removesuffix(" (--help lists the flags)").removesuffix(" instead")
    assert message.partition(": write ")[2].replace(" or ", "|") == told
    if told:
        for flag in told.split("|"):
            assert shlex.split(flag)[0].partition("=")[2] == typed.partition("=")[2]
    else:
        assert message == "--zzz is not a flag"


def test_a_file_whose_name_begins_with_a_dash_can_be_scored(monkeypatch):
    """Only where the dash stands before the name of a flag, the flag is meant."""
    scored = []
    monkeypatch.setattr(eval_inception, "load_tensorflow", lambda: None)
    monkeypatch.setattr(eval_inception, "score", lambda config, name: scored.append(name))
    assert eval_inception.main(["eval_inception.py", "\u2013photos", "--reference=photos"]) == 0
    assert eval_inception.main(["eval_inception.py", "\u2013reference=photos"]) == 1
    assert scored == ["\u2013photos"]


def test_help_repeats_flags_as_they_were_typed():
    """Not broken at a hyphen by the end of a line."""
    flag = f"--workdir=runs/{'my-long-name-' * 12}"
    assert flag in help.text(["train_cifar.py", flag, "--help"], "About", Config, make_config)


def test_a_flagfile_that_is_no_text_is_one_message(tmp_path):
    (tmp_path / "flags").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=f"--flagfile={tmp_path}/flags: the file is not text in UTF-8"):
        parse(f"--flagfile={tmp_path / 'flags'}")


def test_ctrl_c_pressed_three_times_is_one_line(capsys):
    """The second one arrives while the command clears away, the third one while the program ends."""

    def press():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)

    def command():
        try:
            press()
        finally:
            press()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert command_line.run(command, "program", "interrupted: nothing was written") == 130
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "interrupted: nothing was written\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_a_scoring_says_so(number, capsys, monkeypatch):
    """A second SIGTERM or SIGHUP ends the process, even where a computation holds back Python."""
    seen, numbers = [], (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def score(*_):
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        finally:
            seen.append(signal.getsignal(number))

    monkeypatch.setattr(eval_inception, "load_tensorflow", lambda: None)
    monkeypatch.setattr(eval_inception, "score", score)
    before = {each: signal.getsignal(each) for each in numbers}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert eval_inception.main(["eval_inception.py", "photos", "--reference=photos"]) == 128 + number
        assert [signal.getsignal(each) for each in numbers[1:]] == [before[each] for each in numbers[1:]]
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert capsys.readouterr().err == "the scoring was interrupted: nothing was written\n"
    assert seen == [signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL]


def test_a_closed_terminal_does_not_end_a_scoring_under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        ended = command_line.run(lambda: os.kill(os.getpid(), signal.SIGHUP) or 0, "program", "no", (signal.SIGHUP,))
        assert ended == 0 and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
