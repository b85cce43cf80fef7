"""Charts as SVG inside the page, in the colours of its style sheet, which differ between light and dark."""

import io
import re
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, ScalarFormatter

from tfgan_gn.page.markup import Html, tag

SERIES = 10  # colours in page.css; with more curves they repeat, dashed
MOST_POINTS = 500  # of a curve; more would not be seen
_SIZE = (5.6, 3.2)  # inches of 72 units: text of 10 units is readable in a column of a phone and of a desk
_SOFT, _RULE = "#000100", "#000200"  # stand for colours of page.css while matplotlib draws
_MARGINS = {"left": 0.13, "right": 0.985, "bottom": 0.17, "top": 0.94}  # alike in all charts, so that they align
_STYLE = {"svg.fonttype": "none", "font.size": 10, "axes.unicode_minus": True}


class Curve(NamedTuple):
    """One curve of `lines`.

    Attributes:
        label: text for the legend.
        x: numbers in increasing order [N].
        y: numbers [N].
        bands: pairs (low, high) of numbers [N] each, drawn as shades around the curve; the widest first.
        colour: number of its colour, from 0 on, so that charts can share colours; None for its place in the list.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    bands: Sequence[tuple] = ()
    colour: int | None = None


def lines(title, curves, *, x_label="iteration", level=None, log=False):
    """A chart of curves over x, with a legend unless it has one curve only and shares its colour with no other chart.

    Args:
        title: text above it.
        curves: list of `Curve`. One with more than MOST_POINTS points is drawn as means of neighbouring points.
        x_label: text below the horizontal axis.
        level: a value that is marked by a dashed line across; None for none.
        log: whether the vertical axis is logarithmic.

    Returns:
        Html.
    """
    figure, axes = _axes(_SIZE)
    figure.subplots_adjust(**_MARGINS)
    numbers = [place if curve.colour is None else curve.colour for place, curve in enumerate(curves)]
    for number, curve in zip(numbers, map(_thinned, curves), strict=True):
        colour, dashes = _colour(number), "--" if _is_dashed(number) else "-"
        for low, high in curve.bands:
            axes.fill_between(curve.x, low, high, color=colour, alpha=0.2, linewidth=0)
        dots = {"marker": "o", "markersize": 3} if len(curve.x) < 30 else {}
        axes.plot(curve.x, curve.y, color=colour, linewidth=1.4, linestyle=dashes, **dots)
    if level is not None:
        axes.axhline(level, color=_SOFT, linewidth=1, linestyle=(0, (4, 3)))
    if log:
        axes.set_yscale("log")
    else:
        axes.yaxis.set_major_formatter(_numbers())
    axes.set_xlabel(_plain(x_label))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    shared = len(curves) > 1 or any(curve.colour is not None for curve in curves)
    legend = [(number, curve.label) for number, curve in zip(numbers, curves, strict=True)] if shared else []
    return _figure(title, figure, legend)


def forest(title, rows, *, x_label, level=0.0):
    """A forest plot: for each row a value and its interval, beside a line at the value of no effect.

    Args:
        title: text above it.
        rows: (label, value, low, high) of each, from top to bottom.
        x_label: text below the axis.
        level: the value of no effect.

    Returns:
        Html.
    """
    figure, axes = _axes((_SIZE[0], 0.9 + 0.32 * len(rows)), layout="constrained")  # room for the labels
    labels, values, lows, highs = zip(*rows, strict=True)
    places = np.arange(len(rows))
    axes.axvline(level, color=_SOFT, linewidth=1, linestyle=(0, (4, 3)))
    axes.hlines(places, lows, highs, color=_colour(0), linewidth=2)
    axes.plot(values, places, "o", color=_colour(0), markersize=6)
    axes.set_yticks(places, [_plain(label) for label in labels])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(_plain(x_label))
    axes.xaxis.set_major_formatter(_numbers())
    return _figure(title, figure, [])


def _axes(size, layout=None):
    """A figure and its axes, without a frame; `layout` is matplotlib's."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, layout=layout)
        axes = figure.add_subplot()
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    axes.spines[:].set_visible(False)
    axes.grid(color=_RULE, linewidth=0.8)
    axes.tick_params(length=0, labelcolor=_SOFT)
    axes.xaxis.label.set_color(_SOFT)
    axes.yaxis.get_offset_text().set_color(_SOFT)
    return figure, axes


def _numbers():
    """Tick labels as plain numbers, with a power of ten beside the axis where they are small or large."""
    formatter = ScalarFormatter(useOffset=False)
    formatter.set_powerlimits((-3, 5))
    return formatter


def _figure(title, figure, legend):
    """The figure with its title and the legend of its curves, pairs of a colour's number and a text."""
    items = (tag("li", tag("i", style=_legend_line(number)), label) for number, label in legend)
    return tag(
        "figure",
        tag("figcaption", title),
        tag("ul", *items, class_="legend") if legend else "",
        _svg(title, figure),
        class_="chart",
    )


def _legend_line(number):
    """The style of the line beside a curve's name: the colour and the dashes of the curve."""
    dashes = "; border-top-style: dashed" if _is_dashed(number) else ""
    return f"border-color: var(--series-{number % SERIES + 1}){dashes}"


def _is_dashed(number):
    return number >= SERIES


def _svg(title, figure):
    """The SVG element of a figure. It is the same for the same figure, at any time and in any process."""
    written = io.StringIO()
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": title}):
        figure.savefig(written, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = written.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>|<!--.*?-->", "", svg, flags=re.S)
    inside = svg[svg.index("<svg") :].partition(">")[2].rpartition("</svg>")[0]
    inside = re.sub(r'<g id="[^"]*"', "<g", inside)  # which other charts of the page have too
    inside = re.sub(r"\s*\n\s*", "\n", inside)
    inside = re.sub(r"font-family: [^;\"]*;? ?|font: ([\d.]+px) [^;\"]*", _font_size, inside)
    inside = re.sub(r"#0000(\d\d)\b", lambda found: f"var(--series-{int(found[1])})", inside)
    inside = inside.replace(_SOFT, "var(--soft)").replace(_RULE, "var(--rule)")
    box = " ".join(f"{72 * inches:g}" for inches in (0, 0, *figure.get_size_inches()))
    return tag("svg", Html(inside), viewBox=box, role="img", aria_label=title)


def _font_size(found):
    return f"font-size: {found[1]}" if found[1] else ""


def _colour(number):
    """A stand-in for `--series-N` of page.css."""
    return f"#0000{number % SERIES + 1:02d}"


def _plain(text):
    """Text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")


def _thinned(curve):
    """A curve with at most MOST_POINTS points, each the mean of as many neighbours."""
    each = -(-len(curve.x) // MOST_POINTS)
    if each <= 1:
        return curve
    starts = np.arange(0, len(curve.x), each)
    counts = np.diff([*starts, len(curve.x)])

    def means(values):
        return np.add.reduceat(np.asarray(values, np.float64), starts) / counts

    bands = [(means(low), means(high)) for low, high in curve.bands]
    return curve._replace(x=means(curve.x), y=means(curve.y), bands=bands)
