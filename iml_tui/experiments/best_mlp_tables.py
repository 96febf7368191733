"""The tables and findings on the compact network and what stands beside it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final, Literal

from iml_tui.experiments.base import Finding
from iml_tui.experiments.depth_width_tables import REPORT_ACCURACIES, reports_accuracy
from iml_tui.experiments.reporting import (
    best_finding,
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
from iml_tui.experiments.tables import Column, Table, Value
from iml_tui.experiments.trials import ClassifierTrial, MLPTrial

LIMIT: Final = 100_000
"""The most trainable parameters that the compact network may have."""

COMPACT: Final = "compact network"
NEAREST: Final = "nearest neighbour"
REPORTS_BEST: Final = max(REPORT_ACCURACIES.values())

# A lead of less than two standard errors is one that chance makes in more than 1 of 20 pairs of equal classifiers.
CLEAR_LEAD: Final = 2.0


def classifier(results: Results, kind: Literal["nearest-neighbour", "xgboost"]) -> TrialResult | None:
    """The classifier of this kind; None where the run has none."""
    return next((m for m in results.models if isinstance(m.trial, ClassifierTrial) and m.trial.kind == kind), None)


def standard_error(accuracy: float, rows: int) -> float:
    """The standard error of an accuracy measured on `rows` samples: √(p (1 − p) / n), that of a binomial share.

    NaN for no samples or an accuracy that is not finite.
    """
    return math.sqrt(accuracy * (1 - accuracy) / rows) if rows and math.isfinite(accuracy) else math.nan


def error_of_difference(first: float, second: float, rows: int) -> float:
    """The standard error of the difference of two accuracies on the same `rows` samples, their errors independent.

    Two classifiers mostly fail on the same samples, near borders. The true error is then smaller, as the covariance is
    taken off: this one is on the safe side.
    """
    return math.hypot(standard_error(first, rows), standard_error(second, rows))


def accuracy_table(results: Results) -> Table:
    """Size and accuracies of every model, beside the report's figures."""
    columns = (
        Column("model", "Model"),
        Column("parameters", "Parameters"),
        *(Column(f"{split}_accuracy", f"{split.capitalize()} accuracy") for split in SPLITS),
        Column("reference_validation_accuracy", "Report's validation accuracy"),
        difference_column(),
    )
    rows = []
    for model in results.models:
        reference = _reference(model)
        accuracies = [final(model, f"{split}_accuracy") for split in SPLITS]
        rows.append((model.name, model.parameters, *accuracies, reference, difference(accuracies[1], reference)))
    note = (
        f"{with_report(results)} Beside the compact network stands the report's best. Accuracies are those after the "
        "last epoch; a network's on the train split is accumulated over the epoch. As parameters count, of the nearest "
        "neighbour, the two coordinates of every training sample that it stores, and of XGBoost the nodes of its trees."
    )
    return Table("accuracies", "Accuracy and size of every model", columns, tuple(rows), note=note)


def _reference(model: TrialResult) -> float | None:
    if model.name == COMPACT:
        return REPORTS_BEST
    trial = model.trial
    plain = isinstance(trial, MLPTrial) and not trial.sine_frequencies
    return reports_accuracy(model) if plain else None


def comparison_table(results: Results) -> list[Table]:
    """Every model's accuracy less that of the nearest neighbour; no table before that is fitted."""
    nearest = classifier(results, "nearest-neighbour")
    if nearest is None or not nearest.epochs:
        return []
    columns = [Column("model", "Model")]
    for split in SPLITS[1:]:
        columns += [
            Column(f"{split}_error", f"{split.capitalize()} errors", decimals=2, unit="%"),
            difference_column(split, f"{split.capitalize()} − 1-NN"),
            Column(f"{split}_standard_error", "Standard error"),
        ]
    rows = tuple(
        (model.name, *(cell for split in SPLITS[1:] for cell in _compared(results, model, nearest, split)))
        for model in results.models
        if model is not nearest
    )
    note = (
        f"{measured_on(results)} The differences are of accuracies. The standard error of one is √(p₁(1 − p₁)/n + "
        "p₂(1 − p₂)/n) for accuracies p₁ and p₂ on n samples. It takes the errors of both as independent, and is too "
        "large where both fail on the same samples. The defaults of the compact network were chosen on the validation "
        "split of the embedded cities: the test split is the fair one."
    )
    return [Table("nearest-neighbour", "Against the nearest neighbour", tuple(columns), rows, note=note)]


def _compared(results: Results, model: TrialResult, nearest: TrialResult, split: str) -> tuple[Value, Value, Value]:
    """Error in percent, difference from the nearest neighbour, and its standard error; None before the first epoch."""
    if not model.epochs:
        return None, None, None
    metric = f"{split}_accuracy"
    mean, other = model.last(metric), nearest.last(metric)
    error = error_of_difference(mean, other, results.data.rows.get(split, 0))
    return 100 * (1 - mean), difference(final(model, metric), other), error


