"""Checks of the terminal that the screen would be drawn on."""

from __future__ import annotations

import locale
import os
import shutil
import sys
from collections.abc import Iterator

from iml_tui.headless.doctor_checks import Check, warning
from iml_tui.headless.streams import is_terminal, message_console

_LEAST_COLUMNS, _LEAST_LINES = 80, 24

_COLOURS = {"truecolor": "16 million", "256": "256", "standard": "16", "windows": "16"}


def check_terminal() -> Iterator[Check]:
    """Size, colours and characters."""
    if is_terminal(sys.stdin) and (is_terminal(sys.stdout) or is_terminal(sys.stderr)):
        yield from _check_size()
        yield from _check_colours()
    else:
        yield warning("Terminal", "none here", "use iml-lab run, which needs none, or ssh -t for the screen")
    encoding = locale.getpreferredencoding(False)
    if encoding.lower().replace("-", "") == "utf8":
        yield Check("Characters", encoding)
    else:
        yield warning("Characters", f"{encoding} cannot draw the charts", "export LANG=C.UTF-8")


def _check_size() -> Iterator[Check]:
    size = shutil.get_terminal_size()
    text = f"{size.columns} columns, {size.lines} lines"
    if size.columns < _LEAST_COLUMNS or size.lines < _LEAST_LINES:
        yield warning("Size", text, f"make it at least {_LEAST_COLUMNS} by {_LEAST_LINES}")
    else:
        yield Check("Size", text)


def _check_colours() -> Iterator[Check]:
    term = os.environ.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        yield warning("TERM", f"{term or 'not set'}: neither colours nor a screen", "export TERM=xterm-256color")
        return
    yield Check("TERM", term)
    if "NO_COLOR" in os.environ:
        yield Check("Colours", "none, because NO_COLOR is set")
        return
    system = message_console().color_system
    text = f"{_COLOURS.get(system or '', 'no')} colours"
    if system in (None, "standard"):
        yield warning("Colours", text, "export TERM=xterm-256color COLORTERM=truecolor if the terminal has more")
    else:
        yield Check("Colours", text)
