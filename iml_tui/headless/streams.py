"""What the commands write to: results on stdout, everything else on stderr, and nothing that a terminal would obey."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
import textwrap
from typing import IO, Any, cast

from rich.console import Console

from iml_tui.text import printable

# Wide enough for any table: whoever reads from a pipe or a file wants whole lines.
_UNLIMITED = 10_000


def prepare_streams() -> None:
    """Make sure that writing works on any locale and where a stream was closed by the parent."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def silence_streams() -> None:
    """Send stdout to nowhere after its reader has gone, so that the flush at exit does not fail again."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def is_terminal(stream: IO[Any] | None) -> bool:
    """Whether a person sees the stream."""
    return stream is not None and not stream.closed and stream.isatty()


def output_console() -> Console:
    """Rich on stdout: as wide as the terminal, or without line breaks of its own into a pipe."""
    if is_terminal(sys.stdout):
        return Console(file=sys.stdout, markup=False, highlight=False, emoji=False)
    unpadded = cast(IO[str], _Unpadded())
    return Console(file=unpadded, width=_UNLIMITED, markup=False, highlight=False, emoji=False)


class _Unpadded:
    """Stdout without the blanks by which Rich fills lines up to the console's width."""

    def write(self, text: str) -> int:
        sys.stdout.write(re.sub(r" +$", "", text, flags=re.MULTILINE))
        return len(text)

    def flush(self) -> None:
        sys.stdout.flush()


def message_console() -> Console:
    """Rich on stderr."""
    return Console(file=sys.stderr, markup=False, highlight=False, emoji=False)


def say(text: str) -> None:
    """One sentence on stderr, on a line of its own, between words on a terminal."""
    text = printable(text)
    if is_terminal(sys.stderr):
        columns = shutil.get_terminal_size().columns
        text = textwrap.fill(text, max(columns, 20), break_long_words=False, break_on_hyphens=False)
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def write_json(document: dict[str, Any]) -> None:
    """The one JSON document of a command. ASCII only, so that no locale can spoil it."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
    sys.stdout.flush()
