"""HTML elements from Python. Text is always escaped, unless this module made it."""

import html

# Elements that have no content and no end.
_VOID = frozenset({"br", "hr", "img", "input", "meta"})


class Html(str):
    """Text that is HTML already. Any other `str` is plain text, and is escaped where it becomes part of an element."""

    __slots__ = ()


def escaped(text):
    """Text as Html, which shows the same characters; Html as it is."""
    return text if isinstance(text, Html) else Html(html.escape(str(text)))


def joined(parts):
    """Several parts, text or Html, as one Html."""
    return Html("".join(map(escaped, parts)))


def tag(name, /, *children, **attributes):
    """One element.

        tag("p", "a < b", class_="note")  # <p class="note">a &lt; b</p>

    Args:
        name: of the element.
        *children: text or Html.
        **attributes: by name, in which the last "_" is left out and any other one is "-". True gives an attribute
            without a value; None and False leave it out.

    Returns:
        Html.
    """
    start = name
    for key, value in attributes.items():
        if value is not None and value is not False:
            written = key.removesuffix("_").replace("_", "-")
            start += f" {written}" if value is True else f' {written}="{html.escape(str(value))}"'
    return Html(f"<{start}>") if name in _VOID else Html(f"<{start}>{joined(children)}</{name}>")
