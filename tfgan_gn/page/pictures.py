"""Pictures inside the page, and a slider over many of them."""

import base64

from tfgan_gn.page.markup import tag


def picture(png, alt, caption=""):
    """One picture, enlarged to the width of its column without smoothing.

    Args:
        png: bytes of a PNG file.
        alt: text that says what is seen, for readers who do not see it.
        caption: text or Html below it; empty for none.

    Returns:
        Html.
    """
    return tag("figure", _image(png, alt), tag("figcaption", caption) if caption else "", class_="picture")


def slider(frames, label, *, heading=""):
    """Pictures of which one is seen, and a slider that chooses it; at first the last one is.

    Args:
        frames: (caption, bytes of a PNG file) of each picture in order; at least one. The caption is text.
        label: what the slider chooses, for readers who do not see it, e.g. "iteration".
        heading: text above the pictures; empty for none.

    Returns:
        Html.
    """
    last = len(frames) - 1
    images = [
        _image(png, caption, data_caption=caption, hidden=number != last)
        for number, (caption, png) in enumerate(frames)
    ]
    control = tag("input", type="range", min=0, max=last, value=last, step=1, aria_label=label)
    return tag(
        "figure",
        tag("h3", heading) if heading else "",
        *images,
        tag("figcaption", control, tag("output", frames[last][0])),
        class_="picture",
        data_slider=True,
    )


def _image(png, alt, **attributes):
    address = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return tag("img", src=address, alt=alt, **attributes)
