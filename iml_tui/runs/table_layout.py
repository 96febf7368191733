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
class _Cell:
    """A text that may break between words, or a figure, which may not: not even "0.93 ± 0.01"."""

    text: str
    is_figure: bool = False

    @property
    def least(self) -> int:
        """Columns of the terminal that it takes with every break that is allowed."""
        return max(map(cell_len, [self.text] if self.is_figure else self.text.split()), default=1)

    def draw(self) -> Text:
        return Text(self.text, no_wrap=True) if self.is_figure else Text(self.text)


@dataclass(frozen=True)
class _Column:
    heading: _Cell
    cells: tuple[_Cell, ...]
    to_the_right: bool

    @property
    def natural(self) -> int:
        """Columns of the terminal that it takes without any break."""
        return max(cell_len(cell.text) for cell in (self.heading, *self.cells))

    @property
    def least(self) -> int:
        """Columns of the terminal that it takes with every break that is allowed."""
        return max(cell.least for cell in (self.heading, *self.cells))


def fit(table: Table, width: int) -> RichTable:
    """The table in the first of the three forms that fits into `width` cells; the list always does."""
    columns = _columns(table)
    for form in (columns, _turned(columns)):
        widths = _widths(form, width)
        if widths is not None:
            return _draw(form, widths)
    return _list(columns, width)


def _columns(table: Table) -> list[_Column]:
    rows = formatted_rows(table)
    return [
        _Column(
            _Cell(printable(column.heading)),
            tuple(
                _Cell(printable(text[position]), is_figure=not isinstance(row[position], str))
                for text, row in zip(rows, table.rows, strict=True)
            ),
            to_the_right=all(not isinstance(row[position], str) for row in table.rows),
        )
        for position, column in enumerate(table.columns)
    ]


def _turned(columns: Sequence[_Column]) -> list[_Column]:
    """A column for every row: the first column's cells become the headings."""
    if not columns:
        return []
    first, *others = columns
    turned = [_Column(first.heading, tuple(other.heading for other in others), to_the_right=False)]
    for position, heading in enumerate(first.cells):
        turned.append(_Column(heading, tuple(other.cells[position] for other in others), to_the_right=False))
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
        drawn.add_column(column.heading.draw(), justify="right" if column.to_the_right else "left", width=width)
    for row in zip(*(column.cells for column in columns), strict=True):
        drawn.add_row(*(cell.draw() for cell in row))
    return drawn


def _list(columns: Sequence[_Column], width: int) -> RichTable:
    """Every row as a list of headings and cells. Where headings leave too little room for figures, they break."""
    figures = max((cell.least for column in columns for cell in column.cells if cell.is_figure), default=1)
    headings = max((cell_len(column.heading.text) for column in columns), default=1)
    drawn = RichTable(box=None, show_header=False, pad_edge=False, padding=(0, _GAP, 0, 0))
    drawn.add_column(style="dim", max_width=max(1, min(headings, width - _GAP - figures)))
    drawn.add_column(overflow="fold")
    for position, row in enumerate(zip(*(column.cells for column in columns), strict=True)):
        if position:
            drawn.add_row()
        for column, cell in zip(columns, row, strict=True):
            drawn.add_row(column.heading.draw(), Text(cell.text))
    return drawn
