"""What the worker wrote to its log, followed as it grows."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import RichLog

from iml_tui.text import printable

_LONGEST = 1 << 20
"""Bytes shown of a log at most; of a longer one, its end."""


class LogView(RichLog):
    """Follows one file; plain text, control characters neutralised."""

    def __init__(self) -> None:
        super().__init__(id="log-view", max_lines=5_000, wrap=True, markup=False, highlight=False)
        self._path: Path | None = None
        self._offset = 0

    def follow(self, path: Path, heading: list[str]) -> None:
        """Show another file, below a few lines on the run."""
        self._path, self._offset = path, 0
        self.clear()
        self._write_lines(heading)
        self.read_new()

    def read_new(self) -> None:
        """Show what was appended since."""
        if self._path is None:
            return
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(self._offset, size - _LONGEST))
                data = file.read()
        except OSError:
            return
        self._offset = size
        if data:
            self._write_lines(data.decode(errors="replace").splitlines())

    def _write_lines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(printable(line.expandtabs()))
