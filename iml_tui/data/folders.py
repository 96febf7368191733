"""What all folders of data have in common: they must be there, and have a name."""

from __future__ import annotations

import stat
from pathlib import Path

from iml_tui.data.messages import malformed, unreadable
from iml_tui.text import printable


def folder_name(path: Path) -> str:
    """The folder's own name, for people."""
    return printable(path.resolve().name) or printable(str(path))


def check_folder(path: Path, contents: str) -> None:
    """See that a path is a folder; `contents` says what it is to hold ("train, val and test").

    Raises UsageError, in one sentence, if it is missing, a file, or cannot be looked at.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise malformed(path, "there is no such folder") from None
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None
    if not stat.S_ISDIR(mode):
        raise malformed(path, f"this is a file, where the folder with {contents} is needed")
