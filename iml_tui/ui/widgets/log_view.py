"""What the worker wrote to its log, followed as it grows."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Log

from iml_tui.text import printable

_LONGEST = 1 << 20
"""Bytes shown of a log at most; of a longer one, its end."""


class LogView(Log):
    """Follows one file; plain text, control characters neutralised."""

    def __init__(self) -> None:
        super().__init__(id="log-view", max_lines=5_000)
        self._path: Path | None = None
        self._offset = 0

    def follow(self, path: Path, heading: list[str]) -> None:
        """Show another file, below a few lines on the run."""
        self._path, self._offset = path, 0
        self.clear()
        self.write_lines([printable(line) for line in heading])
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
            self.write_lines([printable(line.expandtabs()) for line in data.decode(errors="replace").splitlines()])
