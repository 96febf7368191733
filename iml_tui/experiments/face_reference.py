"""The five baselines of section 7: what they are called, and the figures that the report gives of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Final

from iml_tui.experiments.hyperparameters import format_exact
from iml_tui.experiments.trials import Baseline, FaceTrial

if TYPE_CHECKING:
    from iml_tui.experiments.results import Results, TrialResult

BASELINE_TITLES: Final[Mapping[Baseline, str]] = {
    "xgboost-pixels": "XGBoost",
    "from-scratch": "from scratch",
    "linear-probing": "linear probing",
    "sklearn-probing": "sklearn probing",
    "fine-tuning": "fine-tuning",
}
"""What a baseline is called in tables, legends and sentences, in the order in which they are trained."""

TRAINED: Final[tuple[Baseline, ...]] = ("from-scratch", "linear-probing", "fine-tuning")
"""The baselines that are trained batch by batch, once for each learning rate."""


@dataclass(frozen=True)
class ReportFigures:
    """The report's training loss (nats, mean over the batches of the last epoch), validation and test accuracy."""

    train_loss: float
    validation_accuracy: float
    test_accuracy: float


# Section 7 of the report: one epoch of Adam with batches of 32.
REPORT_EPOCHS: Final = 1
REPORT_BATCH_SIZE: Final = 32

REPORT: Final[Mapping[Baseline, Mapping[float, ReportFigures]]] = {
    "from-scratch": {
        0.1: ReportFigures(1.2251, 0.5500, 0.5200),
        0.01: ReportFigures(0.8302, 0.5000, 0.5700),
        0.001: ReportFigures(0.8006, 0.5650, 0.5725),
        0.0001: ReportFigures(0.6828, 0.5450, 0.5700),
        0.00001: ReportFigures(0.6859, 0.5000, 0.5350),
    },
    "linear-probing": {
        0.1: ReportFigures(3.4454, 0.6200, 0.6100),
        0.01: ReportFigures(0.6329, 0.7200, 0.7175),
        0.001: ReportFigures(0.6735, 0.6550, 0.6500),
        0.0001: ReportFigures(0.8036, 0.4500, 0.5225),
        0.00001: ReportFigures(0.6770, 0.5050, 0.5700),
    },
    "fine-tuning": {
        0.1: ReportFigures(2.1280, 0.4750, 0.4975),
        0.01: ReportFigures(0.9058, 0.5000, 0.5025),
        0.001: ReportFigures(0.6324, 0.5700, 0.6150),
        0.0001: ReportFigures(0.4737, 0.7750, 0.7550),
        0.00001: ReportFigures(0.6394, 0.6750, 0.7125),
    },
}
"""The report's figures of the trained baselines, by learning rate."""

REPORT_TEST_ACCURACY: Final[Mapping[Baseline, float]] = {"xgboost-pixels": 0.7350, "sklearn-probing": 0.7175}
"""The report's test accuracy of the baselines without a learning rate."""


def report_figures(trial: FaceTrial) -> ReportFigures | None:
    """The report's figures of a trained baseline; None where it trained no such one, or with other settings."""
    asked = (trial.epochs, trial.batch_size, trial.horizontal_flip, trial.shift)
    if trial.learning_rate is None or asked != (REPORT_EPOCHS, REPORT_BATCH_SIZE, False, 0):
        return None
    return REPORT[trial.kind].get(trial.learning_rate)


def report_mean(kind: Baseline) -> float:
    """The report's test accuracy of a baseline, mean over its learning rates."""
    if kind in REPORT_TEST_ACCURACY:
        return REPORT_TEST_ACCURACY[kind]
    return fmean(figures.test_accuracy for figures in REPORT[kind].values())


def report_extremes() -> tuple[tuple[str, float], tuple[str, float]]:
    """The names and the test accuracies of the report's best and of its worst model."""
    found = [(BASELINE_TITLES[kind], accuracy) for kind, accuracy in REPORT_TEST_ACCURACY.items()]
    found += [
        (name_at(kind, rate), figures.test_accuracy) for kind in TRAINED for rate, figures in REPORT[kind].items()
    ]
    return max(found, key=lambda item: item[1]), min(found, key=lambda item: item[1])


def name_at(kind: Baseline, learning_rate: float) -> str:
    """The name of a trained baseline at one learning rate: "fine-tuning at 0.0001"."""
    return f"{BASELINE_TITLES[kind]} at {format_exact(learning_rate)}"


def face_trial(model: TrialResult) -> FaceTrial:
    """The trial, which must be that of a baseline on faces."""
    assert isinstance(model.trial, FaceTrial)
    return model.trial


def positions_of(results: Results, kind: Baseline) -> tuple[int, ...]:
    """Where in `Results.models` a baseline's models are."""
    return tuple(i for i, model in enumerate(results.models) if face_trial(model).kind == kind)


def models_of(results: Results, kind: Baseline) -> list[TrialResult]:
    """A baseline's models, one a learning rate."""
    return [model for model in results.models if face_trial(model).kind == kind]
