"""The tables of a run, and where their files are."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from iml_tui.experiments.tables import Table
from iml_tui.runs.table_layout import fit
from iml_tui.text import printable


class TablesView(VerticalScroll):
    """Lays every table out for the width there is; no figure is cut."""

    def __init__(self) -> None:
        super().__init__(Static("No figures yet.", id="tables-content"), id="tables-view")
        self._tables: list[Table] = []
        self._files = ""

    def show(self, tables: list[Table], files: str) -> None:
        """Show the tables; `files` says where they are saved, or when they will be."""
        self._tables, self._files = tables, files
        self._draw()

    def on_resize(self) -> None:
        """Lay the tables out anew."""
        self._draw()

    def _draw(self) -> None:
        if not self._tables:
            return
        parts: list[RenderableType] = []
        for table in self._tables:
            parts += [Text(printable(table.title), style="bold"), fit(table, self.scrollable_content_region.width)]
            parts += [Text(printable(table.note), style="dim italic"), Text()]
        parts.append(Text(printable(self._files), style="dim"))
        self.query_one("#tables-content", Static).update(Group(*parts))
