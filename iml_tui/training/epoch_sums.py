"""The sums over the steps of an epoch, which do not depend on how the epoch was cut into parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from iml_tui.training.trainer import EpochOutcome, TrainerState


class EpochSums:
    """What the steps of one epoch gave so far.

    Step is added to step in float64, one after the other: addition rounds, so that sums of parts would depend on
    where reports, which follow the clock, and interruptions cut the epoch.

    Args:
        members: E.
        layers: L, where the norms of gradients are recorded.

    Attributes:
        steps, samples: how many; samples per member.
        seconds: how long they took.
        loss: [E], the sum over the samples of the loss (nats).
        correct: [E], correct predictions.
        norms: [E, L], the sum over the steps of the squared norms of the layers' gradients.
        zeros: [E, L], the steps at which a gradient was exactly 0.
    """

    def __init__(self, members: int, layers: int | None = None) -> None:
        self.steps = self.samples = 0
        self.seconds = 0.0
        self.loss: NDArray[np.float64] = np.zeros(members)
        self.correct: NDArray[np.float64] = np.zeros(members)
        self.norms: NDArray[np.float64] | None = None if layers is None else np.zeros((members, layers))
        self.zeros: NDArray[np.int64] | None = None if layers is None else np.zeros((members, layers), np.int64)

    def add(
        self,
        losses: NDArray[np.floating[Any]],
        correct: NDArray[np.number[Any]],
        sizes: NDArray[np.int64],
        norms: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Add k steps.

        Args:
            losses: mean losses of the batches [k, E], nats.
            correct: correct predictions [k, E].
            sizes: samples of each batch [k].
            norms: squared norms of the layers' gradients [k, E, L], where they are recorded.

        Returns:
            The accuracy over the samples up to each of the steps, [k, E].
        """
        self.loss = _running(self.loss, losses.astype(np.float64) * sizes[:, None])[-1]
        hits = _running(self.correct, correct.astype(np.float64))
        accuracies: NDArray[np.float64] = hits / (self.samples + sizes.cumsum()[:, None])
        self.correct = hits[-1]
        if norms is not None:
            assert self.norms is not None
            assert self.zeros is not None
            self.norms = _running(self.norms, norms)[-1]
            self.zeros = self.zeros + (norms == 0).sum(0)
        self.steps += len(sizes)
        self.samples += int(sizes.sum())
        return accuracies

    def outcome(self, complete: bool) -> EpochOutcome:
        """The means over the samples, and of the norms over the steps."""
        samples = self.samples or math.nan
        return EpochOutcome(
            train_loss=self.loss / samples,
            train_accuracy=self.correct / samples,
            steps=self.steps,
            samples=self.samples,
            seconds=self.seconds,
            complete=complete,
            gradient_norms=None if self.norms is None else self.norms / (self.steps or math.nan),
            zero_gradients=self.zeros,
        )

    def state(self) -> TrainerState:
        """The sums as tensors and numbers."""
        return {
            "steps": self.steps,
            "samples": self.samples,
            "seconds": self.seconds,
            "loss": torch.from_numpy(self.loss.copy()),
            "correct": torch.from_numpy(self.correct.copy()),
            "norms": None if self.norms is None else torch.from_numpy(self.norms.copy()),
            "zeros": None if self.zeros is None else torch.from_numpy(self.zeros.copy()),
        }

    @classmethod
    def restored(cls, state: TrainerState) -> Self:
        """The sums of a state that has the structure of one of `state`."""
        sums = cls(len(state["loss"]))
        sums.steps, sums.samples, sums.seconds = state["steps"], state["samples"], state["seconds"]
        sums.loss, sums.correct = state["loss"].cpu().numpy().copy(), state["correct"].cpu().numpy().copy()
        if state["norms"] is not None:
            sums.norms, sums.zeros = state["norms"].cpu().numpy().copy(), state["zeros"].cpu().numpy().copy()
        return sums


def taken(state: TrainerState, members: Sequence[int]) -> TrainerState:
    """The sums of some of the members, in another order."""
    per_member = ("loss", "correct", "norms", "zeros")
    rows = list(members)
    return state | {name: None if state[name] is None else state[name][rows] for name in per_member}


def _running(total: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """`total` plus the first value, plus the second, and so on: the sum after each of `values` [k, …]."""
    sums: NDArray[np.float64] = np.cumsum(np.concatenate([total[None], values]), axis=0)[1:]
    return sums
