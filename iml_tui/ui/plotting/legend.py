"""The legend: lines above the plot area, never on it, each entry with its mark, label and value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment

from iml_tui.text import printable
from iml_tui.ui.plotting.canvas import Line
from iml_tui.ui.plotting.palette import Palette, marker, style
from iml_tui.ui.plotting.text import fit, squeeze

_GAP = "   "
_SHORTEST_LABEL = 6
_VALUE = 6


@dataclass(frozen=True)
class Entry:
    """One curve in the legend, and its value as it is written."""

    index: int
    label: str
    value: str


def legend(entries: list[Entry], width: int, rows: int, palette: Palette, notes: Sequence[str] = ()) -> list[Line]:
    """Lay the entries out in at most `rows` lines of `width` cells.

    Values give way first, then the middle of labels; then the last entries become "+ 3 more". The first of `notes`
    for which there is room, a long and a short form of what must be said of all curves, is put behind the last entry
    or below it.
    """
    if rows <= 0 or width <= 0 or not entries:
        return []
    labels = [printable(entry.label) for entry in entries]
    longest = max(map(cell_len, labels))
    tries = [(longest, True)]
    tries += [(length, with_value) for length in (24, 16) for with_value in (True, False) if length < longest]
    tries += [(longest, False)] if longest <= 24 else []
    tries += [(length, False) for length in (12, 8, _SHORTEST_LABEL) if length < longest]
    for length, with_value in sorted(tries, key=lambda t: (-min(t[0], 24), not t[1])):
        lines = _wrap(
            [_entry(e, label, length, with_value, palette) for e, label in zip(entries, labels, strict=True)], width
        )
        if len(lines) <= rows:
            return _noted(lines, width, rows, notes, palette)
    return _cut(entries, labels, width, rows, palette)


def _entry(entry: Entry, label: str, length: int, with_value: bool, palette: Palette) -> Line:
    colour = palette.colour(entry.index)
    line = [
        Segment(f"━{marker(entry.index)}━ ", style(colour)),
        Segment(squeeze(label, length), style(palette.foreground)),
    ]
    if with_value:
        # Values change four times a second: a fixed width keeps the legend still.
        line.append(Segment(" " + entry.value.ljust(_VALUE), style(palette.muted)))
    return line


def _width(line: Line) -> int:
    return sum(segment.cell_length for segment in line)


def _wrap(entries: list[Line], width: int) -> list[Line]:
    """Entries in as few lines as they need, in columns where there are several lines; an entry too wide is cut."""
    widest = max(map(_width, entries))
    if sum(map(_width, entries)) + len(_GAP) * (len(entries) - 1) <= width:
        return [[s for i, entry in enumerate(entries) for s in ([Segment(_GAP)] if i else []) + entry]]
    per_line = (width + len(_GAP)) // (widest + len(_GAP))
    if per_line == 0:
        # Nothing fits: more lines than anyone allows makes the caller try shorter labels.
        return [[]] * 1000
    lines: list[Line] = []
    for i, entry in enumerate(entries):
        if i % per_line == 0:
            lines.append([])
        last = i % per_line == per_line - 1 or i == len(entries) - 1
        lines[-1] += entry if last else [*entry, Segment(" " * (widest - _width(entry)) + _GAP)]
    return lines


def _noted(lines: list[Line], width: int, rows: int, notes: Sequence[str], palette: Palette) -> list[Line]:
    for note in notes:
        written = Segment(note, style(palette.muted, dim=palette.monochrome))
        if _width(lines[-1]) + len(_GAP) + cell_len(note) <= width:
            return [*lines[:-1], [*lines[-1], Segment(_GAP), written]]
        if len(lines) < rows and cell_len(note) <= width:
            return [*lines, [written]]
    return lines


def _cut(entries: list[Entry], labels: list[str], width: int, rows: int, palette: Palette) -> list[Line]:
    """As many entries as fit with the shortest labels, and how many are missing."""
    short = [_entry(e, label, _SHORTEST_LABEL, False, palette) for e, label in zip(entries, labels, strict=True)]
    for kept in range(len(short) - 1, 0, -1):
        more = [Segment(f"+ {len(short) - kept} more", style(palette.muted))]
        lines = _wrap([*short[:kept], more], width)
        if len(lines) <= rows:
            return lines
    return [[Segment(fit(f"{len(short)} curves", width), style(palette.muted))]]
