"""Ways in which a file, a JSON value or a command line can be wrong. Each is a function of a `random.Random`."""

import json

WRONG_VALUES = (
    None,
    True,
    "",
    "x",
    "\x00",
    "é" * 300,
    -1,
    0,
    1,
    2**63,
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
)


def corrupt_bytes(data, rng):
    """Damages the bytes of a file as disks, downloads and mistaken users do.

    Args:
        data: bytes.
        rng: `random.Random`.

    Returns:
        (what was done, text; the damaged bytes).
    """
    ways = [_empty, _cut, _flip, _zeros, _inserted, _noise, _doubled, _text, _some_other_file]
    way = rng.choice(ways)
    return way.__name__.strip("_"), way(data, rng)


def _empty(data, rng):
    return b""


def _cut(data, rng):
    return data[: rng.randrange(len(data) + 1)]


def _flip(data, rng):
    changed = bytearray(data)
    for _ in range(rng.choice((1, 3, 30)) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _zeros(data, rng):
    return bytes(len(data))


def _inserted(data, rng):
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(rng.choice((1, 16, 1000))) + data[at:]


def _noise(data, rng):
    return rng.randbytes(len(data))


def _doubled(data, rng):
    return data + data


def _text(data, rng):
    return b"this is not what you look for\n"


def _some_other_file(data, rng):
    return (
        rng.choice(
            (
                b"\x89PNG\r\n\x1a\n",
                b"PK\x03\x04",
                b"\x93NUMPY\x01\x00",
                b"\x80\x04",
                b"\xff\xd8\xff\xe0",
                b"{}",
                b"[" * 10_000,
            )
        )
        + data[8:]
    )


def corrupt_json(data, rng):
    """Changes one value of a JSON file, or damages its bytes; arguments and result as of `corrupt_bytes`."""
    if rng.random() < 0.3:
        return corrupt_bytes(data, rng)
    content = json.loads(data)
    places = list(_places(content))
    if not places:
        return corrupt_bytes(data, rng)
    holder, key = rng.choice(places)
    way = rng.choice(("removed", "another value", "another value", "another name"))
    if way == "another value":
        holder[key] = rng.choice(WRONG_VALUES)
    elif way == "removed":
        del holder[key]
    elif isinstance(holder, dict):
        holder[f"{key}_"] = holder.pop(key)
    else:
        holder.append(holder[key])
    return f"{way} of {key!r}", json.dumps(content).encode()


def _places(content):
    """Pairs of (a dict or list, key) of all values in a JSON value."""
    keys = list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in keys:
        yield content, key
        yield from _places(content[key])


WRONG_ARGUMENTS = (
    "",
    "-1",
    "0",
    "1e309",
    "nan",
    "inf",
    "9" * 40,
    "1.5",
    "x",
    "é",
    "[1]",
    "a,b",
    "1,2,3,4,5,6,7",
    "/dev/null",
    "../x",
    "gs://bucket/x",
    "a*b",
    "~nobody/x",
    "\udcff",
    "x" * 5000,
)


def corrupt_arguments(arguments, names, rng):
    """Gives one or two flags a wrong value, or adds something that is no flag.

    Args:
        arguments: list of text, a command line that works.
        names: of all flags of the command.
        rng: `random.Random`.

    Returns:
        (what was done, text; the other list).
    """
    arguments = list(arguments)
    for _ in range(rng.choice((1, 1, 2))):
        name, value = rng.choice(names), rng.choice(WRONG_ARGUMENTS)
        flag = rng.choice((f"--{name}={value}", f"--{name}={value}", f"--{name}", f"-{name}", f"--{name}x=1", value))
        arguments.insert(rng.randrange(len(arguments) + 1), flag)
    return " ".join(arguments), arguments
