"""Results of scorings: written and read as JSON, shown as a table, compared with each other."""

import json
import math

from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.structured import load_json
from tfgan_gn.files.whole import write_whole
from tfgan_gn.scoring import naming

# How all generators were sampled when metadata and results did not say it yet.
EARLIER_GENERATORS = {"generator_block_size": 64, "pixel_scale": 128.0}


def save(result, path):
    """Writes a result of `evaluation.evaluate` as JSON. If that fails, a file that was there before remains."""
    write_whole(path, f"{json.dumps(result, indent=2)}\n".encode())


def load(path):
    """Reads a result that `save` wrote. Raises UserError for any other file."""
    try:
        result = load_json(path)
        for name, numbers in result["scores"].items():
            for number in (numbers["value"], *numbers.values()):
                if not isinstance(number, int | float) or not math.isfinite(number):
                    raise TypeError(f"{name} has the value {number!r}")
            if ("low" in numbers) != ("high" in numbers):
                raise TypeError(f"{name} has one end of an interval only")
        for part, kind in (("protocol", dict), ("warnings", list)):
            if not isinstance(result.get(part, kind()), kind):
                raise TypeError(f"its {part} is {result[part]!r}")
        for text in result.get("warnings", []):
            if not isinstance(text, str):
                raise TypeError(f"one of its warnings is {text!r}")
        for name, value in result["protocol"].items():
            if value != value:  # NaN, which would differ from itself
                raise TypeError(f"its {name} is {value!r}")
        if not isinstance(result["protocol"].get("num_images"), int):
            raise TypeError(f"its num_images is {result['protocol'].get('num_images')!r}")
        of_generator = result["protocol"].get("generator_statistics")
        missing = EARLIER_GENERATORS if of_generator else dict.fromkeys(EARLIER_GENERATORS)
        return {**result, "protocol": {**missing, **result["protocol"]}}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is no result of a scoring ({first_line(error)}): give a JSON that eval_inception.py or a run wrote"
        ) from None


def table(result):
    """A result as text: what was scored, each score with its error and 95% interval, the warnings."""
    rows = [("score", "value", "+-", "95% interval")]
    for key, numbers in result["scores"].items():
        interval = f"{numbers['low']:.5g} to {numbers['high']:.5g}" if "low" in numbers else ""
        rows.append((naming.title_of(key), f"{numbers['value']:.5g}", _error(key, numbers), interval))
    samples, protocol = result["samples"], result["protocol"]
    about = [
        f"{protocol['num_images']} images of {samples['source']}",
        f"against {protocol['reference_num_images'] or 'an unknown number'} of {result['reference']['source']}",
        f"with {result['weights']['source']} (weights {protocol['weights_sha256'][:12]})",
    ]
    return "\n".join([*about, "", *_aligned(rows), *(f"note: {text}" for text in result.get("warnings", []))])


def compare(a, b, names):
    """Two results side by side, as text: the scores that both have, and their differences.

    Args:
        a: a result.
        b: another.
        names: their names, for the columns and for errors.

    Returns:
        A table, as text. A protocol field that is null in one of the results is named below it.

    Raises:
        UserError: fields of their protocols differ; the text names them. A field that is null differs from nothing.
    """
    asked = [{"scorer": _scorers(result), **result["protocol"]} for result in (a, b)]
    fields = differing(*asked)
    if fields:
        told = "; ".join(f"{field} ({asked[0].get(field)} and {asked[1].get(field)})" for field in fields)
        raise UserError(
            f"{names[0]} and {names[1]} cannot be compared, as they differ in {told}: score both in the same way"
        )
    rows = [("score", *names, "difference", "")]
    for name in a["scores"]:
        if name in b["scores"]:
            one, other = a["scores"][name], b["scores"][name]
            rows.append(
                (
                    naming.title_of(name),
                    _cell(one),
                    _cell(other),
                    f"{other['value'] - one['value']:+.4g}",
                    _told(one, other),
                )
            )
    notes = [
        f"note: {name} is null in one of the two: it is unknown whether they agree in it"
        for name in sorted({*a["protocol"]} | {*b["protocol"]})
        if (a["protocol"].get(name) is None) != (b["protocol"].get(name) is None)
    ]
    doubts = dict.fromkeys([*a.get("warnings", []), *b.get("warnings", [])])
    return "\n".join([*_aligned(rows), *notes, *(f"note: {text}" for text in doubts)])


def differing(a, b):
    """Names of the protocol fields that are stated by both and differ. None and missing fields are not stated."""
    return [name for name in a if None not in (a[name], b.get(name)) and a[name] != b[name]]


def _scorers(result):
    """The networks that the names of the scores carry: "cifar10net", or "Inception"."""
    return ", ".join(sorted({naming.extractor_of(key) or "Inception" for key in result["scores"]}))


def _error(key, numbers):
    row = naming.row_of(key)
    if row is None or row.error is None or row.error.key not in numbers:
        return ""
    return f"{numbers[row.error.key]:.4g} ({row.error.words})"


def _told(a, b):
    """Whether two scores with intervals differ by more than chance; taken as independent and normally distributed."""
    if "low" not in a or "low" not in b:
        return ""
    halves = [(x["high"] - x["low"]) / 2 for x in (a, b)]
    apart = abs(a["value"] - b["value"]) > (halves[0] ** 2 + halves[1] ** 2) ** 0.5
    return "apart" if apart else "not told apart"


def _cell(numbers):
    interval = f" [{numbers['low']:.5g}, {numbers['high']:.5g}]" if "low" in numbers else ""
    return f"{numbers['value']:.5g}{interval}"


def _aligned(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
