"""The charts and tables that the experiments on gradients share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from iml_tui.experiments.charts import Chart, HeatMap
from iml_tui.experiments.gradient_verdicts import (
    ADAM_EPSILON,
    EXPLODING_NORM,
    KINDS,
    VANISHED_SHARE,
    VANISHING_RATIO,
    Kind,
    LayerVerdict,
    NetworkVerdict,
    network_verdict,
)
from iml_tui.experiments.reporting import final, from_range, measured_on, with_report
from iml_tui.experiments.results import ACCURACIES, GRADIENT_NORM, LOSSES, SPLITS, Results, TrialResult
from iml_tui.experiments.seeds import over_seeds, seeds_of
from iml_tui.experiments.tables import Column, Table, Value

SQUARED_NORM = "squared L2 norm"
"""What the y axes of gradients measure."""

GRADIENTS = "gradients"
"""The chart of the gradient norms of the chosen layers over the epochs."""

LAYERS = (0, 30, 60, 90, 95, 99)
"""The report's selection of layers, out of a network of `REPORT_DEPTH` hidden layers."""

REPORT_DEPTH = 100
RULE = (
    "Verdicts are on the last third of the epochs: a layer explodes where its norm (not squared) is above "
    f"{EXPLODING_NORM:g} or not finite; it vanishes where its gradient is exactly 0 at most steps (dead ReLUs or "
    f"underflow), where its norm is below {VANISHING_RATIO:g} of the last hidden layer's, or where the root mean "
    f"square of a weight's gradient is below Adam's ε of {ADAM_EPSILON:g}. A network explodes where a layer does, and "
    f"vanishes where more than {VANISHED_SHARE:.0%} of its layers do."
)
"""The thresholds of the verdicts in words."""

GROUP = 10
"""Layers in one row of the table of all layers."""


