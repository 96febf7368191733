"""What came out of a run, as experiments, tables, charts and findings read it.

Losses are mean cross-entropies in nats per sample, accuracies are fractions in 0…1. A metric that is not finite is
NaN here (and null in JSON).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from iml_tui.experiments.trials import MLPTrial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from iml_tui.experiments.trials import Trial

SPLITS = ("train", "validation", "test")
LOSSES = tuple(f"{split}_loss" for split in SPLITS)
ACCURACIES = tuple(f"{split}_accuracy" for split in SPLITS)
METRICS = tuple(f"{split}_{figure}" for split in SPLITS for figure in ("loss", "accuracy"))
"""All figures that are measured after every epoch."""

AREAS = ("validation_auc", "test_auc")
"""Of classifiers with two classes: the area under the ROC curve, 0…1; measured beside `METRICS` after every epoch."""

GRADIENT_NORM = "gradient_norm."


def confusion_metric(true: int, predicted: int) -> str:
    """The metric that counts the test samples of class `true` that were taken for class `predicted`, both 0 or 1."""
    return f"test_confusion_{true}{predicted}"


TrialState = Literal["waiting", "running", "done", "stopped", "diverged", "failed"]


@dataclass(frozen=True)
class DataSummary:
    """What a run was trained on.

    `frequency_loss` is the cross-entropy (nats) of always predicting the class frequencies of the training split,
    measured on each split; `majority_accuracy` the accuracy of always predicting its most frequent class. `class_names`
    are kept where there are two classes only.
    """

    name: str
    rows: Mapping[str, int]
    classes: int
    sha256: str
    frequency_loss: Mapping[str, float]
    majority_accuracy: Mapping[str, float]
    embedded: bool = True
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class WeightsSummary:
    """The pretrained weights that a run started from.

    `kind` is `imagenet`, `offline` (the lab's own source task) or `file`; `name` is for tables ("ImageNet,
    IMAGENET1K_V1"), `sha256` identifies the file. `caveat` is a sentence on what results from them do not show; it is
    shown wherever they are used, "" where there is nothing to say.
    """

    kind: Literal["imagenet", "offline", "file"]
    name: str
    sha256: str
    caveat: str = ""


@dataclass
class EpochMetrics:
    """The figures after one epoch; `epoch` counts from 1. `seconds` is the wall-clock time of its training part.

    `metrics` holds all of `METRICS`, and what else the trial measures (`AREAS`, `confusion_metric`, a figure a head).

    `gradient_norms[i]` is the squared L2 norm of the gradient of linear layer i's weights, averaged over the steps of
    the epoch; `zero_gradients[i]` the number of steps at which it was exactly 0 (dead ReLUs or underflow). Both are
    empty where gradients were not recorded. The last layer is the output layer.
    """

    epoch: int
    metrics: dict[str, float]
    seconds: float = math.nan
    samples_per_second: float = math.nan
    gradient_norms: Sequence[float] = ()
    zero_gradients: Sequence[int] = ()

    def __getitem__(self, metric: str) -> float:
        """The named metric; NaN where it was not finite or not recorded. "gradient_norm.30" is that of layer 30."""
        if metric.startswith(GRADIENT_NORM):
            layer = int(metric.removeprefix(GRADIENT_NORM))
            return self.gradient_norms[layer] if layer < len(self.gradient_norms) else math.nan
        return self.metrics.get(metric, math.nan)


@dataclass
class TrialProgress:
    """Where a trial stands inside its current epoch. `step` of `steps` batches are done in epoch `epoch`."""

    epoch: int = 0
    step: int = 0
    steps: int = 0
    samples_per_second: float = math.nan


@dataclass(frozen=True)
class Change:
    """A hyperparameter that somebody changed while the trial trained: from `old` to `new`.

    `epoch` counts from 1; `step` of its `steps` batches were done. `time` is when, seconds since the epoch.
    """

    epoch: int
    step: int
    steps: int
    field: str
    old: float
    new: float
    time: float

    @property
    def position(self) -> float:
        """Where on an axis of epochs: 2.5 is the middle of the third epoch."""
        return self.epoch - 1 + (self.step / self.steps if self.steps else 0.0)


@dataclass(frozen=True)
class ForkPoint:
    """Where a trial left the trial of another run that it started from.

    Of `run`'s trial `name` it has `epochs` whole epochs and `step` of the `steps` batches of the next one; figures up
    to there are that trial's. `changes` are the hyperparameters that differ from there on: (field, old, new).
    """

    run: str
    name: str
    epochs: int
    step: int
    steps: int
    changes: tuple[tuple[str, Any, Any], ...] = ()

    @property
    def position(self) -> float:
        """Where on an axis of epochs: 2.5 is the middle of the third epoch."""
        return self.epochs + (self.step / self.steps if self.steps else 0.0)


@dataclass
class TrialResult:
    """One trial: what was asked (`trial`), how far it is, and what was measured so far.

    `series` maps a step-level series name ("batch_loss") to a function that loads it as float32, one value a batch
    over all epochs. `diverged_at` is (epoch, batch), both counted from 1, of the first non-finite batch loss.
    `parameters` is the number of trainable parameters, None while it is not known. `maps` are the epochs after which
    a decision map was kept (see `runs/maps.py`), in order. `has_predictions` tells whether the probabilities that it
    gives to the test pictures were kept (see `runs/pictures.py`). `changes` are what was changed while it trained, in
    order, and `fork` is where it started from, None for one that started from its initial weights.
    """

    index: int
    trial: Trial
    state: TrialState = "waiting"
    epochs: list[EpochMetrics] = field(default_factory=list)
    progress: TrialProgress = field(default_factory=TrialProgress)
    diverged_at: tuple[int, int] | None = None
    series: dict[str, Callable[[], NDArray[np.float32]]] = field(default_factory=dict)
    parameters: int | None = None
    maps: list[int] = field(default_factory=list)
    has_predictions: bool = False
    changes: list[Change] = field(default_factory=list)
    fork: ForkPoint | None = None

    @property
    def name(self) -> str:
        """The trial's name, unique within its run."""
        return self.trial.name

    @property
    def label(self) -> str:
        """The short name for legends."""
        return self.trial.label

    @property
    def mlp(self) -> MLPTrial:
        """The trial, which must be that of a multilayer perceptron."""
        assert isinstance(self.trial, MLPTrial)
        return self.trial

    @property
    def stand(self) -> tuple[Any, ...]:
        """How far the trial has got: another tuple whenever anything was added to what was measured.

        Where it stands inside an epoch does not count.
        """
        latest = self.epochs[-1] if self.epochs else None
        return (
            self.state,
            len(self.epochs),
            latest,
            self.diverged_at,
            self.parameters,
            tuple(self.maps),
            self.has_predictions,
            len(self.changes),
        )

    def values(self, metric: str) -> list[float]:
        """The metric after every epoch so far."""
        return [epoch[metric] for epoch in self.epochs]

    def last(self, metric: str) -> float:
        """The metric after the last epoch so far; NaN before the first."""
        return self.epochs[-1][metric] if self.epochs else math.nan

    def at(self, epoch: int, metric: str) -> float:
        """The metric after the given epoch (from 1); NaN where the trial has not got there."""
        return self.epochs[epoch - 1][metric] if 1 <= epoch <= len(self.epochs) else math.nan

    def best(self, metric: str) -> tuple[int, float] | None:
        """(epoch, value) of the lowest loss or highest accuracy, the earliest on ties; None without a finite one."""
        finite = [(e.epoch, e[metric]) for e in self.epochs if math.isfinite(e[metric])]
        if not finite:
            return None
        sign = -1.0 if metric.endswith("accuracy") else 1.0
        return min(finite, key=lambda pair: (sign * pair[1], pair[0]))


@dataclass
class Results:
    """All trials of a run with the data they were trained on, and the run's hyperparameters as they were asked for.

    `weights` are the pretrained ones; None where there are none, or none were found yet.
    """

    experiment: str
    data: DataSummary
    trials: list[TrialResult]
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    weights: WeightsSummary | None = None
    _known: tuple[Any, Sequence[TrialResult]] = field(default=((), ()), init=False, repr=False, compare=False)

    @property
    def models(self) -> Sequence[TrialResult]:
        """One result a model, in order: its only trial, or the mean over its seeds (`seeds.ModelResult`).

        The means are kept until a trial has got further: tables, findings and charts ask for them over and over.
        """
        from iml_tui.experiments.seeds import by_model, with_progress  # Builds on this module.

        stand = [trial.stand for trial in self.trials]
        if stand != self._known[0]:
            self._known = stand, by_model(self.trials)
        return with_progress(self._known[1])

    def ranking(self, metric: str = "validation_accuracy") -> list[int]:
        """Positions in `models` by the metric after the last epoch so far, the best first.

        Models without a finite figure are left out; of equal ones the first stands first.
        """
        sign = -1.0 if metric.endswith("accuracy") else 1.0
        reached = [(sign * model.last(metric), position) for position, model in enumerate(self.models)]
        return [position for figure, position in sorted(reached, key=lambda pair: pair[0]) if math.isfinite(figure)]
