"""Pictures of charts that the first experiments do not have: bands over seeds, sizes of networks, heat maps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iml_tui.experiments.charts import Chart, HeatMap
from iml_tui.experiments.results import Results
from iml_tui.ui.widgets.charts_view import Charts
from tests.experiments.gradient_results import DATA, gradient_results, healthy, vanishing
from tests.ui.test_heat_map_widget import ChartsApp

Compare = Callable[..., bool]

WIDE, NARROW = (120, 40), (80, 24)
BOTH = {"plain": vanishing, "healthy": healthy}
HEAT = HeatMap("heat", "Gradient of every layer")
LAYERS = Chart("layers", "Gradient by layer", (), x="layer", y_label="squared L2 norm", log_y=True)


class PictureApp(ChartsApp):
    CSS = "ChartView, HeatMapView { width: 1fr; padding: 0 1; } ChartRow { height: 1fr; }"

    def __init__(self, charts: Charts, results: Results) -> None:
        super().__init__(results, charts)


def banded() -> Results:
    """Three models of three seeds each, of different depths."""
    trials = []
    for label, layers in (("depth 1", 2), ("depth 6", 7), ("depth 10", 11)):
        for trial in gradient_results({label: healthy}, layers=layers, seeds=(1, 2, 3)).trials:
            for epoch in trial.epochs:
                epoch.metrics["validation_loss"] *= 1 + 3 / layers
            trial.index = len(trials)
            trials.append(trial)
    return Results("6.2.1.1", DATA, trials)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_bands(snap_compare: Compare, size: tuple[int, int]) -> None:
    chart = Chart("loss", "Validation loss", ("validation_loss",), y_label="nats")
    assert snap_compare(PictureApp((chart,), banded()), terminal_size=size)


def test_bands_without_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    chart = Chart("loss", "Validation loss", ("validation_loss",), y_label="nats")
    assert snap_compare(PictureApp((chart,), banded()), terminal_size=NARROW)


def test_depths_and_sizes(snap_compare: Compare) -> None:
    charts = (
        Chart("depth", "Accuracy by depth", ("validation_accuracy",), x="hidden_layers"),
        Chart("size", "Accuracy and size", ("validation_accuracy",), x="parameters", log_x=True),
    )
    assert snap_compare(PictureApp(charts, banded()), terminal_size=WIDE)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_heat_map(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(PictureApp((HEAT,), gradient_results(BOTH)), terminal_size=size, press=["tab", "end", "pageup"])


def test_heat_map_without_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(PictureApp((HEAT,), gradient_results(BOTH)), terminal_size=NARROW)


def test_vanishing_beside_healthy(snap_compare: Compare) -> None:
    charts = (
        LAYERS,
        HeatMap("plain", "Plain net", trial=0, panel="heat"),
        HeatMap("healthy", "Healthy net", trial=1, panel="heat"),
    )
    assert snap_compare(PictureApp(charts, gradient_results(BOTH)), terminal_size=WIDE)
