"""What trains networks, seen from outside: an epoch at a time, however a step is executed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray


class OnProgress(Protocol):
    """Called with what the k steps since the last call gave; False stops.

    Its arguments are the steps done in this epoch, the losses [k, E] (nats), log10 of the squared L2 norms of the
    weight gradients [k, E, L] of the L linear layers (−inf for a gradient of exactly 0), and the accuracies [k, E] over
    the samples of the epoch up to each step; None where one is not recorded.
    """

    def __call__(
        self,
        steps_done: int,
        losses: NDArray[np.float32],
        norms: NDArray[np.float32] | None = None,
        running_accuracies: NDArray[np.float32] | None = None,
        /,
    ) -> bool:
        """Take the steps in; False stops."""


TrainerState = dict[str, Any]
"""What a checkpoint keeps of a trainer: tensors, numbers, texts, None, and lists and dictionaries of them.

Nothing else: it is read back with `torch.load(…, weights_only=True)`, which runs no code out of the file."""


@dataclass(frozen=True)
class EpochOutcome:
    """What one epoch of training gave, per member.

    `train_loss` (nats) and `train_accuracy` are means over the samples of the `steps` batches done, measured while
    training; NaN before the first batch. `samples` counts per member, `seconds` is wall-clock time. `complete` is False
    when the epoch was stopped.

    `gradient_norms` [E, L] is the squared L2 norm of the gradient of each linear layer's weights, before clipping,
    averaged over the steps, and `zero_gradients` [E, L] the number of steps at which it was exactly 0. Both are None
    where gradients are not recorded.
    """

    train_loss: NDArray[np.float64]
    train_accuracy: NDArray[np.float64]
    steps: int
    samples: int
    seconds: float
    complete: bool
    gradient_norms: NDArray[np.float64] | None = None
    zero_gradients: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Evaluation:
    """Mean cross-entropy (nats) and accuracy per sample of a split, per member; NaN for an empty split.

    `others` are figures of this split by the name of their metric, each with a value per member.
    """

    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    others: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Prediction:
    """The most probable class of each of n points and its probability (0…1), per member."""

    classes: NDArray[np.int64]
    probabilities: NDArray[np.float32]


class EpochTrainer(Protocol):
    """Trains `members` models side by side, an epoch at a time, however a step is executed."""

    @property
    def members(self) -> int:
        """The number of models, E."""

    @property
    def parameters(self) -> list[int]:
        """The trainable parameters of each model."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one epoch."""

    def train_epoch(self, on_progress: OnProgress) -> EpochOutcome:
        """Train one epoch; every step's losses go to `on_progress` exactly once before this returns."""

    def evaluate(self, split: Literal["validation", "test"]) -> Evaluation:
        """Measure every model on a split."""

    def state(self, *, between_epochs: bool) -> TrainerState | None:
        """Everything that going on exactly from here needs; None where training has to start anew (a classifier's fit).

        May be called between epochs and from within `on_progress`, where it holds all steps that were reported, with
        the order of the epoch's samples, the position in it and the sums over its steps.

        With `between_epochs` the epoch that was trained last is over and done with, and what belongs to it is left out.
        Without, after an epoch's last step, a trainer that takes the state over returns that epoch's outcome from
        `train_epoch` without another step.
        """

    def restore(self, state: TrainerState) -> None:
        """Take over a state of a trainer of the same trials: the next `train_epoch` goes on where that one stood.

        Raises:
            LabError: the state does not fit these trials.
        """

    @property
    def changeable(self) -> frozenset[str]:
        """The hyperparameters that can be changed while it trains."""

    def change(self, member: int, field: str, value: float) -> float:
        """Give a member another value of a changeable hyperparameter from the next step on; returns the former."""


class Trainer(EpochTrainer, Protocol):
    """Trains networks on coordinates."""

    def predict(self, coordinates: NDArray[np.float32]) -> Prediction:
        """What every network makes of the points `coordinates` [n, 2] (degrees); both results are [E, n]."""
