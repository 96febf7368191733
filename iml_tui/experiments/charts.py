"""Charts as data: one description from which the terminal, exported figures and tests draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.experiments.results import Results, TrialResult

METRIC_TITLES = {
    "train_loss": "train loss",
    "train_accuracy": "train accuracy",
    "validation_loss": "validation loss",
    "validation_accuracy": "validation accuracy",
    "test_loss": "test loss",
    "test_accuracy": "test accuracy",
    "batch_loss": "training loss per batch",
}


@dataclass(frozen=True)
class Chart:
    """One chart: a curve for every (trial, metric).

    Args:
        id: short name, unique within the experiment; also the stem of an exported figure.
        title: what the chart shows.
        metrics: epoch metrics (see `results.METRICS`), or the name of one step-level series.
        x: "epoch" for metrics after each epoch, "batch" for a step-level series.
        y_label: what the y axis measures, with its unit.
        log_x, log_y: logarithmic axes, base 10.
        trials: positions of the trials that are drawn; None draws all.
        panel: charts of one panel stand side by side where the screen is wide enough, and share their y axis.
    """

    id: str
    title: str
    metrics: tuple[str, ...]
    x: Literal["epoch", "batch"] = "epoch"
    y_label: str = ""
    log_x: bool = False
    log_y: bool = False
    trials: tuple[int, ...] | None = None
    panel: str = ""


@dataclass(frozen=True)
class Curve:
    """One drawable line. `x` and `y` have one shape (n,); `y` may hold NaN and infinities, `n` may be 0 or 1."""

    label: str
    x: NDArray[np.float64]
    y: NDArray[np.float32] | NDArray[np.float64]


def curves(chart: Chart, results: Results) -> list[Curve]:
    """The curves of a chart, as far as the trials have got. Epochs and batches count from 1."""
    chosen = [t for i, t in enumerate(results.trials) if chart.trials is None or i in chart.trials]
    drawn = []
    for trial in chosen:
        for metric in chart.metrics:
            label = _label(trial, metric, one_trial=len(chosen) == 1, one_metric=len(chart.metrics) == 1)
            y = _values(trial, metric, chart)
            drawn.append(Curve(label, np.arange(1, len(y) + 1, dtype=np.float64), y))
    return drawn


def _values(trial: TrialResult, metric: str, chart: Chart) -> NDArray[np.float32] | NDArray[np.float64]:
    if chart.x == "batch":
        load = trial.series.get(metric)
        return load() if load is not None else np.empty(0, dtype=np.float32)
    return np.asarray(trial.values(metric), dtype=np.float64)


def _label(trial: TrialResult, metric: str, *, one_trial: bool, one_metric: bool) -> str:
    if one_metric:
        return trial.trial.label
    title = METRIC_TITLES.get(metric, metric)
    return title if one_trial else f"{trial.trial.label} · {title}"
