"""A heat map on the screen: draws the cells of one `HeatMap` and reads single ones off them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from textual.binding import Binding, BindingType

from iml_tui.experiments.charts import Cells
from iml_tui.ui.plotting import Drawing, Palette
from iml_tui.ui.plotting.heat_map import render_heat_map
from iml_tui.ui.widgets.plot import Plot

if TYPE_CHECKING:
    from iml_tui.experiments.charts import HeatMap
    from iml_tui.ui.plotting.colour_scale import LogScale


class HeatMapView(Plot):
    """Layers from the input downwards and epochs to the right, filling the widget."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "cursor(0, -1)", "Read values", key_display="←→↑↓"),
        Binding("right", "cursor(0, 1)", "Read values: later", show=False),
        Binding("up", "cursor(-1, 0)", "Read values: towards the input", show=False),
        Binding("down", "cursor(1, 0)", "Read values: towards the output", show=False),
        Binding("pageup", "cursor(-10, 0)", "Read values: ten layers up", show=False),
        Binding("pagedown", "cursor(10, 0)", "Read values: ten layers down", show=False),
        Binding("home", "cursor_end(0)", "Read values: first epoch", show=False),
        Binding("end", "cursor_end(-1)", "Read values: last epoch", show=False),
        Binding("escape", "cursor_off", "No cursor", show=False),
    ]

    def __init__(self, chart: HeatMap, *, name: str | None = None, id: str | None = None, classes: str | None = None):
        super().__init__(name=name, id=id, classes=classes)
        self.chart = chart
        self.cursor: tuple[int, int] | None = None
        """(layer from 0, epoch from 1)."""
        self._cells = Cells(np.empty((0, 0)), 0)
        self._scale: LogScale | None = None
        self._shown: tuple[object, ...] = ()

    def show(
        self, cells: Cells, scale: LogScale | None = None, chart: HeatMap | None = None, *, live: bool = False
    ) -> None:
        """Show these cells from the next repaint on; those of a live run with room for the epochs to come.

        `scale` is that of several heat maps that are to be compared, `chart` what is shown if it is another one.
        """
        self.chart = chart or self.chart
        cells = cells if live else replace(cells, epochs=cells.values.shape[1])
        shown = (self.chart, scale, cells.epochs, cells.note, cells.values.shape, cells.values.tobytes())
        if shown == self._shown:
            return
        self._cells, self._scale, self._shown = cells, scale, shown
        if self.cursor is not None:
            self.cursor = self._inside(*self.cursor)
        self.renew()

    def drawn_by(self) -> tuple[object, ...]:
        """The heat map, the cursor and the terminal's colours."""
        return self.chart, self.cursor, self.app.console.color_system

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw the cells."""
        return render_heat_map(
            self._cells,
            width,
            height,
            title=self.chart.title,
            palette=palette,
            color_system=self.app.console.color_system,
            scale=self._scale,
            cursor=self.cursor,
        )

    def action_cursor(self, layers: int, epochs: int) -> None:
        """Move the cursor by so many layers and epochs; it starts at the last layer's last epoch."""
        if self.cursor is None:
            self._move_to(*self._cells.values.shape)
        else:
            self._move_to(self.cursor[0] + layers, self.cursor[1] + epochs)

    def action_cursor_end(self, index: int) -> None:
        """Move the cursor to the first (0) or last (−1) epoch."""
        layers, epochs = self._cells.values.shape
        self._move_to(self.cursor[0] if self.cursor else layers, 1 if index == 0 else epochs)

    def action_cursor_off(self) -> None:
        """Read nothing."""
        self.cursor = None
        self.refresh()

    def _move_to(self, layer: int, epoch: int) -> None:
        if self._cells.values.size:
            self.cursor = self._inside(layer, epoch)
            self.refresh()

    def _inside(self, layer: int, epoch: int) -> tuple[int, int] | None:
        layers, epochs = self._cells.values.shape
        if not layers or not epochs:
            return None
        return min(max(layer, 0), layers - 1), min(max(epoch, 1), epochs)
