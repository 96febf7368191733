"""The tables on the five baselines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from iml_tui.experiments.best_mlp_tables import standard_error
from iml_tui.experiments.face_reference import (
    BASELINE_TITLES,
    REPORT_TEST_ACCURACY,
    TRAINED,
    ReportFigures,
    face_trial,
    models_of,
    report_extremes,
    report_figures,
    report_mean,
)
from iml_tui.experiments.face_reporting import (
    all_done,
    mean_over_rates,
    measured,
    reports_rates,
    weights_name,
    with_errors,
    with_faces_report,
    with_weights,
)
from iml_tui.experiments.face_verdicts import class_name, face_verdict
from iml_tui.experiments.reporting import capital, difference, difference_column, final, measured_on, percent
from iml_tui.experiments.results import Results, TrialResult, confusion_metric
from iml_tui.experiments.tables import Column, Spread, Table, Value
from iml_tui.experiments.trials import Baseline

WITHOUT_RATE: Final[tuple[Baseline, ...]] = ("xgboost-pixels", "sklearn-probing")
"""The baselines of a single model."""

_BASELINE_HEADINGS: Final[dict[Baseline, str]] = {
    "from-scratch": "ResNet18 from scratch",
    "linear-probing": "Linear probing",
    "fine-tuning": "Fine-tuning",
}
# The figures of one learning rate: metric, heading.
_FIGURES: Final = (
    ("train_loss", "loss"),
    ("validation_accuracy", "validation accuracy"),
    ("test_accuracy", "test accuracy"),
)
_CELLS: Final = ((0, 0), (0, 1), (1, 0), (1, 1))


def baseline_table(results: Results, kind: Baseline) -> Table:
    """A trained baseline: loss and accuracies at every learning rate, beside the report's."""
    columns = (
        Column("learning_rate", "Learning rate", decimals=None),
        *(Column(metric, capital(title), unit=_unit(metric)) for metric, title in _FIGURES),
        *(Column(f"reference_{metric}", f"Report's {title}", unit=_unit(metric)) for metric, title in _FIGURES),
        *(difference_column(metric, f"{capital(title)}, difference", unit=_unit(metric)) for metric, title in _FIGURES),
    )
    pretrained = kind != "from-scratch"
    title = _BASELINE_HEADINGS[kind] + (f" ({weights_name(results)})" if pretrained else "")
    note = (
        f"{with_faces_report(results)}{with_weights(results) if pretrained else ''} The loss is that of training, mean "
        "over the batches of the last epoch, while the network changes; accuracies are those after the last epoch, "
        f"differences ours minus the report's. {with_errors(results)}"
    )
    return Table(kind, title, columns, tuple(map(_rate_row, models_of(results, kind))), note=note)


def _unit(metric: str) -> str:
    return "nats" if metric.endswith("loss") else ""


def _rate_row(model: TrialResult) -> tuple[Value, ...]:
    trial = face_trial(model)
    ours = [final(model, metric) for metric, _ in _FIGURES]
    report = _listed(report_figures(trial))
    return (trial.learning_rate, *ours, *report, *map(difference, ours, report))


def _listed(figures: ReportFigures | None) -> tuple[Value, Value, Value]:
    if figures is None:
        return None, None, None
    return figures.train_loss, figures.validation_accuracy, figures.test_accuracy


def other_table(results: Results) -> Table:
    """The baselines without a learning rate, XGBoost and sklearn probing, beside the report's."""
    columns = (
        Column("baseline", "Baseline"),
        Column("validation_accuracy", "Validation accuracy"),
        Column("test_accuracy", "Test accuracy"),
        Column("standard_error", "Standard error"),
        Column("reference_test_accuracy", "Report's test accuracy"),
        difference_column("test_accuracy"),
    )
    rows = []
    for model in (model for kind in WITHOUT_RATE for model in models_of(results, kind)):
        ours, report = final(model, "test_accuracy"), REPORT_TEST_ACCURACY[face_trial(model).kind]
        error = _error(results, model)
        rows.append((model.name, final(model, "validation_accuracy"), ours, error, report, difference(ours, report)))
    note = (
        f"{with_faces_report(results)}{with_weights(results)} XGBoost sees the pixels, sklearn probing the features of "
        "the pretrained network. The standard error is that of an accuracy on the test pictures, √(p(1 − p)/n)."
    )
    title = f"XGBoost, and sklearn probing ({weights_name(results)})"
    return Table("other-baselines", title, columns, tuple(rows), note=note)


