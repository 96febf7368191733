"""Made-up results with gradient norms: a deep plain net that vanishes and a healthy one, for one or several seeds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from iml_tui.experiments.results import DataSummary, EpochMetrics, Results, TrialResult
from iml_tui.experiments.trials import MLPTrial

DATA = DataSummary("synthetic cities", {"train": 80_000}, 33, "0" * 64, {}, {})

Norms = Callable[[int, int, int], NDArray[np.float64]]


def vanishing(layers: int, epoch: int, seed: int) -> NDArray[np.float64]:
    """Squared norms [layers] that fall by 0.6 decades a layer towards the input, down to exactly 0."""
    depth = np.arange(layers, dtype=np.float64)[::-1]
    norms = 10.0 ** (-depth * (0.6 - 0.01 * epoch) + 0.1 * seed)
    return np.where(norms < 1e-45, 0.0, norms)


def healthy(layers: int, epoch: int, seed: int) -> NDArray[np.float64]:
    """Squared norms [layers] between 0.1 and 0.5."""
    return 0.3 + 0.2 * np.sin(np.arange(layers) + epoch + seed)


def gradient_results(
    models: dict[str, Norms], *, layers: int = 101, epochs: int = 10, done: int = 10, seeds: tuple[int, ...] = (42,)
) -> Results:
    """Results of models of so many linear layers, `done` of `epochs` epochs of each seed finished."""
    trials: list[TrialResult] = []
    for label, norms in models.items():
        for number, seed in enumerate(seeds):
            trial = MLPTrial(
                name=f"{label}, seed {seed}",
                model=label,
                label=f"{label} · seed {seed}" if len(seeds) > 1 else label,
                seed=seed,
                epochs=epochs,
                hidden_layers=layers - 1,
                hidden_width=4,
                batch_norm=False,
                learning_rate=1e-3,
                batch_size=256,
                record_gradients=True,
            )
            measured = [
                EpochMetrics(
                    epoch,
                    {
                        "validation_accuracy": 0.9 - 0.5 / epoch + 0.01 * number,
                        "validation_loss": 0.3 + 2 / epoch + 0.1 * number,
                    },
                    seconds=1.0 + number,
                    gradient_norms=norms(layers, epoch, number).tolist(),
                )
                for epoch in range(1, done + 1)
            ]
            state = "done" if done == epochs else "running"
            trials.append(TrialResult(len(trials), trial, state, measured, parameters=20 * layers))  # type: ignore[arg-type]
    return Results("6.2.1.5", DATA, trials)
