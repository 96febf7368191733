"""Just enough of SVG 1.1 for charts. Equal calls give equal bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape

# Outside of the characters that XML 1.0 allows (section 2.2): control characters, lone surrogates, U+FFFE, U+FFFF.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Attribute = str | int | float


def text_content(text: str) -> str:
    """The text as XML content or attribute value, on one line; characters that XML cannot hold become "�"."""
    return escape(" ".join(_NOT_XML.sub("\ufffd", text).split()), {'"': "&quot;"})


def number(value: float) -> str:
    """A coordinate: at most two decimals, none where not needed."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def element(name: str, content: str = "", /, **attributes: Attribute) -> str:
    """One element around `content`, which is markup. `stroke_width=1` becomes `stroke-width="1"`."""
    written = "".join(f' {key.replace("_", "-")}="{_attribute(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def _attribute(value: Attribute) -> str:
    return number(value) if isinstance(value, float) else text_content(str(value))


def text(x: float, y: float, content: str, **attributes: Attribute) -> str:
    """Plain text with its anchor at (x, y)."""
    return element("text", text_content(content), x=float(x), y=float(y), **attributes)


def points(coordinates: Iterable[tuple[float, float]]) -> str:
    """Path data of a polyline."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in coordinates)


def document(width: float, height: float, title: str, body: Iterable[str]) -> str:
    """A whole file, `width` × `height` pixels on white, with a title for screen readers."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{number(width)}" height="{number(height)}"'
        f' viewBox="0 0 {number(width)} {number(height)}" role="img"'
        " font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif\" font-size=\"12\">"
    )
    background = element("rect", width="100%", height="100%", fill="#ffffff")
    lines = [head, element("title", text_content(title)), background, *body, "</svg>"]
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join(lines) + "\n"
