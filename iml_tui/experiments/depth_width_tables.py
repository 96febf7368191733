"""The tables and findings on depth and width, and which models stand beside each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from iml_tui.experiments.base import Finding
from iml_tui.experiments.reporting import (
    best_epoch,
    best_finding,
    best_value,
    capital,
    difference,
    difference_column,
    final,
    measured_on,
    over_how_many,
    shown,
    so_far,
    verdict_findings,
    with_report,
)
from iml_tui.experiments.results import SPLITS, Results, TrialResult
from iml_tui.experiments.seeds import over_seeds
from iml_tui.experiments.tables import Column, Table, Value
from iml_tui.experiments.verdicts import verdict_of

REPORT_ACCURACIES: Final[Mapping[tuple[int, int], float]] = {
    (1, 16): 0.71997,
    (2, 16): 0.85893,
    (6, 16): 0.93257,
    (10, 16): 0.94731,
    (6, 8): 0.89036,
    (6, 32): 0.93945,
    (6, 64): 0.83446,
}
"""The report's validation accuracy of each (depth, width), after 50 epochs."""

TRAIN_ACCURACY: Final = (
    "Train accuracy is accumulated over the batches of the epoch, while the network still changes and batch norm uses "
    "the statistics of each batch, so it is a little too low."
)
"""The sentence that says how train accuracy is measured."""

Side = Literal["hidden_layers", "hidden_width"]


@dataclass(frozen=True)
class Series:
    """Models that differ in one of depth and width: positions in `Results.models`, in the order of that one.

    `fixed` is what they have in common: the width of models that differ in depth.
    """

    fixed: int
    models: tuple[int, ...]


def depth_series(results: Results) -> Series:
    """The models of one width, to see what depth does: those of the width that has the most models."""
    return _series(results, "hidden_width", "hidden_layers")


def width_series(results: Results) -> Series:
    """The models of one depth, to see what width does: those of the depth that has the most models."""
    return _series(results, "hidden_layers", "hidden_width")


def _series(results: Results, fixed: Side, varied: Side) -> Series:
    """The largest group of models alike in `fixed`, the first of several as large, ordered by `varied`."""
    groups: dict[int, list[tuple[int, int]]] = {}
    for position, model in enumerate(results.models):
        groups.setdefault(getattr(model.mlp, fixed), []).append((getattr(model.mlp, varied), position))
    if not groups:
        return Series(0, ())
    value, members = max(groups.items(), key=lambda group: len(group[1]))
    return Series(value, tuple(position for _, position in sorted(members)))


def gap(trial: TrialResult) -> Value:
    """The generalisation gap after the last epoch, train minus test accuracy, as a table cell: None before the first.

    See `TRAIN_ACCURACY`: the train accuracy is a little too low, and the gap may be negative.
    """
    return trial.last("train_accuracy") - trial.last("test_accuracy") if trial.epochs else None


def reports_accuracy(model: TrialResult) -> float | None:
    """The report's validation accuracy of a model; None where it trained no such one, or with other settings."""
    trial = model.mlp
    if (trial.learning_rate, trial.batch_size, trial.epochs) != (0.001, 256, 50):
        return None
    return REPORT_ACCURACIES.get((trial.hidden_layers, trial.hidden_width))


def accuracy_table(results: Results) -> Table:
    """Accuracies of every model after its last epoch, its generalisation gap, and the report's figure."""
    columns = (
        Column("hidden_layers", "Depth"),
        Column("hidden_width", "Width"),
        Column("parameters", "Parameters"),
        Column("train_accuracy", "Train accuracy"),
        Column("validation_accuracy", "Validation accuracy"),
        Column("test_accuracy", "Test accuracy"),
        Column("generalisation_gap", "Train − test"),
        Column("reference_validation_accuracy", "Report's validation accuracy"),
        difference_column(),
    )
    note = (
        f"{with_report(results)} Accuracies are those after the last epoch. {TRAIN_ACCURACY} The difference is ours "
        "minus the report's."
    )
    rows = tuple(_accuracy_row(model) for model in results.models)
    return Table("depth-width", "Accuracy of each depth and width", columns, rows, note=note)


def _accuracy_row(model: TrialResult) -> tuple[Value, ...]:
    reference = reports_accuracy(model)
    return (
        model.mlp.hidden_layers,
        model.mlp.hidden_width,
        model.parameters,
        *(final(model, f"{split}_accuracy") for split in SPLITS),
        over_seeds(model, gap),
        reference,
        difference(final(model, "validation_accuracy"), reference),
    )


