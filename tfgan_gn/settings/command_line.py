"""From a command line to settings. Free of TensorFlow, so that a refusal comes at once."""

import argparse
import contextlib
import dataclasses
import difflib
import shlex
import signal
import sys
import threading

from absl import flags, logging

from tfgan_gn.errors import UserError
from tfgan_gn.settings.option import check, checked, option, parse

OTHER_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"  # what word processors make of hyphens
MOST_BEGUN = 3  # flags that are told where only the beginning of a name was typed


@dataclasses.dataclass(frozen=True)
class Messages:
    """The flags of every command that are no settings."""

    verbosity: int = option(
        logging.WARNING,
        "Which messages are shown, by absl's levels: -2 for errors, -1 for warnings too, 0 for information too, 1 for "
        "all, with TensorFlow's lines about the machine",
        "absl",
        low=logging.FATAL,
        high=logging.DEBUG,
    )
    flagfile: str = option("", "File of flags, one in each line, which are read as if they stood here", "absl")

    def __post_init__(self):
        check(self)


class OptionParser(flags.ArgumentParser):
    """Gives a flag of absl the type, the range and the choices of an option, and its messages.

    Args:
        field: of a dataclass of options.
    """

    def __init__(self, field):
        self.field = field

    def parse(self, argument):
        """The value that a text stands for; raises UserError, as `option.parse` and `option.checked`."""
        return checked(self.field, parse(self.field, argument))


def define_flags(settings, flag_values):
    """Defines one flag for each field of a dataclass of options, and one for each former name.

    The flags have no default, so that a value which was given differs from one which was not.

    Args:
        settings: the dataclass, e.g. `settings.training.Config`.
        flag_values: `absl.flags.FlagValues` to define them in.
    """
    for field in dataclasses.fields(settings):
        about = {"help": field.metadata["help"], "flag_values": flag_values, "boolean": field.type is bool}
        flags.DEFINE(OptionParser(field), field.name, None, **about)
        define_former = flags.DEFINE_boolean if field.type is bool else flags.DEFINE_string
        for former in field.metadata["former"]:
            define_former(former, None, "Former name", flag_values=flag_values)


def parse_arguments(argv, settings, make, most_arguments=0, more=()):
    """Reads the settings that a command line gives, and sets the level of `absl.logging`.

    Args:
        argv: the name of the program and its arguments.
        settings: the dataclass of options, one for each flag.
        make: function from what was given, as keyword arguments, to an object of that dataclass.
        most_arguments: how many arguments that are not flags are allowed.
        more: further dataclasses of flags that `make` takes.

    Returns:
        (what `make` returned, list of the arguments that are not flags); (None, []) if the user asked for help.

    Raises:
        UserError: too many arguments, an unknown flag, a flag by its former name, or a bad value.
    """
    if any(map(asks_for_help, argv[1:])):
        return None, []
    flag_values, every = flags.FlagValues(), (settings, *more, Messages)
    for options in every:
        define_flags(options, flag_values)
    try:
        rest = flag_values(argv)[1:]
    except UnicodeDecodeError as error:
        given = shlex.join(each for each in argv[1:] if "flagfile" in each)
        raise UserError(f"{given}: the file is not text in UTF-8 ({error}): write one flag in each line") from None
    except flags.UnrecognizedFlagError as error:
        raise _unknown(error.flagvalue, _names(every)) from None
    except (flags.Error, ValueError) as error:  # absl puts its own words before those of an option's refusal
        if isinstance(error.__context__, UserError):
            raise error.__context__ from None
        raise UserError(f"{error} (--help lists the flags)") from None
    _refuse_arguments(rest, most_arguments, _names(every))
    _refuse_former_names(settings, flag_values)
    logging.set_verbosity(Messages(**_given(Messages, flag_values)).verbosity)
    given = {name: value for options in (settings, *more) for name, value in _given(options, flag_values).items()}
    return make(**given), rest


