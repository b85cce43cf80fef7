"""The blocks of a page: what they escape, what a chart shows, that equal arguments give equal bytes."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tfgan_gn.page import charts, document, pictures, tables
from tfgan_gn.page.markup import Html, tag

pytestmark = pytest.mark.quick
RUDE = "<script>alert('1')</script> & \"$x$\""


def test_text_is_escaped_and_html_is_not():
    assert tag("p", "a < b & c", tag("b", "d"), class_="x", data_for='"', hidden=True, title=None, lang=False) == (
        '<p class="x" data-for="&quot;" hidden>a &lt; b &amp; c<b>d</b></p>'
    )
    assert tag("input", value=0) == '<input value="0">', "0 is a value, and an input has no end"
    assert tag("p", 3) == "<p>3</p>" and isinstance(tag("p"), Html)


def test_every_block_escapes_its_text():
    parts = [
        document.section(RUDE, "", about=RUDE),
        document.side_by_side(RUDE),
        document.key_figures([(RUDE, RUDE, RUDE)]),
        document.folded(RUDE, RUDE),
        tables.table([RUDE], [[RUDE]]),
        tables.code(RUDE),
        pictures.picture(b"png", RUDE, RUDE),
        pictures.slider([(RUDE, b"png")], RUDE, heading=RUDE),
        charts.lines(RUDE, [charts.Curve(RUDE, [1, 2], [3, 4])] * 2, x_label=RUDE),
        charts.forest(RUDE, [(RUDE, 1, 0, 2)], x_label=RUDE),
    ]
    page = document.document(RUDE, RUDE, *parts)
    assert "alert(&#x27;1&#x27;)" in page and page.count("<script>") == 1, "only the page's own script"
    assert all(part.count("&lt;script&gt;") >= 1 for part in parts)
    assert "http://" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", page) and "https://" not in page


def svg_of(html):
    return ET.fromstring(re.search(r"<svg.*</svg>", html, re.S)[0].replace("xlink:href", "href"))


def test_a_chart_shows_its_numbers_where_they_belong():
    """The heights of a curve in the drawing are a falling linear function of its values."""
    values = np.array([3.0, 1.0, 2.0, 5.0])
    html = charts.lines("t", [charts.Curve("c", [1, 2, 3, 4], values, [(values - 1, values + 1)])])
    paths = [path for path in svg_of(html).iter("path") if "--series-1" in path.get("style", "")]
    (curve,) = [path for path in paths if "fill: none" in path.get("style")]
    points = np.array(re.findall(r"[ML] ([\d.]+) ([\d.]+)", curve.get("d")), float)
    np.testing.assert_allclose(np.diff(points[:, 0]), np.diff(points[:, 0])[0])
    slope, offset = np.polyfit(values, points[:, 1], 1)
    assert slope < -10
    np.testing.assert_allclose(slope * values + offset, points[:, 1], atol=1e-4)


def test_a_dashed_curve_is_dashed_in_the_legend():
    many = [charts.Curve(f"c{i}", [1, 2], [i, i + 1]) for i in range(charts.SERIES + 1)]
    html = charts.lines("t", many)
    first, last = html.index(">c0<"), html.index(f">c{charts.SERIES}<")
    assert 'series-1)"' in html[html.rindex("<li", 0, first) : first]
    assert "series-1); border-top-style: dashed" in html[html.rindex("<li", 0, last) : last]
    assert html.count("border-top-style: dashed") == html.count("stroke-dasharray") == 1


def test_a_chart_has_only_colours_of_the_style_sheet():
    many = [charts.Curve(f"c{i}", [1, 2], [i, i + 1]) for i in range(charts.SERIES + 1)]
    html = charts.lines("t", many, level=1.0) + charts.forest("f", [("a", 1, 0, 2)], x_label="x")
    assert not re.search(r"#[0-9a-f]{6}", html)
    used = set(re.findall(r"var\(--([\w-]+)\)", html))
    assert used == {"soft", "rule", *(f"series-{n}" for n in range(1, charts.SERIES + 1))}
    style = document.document("t", "")
    for name in used:
        assert len(re.findall(rf"--{name}: #", style)) == 2, f"{name} in light and in dark"


def test_a_long_curve_is_drawn_as_means_of_its_neighbours():
    x = np.arange(1203.0)
    curve = charts._thinned(charts.Curve("c", x, 2 * x, [(x - 1, x + 1)]))
    assert len(curve.x) == 401
    np.testing.assert_allclose(curve.x, np.arange(401) * 3 + 1)
    np.testing.assert_allclose(curve.y, 2 * curve.x)
    np.testing.assert_allclose(np.subtract(*curve.bands[0]), -2)
    uneven = charts._thinned(charts.Curve("c", x[:-1], x[:-1]))
    assert uneven.y[-1] == (1200 + 1201) / 2, "the last mean is over what is left"


def test_charts_of_a_page_share_no_identifiers_and_are_the_same_in_another_process():
    program = (
        "from tfgan_gn.page import charts\n"
        "make = lambda title: charts.lines(title, [charts.Curve('c', [1, 2], [0.1, 5], [([0, 4], [1, 6])])])\n"
        "print(make('a')); print(make('b'))"
    )
    first, second = (subprocess.run([sys.executable, "-c", program], capture_output=True).stdout for _ in range(2))
    assert first == second != b""
    names = re.findall(rb' id="([^"]*)"', first)
    assert len(names) == len(set(names)) > 0
    for name in re.findall(rb"(?:url\(#|href=\"#)([^)\"]*)", first):
        assert name in names


def test_the_slider_starts_at_the_last_picture():
    html = pictures.slider([("one", b"1"), ("two", b"2")], "iteration")
    assert re.findall(r'data-caption="(\w+)"( hidden)?', html) == [("one", " hidden"), ("two", "")]
    assert 'max="1" value="1"' in html and "<output>two</output>" in html and "base64,Mg==" in html


def test_rows_and_columns_of_a_table():
    html = tables.table(["name", "value"], [["a", "1"], ["b", Html("<i>2</i>")]], numbers=[1], marked=[1])
    head, first, second = re.findall(r"<tr.*?</tr>", html)
    assert head.count("<th") == 2 and head.count('class="number"') == 1
    assert first == '<tr><th scope="row">a</th><td class="number">1</td></tr>'
    assert second == '<tr class="marked"><th scope="row">b</th><td class="number"><i>2</i></td></tr>'
