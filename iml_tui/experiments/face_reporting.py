"""What tables, charts and findings on the five baselines share: sentences on weights, data and errors, and means."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from iml_tui.experiments.best_mlp_tables import standard_error
from iml_tui.experiments.face_reference import REPORT, REPORT_TEST_ACCURACY, face_trial, models_of, report_figures
from iml_tui.experiments.reporting import measured_on
from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.seeds import over_seeds, seeds_of, spread
from iml_tui.experiments.tables import Value
from iml_tui.experiments.trials import Baseline
from iml_tui.text import printable


def weights_name(results: Results) -> str:
    """What the pretrained baselines start from, to be shown wherever their figures are."""
    return printable(results.weights.name) if results.weights else "pretrained weights not found yet"


def with_weights(results: Results) -> str:
    """The sentences on the pretrained weights below a table, each with a space before it."""
    if results.weights is None:
        return " The pretrained weights are not found yet."
    whose = {
        "imagenet": "",
        "offline": ", not those of ImageNet, with which the report's figures were measured",
        "file": "; the report's were those of ImageNet",
    }[results.weights.kind]
    caveat = printable(results.weights.caveat)
    return f" Pretrained weights: {weights_name(results)}{whose}.{f' {caveat}' if caveat else ''}"


def with_faces_report(results: Results) -> str:
    """`measured_on`, and where the report's figures come from."""
    report = "The report's figures are on the course's files (real faces and generated ones of whichfaceisreal.com)"
    rendered = ", these on rendered faces: compare the shapes, not the digits"
    return f"{measured_on(results)} {report}{rendered if results.data.embedded else ''}."


def with_errors(results: Results) -> str:
    """The sentence on the standard errors of accuracies on the test pictures."""
    rows = results.data.rows.get("test", 0)
    return (
        f"The standard error of an accuracy p on n = {rows:,} test pictures is √(p(1 − p)/n): "
        f"{standard_error(0.5, rows):.3f} at 0.5, {standard_error(0.8, rows):.3f} at 0.8."
    )


def reports_rates(results: Results, kind: Baseline) -> bool:
    """Whether a baseline has the report's learning rates, all of them and no others, at its other settings."""
    trials = [face_trial(model) for model in models_of(results, kind)]
    if kind in REPORT_TEST_ACCURACY:
        return bool(trials)
    same = {trial.learning_rate for trial in trials} == set(REPORT[kind])
    return same and all(report_figures(trial) is not None for trial in trials)


def all_done(models: Sequence[TrialResult]) -> bool:
    """Whether every model has had all of its epochs, or has diverged and gets no further."""
    return all(len(model.epochs) == model.trial.epochs or model.state == "diverged" for model in models)


def mean_over_rates(models: Sequence[TrialResult], metric: str) -> Value:
    """The mean of a metric over a baseline's models, as far as they are trained, as a table cell.

    Of several seeds each has its own mean, over the models that all seeds have trained. None before the first epoch.
    """
    trained = [model for model in models if model.epochs]
    if not trained:
        return None
    by_seed = zip(*(seeds_of(model) for model in trained), strict=True)
    return spread(
        [fmean(t.at(len(m.epochs), metric) for t, m in zip(found, trained, strict=True)) for found in by_seed]
    )


def measured(model: TrialResult, metric: str) -> Value:
    """The metric after the last epoch as a table cell; None where it was not measured."""
    last = len(model.epochs)
    return over_seeds(model, lambda trial: trial.epochs[last - 1].metrics.get(metric) if last else None)
