"""6.1.2.3: what batch norm does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from pydantic import model_validator

from iml_tui.experiments.base import Experiment, Finding
from iml_tui.experiments.charts import METRIC_TITLES, Chart
from iml_tui.experiments.hyperparameters import (
    BatchSize,
    EpochCount,
    Hyperparameters,
    LearningRate,
    MLPHyperparameters,
    refuse_batch_norm_of_one,
)
from iml_tui.experiments.measures import SETTLING_BAND, first_at_most, settling_epoch
from iml_tui.experiments.reporting import (
    best_epoch,
    best_finding,
    best_value,
    capital,
    difference,
    difference_column,
    final,
    is_reports_setting,
    measured_on,
    over_how_many,
    shown,
    timing_table,
    verdict_findings,
    with_report,
)
from iml_tui.experiments.results import ACCURACIES, LOSSES, Results, TrialResult
from iml_tui.experiments.seeds import over_seeds
from iml_tui.experiments.tables import Column, Table, Value
from iml_tui.experiments.trials import MLPTrial

COMMON_LOSS_MARGIN: Final = 1.05
# What the report says of the trial without and the one with batch norm.
REPORT: Final[Mapping[bool, str]] = {False: "slower and higher", True: "faster and lower"}
# The epoch by which, as the report says, about, the losses of the trial with batch norm have settled.
REPORT_SETTLED: Final[Mapping[bool, int]] = {True: 10}


class BatchNormHyperparameters(MLPHyperparameters):
    """Two trials, one without and one with batch norm; all else is the same for both."""

    epochs: EpochCount = 50
    learning_rate: LearningRate = 0.001
    batch_size: BatchSize = 256

    @model_validator(mode="after")
    def _check_together(self) -> BatchNormHyperparameters:
        refuse_batch_norm_of_one(True, (self.batch_size,))
        return self


class BatchNormExperiment(Experiment):
    """Trains the same network without and with batch norm before every activation."""

    id = "6.1.2.3"
    slug = "batch-norm"
    title = "Batch norm"
    section = "6.1 What each hyperparameter does"
    question = "Does batch norm make a network learn faster, and does it end at a lower loss?"
    hyperparameters = BatchNormHyperparameters
    charts = (
        Chart("without", "Without batch norm", LOSSES, y_label="loss (nats)", trials=(0,), panel="losses"),
        Chart("with", "With batch norm", LOSSES, y_label="loss (nats)", trials=(1,), panel="losses"),
        Chart("validation-loss", "Validation loss", ("validation_loss",), y_label="loss (nats)"),
        Chart("validation-accuracy", "Validation accuracy", ("validation_accuracy",), y_label="accuracy"),
    )

    def models(self, hyperparameters: Hyperparameters) -> list[MLPTrial]:
        """Two trials: without, then with batch norm."""
        assert isinstance(hyperparameters, BatchNormHyperparameters)
        shared = hyperparameters.settings()
        return [
            MLPTrial(name=f"{word} batch norm", label=f"{word} batch norm", batch_norm=batch_norm, **shared)
            for word, batch_norm in (("without", False), ("with", True))
        ]

    def tables(self, results: Results) -> list[Table]:
        """How soon each trial reached a common loss, the final losses, and the speed."""
        return [_speed_of_learning(results), _final_losses(results), timing_table(results)]

    def findings(self, results: Results) -> list[Finding]:
        """Which trial was faster, which ended lower and more accurate, and what happened to each."""
        return [
            *_faster(results),
            *_lower(results),
            *best_finding(results, subject="the network {name}"),
            *verdict_findings(results, "the network {name}"),
        ]


def common_loss(results: Results) -> float | None:
    """The validation loss (nats) that all trials reach: 1.05 times the highest of their best.

    The margin of 5 % keeps the comparison from resting on the one luckiest epoch of the worse trial. None while a
    trial has no finite loss, or with fewer than two trials.
    """
    best = [trial.best("validation_loss") for trial in results.trials]
    if len(best) < 2 or None in best:
        return None
    return COMMON_LOSS_MARGIN * max(pair[1] for pair in best if pair is not None)


def _speed_of_learning(results: Results) -> Table:
    columns = (
        Column("trial", "Trial"),
        Column("epochs_to_common_loss", "Epochs to common loss", decimals=1),
        Column("best_validation_loss", "Best validation loss", unit="nats"),
        Column("best_epoch", "Best epoch", decimals=1),
        Column("settling_epoch", "Train loss settled at epoch", decimals=1),
        Column("reference_settling_epoch", "Report's settling epoch, about"),
        difference_column(decimals=1),
        Column("reference", "Report's words"),
    )
    level = common_loss(results)
    rows = []
    for model in results.models:
        in_report = is_reports_setting(model.mlp, batch_size=256)
        settled = over_seeds(model, lambda trial: settling_epoch(trial.values("train_loss")))
        reference = REPORT_SETTLED.get(model.mlp.batch_norm) if in_report else None
        rows.append(
            (
                model.name,
                _epochs_to(model, level),
                best_value(model, "validation_loss"),
                best_epoch(model, "validation_loss"),
                settled,
                reference,
                difference(settled, reference),
                REPORT[model.mlp.batch_norm] if in_report else None,
            )
        )
    reached = "not known yet" if level is None else f"{level:.4f} nats"
    note = (
        f"{with_report(results)} The common loss, {reached}, is {COMMON_LOSS_MARGIN:g} times the highest of the best "
        f"validation losses of all trials. Settled: {1 - SETTLING_BAND:.0%} of the way from the first epoch's train "
        "loss to the mean of the last third. The difference is ours minus the report's."
    )
    return Table("common-loss", "How soon a common validation loss is reached", columns, tuple(rows), note=note)


def _epochs_to(model: TrialResult, level: float | None) -> Value:
    """The first epoch at which the validation loss is at most `level`."""
    if level is None:
        return None
    return over_seeds(model, lambda trial: first_at_most(trial.values("validation_loss"), level))


def _final_losses(results: Results) -> Table:
    metrics = (*LOSSES, *ACCURACIES)
    columns = (
        Column("trial", "Trial"),
        Column("epochs", "Epochs"),
        *(Column(m, METRIC_TITLES[m].capitalize(), unit="nats" if m in LOSSES else "") for m in metrics),
    )
    rows = tuple(
        (trial.name, len(trial.epochs), *(final(trial, metric) for metric in metrics)) for trial in results.models
    )
    return Table("final-losses", "After the last epoch", columns, rows, note=measured_on(results))


def _faster(results: Results) -> list[Finding]:
    level = common_loss(results)
    if level is None:
        return []
    reached = [
        (model.name, epochs)
        for model in results.models[:2]
        if isinstance(epochs := _epochs_to(model, level), int | float)
    ]
    if len(reached) < 2:
        return []
    (fast, early), (slow, late) = sorted(reached, key=lambda pair: pair[1])
    evidence: dict[str, Value] = {"common_loss": level, **{f"epochs {name}": epoch for name, epoch in reached}}
    means = over_how_many(results.models[0])
    if early == late:
        text = f"Both trials reached a validation loss of {level:.4f} at epoch {shown(early, 1)}{means}."
    else:
        text = (
            f"{capital(fast)} the network reached a validation loss of {level:.4f} at epoch {shown(early, 1)}, {slow} "
            f"at epoch {shown(late, 1)}{means}: {late / early:.1f} times as many epochs."
        )
    return [Finding("Speed of learning", text, evidence)]


def _lower(results: Results) -> list[Finding]:
    ended = [model for model in results.models if math.isfinite(model.last("validation_loss"))]
    if len(ended) < 2:
        return []
    low, high = sorted(ended, key=lambda model: model.last("validation_loss"))[:2]
    loss, other = final(low, "validation_loss"), final(high, "validation_loss")
    text = (
        f"{capital(low.name)} the validation loss is {shown(loss)} after epoch {len(low.epochs)}, {high.name} "
        f"{shown(other)} after epoch {len(high.epochs)}{over_how_many(low)}: a difference of "
        f"{high.last('validation_loss') - low.last('validation_loss'):.4f}."
    )
    evidence = {f"validation_loss {model.name}": final(model, "validation_loss") for model in (low, high)}
    return [Finding("Final loss", text, evidence)]