def shown_layers(layers: Sequence[int], hidden_layers: int) -> list[int]:
    """The layers to show of a network: those named, as far as it has them.

    Where the report's selection is named, or nothing, for another depth than the report's, it is those at the same
    shares of the depth.
    """
    if layers and tuple(layers) != LAYERS:
        return [layer for layer in layers if layer <= hidden_layers]
    return sorted({layer * hidden_layers // REPORT_DEPTH for layer in LAYERS})


def chosen_layers(results: Results) -> list[int]:
    """The layers to show of the run's first network, as its settings name them."""
    asked = [int(layer) for layer in results.hyperparameters.get("layers", LAYERS)]
    return shown_layers(asked, results.models[0].mlp.hidden_layers) if results.models else []


def gradient_charts(charts: Sequence[Chart | HeatMap], results: Results) -> tuple[Chart | HeatMap, ...]:
    """The charts with a curve for each of the chosen layers in that of the gradient norms over the epochs."""
    metrics = tuple(f"{GRADIENT_NORM}{layer}" for layer in chosen_layers(results))
    return tuple(
        replace(chart, metrics=metrics) if isinstance(chart, Chart) and chart.id == GRADIENTS else chart
        for chart in charts
    )


@dataclass(frozen=True)
class Reported:
    """What the report says of a layer, in words, and what that means: a verdict, or a range of squared norms."""

    text: str
    kind: Kind | None = None
    norms: tuple[float, float] | None = None


def layer_table(results: Results, report: Callable[[TrialResult, int], Reported | None]) -> Table:
    """The chosen layers of every network: their norms, how often they were exactly 0, and the verdict.

    Args:
        results: what came out of the run; layers that a network lacks are left out of its rows.
        report: what the report says of a layer of a network; None where it says nothing.
    """
    several = len(results.models) > 1
    columns = (
        *((Column("network", "Network"),) if several else ()),
        Column("layer", "Layer"),
        Column("first_epoch", "First epoch", decimals=None, digits=3),
        Column("last_epoch", "Last epoch", decimals=None, digits=3),
        Column("mean", "Mean", decimals=None, digits=3),
        Column("zero_steps", "Exactly 0", decimals=1, unit="% of steps"),
        Column("verdict", "Verdict"),
        Column("figure", "Because"),
        Column("reference", "Report"),
        Column("difference", "Difference"),
    )
    rows = []
    for model in results.models:
        judged = network_verdict(model, results.data)
        for layer in chosen_layers(results):
            if layer <= model.mlp.hidden_layers:
                name = (model.name,) if several else ()
                rows.append((*name, *_layer_row(model, layer, judged, results, report(model, layer))))
    note = (
        f"{with_report(results)} Norms are squared L2 norms of the gradient of a layer's weights, before clipping, "
        f"averaged over the steps of an epoch; the mean is over all epochs, the difference is that of the last. {RULE}"
    )
    return Table("layers", "Gradients of the chosen layers", columns, tuple(rows), note=note)


def _layer_row(
    model: TrialResult, layer: int, judged: NetworkVerdict | None, results: Results, reported: Reported | None
) -> tuple[Value, ...]:
    metric = f"{GRADIENT_NORM}{layer}"
    verdict = judged.layers[layer] if judged else None
    steps = model.trial.batches_per_epoch(results.data.rows.get("train", 0))
    done = len(model.epochs)
    last = over_seeds(model, lambda trial: trial.at(done, metric) if recorded(trial) else None)
    return (
        layer,
        over_seeds(model, lambda trial: trial.at(1, metric) if recorded(trial) else None),
        last,
        over_seeds(model, lambda trial: fmean(trial.values(metric)) if recorded(trial) else None),
        over_seeds(model, lambda trial: zero_percent(trial, layer, steps)),
        verdict.kind if verdict else None,
        verdict.reason if verdict else None,
        reported.text if reported else None,
        _from_report(last, verdict, reported),
    )


def _from_report(last: Value, verdict: LayerVerdict | None, reported: Reported | None) -> Value:
    """How the last epoch's norm lies to the report's range, or whether the verdict is the same."""
    if reported is None or verdict is None:
        return None
    if reported.norms is not None:
        return from_range(last, *reported.norms)
    return None if reported.kind is None else "none" if verdict.kind == reported.kind else f"{verdict.kind} here"


def recorded(trial: TrialResult) -> bool:
    """Whether every epoch so far has its gradient norms, and there is one."""
    return bool(trial.epochs) and all(len(epoch.gradient_norms) for epoch in trial.epochs)


def zero_percent(trial: TrialResult, layer: int, steps: int) -> Value:
    """Percent of all steps so far at which the layer's gradient was exactly 0; None where it was not counted."""
    counts = [epoch.zero_gradients[layer] for epoch in trial.epochs if len(epoch.zero_gradients)]
    return 100 * sum(counts) / (steps * len(counts)) if counts and steps else None


def group_table(results: Results) -> Table:
    """All layers of every network, ten to a row: the least and the largest norm, and how many got which verdict."""
    several = len(results.models) > 1
    columns = (
        *((Column("network", "Network"),) if several else ()),
        Column("layers", "Layers"),
        Column("smallest", "Smallest", decimals=None, digits=3),
        Column("median", "Median", decimals=None, digits=3),
        Column("largest", "Largest", decimals=None, digits=3),
        Column("zero", "Always 0"),
        *(Column(kind, kind.capitalize()) for kind in KINDS),
    )
    rows: list[tuple[Value, ...]] = []
    for model in results.models:
        judged = network_verdict(model, results.data)
        name = (model.name,) if several else ()
        rows += [(*name, *row) for row in _group_rows(model.mlp.hidden_layers, judged)]
    note = (
        f"{measured_on(results)} Squared L2 norms, mean over the last third of the epochs; always 0: layers whose "
        "gradient was exactly 0 at every one of these steps. The last row is the output layer."
    )
    if any(len(seeds_of(model)) > 1 for model in results.models):
        note += " Of several seeds the first that has the network's verdict is shown."
    return Table("all-layers", "Gradients of all layers", columns, tuple(rows), note=note)


def _group_rows(depth: int, judged: NetworkVerdict | None) -> list[tuple[Value, ...]]:
    groups = [range(start, min(start + GROUP, depth)) for start in range(0, depth, GROUP)]
    rows: list[tuple[Value, ...]] = []
    for group in (*groups, range(depth, depth + 1)):
        title = f"{group[0]} to {group[-1]}" if len(group) > 1 else str(group[0])
        if judged is None:
            rows.append((title, *[None] * (4 + len(KINDS))))
            continue
        layers = [judged.layers[layer] for layer in group]
        norms = sorted(layer.norm for layer in layers if math.isfinite(layer.norm))
        figures = (norms[0], median(norms), norms[-1]) if norms else (math.nan,) * 3
        zero = sum(layer.norm == 0 for layer in layers)
        rows.append((title, *figures, zero, *(sum(layer.kind == kind for layer in layers) for kind in KINDS)))
    return rows


def outcome_table(results: Results) -> Table:
    """Every network after its last epoch: the verdict on its gradients, and what it has learned."""
    columns = (
        Column("network", "Network"),
        Column("parameters", "Parameters"),
        Column("epochs", "Epochs"),
        Column("verdict", "Gradients"),
        *(Column(f"{split}_loss", f"{split.capitalize()} loss", unit="nats") for split in SPLITS),
        *(Column(f"{split}_accuracy", f"{split.capitalize()} accuracy") for split in SPLITS),
    )
    rows = []
    for model in results.models:
        judged = network_verdict(model, results.data)
        figures = (final(model, metric) for metric in (*LOSSES, *ACCURACIES))
        rows.append((model.name, model.parameters, len(model.epochs), judged.kind if judged else None, *figures))
    return Table("outcome", "What the network learned", columns, tuple(rows), note=_majority_note(results))


def _majority_note(results: Results) -> str:
    majority = results.data.majority_accuracy.get("validation", math.nan)
    return (
        f"{measured_on(results)} Always predicting the most frequent class has a validation accuracy of {majority:.4f}."
    )
