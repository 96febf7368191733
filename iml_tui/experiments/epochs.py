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
    best_epoch,
    is_reports_setting,
    timing_table,
    verdict_findings,
    with_report,
)
from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.tables import Column, Table, Value
from iml_tui.experiments.trials import MLPTrial
from iml_tui.experiments.verdicts import MIN_EPOCHS

# The epochs whose losses the table lists, where the training got there.
MILESTONES: Final = (1, 5, 10, 20, 50, 100)
# What the report measured: by about this epoch the train loss has settled; train loss, validation and test loss then.
REPORT_SETTLED: Final = 60
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

    def trials(self, hyperparameters: Hyperparameters) -> list[MLPTrial]:
        """The one trial."""
        assert isinstance(hyperparameters, EpochsHyperparameters)
        count = hyperparameters.epochs
        name = "1 epoch" if count == 1 else f"{count} epochs"
        return [MLPTrial(name=name, label=name, **hyperparameters.model_dump())]

    def tables(self, results: Results) -> list[Table]:
        """The losses and accuracies after chosen epochs, and the speed."""
        return [*(_epoch_table(trial, results) for trial in results.trials[:1]), timing_table(results)]

    def findings(self, results: Results) -> list[Finding]:
        """Where the validation loss was lowest, when the train loss settled, the gap between them, and the verdict."""
        return [
            finding
            for trial in results.trials[:1]
            for finding in (*_lowest(trial), *_settled(trial), *_gap(trial), *verdict_findings(results, "the network"))
        ]


def _epoch_table(trial: TrialResult, results: Results) -> Table:
    metrics = ("train_loss", "validation_loss", "test_loss", "train_accuracy", "validation_accuracy", "test_accuracy")
    columns = (
        Column("epoch", "Epoch"),
        Column("remark", "Remark"),
        *(
            Column(metric, METRIC_TITLES[metric].capitalize(), unit="nats" if "loss" in metric else "")
            for metric in metrics
        ),
        Column("reference_train_loss", "Report's train loss"),
        Column("reference_validation_loss", "Report's validation and test loss"),
    )
    lowest = best_epoch(trial, "validation_loss")
    remarks = {epoch: "" for epoch in MILESTONES if epoch <= len(trial.epochs)}
    if trial.epochs:
        remarks[len(trial.epochs)] = "last"
    if isinstance(lowest, int):
        remarks[lowest] = " and ".join(filter(None, (remarks.get(lowest, ""), "lowest validation loss")))
    in_report = is_reports_setting(trial.trial, batch_size=256, batch_norm=False)
    rows = tuple(
        (
            epoch,
            remark,
            *(at(trial, epoch, metric) for metric in metrics),
            *(REPORT_LOSSES if in_report and epoch >= REPORT_SETTLED else (None, None)),
        )
        for epoch, remark in sorted(remarks.items())
    )
    note = f"{with_report(results.data)} It says that the train loss settles by about epoch {REPORT_SETTLED}."
    return Table("epochs", "Losses and accuracies after chosen epochs", columns, rows, note=note)


def _lowest(trial: TrialResult) -> list[Finding]:
    best = trial.best("validation_loss")
    if best is None:
        return []
    epoch, loss = best
    last, test = trial.last("validation_loss"), trial.at(epoch, "test_loss")
    text = (
        f"The validation loss was lowest at epoch {epoch} of {len(trial.epochs)}, {loss:.4f} (test loss {test:.4f} "
        f"there); after the last epoch it is {last:.4f}."
    )
    evidence = {"epoch": epoch, "validation_loss": loss, "test_loss": test, "last_validation_loss": last}
    return [Finding("Lowest validation loss", text, evidence)]


def _settled(trial: TrialResult) -> list[Finding]:
    losses = trial.values("train_loss")
    epoch = settling_epoch(losses)
    if len(losses) < MIN_EPOCHS or epoch is None:
        return []
    level = fmean(losses[-last_third(len(losses)) :])
    text = (
        f"The train loss had made {1 - SETTLING_BAND:.0%} of its way from the first epoch to the mean of the last "
        f"third, {level:.4f}, by epoch {epoch} of {len(losses)}."
    )
    return [Finding("Settling", text, {"epoch": epoch, "final_level": level, "band": SETTLING_BAND})]


def _gap(trial: TrialResult) -> list[Finding]:
    window = last_third(len(trial.epochs))
    means = {m: fmean(trial.values(m)[-window:]) for m in ("train_loss", "validation_loss")} if window else {}
    if not means or not all(math.isfinite(mean) for mean in means.values()):
        return []
    train, validation = means["train_loss"], means["validation_loss"]
    recent = trial.values("validation_loss")[-window:]
    low, high = min(recent), max(recent)
    side = "above" if validation >= train else "below"
    span = f"the last {window} epochs" if window > 1 else "the last epoch"
    text = (
        f"Over {span} the validation loss averaged {validation:.4f} (from {low:.4f} to {high:.4f}), "
        f"{abs(validation - train):.4f} {side} the train loss of {train:.4f}."
    )
    evidence = {"epochs": window, "train_loss": train, "validation_loss": validation, "gap": validation - train}
    evidence |= {"lowest_validation_loss": low, "highest_validation_loss": high}
    return [Finding("Generalisation gap", text, evidence)]