def _error(results: Results, model: TrialResult) -> Value:
    """The standard error of a model's test accuracy as a table cell."""
    return standard_error(model.last("test_accuracy"), results.data.rows.get("test", 0)) if model.epochs else None


def means_table(results: Results) -> Table:
    """The accuracies of every baseline, mean over its learning rates, beside the report's."""
    columns = (
        Column("baseline", "Baseline"),
        Column("models", "Models"),
        Column("validation_accuracy", "Validation accuracy"),
        Column("test_accuracy", "Test accuracy"),
        Column("lowest_test_accuracy", "Lowest test accuracy"),
        Column("highest_test_accuracy", "Highest test accuracy"),
        Column("reference_test_accuracy", "Report's test accuracy"),
        difference_column("test_accuracy"),
    )
    rows = tuple(_mean_row(results, kind) for kind in BASELINE_TITLES if models_of(results, kind))
    note = (
        f"{with_faces_report(results)}{with_weights(results)} Accuracies are means over the learning rates that are "
        "trained so far, lowest and highest those of single learning rates; XGBoost and sklearn probing are single "
        "models. The difference is given once all are trained."
    )
    title = f"Mean over learning rates (pretrained: {weights_name(results)})"
    return Table("means", title, columns, rows, note=note)


def _mean_row(results: Results, kind: Baseline) -> tuple[Value, ...]:
    models = models_of(results, kind)
    trained = [model for model in models if model.epochs]
    ours = mean_over_rates(models, "test_accuracy")
    report = report_mean(kind) if reports_rates(results, kind) else None
    finite = [final(m, "test_accuracy") for m in trained if math.isfinite(m.last("test_accuracy"))]
    accuracies = [value for value in finite if isinstance(value, int | float)]
    return (
        BASELINE_TITLES[kind],
        len(trained),
        mean_over_rates(models, "validation_accuracy"),
        ours,
        min(accuracies, default=None),
        max(accuracies, default=None),
        report,
        difference(ours, report) if all_done(models) else None,
    )


def extremes_table(results: Results) -> Table:
    """Best and worst model by test accuracy, as the report chooses them, and the best by validation accuracy."""
    columns = (
        Column("choice", "Choice"),
        Column("model", "Model"),
        Column("validation_accuracy", "Validation accuracy"),
        Column("test_accuracy", "Test accuracy"),
        Column("standard_error", "Standard error"),
        Column("reference_model", "Report's model"),
        Column("reference_test_accuracy", "Report's test accuracy"),
    )
    by_test, by_validation = results.ranking("test_accuracy"), results.ranking()
    (best, highest), (worst, lowest) = report_extremes()
    rows = (
        ("best by test accuracy", *_extreme(results, by_test[:1]), best, highest),
        ("worst by test accuracy", *_extreme(results, by_test[-1:]), worst, lowest),
        ("best by validation accuracy", *_extreme(results, by_validation[:1]), None, None),
    )
    note = (
        f"{with_faces_report(results)}{with_weights(results)} The report chooses by test accuracy, which is too high "
        f"for the best of {len(results.models)} models and too low for the worst, as luck was chosen too. The choice "
        "by validation accuracy has a fair test accuracy. Each figure is that after the last epoch; the standard error "
        "is that of an accuracy on the test pictures, √(p(1 − p)/n)."
    )
    title = f"Best and worst model (pretrained: {weights_name(results)})"
    return Table("best-and-worst", title, columns, rows, note=note)


