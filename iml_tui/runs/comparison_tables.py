"""The tables of a comparison: the models, what differs between them, and their results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from iml_tui.experiments.charts import METRIC_TITLES
from iml_tui.experiments.reporting import best_value, final
from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.seeds import over_seeds, seeds_of
from iml_tui.experiments.tables import Column, Table, Value
from iml_tui.runs.comparison import Compared
from iml_tui.runs.comparison_properties import Property, differing, keys_of, properties
from iml_tui.text import printable

UNKNOWN = "–"
"""In place of what a model does not have, or what was not recorded."""


_RESULTS: Final = ("validation_accuracy", "test_accuracy", "validation_loss")
"""The metrics after the last epoch that every table of results has."""


def comparison_tables(items: Sequence[Compared], results: Results, metric: str = "validation_accuracy") -> list[Table]:
    """All tables, for at least one model.

    Args:
        items: the models.
        results: the same, `together`.
        metric: the epoch metric by which the best is found.
    """
    names = [model.name for model in results.models]
    return [results_table(items, results, metric), differences_table(items, names), models_table(items, names)]


def results_table(items: Sequence[Compared], results: Results, metric: str = "validation_accuracy") -> Table:
    """Final and best figures, a row a model; the difference to the best one that was trained on the same data.

    Args:
        items: the models.
        results: the same, `together`.
        metric: the epoch metric, after the last epoch, by which the best is found.
    """
    title = METRIC_TITLES[metric]
    # What the difference is taken of stands beside it.
    asked = () if metric in _RESULTS else (metric,)
    columns = (
        Column("model", "Model"),
        Column("validation_accuracy", "Validation accuracy"),
        Column("best_validation_accuracy", "Best validation accuracy"),
        *(Column(name, title.capitalize()) for name in asked),
        Column("difference", "Difference to the best"),
        Column("test_accuracy", "Test accuracy"),
        Column("validation_loss", "Validation loss"),
        Column("best_validation_loss", "Best validation loss"),
    )
    best = _best_by_data(items, results, metric)
    rows = []
    for item, model in zip(items, results.models, strict=True):
        last, top = model.last(metric), best.get(item.reader.record.data.sha256)
        rows.append(
            (
                model.name,
                final(model, "validation_accuracy"),
                best_value(model, "validation_accuracy"),
                *(final(model, name) for name in asked),
                last - top if top is not None and math.isfinite(last) else None,
                final(model, "test_accuracy"),
                final(model, "validation_loss"),
                best_value(model, "validation_loss"),
            )
        )
    note = (
        f"After the last epoch; best: of any epoch. Difference: {title} less that of the best model on the same data."
    )
    return Table("results", "Results", columns, tuple(rows), note=_with_seeds(note, results))


def differences_table(items: Sequence[Compared], names: Sequence[str]) -> Table:
    """What is not the same in all models, a row a setting, a column a model; the note says what is.

    Args:
        items: the models.
        names: what they are called.
    """
    described = [properties(item.reader.record, item.result) for item in items]
    differ = differing(described)
    columns = [Column("property", "Property"), *(Column(f"model_{i}", name) for i, name in enumerate(names, 1))]
    rows: list[tuple[Value, ...]] = []
    for key in differ:
        title = next(known[key].title for known in described if key in known)
        rows.append((title, *(known[key].value if key in known else UNKNOWN for known in described)))
    same = [described[0][key] for key in keys_of(described) if key not in differ]
    note = f"The same in all: {_listed(same)}." if len(items) > 1 else f"Of this one: {_listed(same)}."
    if not differ and len(items) > 1:
        note = f"Nothing that is recorded differs. {note}"
    return Table("differences", "What differs", tuple(columns), tuple(rows), note=note)


def models_table(items: Sequence[Compared], names: Sequence[str]) -> Table:
    """Where every model comes from and what it took: its run, its number there, parameters, time.

    Args:
        items: the models.
        names: what they are called.
    """
    columns = (
        Column("model", "Model"),
        Column("reference", "Run and number"),
        Column("state", "State"),
        Column("epochs", "Epochs"),
        Column("parameters", "Parameters"),
        Column("training_seconds", "Training time", decimals=1, unit="s"),
    )
    rows = tuple(
        (
            name,
            printable(item.reference),
            item.result.state if item.reader.state == "done" else f"{item.result.state}, run {item.reader.state}",
            len(item.result.epochs),
            item.result.parameters,
            over_seeds(item.result, _seconds),
        )
        for item, name in zip(items, names, strict=True)
    )
    note = (
        "The number counts the models of a run in the order of its tables; RUN:2 is the second of them, RUN:2:7 its "
        "trial with seed 7. Models that trained together are each timed as long as all of them took."
    )
    return Table("models", "Models", columns, rows, note=note)


def _listed(same: Sequence[Property]) -> str:
    """What all models have in common, in one line; settings that nobody changed are left out."""
    return ", ".join(f"{_lower(known.title)} {known.value}" for known in same if not known.usual)


def _lower(title: str) -> str:
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def _best_by_data(items: Sequence[Compared], results: Results, metric: str) -> dict[str, float]:
    """The best figure after the last epoch of the models on each data, by SHA-256."""
    choose = max if metric.endswith("accuracy") else min
    figures = sorted(
        (item.reader.record.data.sha256, model.last(metric))
        for item, model in zip(items, results.models, strict=True)
        if math.isfinite(model.last(metric))
    )
    return {
        sha256: choose(figure for _, figure in group) for sha256, group in groupby(figures, key=lambda pair: pair[0])
    }


def _seconds(trial: TrialResult) -> Value:
    seconds = [epoch.seconds for epoch in trial.epochs if math.isfinite(epoch.seconds)]
    return sum(seconds) if seconds else None


def _with_seeds(note: str, results: Results) -> str:
    counts = {len(seeds_of(model)) for model in results.models} - {1}
    if not counts:
        return note
    count = str(counts.pop()) if len(counts) == 1 else "several"
    return f"{note} Over {count} seeds: mean ± standard deviation."
