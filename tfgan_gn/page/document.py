"""The skeleton of a page: head, style and script; its title, sections and key figures."""

import os

from tfgan_gn.page.markup import Html, joined, tag

# A browser that opens the page fetches nothing, whatever the page holds.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def document(title, about, *parts):
    """A whole page.

    Args:
        title: text, also of the browser's window.
        about: one sentence below the title, text or Html.
        *parts: Html from top to bottom, usually of `section`.

    Returns:
        str, which starts with the doctype. It is the same for the same arguments.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("title", title),
        tag("style", _beside("page.css")),
    )
    header = tag("header", tag("h1", title), tag("p", about))
    body = tag("body", tag("main", header, *parts), tag("script", _beside("slider.js")))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def section(heading, *parts, about=""):
    """A part of the page under a heading.

    Args:
        heading: text.
        *parts: Html from top to bottom.
        about: text or Html below the heading, e.g. what is shown; empty for none.

    Returns:
        Html.
    """
    return tag("section", tag("h2", heading), tag("p", about, class_="about") if about else "", *parts)


def side_by_side(*parts):
    """Html parts beside each other, in as many columns of equal width as the window has room for."""
    return tag("div", *parts, class_="columns")


def key_figures(figures):
    """The few numbers that a reader looks for first.

    Args:
        figures: rows of (name, value, note) as text; the note is small, and may be empty.

    Returns:
        Html.
    """
    return tag(
        "dl",
        *(
            tag("div", tag("dt", name), tag("dd", value), tag("dd", note, class_="note") if note else "")
            for name, value, note in figures
        ),
        class_="figures",
    )


def folded(summary, *parts):
    """Html parts that a click on the summary shows."""
    return tag("details", tag("summary", summary), *parts)


def _beside(name):
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return joined([Html("\n"), Html(file.read())])
