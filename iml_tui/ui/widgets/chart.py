"""A chart on the screen: draws the curves of one `Chart`, at most four times a second, and reads values off them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from textual.binding import Binding, BindingType

from iml_tui.experiments.charts import X_LABELS
from iml_tui.ui.plotting import Drawing, Limits, Palette, render
from iml_tui.ui.widgets.plot import Plot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.experiments.charts import Chart, Curve

# One press of a cursor key moves by one point of a short curve, or by this part of a long one.
_CURSOR_STEPS = 100
# Up to so many points in all, the cursor stops at those of every curve, not only at those of the longest.
_FEW_POINTS = 2000


class ChartView(Plot):
    """Curves on axes, filling the widget."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "cursor(-1)", "Read values", key_display="←→"),
        Binding("right", "cursor(1)", "Read values: later", show=False),
        Binding("home", "cursor_end(0)", "Read values: first", show=False),
        Binding("end", "cursor_end(-1)", "Read values: last", show=False),
        Binding("escape", "cursor_off", "Last values", show=False),
    ]

    def __init__(self, chart: Chart, *, name: str | None = None, id: str | None = None, classes: str | None = None):
        super().__init__(name=name, id=id, classes=classes)
        self.chart = chart
        self.cursor: float | None = None
        self._curves: list[Curve] = []
        self._limits: Limits | None = None
        self._shown: tuple[object, ...] = ()

    def show(self, curves: Sequence[Curve], limits: Limits | None = None, chart: Chart | None = None) -> None:
        """Show these curves from the next repaint on, as another `chart` if it is given; equal ones are kept."""
        self.chart = chart or self.chart
        shown = (limits, self.chart, *map(_fingerprint, curves))
        if shown == self._shown:
            return
        self._curves, self._limits, self._shown = list(curves), limits, shown
        self.renew()

    def drawn_by(self) -> tuple[object, ...]:
        """The chart and the cursor."""
        return self.chart, self.cursor

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw the curves."""
        chart = self.chart
        return render(
            self._curves,
            width,
            height,
            title=chart.title,
            x_label=X_LABELS[chart.x],
            y_label=chart.y_label,
            log_x=chart.log_x,
            log_y=chart.log_y,
            palette=palette,
            limits=self._limits,
            cursor=self.cursor,
            at_points=chart.x in ("hidden_layers", "hidden_width", "learning_rate"),
        )

    def action_cursor(self, step: int) -> None:
        """Move the cursor to an earlier (−1) or later (1) point; it starts at the last one."""
        points = self._points()
        if len(points):
            at = len(points) if self.cursor is None else int(np.searchsorted(points, self.cursor))
            self._move_to(at + step * max(1, len(points) // _CURSOR_STEPS))

    def action_cursor_end(self, index: int) -> None:
        """Move the cursor to the first (0) or last (−1) point."""
        self._move_to(index % max(1, len(self._points())))

    def action_cursor_off(self) -> None:
        """Read the last values again."""
        self.cursor = None
        self.refresh()

    def _points(self) -> NDArray[np.float64]:
        """The x that the cursor stops at, increasing."""
        across = [curve.x for curve in self._curves]
        if sum(map(len, across)) > _FEW_POINTS or not across:
            return max(across, key=len, default=np.empty(0))
        points = np.unique(np.concatenate(across))
        return points[np.isfinite(points)]

    def _move_to(self, index: int) -> None:
        points = self._points()
        if len(points):
            self.cursor = float(points[min(max(index, 0), len(points) - 1)])
            self.refresh()


def _fingerprint(curve: Curve) -> tuple[object, ...]:
    """Enough of a curve to see that it has changed: curves grow at their end, and are replaced by other runs'."""
    n = len(curve.y)
    some = [0, n // 2, n - 1]
    arrays = [values for values in (curve.x, curve.y, curve.high) if n and values is not None and len(values) == n]
    return curve.label, curve.marks, n, *(values[some].tobytes() for values in arrays)
