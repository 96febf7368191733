"""What the colours and marks of a map mean, beside it or below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.segment import Segment

from iml_tui.ui.plotting.canvas import Line, shorten
from iml_tui.ui.plotting.map_paint import WRONG, on_colour
from iml_tui.ui.plotting.palette import style
from iml_tui.ui.plotting.text import fit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from iml_tui.ui.plotting.map_colouring import MapColours
    from iml_tui.ui.plotting.map_scene import Points, View

SIDE_WIDTH: Final = 24
"""Cells of a legend that stands beside the map."""
_GAP: Final = 2
_DOTS: Final = "⢕⡪"


@dataclass(frozen=True)
class Entry:
    """A class in the legend: its number, short name and long name."""

    label: int
    short: str
    long: str


def side_legend(
    entries: list[Entry], notes: list[Line], height: int, colours: NDArray[np.int64], scheme: MapColours
) -> list[Line]:
    """Class after class, `SIDE_WIDTH` cells wide, and the notes at the bottom; at most `height` lines."""
    room = height - len(notes) - 1
    lines = [shorten(_chip(entry, colours, scheme), SIDE_WIDTH) for entry in entries[: max(0, room)]]
    if len(lines) < len(entries) and lines:
        lines[-1] = [Segment(f"+ {len(entries) - len(lines) + 1} more", style(scheme.muted))]
    lines += [[], *(shorten(note, SIDE_WIDTH) for note in notes)]
    return lines[:height]


def bottom_legend(
    entries: list[Entry], notes: list[Line], width: int, rows: int, colours: NDArray[np.int64], scheme: MapColours
) -> list[Line]:
    """The classes from the left to the right in at most `rows` lines of `width` cells, the notes before them."""
    lines: list[Line] = [[]]
    used = 0
    for number, item in enumerate([*notes, *(_chip(entry, colours, scheme) for entry in entries)]):
        length = sum(segment.cell_length for segment in item)
        more = len(notes) + len(entries) - number
        # The last line keeps room to say how many are missing.
        needed = length + (_GAP + len(f"+ {more} more") if len(lines) == rows and more > 1 else 0)
        if used and used + _GAP + needed > width:
            if len(lines) == rows:
                lines[-1] += [Segment(" " * _GAP), Segment(f"+ {more} more", style(scheme.muted))]
                break
            lines.append([])
            used = 0
        if used:
            lines[-1].append(Segment(" " * _GAP))
            used += _GAP
        lines[-1] += item
        used += length
    return [shorten(line, width) for line in lines]


def notes_for(view: View, points: Points, scheme: MapColours, *, pale: bool) -> list[Line]:
    """What marks, brightness and pale regions mean."""
    text, fills = style(scheme.foreground), scheme.palette.fills
    notes: list[Line] = []
    if view == "difference":
        mark = Segment(WRONG, text) if scheme.monochrome else Segment("  ", style(scheme.foreground, scheme.bright))
        notes.append([mark, Segment(" they differ", text)])
    elif points != "none":
        mark = Segment(WRONG, style(scheme.foreground, bold=True))
        if not scheme.monochrome:
            mark = Segment(_DOTS, style(scheme.palette.wrong, fills[0]))
        mostly = "mostly " if scheme.monochrome and points == "all" else ""
        notes.append([mark, Segment(f" {mostly}wrong test points", text)])
        if points == "all" and not scheme.monochrome:
            mark = Segment(_DOTS, style(scheme.palette.right[0], fills[0]))
            notes.append([mark, Segment(" right ones", text)])
    if pale and not scheme.monochrome:
        notes.append([Segment("pale: no test point near", style(scheme.muted))])
    return notes


def _chip(entry: Entry, colours: NDArray[np.int64], scheme: MapColours) -> Line:
    """The short name on its colour, and the long one behind it."""
    shown = style(scheme.foreground, bold=True)
    if not scheme.monochrome:
        shown = on_colour(scheme.palette.fills[colours[entry.label]])
    line = [Segment(f" {entry.short} ", shown)]
    if entry.long:
        room = SIDE_WIDTH - cell_len(entry.short) - 3
        line.append(Segment(f" {fit(entry.long, room)}", style(scheme.foreground)))
    return line
