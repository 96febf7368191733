"""The charts of a run: side by side where they belong together and there is room, else one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll

from iml_tui.experiments.charts import Chart, HeatMap, curves, heat_map_cells
from iml_tui.experiments.results import Results
from iml_tui.ui.plotting import Limits, y_limits
from iml_tui.ui.plotting.colour_scale import log_scale
from iml_tui.ui.widgets.chart import ChartView
from iml_tui.ui.widgets.heat_map import HeatMapView

LEAST_WIDTH = 38
"""Columns that a chart needs to be read."""

LEAST_HEIGHT = 14
"""Rows that a chart needs to be read."""

Charts = tuple[Chart | HeatMap, ...]


class ChartRow(Horizontal):
    """Charts of one panel."""


class ChartsView(VerticalScroll):
    """All charts of one experiment, updated together."""

    def __init__(self) -> None:
        super().__init__(id="charts-view")
        self._charts: Charts = ()
        self._resolved: Charts = ()
        self._results: Results | None = None
        self._live = False
        self._columns = 1

    def compose(self) -> ComposeResult:
        """A row for each panel, or for each chart where panels are too narrow."""
        for row in rows(self._charts, self._columns):
            with ChartRow():
                for chart in row:
                    yield ChartView(chart) if isinstance(chart, Chart) else HeatMapView(chart)

    async def show_charts(self, charts: Charts) -> None:
        """Show the charts of another experiment, empty until `show_results`."""
        if charts != self._charts:
            self._charts, self._resolved, self._results = charts, charts, None
            await self.recompose()
            self._fit()

    def show_results(self, charts: Charts, results: Results, *, live: bool) -> None:
        """Draw what there is; the axes of a live run reach to its last epoch, so that they stand still.

        `charts` are those of `show_charts` with their trials chosen by the results.
        """
        self._resolved, self._results, self._live = charts, results, live
        chart_views = {view.chart.id: view for view in self.query(ChartView)}
        heat_map_views = {view.chart.id: view for view in self.query(HeatMapView)}
        for _, panel in groupby(charts, key=lambda chart: chart.panel or chart.id):
            members = list(panel)
            drawn = [(chart, curves(chart, results)) for chart in members if isinstance(chart, Chart)]
            y = y_limits([group for _, group in drawn], log=drawn[0][0].log_y) if len(drawn) > 1 else None
            for chart, chart_curves in drawn:
                x = _planned_epochs(results) if live and chart.x == "epoch" else None
                if chart.id in chart_views:
                    chart_views[chart.id].show(chart_curves, Limits(x=x, y=y), chart)
            mapped = [
                (heat_map, heat_map_cells(heat_map, results)) for heat_map in members if isinstance(heat_map, HeatMap)
            ]
            scale = (
                log_scale(np.concatenate([cells.values.ravel() for _, cells in mapped])) if len(mapped) > 1 else None
            )
            for heat_map, cells in mapped:
                if heat_map.id in heat_map_views:
                    heat_map_views[heat_map.id].show(cells, scale, heat_map, live=live)

    async def on_resize(self) -> None:
        """Lay the charts out for the new size."""
        columns = max(1, self.size.width // LEAST_WIDTH)
        if columns != self._columns:
            self._columns = columns
            await self.recompose()
            if self._results is not None:
                self.show_results(self._resolved, self._results, live=self._live)
        self._fit()

    def _fit(self) -> None:
        """As many rows as can be read fill the height; the others are scrolled to."""
        chart_rows = self.query(ChartRow)
        height = self.size.height
        visible = max(1, min(len(chart_rows), height // LEAST_HEIGHT))
        for row in chart_rows:
            row.styles.height = max(LEAST_HEIGHT if height >= LEAST_HEIGHT else height, height // visible)


def _planned_epochs(results: Results) -> tuple[float, float] | None:
    last = max((trial.trial.epochs for trial in results.trials), default=1)
    return (1.0, float(last)) if last > 1 else None


def rows(charts: Sequence[Chart | HeatMap], columns: int) -> list[list[Chart | HeatMap]]:
    """The charts in rows: those of one panel together, `columns` in a row at most."""
    laid_out: list[list[Chart | HeatMap]] = []
    for panel, group in groupby(charts, key=lambda chart: chart.panel):
        members = list(group)
        across = columns if panel else 1
        laid_out += [members[start : start + across] for start in range(0, len(members), across)]
    return laid_out