def loss_table(results: Results) -> Table:
    """Losses of every model after its last epoch, and what happened to it."""
    columns = (
        Column("hidden_layers", "Depth"),
        Column("hidden_width", "Width"),
        Column("epochs", "Epochs"),
        *(Column(f"{split}_loss", f"{split.capitalize()} loss", unit="nats") for split in SPLITS),
        Column("best_validation_accuracy", "Best validation accuracy"),
        Column("best_epoch", "Best epoch", decimals=1),
        Column("outcome", "What happened"),
        Column("figure", "Because"),
    )
    rows = []
    for model in results.models:
        judged = verdict_of(model, results.data)
        rows.append(
            (
                model.mlp.hidden_layers,
                model.mlp.hidden_width,
                len(model.epochs),
                *(final(model, f"{split}_loss") for split in SPLITS),
                best_value(model, "validation_accuracy"),
                best_epoch(model, "validation_accuracy"),
                judged.kind if judged else None,
                judged.figure if judged else None,
            )
        )
    note = f"{measured_on(results)} Losses are those after the last epoch, best is at any epoch."
    return Table("losses", "Losses of each depth and width", columns, tuple(rows), note=note)


def shape_findings(results: Results) -> list[Finding]:
    """Best and worst model, what depth and width did, the largest generalisation gap, and any model that failed."""
    failed = [f for f in verdict_findings(results) if f.evidence["verdict"] == "diverged"]
    depth, width = depth_series(results), width_series(results)
    return [
        *best_finding(results),
        *_worst(results),
        *_trend(results, depth, "Depth", f"With {depth.fixed} neurons in each hidden layer", "hidden_layers"),
        *_trend(results, width, "Width", f"With {_layers(width.fixed)}", "hidden_width"),
        *_largest_gap(results),
        *failed,
    ]


def _worst(results: Results) -> list[Finding]:
    ranked = results.ranking()
    if len(ranked) < 2:
        return []
    best, worst = results.models[ranked[0]], results.models[ranked[-1]]
    behind = best.last("validation_accuracy") - worst.last("validation_accuracy")
    text = (
        f"{capital(worst.name)} has the lowest validation accuracy{so_far(worst)}: "
        f"{shown(final(worst, 'validation_accuracy'))}, {behind:.4f} below that of {best.name}."
    )
    evidence: dict[str, Value] = {
        "worst": worst.name,
        "validation_accuracy": final(worst, "validation_accuracy"),
        "behind": behind,
    }
    return [Finding("Lowest validation accuracy", text, evidence)]


def _trend(results: Results, series: Series, title: str, condition: str, varied: Side) -> list[Finding]:
    """What the validation accuracy did along a series, in one sentence; nothing with fewer than two figures."""
    models = [results.models[i] for i in series.models]
    points = [(getattr(model.mlp, varied), model.last("validation_accuracy")) for model in models]
    points = [(value, accuracy) for value, accuracy in points if math.isfinite(accuracy)]
    if len(points) < 2:
        return []
    unit = _layers if varied == "hidden_layers" else _neurons
    values, accuracies = zip(*points, strict=True)
    listed = [f"{a:.4f} with {f'{v:,}' if i else unit(v)}" for i, (v, a) in enumerate(points)]
    when = f"{_so_far(models)}{over_how_many(models[0])}"
    text = (
        f"{condition} the validation accuracy was {', '.join(listed[:-1])} and {listed[-1]}{when}: "
        f"{_course(accuracies, values)}."
    )
    return [Finding(title, text, {f"validation_accuracy {value}": accuracy for value, accuracy in points})]


def _course(accuracies: Sequence[float], values: Sequence[int]) -> str:
    """How the accuracies ran along the values: rising throughout, falling throughout, or highest somewhere."""
    steps = [later - earlier for earlier, later in pairwise(accuracies)]
    if all(step > 0 for step in steps):
        return "more was better at every step" if len(steps) > 1 else "more was better"
    if all(step < 0 for step in steps):
        return "more was worse at every step" if len(steps) > 1 else "more was worse"
    return f"highest with {values[max(range(len(values)), key=accuracies.__getitem__)]:,}"


def _largest_gap(results: Results) -> list[Finding]:
    """The model whose test accuracy is furthest below its train accuracy."""
    gaps = [(m.last("train_accuracy") - m.last("test_accuracy"), m) for m in results.models]
    gaps = [(value, model) for value, model in gaps if math.isfinite(value)]
    if not gaps:
        return []
    value, model = max(gaps, key=lambda pair: pair[0])
    train, test = model.last("train_accuracy"), model.last("test_accuracy")
    figures = f"train accuracy {train:.4f}, test accuracy {test:.4f}"
    if value > 0:
        text = f"The largest generalisation gap is that of {model.name}: {value:.4f} ({figures})."
    else:
        text = (
            f"No network is less accurate on the test split than while it trained; {model.name} comes closest "
            f"({figures}). {TRAIN_ACCURACY}"
        )
    evidence: dict[str, Value] = {"model": model.name, "gap": value, "train_accuracy": train, "test_accuracy": test}
    return [Finding("Generalisation", text, evidence)]


def _so_far(models: Sequence[TrialResult]) -> str:
    return "" if all(len(model.epochs) == model.trial.epochs for model in models) else " so far"


def _layers(count: int) -> str:
    return f"{count:,} hidden layer{'s' if count != 1 else ''}"


def _neurons(count: int) -> str:
    return f"{count:,} neuron{'s' if count != 1 else ''} in each hidden layer"
