"""6.1.2.2: how long to train."""

from __future__ import annotations

import math
from statistics import fmean
from typing import Final

from pydantic import model_validator

from iml_tui.experiments.base import Experiment, Finding
from iml_tui.experiments.charts import METRIC_TITLES, Chart
from iml_tui.experiments.hyperparameters import (
    BatchNorm,
    BatchSize,
    EpochCount,
    Hyperparameters,
    LearningRate,
    MLPHyperparameters,
    refuse_batch_norm_of_one,
)
from iml_tui.experiments.measures import SETTLING_BAND, last_third, settling_epoch
from iml_tui.experiments.reporting import (
    at,
    at_best,
    best_epoch,
    best_value,
    difference,
    difference_column,
    final,
    from_range,
    is_reports_setting,
    over_how_many,
    shown,
    timing_table,
    verdict_findings,
    with_report,
)
from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.seeds import over_seeds, seeds_of
from iml_tui.experiments.tables import Column, Table, Value
from iml_tui.experiments.trials import MLPTrial
from iml_tui.experiments.verdicts import MIN_EPOCHS

# The epochs whose losses the table lists, where the training got there.
MILESTONES: Final = (1, 5, 10, 20, 50, 100)
# What the report measured: by about this epoch the train loss has settled; train loss, validation and test loss then.
REPORT_SETTLED: Final = 60
REPORT_TRAIN_LOSS: Final = 0.25
REPORT_HELD_OUT_LOSSES: Final = (0.25, 0.4)
REPORT_LOSSES: Final[tuple[Value, Value]] = ("about 0.25", "0.25 to 0.4")


class EpochsHyperparameters(MLPHyperparameters):
    """One trial, trained for long."""

    epochs: EpochCount = 100
    learning_rate: LearningRate = 0.001
    batch_size: BatchSize = 256
    batch_norm: BatchNorm = False

    @model_validator(mode="after")
    def _check_together(self) -> EpochsHyperparameters:
        refuse_batch_norm_of_one(self.batch_norm, (self.batch_size,))
        return self


class EpochsExperiment(Experiment):
    """Trains one network for long enough to see when its losses settle."""

    id = "6.1.2.2"
    slug = "epochs"
    title = "Epochs"
    section = "6.1 What each hyperparameter does"
    question = "How many epochs does the network need, and what do more of them bring?"
    hyperparameters = EpochsHyperparameters
    charts = (
        Chart(
            "losses",
            "Train, validation and test loss",
            ("train_loss", "validation_loss", "test_loss"),
            y_label="loss (nats)",
        ),
        Chart(
            "accuracies",
            "Train, validation and test accuracy",
            ("train_accuracy", "validation_accuracy", "test_accuracy"),
            y_label="accuracy",
        ),
    )

    def models(self, hyperparameters: Hyperparameters) -> list[MLPTrial]:
        """The one trial."""
        assert isinstance(hyperparameters, EpochsHyperparameters)
        count = hyperparameters.epochs
        name = "1 epoch" if count == 1 else f"{count} epochs"
        return [MLPTrial(name=name, label=name, **hyperparameters.settings())]

    def tables(self, results: Results) -> list[Table]:
        """The losses and accuracies after chosen epochs, and the speed."""
        return [*(_epoch_table(trial, results) for trial in results.models[:1]), timing_table(results)]

    def findings(self, results: Results) -> list[Finding]:
        """Where the validation loss was lowest, when the train loss settled, the gap between them, and the verdict."""
        return [
            finding
            for trial in results.models[:1]
            for finding in (*_lowest(trial), *_settled(trial), *_gap(trial), *verdict_findings(results, "the network"))
        ]


def _epoch_table(model: TrialResult, results: Results) -> Table:
    metrics = ("train_loss", "validation_loss", "test_loss", "train_accuracy", "validation_accuracy", "test_accuracy")
    columns = (
        Column("epoch", "Epoch"),
        Column("remark", "Remark"),
        *(
            Column(metric, METRIC_TITLES[metric].capitalize(), unit="nats" if "loss" in metric else "")
            for metric in metrics
        ),
        Column("reference_train_loss", "Report's train loss"),
        difference_column("train_loss", "Difference of train loss", unit="nats"),
        Column("reference_validation_loss", "Report's validation and test loss"),
        Column("difference_validation_loss", "Validation loss to that"),
        Column("difference_test_loss", "Test loss to that"),
    )
    lowest = model.best("validation_loss")
    several = len(seeds_of(model)) > 1
    remarks = {epoch: "" for epoch in MILESTONES if epoch <= len(model.epochs)}
    if model.epochs:
        remarks[len(model.epochs)] = "last"
    if lowest is not None:
        words = "lowest mean validation loss" if several else "lowest validation loss"
        remarks[lowest[0]] = " and ".join(filter(None, (remarks.get(lowest[0], ""), words)))
    rows = tuple(
        (epoch, remark, *(at(model, epoch, metric) for metric in metrics), *_beside_the_report(model, epoch))
        for epoch, remark in sorted(remarks.items())
    )
    note = (
        f"{with_report(results)} It says that the train loss settles by about epoch {REPORT_SETTLED}; differences are "
        "ours minus its figure."
    )
    return Table("epochs", "Losses and accuracies after chosen epochs", columns, rows, note=note)


