"""Charts as data: one description from which the terminal, exported figures and tests draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from iml_tui.experiments.face_reference import BASELINE_TITLES
from iml_tui.experiments.marks import Mark, marks_of
from iml_tui.experiments.measures import last_third
from iml_tui.experiments.results import GRADIENT_NORM
from iml_tui.experiments.seeds import deviation_of, deviations, first_seed, seeds_of
from iml_tui.experiments.trials import Baseline, FaceTrial, MLPTrial

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
    "running_accuracy": "running accuracy",
}


ChartX = Literal["epoch", "batch", "layer", "hidden_layers", "hidden_width", "learning_rate", "parameters", "seconds"]

BY_LAYER = "Gradient by layer, last third of the epochs"
"""The title of every chart whose x is "layer"."""

X_LABELS: Mapping[ChartX, str] = {
    "epoch": "epoch",
    "batch": "batch (optimizer steps)",
    "layer": "linear layer, from the input",
    "hidden_layers": "hidden layers",
    "hidden_width": "neurons in each hidden layer",
    "learning_rate": "learning rate",
    "parameters": "trainable parameters",
    "seconds": "training time (s)",
}


@dataclass(frozen=True)
class Chart:
    """One chart.

    Args:
        id: short name, unique within the experiment; also the stem of an exported figure.
        title: what the chart shows.
        metrics: epoch metrics (see `results.METRICS`, or "gradient_norm.30"), or the name of one step-level series.
        x: what the curves run over:
            "epoch": a curve for every (model, metric), a point after each epoch;
            "batch": a curve for every model, a point a step; `metrics` names one step-level series;
            "layer": a curve for every model, a point a linear layer: the squared gradient norm of its weights, mean
                over the steps of the last third of the epochs so far;
            "hidden_layers", "hidden_width": a curve for every metric, a point for every model after its last epoch;
            "learning_rate": a curve for every baseline on faces, a point for every model after its last epoch; of one
                without a learning rate a level line from the lowest to the highest that the others have;
            "parameters", "seconds": a curve of a single point for every model after its last epoch.
        y_label: what the y axis measures, with its unit.
        log_x, log_y: logarithmic axes, base 10. On a logarithmic y axis what is 0 is shown as below the scale.
        trials: positions in `Results.models` of those that are drawn; None draws all.
        panel: charts of one panel stand side by side where the screen is wide enough, and share their y axis.
    """

    id: str
    title: str
    metrics: tuple[str, ...]
    x: ChartX = "epoch"
    y_label: str = ""
    log_x: bool = False
    log_y: bool = False
    trials: tuple[int, ...] | None = None
    panel: str = ""


@dataclass(frozen=True)
class HeatMap:
    """The squared gradient norm of every linear layer after every epoch of one model, as colour on a log scale.

    `trial` is the position in `Results.models`. The other fields are those of `Chart`.
    """

    id: str
    title: str
    trial: int = 0
    panel: str = ""


@dataclass(frozen=True)
class Cells:
    """What a heat map draws: `values` float64 [layers, epochs], ≥ 0, NaN where not recorded; 0 is exactly 0.

    Row 0 is the layer at the input. Epochs count from 1; `epochs` is how many are planned. `note` says which of
    several seeds this is.
    """

    values: NDArray[np.float64]
    epochs: int
    note: str = ""


@dataclass(frozen=True)
class Curve:
    """One drawable line. `x` and `y` have one shape (n,); `y` may hold NaN and infinities, `n` may be 0 or 1.

    `low` and `high`, of the same shape, bound a band around the line: the mean over seeds ± one standard deviation.
    `marks` are where something was changed while the model trained; curves of one model have the same.
    """

    label: str
    x: NDArray[np.float64]
    y: NDArray[np.float32] | NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None
    marks: tuple[Mark, ...] = ()


def curves(chart: Chart, results: Results) -> list[Curve]:
    """The curves of a chart, as far as the models have got. Epochs and batches count from 1, layers from 0."""
    models = results.models
    chosen = [m for i, m in enumerate(models) if chart.trials is None or i in chart.trials]
    if chart.x in ("hidden_layers", "hidden_width"):
        return [_over_models(chart, metric, chosen) for metric in chart.metrics]
    if chart.x == "learning_rate":
        return _over_learning_rates(chart.metrics[0], chosen)
    if chart.x in ("parameters", "seconds"):
        return [_point(chart, model) for model in chosen if model.epochs]
    if chart.x == "layer":
        return [_over_layers(model) for model in chosen]
    drawn = []
    for model in chosen:
        for metric in chart.metrics:
            label = _label(model, metric, one_trial=len(chosen) == 1, one_metric=len(chart.metrics) == 1)
            over_batches = chart.x == "batch"
            curve = _over_batches(model, metric, label) if over_batches else _over_epochs(model, metric, label)
            marks = marks_of(model, "batch" if over_batches else "epoch")
            drawn.append(replace(curve, marks=marks) if marks else curve)
    return drawn


def heat_map_cells(heat_map: HeatMap, results: Results) -> Cells:
    """The cells of a heat map, as far as the model has got; of several seeds the first."""
    models = results.models
    if heat_map.trial >= len(models):
        return Cells(np.empty((0, 0)), 0)
    seeds = seeds_of(models[heat_map.trial])
    model = first_seed(models[heat_map.trial])
    norms = [epoch.gradient_norms for epoch in model.epochs]
    layers = max(map(len, norms), default=0)
    values = np.full((layers, len(norms)), np.nan)
    for epoch, column in enumerate(norms):
        values[: len(column), epoch] = column
    return Cells(values, model.trial.epochs, f"seed {model.trial.seed}" if len(seeds) > 1 else "")


def _over_epochs(model: TrialResult, metric: str, label: str) -> Curve:
    y = np.asarray(model.values(metric), dtype=np.float64)
    return _banded(label, np.arange(1, len(y) + 1, dtype=np.float64), y, deviations(model, metric))


def _banded(label: str, x: NDArray[np.float64], y: NDArray[np.float64], deviation: NDArray[np.float64]) -> Curve:
    """A curve with a band of ± one deviation, where any is known."""
    if not np.isfinite(deviation).any():
        return Curve(label, x, y)
    return Curve(label, x, y, y - deviation, y + deviation)


def _over_batches(model: TrialResult, metric: str, label: str) -> Curve:
    load = model.series.get(metric)
    y = load() if load is not None else np.empty(0, dtype=np.float32)
    return Curve(label, np.arange(1, len(y) + 1, dtype=np.float64), y)


def _over_layers(model: TrialResult) -> Curve:
    per_seed = [mean for trial in seeds_of(model) if len(mean := _mean_norms(trial))]
    if not per_seed:
        return Curve(model.label, np.empty(0), np.empty(0))
    y = np.mean(per_seed, axis=0)
    deviation = np.std(per_seed, axis=0, ddof=1) if len(per_seed) > 1 else np.full(len(y), np.nan)
    return _banded(model.label, np.arange(len(y), dtype=np.float64), y, deviation)


def _mean_norms(trial: TrialResult) -> NDArray[np.float64]:
    """The squared gradient norm of every layer, mean over the last third of the epochs where it is finite: (layers,).

    Gradients of the first steps may be larger by orders of magnitude; verdicts rest on the same epochs. Empty where
    none was recorded.
    """
    recorded = [epoch.gradient_norms for epoch in trial.epochs if epoch.gradient_norms]
    if not recorded:
        return np.empty(0)
    norms = np.asarray(recorded[-last_third(len(recorded)) :], dtype=np.float64)
    known = np.isfinite(norms)
    count = known.sum(axis=0)
    mean = np.full(len(count), np.nan)
    np.divide(np.where(known, norms, 0).sum(axis=0), count, out=mean, where=count > 0)
    return mean


def _over_models(chart: Chart, metric: str, models: Sequence[TrialResult]) -> Curve:
    found = sorted(
        (float(getattr(model.mlp, chart.x)), model.last(metric), deviation_of(model, len(model.epochs), metric))
        for model in models
        if model.epochs and isinstance(model.trial, MLPTrial)
    )
    x, y, deviation = np.asarray(found, dtype=np.float64).reshape(-1, 3).T
    return _banded(METRIC_TITLES.get(metric, metric), x, y, deviation)


def _over_learning_rates(metric: str, models: Sequence[TrialResult]) -> list[Curve]:
    baselines: dict[Baseline, list[tuple[FaceTrial, TrialResult]]] = {}
    for model in models:
        if isinstance(model.trial, FaceTrial):
            baselines.setdefault(model.trial.kind, []).append((model.trial, model))
    rates = [trial.learning_rate for found in baselines.values() for trial, _ in found if trial.learning_rate]
    ends = sorted({min(rates), max(rates)}) if rates else []
    drawn = []
    for kind, found in baselines.items():
        points = sorted(
            (rate, model.last(metric), deviation_of(model, len(model.epochs), metric))
            for trial, model in found
            if model.epochs
            for rate in ([trial.learning_rate] if trial.learning_rate else ends)
        )
        x, y, deviation = np.asarray(points, dtype=np.float64).reshape(-1, 3).T
        drawn.append(_banded(BASELINE_TITLES[kind], x, y, deviation))
    return drawn


def _point(chart: Chart, model: TrialResult) -> Curve:
    metric, seconds = chart.metrics[0], sum(epoch.seconds for epoch in model.epochs)
    x = float(model.parameters or np.nan) if chart.x == "parameters" else seconds
    deviation = deviation_of(model, len(model.epochs), metric)
    return _banded(model.label, np.array([x]), np.array([model.last(metric)]), np.array([deviation]))


def _label(trial: TrialResult, metric: str, *, one_trial: bool, one_metric: bool) -> str:
    if one_metric:
        return trial.label
    title = METRIC_TITLES.get(metric, metric)
    if metric.startswith(GRADIENT_NORM):
        title = f"layer {metric.removeprefix(GRADIENT_NORM)}"
    return title if one_trial else f"{trial.label} · {title}"
