"""The frame of a chart, drawn by plotext: axes, ticks and their labels around an empty plot area.

plotext draws the data of a long run in seconds and its limits, themes and log axes are global and sticky, so it is
given ticks and limits only; the data are drawn into the frame afterwards.
"""

from __future__ import annotations

from functools import lru_cache
from threading import Lock

from rich.cells import cell_len

from iml_tui.ui.plotting.axes import Axis

_plotext_is_global = Lock()


def frame_columns(y: Axis) -> int:
    """Cells left of the plot area: the widest tick label and the axis."""
    return max(map(cell_len, y.labels), default=0) + 1


@lru_cache(maxsize=64)
def frame(width: int, height: int, x: Axis, y: Axis) -> tuple[str, ...]:
    """The lines of a frame of `width` × `height` cells, each exactly `width` characters long.

    The plot area is what is right of `frame_columns` and above the last two lines. Frames are kept: while a run is
    live they change only when a limit does.
    """
    # Imported here: the first paint does not wait for it.
    import plotext

    with _plotext_is_global:
        plotext.clear_figure()
        plotext.clear_data()
        plotext.limit_size(False, False)
        plotext.theme("clear")
        plotext.plot_size(width, height)
        plotext.xaxes(True, False)
        plotext.yaxes(True, False)
        plotext.xlim(x.low, x.high)
        plotext.ylim(y.low, y.high)
        # Axes without data are left out; a blank at the origin is data enough.
        plotext.scatter([x.low], [y.low], marker=" ")
        plotext.xticks(list(x.ticks), list(x.labels))
        plotext.yticks(list(y.ticks), list(y.labels))
        text = plotext.uncolorize(plotext.build())
        plotext.clear_figure()
    lines = text.split("\n")[:height]
    lines += [""] * (height - len(lines))
    return tuple(line[:width].ljust(width) for line in lines)
