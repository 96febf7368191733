"""Collecting what the steps of an epoch measure, and reporting it in blocks."""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iml_tui.training.epoch_sums import EpochSums
from iml_tui.training.trainer import EpochOutcome, OnProgress

REPORT_SECONDS = 0.1
"""About how often a running epoch reports: often enough for a moving chart, rare enough to cost nothing."""


class Pace:
    """How many steps to do between two reports, learnt from how long the last ones took; at `first`, that many."""

    def __init__(self, first: int = 8) -> None:
        self.steps = first

    def learn(self, steps: int, seconds: float) -> None:
        """Aim at `REPORT_SECONDS`, growing at most fourfold at a time: the first steps are slow (start-up costs)."""
        wanted = steps * REPORT_SECONDS / max(seconds, 1e-9)
        self.steps = max(1, min(4 * self.steps, round(wanted)))


class EpochReport:
    """Gathers what the steps of one epoch measured and reports it in blocks.

    Steps leave their results on the device; a block fetches them together, so the device is waited for once a block.
    With `running_accuracies` a report tells, for each of its steps, the accuracy over the epoch's samples up to there.

    Args:
        sums: of the epoch, to which the steps are added; not empty where an epoch goes on that was begun before.
    """

    def __init__(
        self, sums: EpochSums, on_progress: OnProgress, pace: Pace, *, running_accuracies: bool = False
    ) -> None:
        self.sums, self.on_progress, self.pace = sums, on_progress, pace
        self._tells_accuracies = running_accuracies
        self._losses: list[Tensor] = []
        self._correct: list[Tensor] = []
        self._norms: list[Tensor] = []
        self._sizes: list[int] = []
        self._seconds_before = sums.seconds
        self._began = self._block_began = time.perf_counter()

    def add(self, loss: Tensor, correct: Tensor, norms: Tensor | None, samples: int, last: bool) -> bool:
        """Take one step's results; False when the epoch is to stop.

        Args:
            loss: mean loss of the batch [E], nats.
            correct: correct predictions [E].
            norms: squared norms of the layers' gradients [E, L], where they are recorded.
            samples: the size of the batch.
            last: whether it is the last of the epoch.
        """
        self._losses.append(loss)
        self._correct.append(correct)
        self._sizes.append(samples)
        if norms is not None:
            self._norms.append(norms)
        return self._report() if last or len(self._sizes) >= self.pace.steps else True

    def _report(self) -> bool:
        losses = torch.stack(self._losses).cpu().numpy()
        norms = torch.stack(self._norms).cpu().numpy() if self._norms else None
        accuracies = self.sums.add(losses, torch.stack(self._correct).cpu().numpy(), np.array(self._sizes), norms)
        now = time.perf_counter()
        self.sums.seconds = self._seconds_before + now - self._began
        self.pace.learn(len(self._sizes), now - self._block_began)
        self._losses, self._correct, self._norms, self._sizes = [], [], [], []
        told = (self.sums.steps, losses.astype(np.float32), None if norms is None else _logarithms(norms))
        if self._tells_accuracies:
            going = self.on_progress(*told, accuracies.astype(np.float32))
        else:
            going = self.on_progress(*told)
        self._block_began = time.perf_counter()
        return going

    def outcome(self, complete: bool) -> EpochOutcome:
        """The means over the samples, and of the norms over the steps, so far."""
        self.sums.seconds = self._seconds_before + time.perf_counter() - self._began
        return self.sums.outcome(complete)


def _logarithms(norms: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(divide="ignore"):  # log10(0) is −∞, as it is to be.
        logarithms: NDArray[np.float64] = np.log10(norms)
    return logarithms.astype(np.float32)
