"""Several seeds of one model: means, standard deviations, and whether a difference exceeds the noise between seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from iml_tui.experiments.results import METRICS, EpochMetrics, TrialProgress, TrialResult, TrialState
from iml_tui.experiments.tables import Spread, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass
class ModelResult(TrialResult):
    """All seeds of one model as one result: every figure of an epoch is the mean over `members`.

    `epochs` are those that every seed has finished; `index` is the position of the first seed's trial in its run.
    """

    members: Sequence[TrialResult] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.trial.model_name

    @property
    def label(self) -> str:
        """The model's short name."""
        return self.trial.label.partition(" · seed ")[0]


def by_model(trials: Sequence[TrialResult]) -> list[TrialResult]:
    """One result a model, in the order of their first trials: the trial itself where there is but one seed."""
    found: dict[str, list[TrialResult]] = {}
    for trial in trials:
        found.setdefault(trial.trial.model_name, []).append(trial)
    return [members[0] if len(members) == 1 else _together(members) for members in found.values()]


def seeds_of(model: TrialResult) -> Sequence[TrialResult]:
    """The trials of a model: one a seed."""
    return model.members if isinstance(model, ModelResult) else [model]


def label_with_seeds(model: TrialResult) -> str:
    """The short name of a model where its trials might be meant: "lr 0.01 · 5 seeds"; of a trial its own."""
    return f"{model.label} · {len(model.members)} seeds" if isinstance(model, ModelResult) else model.label


def first_seed(model: TrialResult) -> TrialResult:
    """The trial of a model's first seed."""
    return seeds_of(model)[0]


def over_seeds(model: TrialResult, measure: Callable[[TrialResult], Value]) -> Value:
    """A measure of a trial as a table cell for a model: `Spread` over several seeds."""
    return spread([measure(trial) for trial in seeds_of(model)])


def spread(values: Sequence[Value]) -> Value:
    """What was measured, once a seed, as one table cell.

    One seed's value is itself. What is measured for none of the seeds is None, texts are those of the first seed.
    Numbers become a mean and a standard deviation over the seeds that have one.
    """
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if len(values) == 1 or not numbers:
        return values[0]
    return Spread.of(numbers)


def count_seeds(trials: Sequence[TrialResult]) -> int:
    """How many seeds the models were trained with."""
    return len({trial.trial.seed for trial in trials})


def deviations(model: TrialResult, metric: str) -> NDArray[np.float64]:
    """The standard deviation over the seeds (n − 1) of the figure after every epoch: float64 [epochs].

    NaN for fewer than two seeds, and where a seed's figure is not finite.
    """
    seeds, count = seeds_of(model), len(model.epochs)
    if len(seeds) < 2:
        return np.full(count, math.nan)
    figures = np.array([[epoch[metric] for epoch in trial.epochs[:count]] for trial in seeds], dtype=np.float64)
    with np.errstate(invalid="ignore"):  # From infinity nothing has a deviation.
        return np.asarray(figures.std(axis=0, ddof=1))


def deviation_of(model: TrialResult, epoch: int, metric: str) -> float:
    """The standard deviation of one epoch's figure (from 1), as `deviations` has it."""
    found = deviations(model, metric)
    return float(found[epoch - 1]) if 1 <= epoch <= len(found) else math.nan


def _together(members: Sequence[TrialResult]) -> ModelResult:
    first = members[0]
    whole = min(len(trial.epochs) for trial in members)
    diverged = [trial.diverged_at for trial in members if trial.diverged_at is not None]
    names = set.intersection(*(set(trial.series) for trial in members))
    return ModelResult(
        index=first.index,
        trial=first.trial,
        state=_state([trial.state for trial in members]),
        epochs=_mean_epochs([trial.epochs[:whole] for trial in members]),
        progress=_least(members),
        diverged_at=min(diverged, default=None),
        series={name: partial(_mean_series, members, name) for name in names},
        parameters=first.parameters,
        maps=first.maps,
        has_predictions=first.has_predictions,
        members=members,
    )


def with_progress(models: Sequence[TrialResult]) -> Sequence[TrialResult]:
    """The same models, each of several seeds told where its seeds stand inside their epochs by now."""
    for model in models:
        if isinstance(model, ModelResult):
            model.progress = _least(model.members)
    return models


def _least(members: Sequence[TrialResult]) -> TrialProgress:
    return min((trial.progress for trial in members), key=lambda progress: (progress.epoch, progress.step))


def _state(states: Sequence[TrialState]) -> TrialState:
    for state in ("failed", "running", "stopped", "diverged"):
        if state in states:
            return state
    return "done" if all(state == "done" for state in states) else "waiting"


def _mean_epochs(seeds: Sequence[Sequence[EpochMetrics]]) -> list[EpochMetrics]:
    """The means of as many epochs of every seed; counts of zero gradients are summed."""
    names = list(dict.fromkeys((*METRICS, *(name for epochs in seeds for epoch in epochs for name in epoch.metrics))))
    figures = np.array([[_figures(epoch, names) for epoch in epochs] for epochs in seeds])
    with np.errstate(invalid="ignore"):  # The mean of two infinities may be no number.
        means = figures.mean(axis=0).tolist()
    return [
        EpochMetrics(
            epoch=epochs[0].epoch,
            metrics=dict(zip(names, mean, strict=False)),
            seconds=mean[-2],
            samples_per_second=mean[-1],
            gradient_norms=_layers([epoch.gradient_norms for epoch in epochs], np.mean),
            zero_gradients=_layers([epoch.zero_gradients for epoch in epochs], np.sum),
        )
        for mean, epochs in zip(means, zip(*seeds, strict=True), strict=True)
    ]


def _figures(epoch: EpochMetrics, names: Sequence[str]) -> list[float]:
    known = epoch.metrics.get
    return [*(known(metric, math.nan) for metric in names), epoch.seconds, epoch.samples_per_second]


def _layers(seeds: Sequence[Sequence[float]], over: Callable[..., Any]) -> list[Any]:
    """One figure a layer over all seeds; empty where a seed has none."""
    if not all(seeds):
        return []
    figures: list[Any] = over(np.array(seeds), axis=0).tolist()
    return figures


def _mean_series(members: Sequence[TrialResult], name: str) -> NDArray[np.float32]:
    loaded = [trial.series[name]() for trial in members]
    shortest = min(map(len, loaded))
    mean: NDArray[np.float32] = np.mean([values[:shortest] for values in loaded], axis=0, dtype=np.float32)
    return mean
