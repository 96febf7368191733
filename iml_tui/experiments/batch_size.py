"""6.1.2.4: what the batch size does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Final

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
    refuse_bad_list,
    refuse_batch_norm_of_one,
)
from iml_tui.experiments.measures import Noise, noise
from iml_tui.experiments.reporting import (
    best_epoch,
    best_finding,
    best_trial,
    best_value,
    capital,
    difference,
    difference_column,
    final,
    is_reports_setting,
    iterations,
    measured_on,
    over_how_many,
    percent,
    shown,
    timing_table,
    verdict_findings,
    with_report,
)
from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.seeds import seeds_of, spread
from iml_tui.experiments.tables import Column, Table, Value
from iml_tui.experiments.trials import MLPTrial

# What the report measured on the course's 106,897 training samples, by batch size.
REPORT_ITERATIONS: Final[Mapping[int, int]] = {1: 106_897, 16: 6_682, 128: 836, 1024: 105}
# The validation accuracy of the report's run with batch size 1, after its one epoch.
REPORT_ACCURACY_OF_ONE: Final = 0.764


class BatchSizeHyperparameters(MLPHyperparameters):
    """One trial for every batch size, each with its own number of epochs."""

    batch_sizes: Annotated[
        tuple[BatchSize, ...],
        Field(
            title="Batch sizes",
            json_schema_extra={"unit": "samples"},
            description="The batch sizes to compare, one trial each. Small batches take many noisy steps an epoch, "
            "large ones few smooth steps.",
        ),
    ] = (1, 16, 128, 1024)
    epochs: Annotated[
        tuple[EpochCount, ...],
        Field(
            title="Epochs",
            json_schema_extra={"unit": "epochs"},
            description="Passes over the training set: one number for every batch size, in their order, or one number "
            "for all. Small batches take longer per epoch, and get there in fewer epochs.",
        ),
    ] = (1, 10, 50, 50)
    learning_rate: LearningRate = 0.001
    batch_norm: BatchNorm = False

    @field_validator("batch_sizes")
    @classmethod
    def _check_list(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        refuse_bad_list(values, "batch size")
        return values

    @field_validator("epochs")
    @classmethod
    def _check_epochs(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        if not values:
            raise ValueError("needs one number for every batch size, or one number for all")
        return values

    @model_validator(mode="after")
    def _check_together(self) -> BatchSizeHyperparameters:
        sizes, epochs = len(self.batch_sizes), len(self.epochs)
        if epochs not in (1, sizes):
            raise ValueError(
                f"epochs has {epochs} numbers for {sizes} batch size{'s' if sizes > 1 else ''}: "
                "give one number for every batch size, or one number for all"
            )
        refuse_batch_norm_of_one(self.batch_norm, self.batch_sizes)
        return self


class BatchSizeExperiment(Experiment):
    """Trains the same network with several batch sizes and keeps the loss of every batch."""

    id = "6.1.2.4"
    slug = "batch-size"
    title = "Batch size"
    section = "6.1 What each hyperparameter does"
    question = "How does the batch size trade the noise of a step against the number of steps?"
    hyperparameters = BatchSizeHyperparameters
    charts = (
        Chart("validation-accuracy", "Validation accuracy", ("validation_accuracy",), y_label="accuracy"),
        # The curves' lengths differ by three orders of magnitude; only a logarithmic axis shows them all.
        Chart(
            "batch-loss",
            "Training loss per batch",
            ("batch_loss",),
            x="batch",
            y_label="loss (nats)",
            log_x=True,
        ),
        Chart("validation-loss", "Validation loss", ("validation_loss",), y_label="loss (nats)"),
        Chart("train-loss", "Train loss", ("train_loss",), y_label="loss (nats)"),
    )

    def models(self, hyperparameters: Hyperparameters) -> list[MLPTrial]:
        """One trial for every batch size, in the order given."""
        assert isinstance(hyperparameters, BatchSizeHyperparameters)
        sizes = hyperparameters.batch_sizes
        epochs = hyperparameters.epochs * (len(sizes) if len(hyperparameters.epochs) == 1 else 1)
        shared = hyperparameters.settings("batch_sizes", "epochs")
        return [
            MLPTrial(name=f"batch size {size}", label=f"batch {size}", batch_size=size, epochs=count, **shared)
            for size, count in zip(sizes, epochs, strict=True)
        ]

    def tables(self, results: Results) -> list[Table]:
        """Iterations and accuracy, the noise of the batch losses, and the speed."""
        return [_iterations_table(results), _noise_table(results), timing_table(results)]

    def findings(self, results: Results) -> list[Finding]:
        """Iterations, the best accuracy, the noise against the batch size, and any trial that failed."""
        if not any(trial.epochs for trial in results.models):
            return []
        failed = [f for f in verdict_findings(results) if f.evidence["verdict"] == "diverged"]
        return [*_most_accurate(results), *best_finding(results), *_quieter(results), *_steps(results), *failed]


def _noises(model: TrialResult) -> list[Noise]:
    """The noise of every seed whose batch losses can be measured."""
    loads = [trial.series.get("batch_loss") for trial in seeds_of(model)]
    return [found for load in loads if load is not None and (found := noise(load())) is not None]


def _iterations_table(results: Results) -> Table:
    columns = (
        Column("batch_size", "Batch size"),
        Column("iterations_per_epoch", "Iterations per epoch"),
        Column("reference_iterations_per_epoch", "Report's iterations per epoch"),
        difference_column("iterations_per_epoch", "Difference of iterations"),
        Column("epochs", "Epochs"),
        Column("iterations", "Iterations in all"),
        Column("validation_accuracy", "Final validation accuracy"),
        Column("best_validation_accuracy", "Best validation accuracy"),
        Column("best_epoch", "Best epoch", decimals=1),
        Column("reference_validation_accuracy", "Report's validation accuracy", decimals=3),
        difference_column("validation_accuracy", "Difference of final accuracy"),
    )
    rows = []
    for result in results.models:
        trial, done = result.mlp, len(result.epochs)
        steps = iterations(trial, results.data)
        reports_steps = REPORT_ITERATIONS.get(trial.batch_size)
        in_report = is_reports_setting(trial, batch_size=1, epochs=1, batch_norm=False)
        reports_accuracy = REPORT_ACCURACY_OF_ONE if in_report else None
        accuracy = final(result, "validation_accuracy")
        rows.append(
            (
                trial.batch_size,
                steps,
                reports_steps,
                difference(steps, reports_steps),
                done,
                steps * done,
                accuracy,
                best_value(result, "validation_accuracy"),
                best_epoch(result, "validation_accuracy"),
                reports_accuracy,
                difference(accuracy, reports_accuracy),
            )
        )
    note = f"{with_report(results)} An iteration is one step of the optimizer on one batch."
    return Table("batch-sizes", "Iterations and accuracy", columns, tuple(rows), note=note)


def _noise_table(results: Results) -> Table:
    columns = (
        Column("batch_size", "Batch size"),
        Column("batches", "Batches measured"),
        Column("mean_batch_loss", "Mean loss", unit="nats"),
        Column("noise", "Noise", unit="nats"),
        Column("relative_noise", "Noise / mean loss", decimals=1, unit="%"),
        Column("noise_of_one_sample", "Noise × √batch size", unit="nats"),
    )
    rows = tuple((model.mlp.batch_size, *_noise_cells(model)) for model in results.models)
    note = (
        f"{measured_on(results)} Noise: the standard deviation of the training loss per batch about its local "
        "mean, √(Σ(l[i+1] − l[i])² / (2(n − 1))) over the last fifth of the batches, of short runs over the last 100 "
        "(von Neumann et al. 1941, Rice 1984). If only the choice of the samples made it, it would fall as "
        "1/√batch size, and the last column would "
        "be the same for networks that are equally good."
    )
    return Table("noise", "Noise of the training loss per batch", columns, rows, note=note)


def _noise_cells(model: TrialResult) -> tuple[Value, ...]:
    found = _noises(model)
    if not found:
        return (None,) * 5
    return (
        min(each.batches for each in found),
        spread([each.mean for each in found]),
        spread([each.deviation for each in found]),
        percent(spread([each.relative for each in found])),
        spread([each.deviation * math.sqrt(model.mlp.batch_size) for each in found]),
    )


def _most_accurate(results: Results) -> list[Finding]:
    best = best_trial(results.models, "validation_accuracy")
    if best is None:
        return []
    model, epoch, accuracy = best
    steps = float(epoch or 0) * iterations(model.trial, results.data)
    text = (
        f"{capital(model.name)} reached the highest validation accuracy at any epoch, {shown(accuracy)} at epoch "
        f"{shown(epoch, 1)} after {steps:,.0f} iterations{over_how_many(model)}."
    )
    evidence = {"batch_size": model.mlp.batch_size, "epoch": epoch, "iterations": round(steps)}
    return [Finding("Highest validation accuracy at any epoch", text, {**evidence, "validation_accuracy": accuracy})]


def _quieter(results: Results) -> list[Finding]:
    measured: dict[int, float] = {}
    for model in results.models:
        deviation = spread([each.deviation for each in _noises(model)] or [None])
        if isinstance(deviation, float) and math.isfinite(deviation):
            measured[model.mlp.batch_size] = deviation
    if len(measured) < 2:
        return []
    small, large = min(measured), max(measured)
    noisy, quiet = measured[small], measured[large]
    factor = noisy / quiet if quiet > 0 else math.nan
    expected = math.sqrt(large / small)
    text = (
        f"The noise of the training loss per batch is {shown(noisy)} with batch size {small} and {shown(quiet)} "
        f"with {large}{over_how_many(results.models[0])}, a factor of {factor:.1f}; 1/√batch size alone would make it "
        f"{expected:.1f}."
    )
    evidence = {f"noise {size}": deviation for size, deviation in measured.items()}
    return [Finding("Noise", text, {**evidence, "factor": factor, "expected_factor": expected})]


def _steps(results: Results) -> list[Finding]:
    counts = {t.mlp.batch_size: iterations(t.trial, results.data) for t in results.models}
    if len(counts) < 2:
        return []
    small, large = min(counts), max(counts)
    text = (
        f"One epoch is {counts[small]:,} iterations with batch size {small} and {counts[large]:,} with {large}, from "
        f"the same {results.data.rows.get('train', 0):,} samples."
    )
    return [Finding("Iterations", text, {f"iterations {size}": count for size, count in counts.items()})]
