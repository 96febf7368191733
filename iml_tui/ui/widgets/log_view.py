"""What the worker wrote to its log, followed as it grows."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import RichLog

from iml_tui.runs.opening import open_regular
from iml_tui.text import printable

_LONGEST = 1 << 20
"""Bytes shown of a log at most; of a longer one, its end."""

_MOST_LINES = 5_000

_LONGEST_LINE = 4_000
"""Letters; a log without line feeds is no log."""


class LogView(RichLog):
    """Follows one file; plain text, control characters neutralised."""

    def __init__(self) -> None:
        super().__init__(id="log-view", max_lines=_MOST_LINES, wrap=True, markup=False, highlight=False)
        self._path: Path | None = None
        self._offset = 0
        self._rest = b""

    def follow(self, path: Path, heading: list[str]) -> None:
        """Show another file, below a few lines on the run."""
        self._path, self._offset, self._rest = path, 0, b""
        self.clear()
        self._write_lines(heading)
        self.read_new()

    def read_new(self) -> None:
        """Show what was appended since."""
        if self._path is None:
            return
        try:
            with open_regular(self._path) as file:
                size = file.seek(0, 2)
                if size < self._offset:  # Another file took its place.
                    self._offset, self._rest = 0, b""
                start = max(self._offset, size - _LONGEST)
                file.seek(start)
                data = file.read(_LONGEST)
        except OSError:
            return
        if start > self._offset:  # The worker wrote more than is shown.
            self._rest = b""
        self._offset = start + len(data)
        # What has no line feed yet is shown with the rest of it.
        whole, feed, rest = data.rpartition(b"\n")
        if not feed:
            self._rest = (self._rest + rest)[-_LONGEST_LINE:]
            return
        lines = (self._rest + whole).decode(errors="replace").split("\n")
        self._rest = rest[-_LONGEST_LINE:]
        self._write_lines(lines[-_MOST_LINES:])

    def _write_lines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(printable(line[:_LONGEST_LINE].rstrip("\r").expandtabs()))
