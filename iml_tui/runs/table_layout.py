"""Fitting a table of results into a terminal: across, else turned with a column for every row, else as a list.

Figures never break. Headings and texts break between words only. Rich alone would cut both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.table import Table as RichTable
from rich.text import Text

from iml_tui.experiments.tables import Table
from iml_tui.runs.table_files import formatted_rows
from iml_tui.text import printable

_GAP = 2


@dataclass(frozen=True)
class _Column:
    heading: str
    cells: tuple[str, ...]
    is_text: bool

    @property
    def natural(self) -> int:
        """Cells that it takes without any break."""
        return max(cell_len(text) for text in (self.heading, *self.cells))

    @property
    def least(self) -> int:
        """Cells that it takes with every break that is allowed."""
        words = [*self.heading.split(), *(word for cell in self.cells for word in self._parts(cell))]
        return max(map(cell_len, words), default=1)

    def _parts(self, cell: str) -> list[str]:
        return cell.split() if self.is_text else [cell]


def fit(table: Table, width: int) -> RichTable:
    """The table in the first of the three forms that fits into `width` cells; the list always does."""
    columns = _columns(table)
    for form in (columns, _turned(columns)):
        widths = _widths(form, width)
        if widths is not None:
            return _draw(form, widths)
    return _list(columns)


def _columns(table: Table) -> list[_Column]:
    rows = formatted_rows(table)
    return [
        _Column(
            printable(column.heading),
            tuple(printable(row[position]) for row in rows),
            is_text=any(isinstance(row[position], str) for row in table.rows),
        )
        for position, column in enumerate(table.columns)
    ]


def _turned(columns: Sequence[_Column]) -> list[_Column]:
    """A column for every row: the first column's cells become the headings."""
    if not columns:
        return []
    first, *others = columns
    turned = [_Column(first.heading, tuple(other.heading for other in others), is_text=True)]
    for position, heading in enumerate(first.cells):
        turned.append(_Column(heading, tuple(other.cells[position] for other in others), is_text=True))
    return turned


def _widths(columns: Sequence[_Column], width: int) -> list[int] | None:
    """A width for every column, those that lack most served first; None where they do not fit."""
    widths = [column.least for column in columns]
    spare = width - sum(widths) - _GAP * (len(columns) - 1)
    if spare < 0:
        return None
    lacking = [column.natural - least for column, least in zip(columns, widths, strict=True)]
    for _ in range(min(spare, sum(lacking))):
        position = lacking.index(max(lacking))
        widths[position] += 1
        lacking[position] -= 1
    return widths


def _draw(columns: Sequence[_Column], widths: Sequence[int]) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, _GAP - 1, 0, 0))
    for column, width in zip(columns, widths, strict=True):
        drawn.add_column(Text(column.heading), justify="left" if column.is_text else "right", width=width)
    for row in zip(*(column.cells for column in columns), strict=True):
        drawn.add_row(*map(Text, row))
    return drawn


def _list(columns: Sequence[_Column]) -> RichTable:
    drawn = RichTable(box=None, show_header=False, pad_edge=False, padding=(0, _GAP, 0, 0))
    drawn.add_column(style="dim")
    drawn.add_column(overflow="fold")
    for position, row in enumerate(zip(*(column.cells for column in columns), strict=True)):
        if position:
            drawn.add_row()
        for column, cell in zip(columns, row, strict=True):
            drawn.add_row(column.heading, Text(cell))
    return drawn