def _beside_the_report(model: TrialResult, epoch: int) -> tuple[Value, ...]:
    """The report's losses and how ours lie to them; nothing before it says that they settle, or for other settings."""
    if epoch < REPORT_SETTLED or not is_reports_setting(model.mlp, batch_size=256, batch_norm=False):
        return (None,) * 5
    train, held_out = REPORT_LOSSES
    return (
        train,
        difference(at(model, epoch, "train_loss"), REPORT_TRAIN_LOSS),
        held_out,
        *(from_range(at(model, epoch, metric), *REPORT_HELD_OUT_LOSSES) for metric in ("validation_loss", "test_loss")),
    )


def _lowest(model: TrialResult) -> list[Finding]:
    if model.best("validation_loss") is None:
        return []
    figures = {
        "epoch": best_epoch(model, "validation_loss"),
        "validation_loss": best_value(model, "validation_loss"),
        "test_loss": at_best(model, "validation_loss", "test_loss"),
        "last_validation_loss": final(model, "validation_loss"),
    }
    text = (
        f"The validation loss was lowest at epoch {shown(figures['epoch'], 1)} of {len(model.epochs)}, "
        f"{shown(figures['validation_loss'])} (test loss {shown(figures['test_loss'])} there); after the last epoch it "
        f"is {shown(figures['last_validation_loss'])}{over_how_many(model)}."
    )
    return [Finding("Lowest validation loss", text, figures)]


def _settled(model: TrialResult) -> list[Finding]:
    count = len(model.epochs)
    epoch = over_seeds(model, lambda trial: settling_epoch(trial.values("train_loss")))
    if count < MIN_EPOCHS or epoch is None:
        return []
    level = over_seeds(model, lambda trial: _recent_mean(trial, "train_loss", last_third(count)))
    text = (
        f"The train loss had made {1 - SETTLING_BAND:.0%} of its way from the first epoch to the mean of the last "
        f"third, {shown(level)}, by epoch {shown(epoch, 1)} of {count}{over_how_many(model)}."
    )
    return [Finding("Settling", text, {"epoch": epoch, "final_level": level, "band": SETTLING_BAND})]


def _gap(model: TrialResult) -> list[Finding]:
    window = last_third(len(model.epochs))
    recent = [loss for trial in seeds_of(model) for loss in trial.values("validation_loss")[-window:] if window]
    train = over_seeds(model, lambda trial: _recent_mean(trial, "train_loss", window))
    validation = over_seeds(model, lambda trial: _recent_mean(trial, "validation_loss", window))
    gap = over_seeds(
        model, lambda trial: _recent_mean(trial, "validation_loss", window) - _recent_mean(trial, "train_loss", window)
    )
    if not isinstance(gap, float) or not math.isfinite(gap):
        return []
    low, high = min(recent), max(recent)
    text = (
        f"Over {f'the last {window} epochs' if window > 1 else 'the last epoch'} the validation loss averaged "
        f"{shown(validation)} (from {low:.4f} to {high:.4f}), {shown(abs(gap))} {'above' if gap >= 0 else 'below'} the "
        f"train loss of {shown(train)}{over_how_many(model)}."
    )
    evidence: dict[str, Value] = {"epochs": window, "train_loss": train, "validation_loss": validation, "gap": gap}
    evidence |= {"lowest_validation_loss": low, "highest_validation_loss": high}
    return [Finding("Generalisation gap", text, evidence)]


def _recent_mean(trial: TrialResult, metric: str, window: int) -> float:
    """The mean over the last `window` epochs; NaN before the first."""
    recent = trial.values(metric)[-window:] if window else []
    return fmean(recent) if recent else math.nan
