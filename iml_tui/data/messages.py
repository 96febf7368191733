"""Sentences about malformed files, safe to print on a terminal whatever the files contain."""

from __future__ import annotations

import os
from pathlib import Path

from iml_tui.errors import UsageError
from iml_tui.text import printable


def malformed(path: Path, what: str, *, line: int | None = None, column: str | None = None) -> UsageError:
    """The error whose sentence is `path, line 3, column lat: what`. Lines count from 1, the header included."""
    place = [printable(str(path))]
    if line is not None:
        place.append(f"line {line:,}")
    if column is not None:
        place.append(f"column {column}")
    return UsageError(f"{', '.join(place)}: {what}.")


def unreadable(path: Path, error: OSError | ValueError) -> UsageError:
    """The error for a path that the operating system refuses, with the reason it gave."""
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return malformed(path, f"this cannot be read ({reason})")
