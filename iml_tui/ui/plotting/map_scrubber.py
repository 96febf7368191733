"""The line that says which epoch is shown, of which ones there are."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.segment import Segment

from iml_tui.ui.plotting.palette import style

if TYPE_CHECKING:
    from iml_tui.ui.plotting.canvas import Line
    from iml_tui.ui.plotting.map_colouring import MapColours
    from iml_tui.ui.plotting.map_scene import Scene

_BAR: Final = 24
_VIEWS: Final = {"both": "both maps", "left": "left map", "right": "right map", "difference": "difference"}
_POINTS: Final = {"wrong": "wrong points", "all": "all points", "none": "no points"}


def scrubber(scene: Scene, width: int, scheme: MapColours) -> Line:
    """Epoch, a bar with its position among those kept, which ones these are, and what else is switched."""
    newest = " (newest)" if scene.newest else ""
    line = [Segment(f"epoch {scene.epoch} of {scene.planned}{newest}", style(scheme.foreground, bold=True))]
    right = f"{_VIEWS[scene.view]} · {_POINTS[scene.points]}"
    used = line[0].cell_length
    bar = position_bar(scene.epochs, scene.epoch, _BAR)
    kept = f"kept: {kept_in_short(scene.epochs, scene.epoch)}"
    for text in (bar, kept):
        if used + 2 + cell_len(text) + 2 + cell_len(right) <= width:
            line.append(Segment(f"  {text}", style(scheme.muted)))
            used += 2 + cell_len(text)
    if used + 2 + cell_len(right) <= width:
        line += [Segment(" " * (width - used - cell_len(right))), Segment(right, style(scheme.muted))]
    return line


def position_bar(epochs: Sequence[int], epoch: int, width: int) -> str:
    """`width` cells with a mark where the epoch stands among the others."""
    width = min(width, max(1, 2 * len(epochs) - 1))
    place = bisect_left(epochs, epoch)
    at = round(place / max(1, len(epochs) - 1) * (width - 1))
    return "─" * at + "●" + "─" * (width - 1 - at)


def kept_in_short(epochs: Sequence[int], epoch: int) -> str:
    """The first epochs, the neighbours of the chosen one and the last: 1 2 3 … 10 12 14 … 50."""
    place = bisect_left(epochs, epoch)
    near = {0, 1, 2, place - 1, place, place + 1, len(epochs) - 1}
    shown, last = [], -1
    for position in sorted(one for one in near if 0 <= one < len(epochs)):
        if position > last + 1:
            shown.append("…")
        shown.append(str(epochs[position]))
        last = position
    return " ".join(shown)
