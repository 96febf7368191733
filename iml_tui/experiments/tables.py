"""Tables as data: columns with their formats, rows of plain values. Files and screen are made from one description."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Self


class Spread(float):
    """A mean over seeds that knows its standard deviation (n − 1; NaN for one value) and its number of values."""

    deviation: float
    count: int

    def __new__(cls, mean: float, deviation: float, count: int) -> Self:
        """A float that is the mean."""
        made = super().__new__(cls, mean)
        made.deviation, made.count = deviation, count
        return made

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """The spread of one figure per seed."""
        finite = all(map(math.isfinite, values))
        return cls(fmean(values), stdev(values) if finite and len(values) > 1 else math.nan, len(values))

    def __abs__(self) -> Spread:
        """The size of the mean, with the same deviation."""
        return Spread(abs(float(self)), self.deviation, self.count)


Value = int | float | str | None


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        key: the field's name in CSV and JSON (lower case, underscores).
        title: the heading on the screen and in a report.
        decimals: digits after the point for floats; None writes the shortest form of `digits` significant digits, with
            a power of ten where the number is small or large (learning rates, gradient norms).
        unit: shown behind the title, "" for none.
        signed: whether figures above 0 have a plus sign, as differences do.
    """

    key: str
    title: str
    decimals: int | None = 4
    unit: str = ""
    signed: bool = False
    digits: int = 6

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
    """The value as a person reads it.

    12,345 · 0.9312 · 1e-05 · 0.9312 ± 0.0021 · −0.0004 · "not finite" for NaN and infinities · "–" for None.
    """
    if isinstance(value, int | float):
        # A hyphen is too short for a minus; that of an exponent is left to the number as Python writes it.
        text = _format_number(value, column)
        return f"−{text[1:]}" if text.startswith("-") else text
    return "–" if value is None else value


def _format_number(value: int | float, column: Column) -> str:
    sign = "+" if column.signed else ""
    if isinstance(value, int):
        return f"{value:{sign},}" if value else "0"
    if not math.isfinite(value):
        return "not finite"
    form = f".{column.digits}g" if column.decimals is None else f",.{column.decimals}f"
    text = f"{float(value):{sign}{form}}"
    if isinstance(value, Spread) and math.isfinite(value.deviation):
        text += f" ± {value.deviation:{form}}"
    return text


def parts(key: str, value: Value) -> dict[str, Value]:
    """A figure by its name; of several seeds also `<key>_sd` (None for one value) and `<key>_n`, their number."""
    if not isinstance(value, Spread):
        return {key: value}
    deviation = value.deviation if value.count > 1 else None
    return {key: float(value), f"{key}_sd": deviation, f"{key}_n": value.count}


def with_deviations(table: Table) -> Table:
    """The table with a plain figure in every cell, for files that programs read.

    A column that holds a spread anywhere is followed by one of standard deviations and one of numbers of seeds.
    """
    columns: list[Column] = []
    cells: list[list[Value]] = []
    for position, column in enumerate(table.columns):
        values = [row[position] for row in table.rows]
        columns.append(column)
        cells.append([float(value) if isinstance(value, Spread) else value for value in values])
        if any(isinstance(value, Spread) for value in values):
            deviation, count = f"{column.key}_sd", f"{column.key}_n"
            columns.append(Column(deviation, f"{column.title}, standard deviation", unit=column.unit))
            columns.append(Column(count, f"{column.title}, number of seeds"))
            cells += [[parts(column.key, value).get(key) for value in values] for key in (deviation, count)]
    return replace(table, columns=tuple(columns), rows=tuple(zip(*cells, strict=True)) if table.rows else ())
