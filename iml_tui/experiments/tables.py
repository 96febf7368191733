"""Tables as data: columns with their formats, rows of plain values. Files and screen are made from one description."""

from __future__ import annotations

import math
from dataclasses import dataclass

Value = int | float | str | None


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        key: the field's name in CSV and JSON (lower case, underscores).
        title: the heading on the screen and in a report.
        decimals: digits after the point for floats; None writes the shortest exact form (learning rates).
        unit: shown behind the title, "" for none.
    """

    key: str
    title: str
    decimals: int | None = 4
    unit: str = ""

    @property
    def heading(self) -> str:
        """Title and unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)
class Table:
    """A table. A cell that is None was not measured (shown as "–"); NaN is a figure that was not finite.

    `timing` marks tables of wall-clock figures, which differ between equal runs and are saved under `timing.*` names.
    `note` is a sentence below the table: what was measured on which data, where the reference figures come from.
    """

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    note: str = ""
    timing: bool = False


def format_value(value: Value, column: Column) -> str:
    """The value as a person reads it: 12,345 · 0.9312 · 1e-05 · "not finite" for NaN and infinities · "–" for None."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return "not finite"
    if column.decimals is None:
        return f"{value:g}"
    return f"{value:,.{column.decimals}f}"
