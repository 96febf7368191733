"""The machine's use, measured every other second away from the event loop."""

from __future__ import annotations

from textual import work
from textual.widgets import Static

from iml_tui.ui.machine import measure

SECONDS = 2.0


class MachineView(Static):
    """CPU, memory and GPU."""

    BORDER_TITLE = "Machine"

    def __init__(self) -> None:
        super().__init__(id="machine")

    def on_mount(self) -> None:
        """Begin to measure."""
        self._measure()
        self.set_interval(SECONDS, self._measure)

    @work(thread=True, exclusive=True, group="machine", name="measure machine")
    def _measure(self) -> None:
        use = measure()
        self.app.call_from_thread(self.update, str(use))
