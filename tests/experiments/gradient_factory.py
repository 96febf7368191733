"""Synthetic gradient norms for synthetic results."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from iml_tui.experiments.results import Results, TrialResult

STEPS = 418
"""Steps of 256 samples in an epoch over 106,897."""


def decaying(layers: int, factor: float, last: float = 0.01, alive: int | None = None) -> list[float]:
    """Squared norms that fall by `factor` from each hidden layer to the one before; the output layer has 0.02.

    Of the hidden layers only the last `alive` have a gradient at all.
    """
    hidden = [last / factor**distance for distance in range(layers - 1)]
    living = len(hidden) if alive is None else alive
    return [*reversed([norm if distance < living else 0.0 for distance, norm in enumerate(hidden)]), 0.02]


def record(trial: TrialResult, norms: Callable[[int], Sequence[float]], steps: int = STEPS) -> None:
    """Give every epoch (from 1) these norms; layers whose norm is 0 had no gradient at any of the `steps`."""
    for epoch in trial.epochs:
        epoch.gradient_norms = list(norms(epoch.epoch))
        epoch.zero_gradients = [steps if norm == 0 else 0 for norm in epoch.gradient_norms]


def record_all(results: Results, norms: Sequence[float]) -> Results:
    """The results, every trial of which has the same norms in every epoch."""
    for trial in results.trials:
        record(trial, lambda _: norms)
    return results