def compact_findings(results: Results) -> list[Finding]:
    """Whether the compact network beats the classifiers, the report and the other networks, and its size."""
    compact = results.models[0]
    if not compact.epochs:
        return []
    # The nearest neighbour has no loss, which would be taken for one that is not finite.
    networks = replace(results, trials=[trial for trial in results.trials if isinstance(trial.trial, MLPTrial)])
    diverged = [f for f in verdict_findings(networks) if f.evidence["verdict"] == "diverged"]
    kinds: tuple[Literal["nearest-neighbour", "xgboost"], ...] = ("nearest-neighbour", "xgboost")
    rivals = [rival for kind in kinds if (rival := classifier(results, kind)) is not None and rival.epochs]
    best = best_finding(results)
    against = [finding for rival in rivals for finding in _against(results, compact, rival)]
    return [*against, *best, *_other_networks(results), *_against_report(compact), *_size(compact), *diverged]


def _against(results: Results, compact: TrialResult, rival: TrialResult) -> list[Finding]:
    """The lead over a classifier on validation and test, in standard errors."""
    evidence: dict[str, Value] = {}
    parts = []
    leads: list[tuple[float, float]] = []
    for split in ("test", "validation"):
        metric = f"{split}_accuracy"
        ours, theirs = compact.last(metric), rival.last(metric)
        error = error_of_difference(ours, theirs, results.data.rows.get(split, 0))
        if not math.isfinite(ours - theirs):
            return []
        leads.append((ours - theirs, error))
        evidence |= {
            metric: final(compact, metric),
            f"{metric} {rival.name}": theirs,
            f"difference {split}": ours - theirs,
            f"standard_error {split}": error,
        }
        parts.append(f"{shown(final(compact, metric))} against {theirs:.4f} on {split}")
    lead, error = leads[0]
    text = (
        f"{capital(compact.name)} and {rival.name}, accuracy{so_far(compact)}{over_how_many(compact)}: "
        f"{'; '.join(parts)}. {_certainty(lead, error)}"
    )
    word = "beats" if lead >= CLEAR_LEAD * error and lead > 0 else "is ahead of" if lead > 0 else "does not beat"
    return [Finding(f"The compact network {word} {rival.trial.label}", text, evidence)]


def _certainty(lead: float, error: float) -> str:
    """How sure a lead on the test split is."""
    if lead == 0:
        return "On the test split they are equally accurate."
    side = "more" if lead > 0 else "less"
    text = f"On the test split it is {abs(lead):.4f} {side} accurate"
    if not error > 0:
        return f"{text}."
    ratio = abs(lead) / error
    clear = ratio >= CLEAR_LEAD
    chance = "chance seldom makes as much" if clear else "chance alone may make as much"
    return (
        f"{text}, {ratio:.1f} standard errors of {error:.4f}: {'at least' if clear else 'less than'} {CLEAR_LEAD:g}, "
        f"so {chance}."
    )


def _other_networks(results: Results) -> list[Finding]:
    """How the test errors of the compact network stand to those of the best of the other networks."""
    compact = results.models[0]
    others = [
        model
        for model in results.models[1:]
        if isinstance(model.trial, MLPTrial) and math.isfinite(model.last("validation_accuracy"))
    ]
    if not others:
        return []
    best = max(others, key=lambda model: model.last("validation_accuracy"))
    ours, theirs = 1 - compact.last("test_accuracy"), 1 - best.last("test_accuracy")
    if not math.isfinite(ours):
        return []
    text = (
        f"Of the other networks, {best.name} has the highest validation accuracy{so_far(best)}, "
        f"{shown(final(best, 'validation_accuracy'))}. It gets {theirs:.2%} of the test split wrong, the "
        f"{compact.name} {ours:.2%}{so_far(compact)}{over_how_many(compact)}."
    )
    evidence: dict[str, Value] = {
        "best of the others": best.name,
        "validation_accuracy": final(best, "validation_accuracy"),
        "parameters": best.parameters,
        "test_error": theirs,
        "test_error of the compact network": ours,
    }
    return [Finding("Against the other networks", text, evidence)]


def _against_report(compact: TrialResult) -> list[Finding]:
    accuracy = compact.last("validation_accuracy")
    if not math.isfinite(accuracy):
        return []
    side = "above" if accuracy > REPORTS_BEST else "below"
    text = (
        f"Its validation accuracy{so_far(compact)} is {shown(final(compact, 'validation_accuracy'))}, "
        f"{abs(accuracy - REPORTS_BEST):.4f} {side} the {REPORTS_BEST:.4f} of the report's best network, which was "
        "measured on the course's files."
    )
    evidence = {"validation_accuracy": final(compact, "validation_accuracy"), "reference": REPORTS_BEST}
    return [Finding("Against the report", text, evidence)]


def _size(compact: TrialResult) -> list[Finding]:
    """Parameters, and whether they keep to the limit."""
    if compact.parameters is None:
        return []
    within = "within" if compact.parameters <= LIMIT else "above"
    text = f"The {compact.name} has {compact.parameters:,} parameters, {within} the limit of {LIMIT:,}."
    return [Finding("Size", text, {"parameters": compact.parameters, "limit": LIMIT})]
