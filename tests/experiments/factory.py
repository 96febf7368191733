"""Synthetic results: curves of known shape, as a run would have measured them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from iml_tui.experiments.base import Experiment
from iml_tui.experiments.results import DataSummary, EpochMetrics, Results, TrialResult, TrialState

FREQUENCY_LOSS = 2.85


def data(rows: int = 106_897) -> DataSummary:
    return DataSummary(
        name="synthetic cities",
        rows={"train": rows, "validation": 13_363, "test": 13_363},
        classes=33,
        sha256="0" * 64,
        frequency_loss=dict.fromkeys(("train", "validation", "test"), FREQUENCY_LOSS),
        majority_accuracy=dict.fromkeys(("train", "validation", "test"), 0.17),
    )


def healthy(epochs: int, floor: float = 0.25) -> list[float]:
    """A loss that falls from 2.5 to `floor` and stays there."""
    return [floor + (2.5 - floor) * math.exp(-epoch / 3) for epoch in range(epochs)]


def epoch_metrics(train: Sequence[float], validation: Sequence[float]) -> list[EpochMetrics]:
    """Epochs with these losses; the test loss is the validation loss, accuracies are exp(−loss)."""
    measured = []
    for epoch, (t, v) in enumerate(zip(train, validation, strict=True), 1):
        losses = {"train_loss": t, "validation_loss": v, "test_loss": v}
        accuracies = {name.replace("loss", "accuracy"): math.exp(-loss) for name, loss in losses.items()}
        measured.append(EpochMetrics(epoch, {**losses, **accuracies}, seconds=2.0, samples_per_second=50_000.0))
    return measured


def results(
    experiment: Experiment,
    curves: Sequence[Sequence[float]],
    validation: Sequence[Sequence[float]] | None = None,
    rows: int = 106_897,
    **hyperparameters: object,
) -> Results:
    """Results whose trials have these train losses (and validation losses; the same where None)."""
    asked = experiment.trials(experiment.hyperparameters.model_validate(hyperparameters))
    trials = []
    for index, (trial, train, held_out) in enumerate(zip(asked, curves, validation or curves, strict=True)):
        state: TrialState = "done" if len(train) == trial.epochs else "running" if len(train) else "waiting"
        trials.append(TrialResult(index, trial, state, epoch_metrics(train, held_out)))
    return Results(experiment.id, data(rows), trials)


def batch_losses(count: int, noise: float, seed: int = 0) -> NDArray[np.float32]:
    """Losses around 0.3 after a fall from 2.5, with normally distributed noise of this standard deviation."""
    steps = np.arange(count)
    level = 0.3 + 2.2 * np.exp(-steps / (count / 20))
    return (level + np.random.default_rng(seed).normal(0, noise, count)).astype(np.float32)
