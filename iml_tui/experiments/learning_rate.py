"""6.1.2.1: what the learning rate does."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from iml_tui.experiments.base import Experiment, Finding
from iml_tui.experiments.charts import Chart
from iml_tui.experiments.hyperparameters import (
    BatchNorm,
    BatchSize,
    EpochCount,
    Hyperparameters,
    LearningRate,
    MLPHyperparameters,
    format_exact,
    refuse_bad_list,
    refuse_batch_norm_of_one,
)
from iml_tui.experiments.reporting import (
    as_percent,
    best_epoch,
    best_trial,
    best_value,
    capital,
    final,
    measured_on,
    timing_table,
    verdict_findings,
)
from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.tables import Column, Table, Value
from iml_tui.experiments.trials import MLPTrial
from iml_tui.experiments.verdicts import UNSTABLE_FLUCTUATION, verdict_of


class LearningRateHyperparameters(MLPHyperparameters):
    """One trial for every learning rate; all else is the same for all."""

    learning_rates: Annotated[
        tuple[LearningRate, ...],
        Field(
            title="Learning rates",
            description="The learning rates to compare, one trial each. Steps that are too large make the loss jump "
            "about or diverge; steps that are too small make it fall so slowly that training ends too early.",
        ),
    ] = (1.0, 0.01, 0.001, 0.00001)
    epochs: EpochCount = 50
    batch_size: BatchSize = 256
    batch_norm: BatchNorm = False

    @field_validator("learning_rates")
    @classmethod
    def _check_list(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        refuse_bad_list(values, "learning rate")
        return values

    @model_validator(mode="after")
    def _check_together(self) -> LearningRateHyperparameters:
        refuse_batch_norm_of_one(self.batch_norm, (self.batch_size,))
        return self


class LearningRateExperiment(Experiment):
    """Trains the same network with several learning rates."""

    id = "6.1.2.1"
    slug = "learning-rate"
    title = "Learning rate"
    section = "6.1 What each hyperparameter does"
    question = "How does the learning rate decide whether, and how fast, a network learns?"
    hyperparameters = LearningRateHyperparameters
    # Logarithmic, because a diverging trial's loss can be orders of magnitude above the others.
    charts = (
        Chart("validation-loss", "Validation loss", ("validation_loss",), y_label="loss (nats)", log_y=True),
        Chart("validation-accuracy", "Validation accuracy", ("validation_accuracy",), y_label="accuracy"),
        Chart("train-loss", "Train loss", ("train_loss",), y_label="loss (nats)", log_y=True),
    )

    def trials(self, hyperparameters: Hyperparameters) -> list[MLPTrial]:
        """One trial for every learning rate, in the order given."""
        assert isinstance(hyperparameters, LearningRateHyperparameters)
        return [
            MLPTrial(
                name=f"learning rate {format_exact(rate)}",
                label=f"lr {format_exact(rate)}",
                learning_rate=rate,
                **hyperparameters.model_dump(exclude={"learning_rates"}),
            )
            for rate in hyperparameters.learning_rates
        ]

    def tables(self, results: Results) -> list[Table]:
        """Final and best figures with what happened, the measures behind that, and the speed."""
        return [_outcome_table(results), _measures_table(results), timing_table(results)]

    def findings(self, results: Results) -> list[Finding]:
        """The best trial, and what happened to each."""
        return [*_best(results), *verdict_findings(results)]


def _outcome_table(results: Results) -> Table:
    columns = (
        Column("learning_rate", "Learning rate", decimals=None),
        Column("validation_loss", "Final validation loss", unit="nats"),
        Column("best_validation_loss", "Best validation loss", unit="nats"),
        Column("best_epoch", "Best epoch"),
        Column("validation_accuracy", "Final validation accuracy"),
        Column("best_validation_accuracy", "Best validation accuracy"),
        Column("outcome", "What happened"),
        Column("figure", "Because"),
    )
    rows = []
    for trial in results.trials:
        judged = verdict_of(trial, results.data)
        rows.append(
            (
                trial.trial.learning_rate,
                final(trial, "validation_loss"),
                best_value(trial, "validation_loss"),
                best_epoch(trial, "validation_loss"),
                final(trial, "validation_accuracy"),
                best_value(trial, "validation_accuracy"),
                judged.kind if judged else None,
                judged.figure if judged else None,
            )
        )
    note = f"{measured_on(results.data)} Final is after the last epoch, best at any epoch."
    return Table("learning-rates", "What each learning rate came to", columns, tuple(rows), note=note)


def _measures_table(results: Results) -> Table:
    columns = (
        Column("learning_rate", "Learning rate", decimals=None),
        Column("train_loss", "Final train loss", unit="nats"),
        Column("train_accuracy", "Final train accuracy"),
        Column("test_loss", "Final test loss", unit="nats"),
        Column("test_accuracy", "Final test accuracy"),
        Column("remaining", "Train loss / frequency loss", decimals=1, unit="%"),
        Column("fall_per_epoch", "Fall per epoch", decimals=2, unit="%"),
        Column("fluctuation", "Fluctuation", decimals=1, unit="%"),
    )
    rows = []
    for trial in results.trials:
        judged = verdict_of(trial, results.data)
        rows.append(
            (
                trial.trial.learning_rate,
                *(final(trial, f"{split}_{what}") for split in ("train", "test") for what in ("loss", "accuracy")),
                *(as_percent(judged, key) for key in ("remaining", "fall_per_epoch", "fluctuation")),
            )
        )
    note = (
        f"The frequency loss is that of always predicting the class frequencies of the training split, "
        f"{results.data.frequency_loss.get('train', math.nan):.4f} nats. Over the last third of the epochs: the fall "
        "of the train loss, from a straight line through its logarithm; the fluctuation of the validation loss, its "
        f"robust standard deviation about a straight line, divided by its median (unstable "
        f"above {UNSTABLE_FLUCTUATION:.0%})."
    )
    return Table("measures", "What the verdicts rest on", columns, tuple(rows), note=note)


def _best(results: Results) -> list[Finding]:
    found = []
    best = best_trial(results.trials, "validation_loss")
    if best is not None:
        trial, epoch, loss = best
        found.append(
            _lowest(
                "Lowest validation loss",
                trial,
                epoch,
                f"reached the lowest validation loss, {loss:.4f} at epoch {epoch},",
            )
        )
    ended = [trial for trial in results.trials if math.isfinite(trial.last("validation_loss"))]
    if len(ended) > 1:
        trial = min(ended, key=lambda candidate: candidate.last("validation_loss"))
        complete = all(len(each.epochs) == each.trial.epochs for each in ended)
        verb, when = ("ended with", "") if complete else ("has", " at the last epoch so far")
        loss = trial.last("validation_loss")
        found.append(
            _lowest(
                "Lowest at the end", trial, len(trial.epochs), f"{verb} the lowest validation loss{when}, {loss:.4f},"
            )
        )
    return found


def _lowest(title: str, trial: TrialResult, epoch: int, achievement: str) -> Finding:
    accuracy = trial.at(epoch, "validation_accuracy")
    evidence: dict[str, Value] = {
        "learning_rate": trial.trial.learning_rate,
        "epoch": epoch,
        "validation_loss": trial.at(epoch, "validation_loss"),
        "validation_accuracy": accuracy,
    }
    text = f"{capital(trial.name)} {achievement} with a validation accuracy of {accuracy:.4f}."
    return Finding(title, text, evidence)
