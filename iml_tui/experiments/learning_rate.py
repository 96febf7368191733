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
    at_best,
    best_epoch,
    best_finding,
    best_trial,
    best_value,
    capital,
    final,
    measured_on,
    over_how_many,
    shown,
    timing_table,
    verdict_findings,
)
from iml_tui.experiments.results import Results
from iml_tui.experiments.tables import Column, Table
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

    def models(self, hyperparameters: Hyperparameters) -> list[MLPTrial]:
        """One trial for every learning rate, in the order given."""
        assert isinstance(hyperparameters, LearningRateHyperparameters)
        return [
            MLPTrial(
                name=f"learning rate {format_exact(rate)}",
                label=f"lr {format_exact(rate)}",
                learning_rate=rate,
                **hyperparameters.settings("learning_rates"),
            )
            for rate in hyperparameters.learning_rates
        ]

    def tables(self, results: Results) -> list[Table]:
        """Final and best figures with what happened, the measures behind that, and the speed."""
        return [_outcome_table(results), _measures_table(results), timing_table(results)]

    def findings(self, results: Results) -> list[Finding]:
        """The best learning rates, at any epoch and at the end, and what happened with each."""
        return [*_lowest(results), *best_finding(results), *verdict_findings(results)]


def _outcome_table(results: Results) -> Table:
    columns = (
        Column("learning_rate", "Learning rate", decimals=None),
        Column("validation_loss", "Final validation loss", unit="nats"),
        Column("best_validation_loss", "Best validation loss", unit="nats"),
        Column("best_epoch", "Best epoch", decimals=1),
        Column("validation_accuracy", "Final validation accuracy"),
        Column("best_validation_accuracy", "Best validation accuracy"),
        Column("outcome", "What happened"),
        Column("figure", "Because"),
    )
    rows = []
    for trial in results.models:
        judged = verdict_of(trial, results.data)
        rows.append(
            (
                trial.mlp.learning_rate,
                final(trial, "validation_loss"),
                best_value(trial, "validation_loss"),
                best_epoch(trial, "validation_loss"),
                final(trial, "validation_accuracy"),
                best_value(trial, "validation_accuracy"),
                judged.kind if judged else None,
                judged.figure if judged else None,
            )
        )
    note = f"{measured_on(results)} Final is after the last epoch, best at any epoch."
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
    for trial in results.models:
        judged = verdict_of(trial, results.data)
        rows.append(
            (
                trial.mlp.learning_rate,
                *(final(trial, f"{split}_{what}") for split in ("train", "test") for what in ("loss", "accuracy")),
                *(as_percent(judged, key) for key in ("remaining", "fall_per_epoch", "fluctuation")),
            )
        )
    note = (
        f"{measured_on(results)} The frequency loss is that of always predicting the class frequencies of the training "
        f"split, {results.data.frequency_loss.get('train', math.nan):.4f} nats. Over the last third of the epochs: the "
        "fall of the train loss, from a straight line through its logarithm; the fluctuation of the validation loss, "
        "its robust standard deviation about a straight line, divided by its median (unstable above "
        f"{UNSTABLE_FLUCTUATION:.0%})."
    )
    return Table("measures", "What the verdicts rest on", columns, tuple(rows), note=note)


def _lowest(results: Results) -> list[Finding]:
    best = best_trial(results.models, "validation_loss")
    if best is None:
        return []
    model, epoch, loss = best
    accuracy = at_best(model, "validation_loss", "validation_accuracy")
    text = (
        f"{capital(model.name)} reached the lowest validation loss, {shown(loss)} at epoch {shown(epoch, 1)}, with a "
        f"validation accuracy of {shown(accuracy)}{over_how_many(model)}."
    )
    evidence = {
        "learning_rate": model.mlp.learning_rate,
        "epoch": epoch,
        "validation_loss": loss,
        "validation_accuracy": accuracy,
    }
    return [Finding("Lowest validation loss", text, evidence)]