def plain_parser(program, about):
    """The parser of a command without settings.

    Args:
        program: how it is called, such as "python -m tfgan_gn.report".
        about: the text of its file: a line on what it does, an example, and more.

    Returns:
        `argparse.ArgumentParser`, to which the arguments are added.
    """
    description, _, rest = about.partition("\n\n")
    more = rest.partition("\n\n")[2]  # without the example, which argparse writes itself
    return argparse.ArgumentParser(
        program, description=description, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def asks_for_help(argument):
    """Whether an argument is -h, --help or --helpfull."""
    return argument == "-h" or argument.lstrip("-") in ("help", "helpfull")


def _given(options, flag_values):
    """The options of a dataclass that were given as flags, a dict by name."""
    present = [field for field in dataclasses.fields(options) if flag_values[field.name].present]
    return {field.name: flag_values[field.name].value for field in present}


def _names(options):
    """What may stand behind the two hyphens of a flag: the names in dataclasses of options, and noNAME."""
    fields = [field for each in options for field in dataclasses.fields(each)]
    return [field.name for field in fields] + [f"no{field.name}" for field in fields if field.type is bool]


def _unknown(argument, names):
    """The UserError for a flag that is not there, with the flags that may be meant, to be copied."""
    flag, sign, value = argument.partition("=")
    typed = flag.lstrip("-")
    begun = [name for name in names if name.startswith(typed)]
    meant = difflib.get_close_matches(typed, begun, MOST_BEGUN, 0) or difflib.get_close_matches(typed, names, 1)
    copied = " or ".join(shlex.quote(f"--{name}{sign}{value}") for name in meant)
    return UserError(f"{flag} is not a flag{f': write {copied} instead' if meant else ''} (--help lists the flags)")


def _refuse_arguments(arguments, most, names):
    """Raises UserError for more than `most` arguments that are no flags, and for a flag with a dash for its hyphens."""
    for place, argument in enumerate(arguments):
        plain = argument.lstrip(OTHER_DASHES + "-")
        known = plain.partition("=")[0] in names
        if place >= most or (known and argument.startswith(tuple(OTHER_DASHES))):
            flag = shlex.quote(f"--{plain}") if known else "--name=value"
            raise UserError(f"{argument!r} is not a flag: write {flag} (--help lists the flags)")


def _refuse_former_names(settings, flag_values):
    for field in dataclasses.fields(settings):
        for former, of_empty in field.metadata["former"].items():
            if flag_values[former].present:
                value = flag_values[former].value or of_empty
                flag = shlex.quote(f"--{field.name}={value}")
                raise UserError(f"--{former} is now called --{field.name}: write {flag} instead")


class _Ended(KeyboardInterrupt):
    """Another signal than that of Ctrl-C came.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number):
        super().__init__()
        self.number = number


def _end(number, _):
    signal.signal(number, signal.SIG_DFL)  # a second one ends the process, whatever it computes
    raise _Ended(number)


def run(command, program, interrupted, signals=()):
    """Runs a command and reports a mistake of the user in one line, without a traceback.

    Args:
        command: function that returns an exit code.
        program: its name, printed before an error.
        interrupted: line to print after Ctrl-C.
        signals: further ones that end the command as Ctrl-C does. One that is ignored, as SIGHUP by `nohup`, stays so.

    Returns:
        The exit code: that of the command, 1 for a UserError, 128 + signal number, 130 after Ctrl-C.
    """
    in_main = threading.current_thread() is threading.main_thread()  # the only one that may ask for signals
    asked = [number for number in signals if in_main and signal.getsignal(number) != signal.SIG_IGN]
    previous = {number: signal.signal(number, _end) for number in asked}
    try:
        return command()
    except UserError as error:
        sys.stderr.write(f"{program}: error: {error}\n")
        return 1
    except KeyboardInterrupt as error:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one must not print a traceback while this one ends
        with contextlib.suppress(OSError):  # the terminal is gone
            sys.stderr.write(f"{interrupted}\n")
        return 128 + (error.number if isinstance(error, _Ended) else signal.SIGINT)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
