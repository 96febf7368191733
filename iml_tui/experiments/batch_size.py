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
    best_trial,
    best_value,
    capital,
    final,
    is_reports_setting,
    iterations,
    measured_on,
    timing_table,
    verdict_findings,
    with_report,
)
from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.tables import Column, Table
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

    def trials(self, hyperparameters: Hyperparameters) -> list[MLPTrial]:
        """One trial for every batch size, in the order given."""
        assert isinstance(hyperparameters, BatchSizeHyperparameters)
        sizes = hyperparameters.batch_sizes
        epochs = hyperparameters.epochs * (len(sizes) if len(hyperparameters.epochs) == 1 else 1)
        shared = hyperparameters.model_dump(exclude={"batch_sizes", "epochs"})
        return [
            MLPTrial(name=f"batch size {size}", label=f"batch {size}", batch_size=size, epochs=count, **shared)
            for size, count in zip(sizes, epochs, strict=True)
        ]

    def tables(self, results: Results) -> list[Table]:
        """Iterations and accuracy, the noise of the batch losses, and the speed."""
        noises = [_noise(trial) for trial in results.trials]
        return [_iterations_table(results), _noise_table(results, noises), timing_table(results)]

    def findings(self, results: Results) -> list[Finding]:
        """Iterations, the best accuracy, the noise against the batch size, and any trial that failed."""
        if not any(trial.epochs for trial in results.trials):
            return []
        failed = [f for f in verdict_findings(results) if f.evidence["verdict"] == "diverged"]
        return [*_most_accurate(results), *_quieter(results), *_steps(results), *failed]


def _noise(trial: TrialResult) -> Noise | None:
    load = trial.series.get("batch_loss")
    return noise(load()) if load is not None else None


def _iterations_table(results: Results) -> Table:
    columns = (
        Column("batch_size", "Batch size"),
        Column("iterations_per_epoch", "Iterations per epoch"),
        Column("reference_iterations_per_epoch", "Report's iterations per epoch"),
        Column("epochs", "Epochs"),
        Column("iterations", "Iterations in all"),
        Column("validation_accuracy", "Final validation accuracy"),
        Column("best_validation_accuracy", "Best validation accuracy"),
        Column("best_epoch", "Best epoch"),
        Column("reference_validation_accuracy", "Report's validation accuracy", decimals=3),
    )
    rows = []
    for result in results.trials:
        trial, done = result.trial, len(result.epochs)
        steps = iterations(trial, results.data)
        in_report = is_reports_setting(trial, batch_size=1, epochs=1, batch_norm=False)
        rows.append(
            (
                trial.batch_size,
                steps,
                REPORT_ITERATIONS.get(trial.batch_size),
                done,
                steps * done,
                final(result, "validation_accuracy"),
                best_value(result, "validation_accuracy"),
                best_epoch(result, "validation_accuracy"),
                REPORT_ACCURACY_OF_ONE if in_report else None,
            )
        )
    note = f"{with_report(results.data)} An iteration is one step of the optimizer on one batch."
    return Table("batch-sizes", "Iterations and accuracy", columns, tuple(rows), note=note)


def _noise_table(results: Results, noises: list[Noise | None]) -> Table:
    columns = (
        Column("batch_size", "Batch size"),
        Column("batches", "Batches measured"),
        Column("mean_batch_loss", "Mean loss", unit="nats"),
        Column("noise", "Noise", unit="nats"),
        Column("relative_noise", "Noise / mean loss", decimals=1, unit="%"),
        Column("noise_of_one_sample", "Noise × √batch size", unit="nats"),
    )
    rows = tuple(
        (
            result.trial.batch_size,
            *(
                (n.batches, n.mean, n.deviation, 100 * n.relative, n.deviation * math.sqrt(result.trial.batch_size))
                if n
                else (None,) * 5
            ),
        )
        for result, n in zip(results.trials, noises, strict=True)
    )
    note = (
        f"{measured_on(results.data)} Noise: the standard deviation of the training loss per batch about its local "
        "mean, √(Σ(l[i+1] − l[i])² / (2(n − 1))) over the last fifth of the batches, of short runs over the last 100 "
        "(von Neumann et al. 1941, Rice 1984). If only the choice of the samples made it, it would fall as "
        "1/√batch size, and the last column would "
        "be the same for networks that are equally good."
    )
    return Table("noise", "Noise of the training loss per batch", columns, rows, note=note)


def _most_accurate(results: Results) -> list[Finding]:
    best = best_trial(results.trials, "validation_accuracy")
    if best is None:
        return []
    trial, epoch, accuracy = best
    steps = epoch * iterations(trial.trial, results.data)
    text = (
        f"{capital(trial.name)} reached the highest validation accuracy, {accuracy:.4f} at epoch {epoch} after "
        f"{steps:,} iterations."
    )
    evidence = {"batch_size": trial.trial.batch_size, "epoch": epoch, "iterations": steps}
    return [Finding("Highest validation accuracy", text, {**evidence, "validation_accuracy": accuracy})]


def _quieter(results: Results) -> list[Finding]:
    measured = [
        (trial.trial.batch_size, n)
        for trial in results.trials
        if (n := _noise(trial)) is not None and math.isfinite(n.deviation)
    ]
    if len(measured) < 2:
        return []
    (small, noisy), (large, quiet) = min(measured, key=lambda m: m[0]), max(measured, key=lambda m: m[0])
    factor = noisy.deviation / quiet.deviation if quiet.deviation > 0 else math.nan
    expected = math.sqrt(large / small)
    text = (
        f"The noise of the training loss per batch is {noisy.deviation:.4f} with batch size {small} and "
        f"{quiet.deviation:.4f} with {large}, a factor of {factor:.1f}; 1/√batch size alone would make it "
        f"{expected:.1f}."
    )
    evidence = {f"noise {size}": n.deviation for size, n in measured}
    return [Finding("Noise", text, {**evidence, "factor": factor, "expected_factor": expected})]


def _steps(results: Results) -> list[Finding]:
    counts = {t.trial.batch_size: iterations(t.trial, results.data) for t in results.trials}
    if len(counts) < 2:
        return []
    small, large = min(counts), max(counts)
    text = (
        f"One epoch is {counts[small]:,} iterations with batch size {small} and {counts[large]:,} with {large}, from "
        f"the same {results.data.rows.get('train', 0):,} samples."
    )
    return [Finding("Iterations", text, {f"iterations {size}": count for size, count in counts.items()})]