def _extreme(results: Results, position: Sequence[int]) -> tuple[Value, ...]:
    if not position:
        return None, None, None, None
    model = results.models[position[0]]
    return model.name, final(model, "validation_accuracy"), final(model, "test_accuracy"), _error(results, model)


def confusion_table(results: Results) -> Table:
    """Confusion matrix on the test pictures and area under the ROC curve of every model."""
    names = [class_name(results.data, position) for position in (0, 1)]
    columns = (
        Column("model", "Model"),
        *(
            Column(confusion_metric(true, predicted), f"{capital(names[true])} as {names[predicted]}", decimals=1)
            for true, predicted in _CELLS
        ),
        Column("test_accuracy", "Test accuracy"),
        Column("validation_auc", "Validation ROC-AUC"),
        Column("test_auc", "Test ROC-AUC"),
    )
    rows = tuple(
        (
            model.name,
            *(_count(measured(model, confusion_metric(*cell))) for cell in _CELLS),
            final(model, "test_accuracy"),
            measured(model, "validation_auc"),
            measured(model, "test_auc"),
        )
        for model in results.models
    )
    note = (
        f"{measured_on(results)}{with_weights(results)} Counts are test pictures after the last epoch: of which class, "
        f"and taken for which. ROC-AUC is the area under the ROC curve for {names[1]} against {names[0]}: 0.5 is "
        f"chance, 1 is perfect."
    )
    title = f"Confusion matrix and ROC-AUC (pretrained: {weights_name(results)})"
    return Table("confusion", title, columns, rows, note=note)


def _count(value: Value) -> Value:
    """A number of pictures as a whole number; the mean of several seeds as it is."""
    whole = isinstance(value, float) and not isinstance(value, Spread) and value.is_integer()
    return round(value) if whole and isinstance(value, float) else value


def outcome_table(results: Results) -> Table:
    """What happened at every learning rate of the trained baselines, and the figures that say so."""
    columns = (
        Column("baseline", "Baseline"),
        Column("learning_rate", "Learning rate", decimals=None),
        Column("outcome", "What happened"),
        Column("figure", "Because"),
        Column("start_loss", "Loss at the start", unit="nats"),
        Column("end_loss", "Loss at the end", unit="nats"),
        Column("highest_loss", "Highest loss", unit="nats"),
        Column("largest_share", "Taken for one class", decimals=1, unit="%"),
    )
    rows = tuple(_outcome_row(results, model, kind) for kind in TRAINED for model in models_of(results, kind))
    nothing = results.data.frequency_loss.get("train", math.nan)
    note = (
        f"{measured_on(results)}{with_weights(results)} Losses are those of training, means over a fifth of the "
        f"batches of an epoch: the first, the last, and the highest of all. Knowing only how frequent the classes are "
        f"costs {nothing:.4f} nats. Taken for one class is the share of the test pictures that go to the class named "
        f"more often. {with_errors(results)}"
    )
    title = f"What happened at each learning rate (pretrained: {weights_name(results)})"
    return Table("outcomes", title, columns, rows, note=note)


def _outcome_row(results: Results, model: TrialResult, kind: Baseline) -> tuple[Value, ...]:
    judged = face_verdict(model, results.data)
    rate = face_trial(model).learning_rate
    if judged is None:
        return BASELINE_TITLES[kind], rate, None, None, None, None, None, None
    evidence = judged.evidence
    losses = (_known(evidence[key]) for key in ("start_loss", "end_loss", "highest_loss"))
    return BASELINE_TITLES[kind], rate, judged.kind, judged.figure, *losses, percent(_known(evidence["largest_share"]))


def _known(value: Value) -> Value:
    """A figure of a verdict's evidence as a table cell: None where it could not be measured."""
    return value if isinstance(value, int | float) and math.isfinite(value) else None
