"""Tables, and text that a reader copies."""

from tfgan_gn.page.markup import tag


def table(header, rows, *, numbers=(), marked=()):
    """A table, which scrolls by itself where the window is too narrow for it.

    Args:
        header: the names of the columns.
        rows: lists of cells, text or Html; the first cell is the name of the row.
        numbers: indices of the columns that are aligned at the right.
        marked: indices of the rows that stand out.

    Returns:
        Html.
    """

    def row(cells, number=None):
        return tag(
            "tr",
            *(
                tag(
                    "th" if number is None or not column else "td",
                    cell,
                    scope="col" if number is None else None if column else "row",
                    class_="number" if column in numbers else None,
                )
                for column, cell in enumerate(cells)
            ),
            class_="marked" if number in marked else None,
        )

    body = (row(cells, number) for number, cells in enumerate(rows))
    return tag("div", tag("table", tag("thead", row(header)), tag("tbody", *body)), class_="scrolled")


def code(text):
    """Text in a fixed-width font, with its lines, e.g. a command."""
    return tag("pre", tag("code", text))
