"""The tables of a run, and where their files are."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text
from textual.containers import ScrollableContainer
from textual.widgets import Static

from iml_tui.experiments.tables import Table
from iml_tui.runs.table_files import formatted_rows
from iml_tui.ui.plotting.text import clean


class TablesView(ScrollableContainer):
    """Scrolls both ways: cells are never wrapped or cut."""

    def __init__(self) -> None:
        super().__init__(Static("No figures yet.", id="tables-content"), id="tables-view")

    def show(self, tables: list[Table], files: str) -> None:
        """Show the tables; `files` says where they are saved, or when they will be."""
        parts: list[RenderableType] = []
        for table in tables:
            parts += [render_table(table), Text(clean(table.note), style="dim italic"), Text()]
        parts.append(Text(files, style="dim"))
        self.query_one("#tables-content", Static).update(Group(*parts))


def render_table(table: Table) -> RichTable:
    """The table for a terminal."""
    rendered = RichTable(
        title=clean(table.title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for column, heading in enumerate(table.columns):
        numeric = not any(isinstance(row[column], str) for row in table.rows)
        rendered.add_column(clean(heading.heading), justify="right" if numeric else "left", no_wrap=True)
    for row in formatted_rows(table):
        rendered.add_row(*(Text(clean(cell)) for cell in row))
    return rendered
