"""Training that is cut off, saved and taken up by another trainer, beside one that is not."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iml_tui.training.progress import Pace
from iml_tui.training.trainer import EpochOutcome, EpochTrainer, Evaluation, TrainerState


def through_a_file(state: TrainerState | None, device: str = "cpu") -> TrainerState:
    """The state as it comes back from a checkpoint, its tensors on a device."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    found: TrainerState = torch.load(file, weights_only=True, map_location=device)
    return found


def same(first: object, second: object) -> bool:
    """Whether two states, outcomes or parts of them are the same bit for bit; NaN is the same as NaN."""
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return first.dtype == second.dtype and np.array_equal(
            first.numpy(), second.numpy(), equal_nan=first.is_floating_point()
        )
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return first.dtype == second.dtype and np.array_equal(first, second, equal_nan=first.dtype.kind == "f")
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, float) and isinstance(second, float) and math.isnan(first):
        return math.isnan(second)
    return type(first) is type(second) and first == second


def without_seconds(state: TrainerState | None) -> TrainerState:
    """The state without the one thing in it that the clock decides."""
    assert state is not None
    if state["epoch"] is None:
        return state
    return state | {"epoch": state["epoch"] | {"sums": state["epoch"]["sums"] | {"seconds": 0.0}}}


@dataclass
class Told:
    """What a trainer tells of its steps, and where it is stopped.

    Attributes:
        stop: called with the steps of the epoch that are done; False stops.
    """

    going: Callable[[int], bool] = lambda steps_done: True
    steps: list[int] = field(default_factory=list)
    losses: list[NDArray[np.float32]] = field(default_factory=list)
    others: list[NDArray[np.float32]] = field(default_factory=list)

    def __call__(self, steps_done: int, losses: NDArray[np.float32], *others: NDArray[np.float32] | None) -> bool:
        self.steps.append(steps_done)
        self.losses.extend(losses)
        self.others.extend(values for other in others if other is not None for values in other)
        return self.going(steps_done)

    @property
    def everything(self) -> list[Any]:
        """Losses, and norms or accuracies, of each step."""
        return [*self.losses, *self.others]


@dataclass
class Trained:
    """A training from its begin to its end: what each epoch gave, what was told, and the state at the end."""

    outcomes: list[EpochOutcome]
    evaluations: list[Evaluation]
    told: Told
    state: TrainerState


def train_whole(trainer: EpochTrainer, epochs: int) -> Trained:
    told = Told()
    outcomes, evaluations = [], []
    for _ in range(epochs):
        outcomes.append(trainer.train_epoch(told))
        evaluations.append(trainer.evaluate("validation"))
    return Trained(outcomes, evaluations, told, without_seconds(trainer.state(between_epochs=True)))


def train_cut(make: Callable[[], EpochTrainer], epochs: int, epoch: int, step: int) -> Trained:
    """Train until so many steps of an epoch (from 0) were done, and go on in another trainer from the saved state.

    With step 0 the state is taken between the epochs. The state is taken while the last step is told, as a checkpoint
    is; then the first trainer does something else, which must not show.
    """
    first, told = make(), Told()
    outcomes, evaluations = [], []
    for _ in range(epoch):
        outcomes.append(first.train_epoch(told))
        evaluations.append(first.evaluate("validation"))
    states = [first.state(between_epochs=True)] if step == 0 else []

    def going(steps_done: int) -> bool:
        if steps_done == step:
            states.append(first.state(between_epochs=False))
        return steps_done < step

    if step:
        told.going = going
        first.train_epoch(told)
        told.going = lambda steps_done: True
    [state] = states
    if epoch + bool(step) < epochs:
        first.train_epoch(Told())
    second = make()
    second.restore(through_a_file(state))
    assert same(without_seconds(second.state(between_epochs=step == 0)), without_seconds(state))
    for _ in range(epoch, epochs):
        outcomes.append(second.train_epoch(told))
        evaluations.append(second.evaluate("validation"))
    return Trained(outcomes, evaluations, told, without_seconds(second.state(between_epochs=True)))


def assert_same_training(found: Trained, expected: Trained) -> None:
    """Every figure but the seconds, everything told, and the state at the end are the same bit for bit."""
    for name in ("train_loss", "train_accuracy", "steps", "samples", "complete", "gradient_norms", "zero_gradients"):
        for one, other in zip(found.outcomes, expected.outcomes, strict=True):
            assert same(getattr(one, name), getattr(other, name)), name
    assert same(found.told.everything, expected.told.everything)
    for measured, wanted in zip(found.evaluations, expected.evaluations, strict=True):
        assert same(measured.loss, wanted.loss)
        assert same(measured.accuracy, wanted.accuracy)
        assert measured.others == wanted.others
    assert same(found.state, expected.state)


def steady(self: Pace, steps: int, seconds: float) -> None:
    """In place of `Pace.learn`: blocks stay as they are, whatever the clock says."""
