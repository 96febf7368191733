"""The training loop: an ensemble of perceptrons, trained together on data that stays on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from iml_tui.experiments.trials import MLPTrial
from iml_tui.networks.ensemble import EnsembleMLP
from iml_tui.training.data import DeviceData
from iml_tui.training.optimizer import EnsembleAdam
from iml_tui.training.progress import EpochReport, Pace
from iml_tui.training.shuffle import Shuffle
from iml_tui.training.trainer import EpochOutcome, Evaluation, OnProgress, Trainer

__all__ = ["EnsembleTrainer", "EpochOutcome", "Evaluation", "OnProgress", "Trainer", "cross_entropy"]

EVALUATION_NUMBERS = 1 << 22
"""Most activations held at once during evaluation, over all members (16 MiB of float32)."""


class EnsembleTrainer:
    """Trains the members of an `EnsembleMLP` with `EnsembleAdam` by autograd.

    Each member trains as it would alone: from the initial weights of its seed, on batches in the order of its seed.
    """

    def __init__(
        self,
        trials: Sequence[MLPTrial],
        data: DeviceData,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        first = trials[0]
        self.members = len(trials)
        self.steps_per_epoch = first.batches_per_epoch(len(data.train))
        self.batch_size = first.batch_size
        self.data = data
        self.network = EnsembleMLP.seeded(
            [trial.seed for trial in trials],
            first.hidden_layers,
            first.hidden_width,
            data.classes,
            first.batch_norm,
        ).to(device, dtype)
        self.optimizer = EnsembleAdam(self.network.parameters(), [trial.learning_rate for trial in trials])
        self.shuffle = Shuffle([trial.seed for trial in trials])
        self.pace = Pace()
        self.widest = max(first.hidden_width, data.classes)

    def train_epoch(self, on_progress: OnProgress) -> EpochOutcome:
        """Train one epoch; every step's losses go to `on_progress`, which may stop the epoch there."""
        self.network.train()
        x, y = self.shuffle.next_epoch(self.data.train)
        rows = len(self.data.train)
        report = EpochReport(self.members, on_progress, self.pace)
        for start in range(0, rows, self.batch_size):
            end = min(start + self.batch_size, rows)
            loss, correct = self._step(x[..., start:end, :], y[..., start:end])
            if not report.add(loss, correct, end - start, last=end == rows):
                break
        return report.outcome(complete=report.samples == rows)

    def _step(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """One optimizer step on a batch; returns each member's loss and number of correct predictions, both [E]."""
        logits = self.network(x)
        loss = cross_entropy(logits, y).mean(1)
        # A member's loss depends on its own parameters only, so the gradient of the sum is the gradient of each.
        self.optimizer.step(torch.autograd.grad(loss.sum(), self.optimizer.parameters))
        return loss.detach(), (logits.detach().argmax(2) == y).sum(1)

    @torch.no_grad()
    def evaluate(self, split: Literal["validation", "test"]) -> Evaluation:
        """Measure every member on a split in evaluation mode, in chunks that bound memory."""
        self.network.eval()
        samples = self.data.split(split)
        rows = max(1, EVALUATION_NUMBERS // (self.members * self.widest))
        total = torch.zeros(2, self.members, dtype=torch.float64, device=samples.labels.device)
        for start in range(0, len(samples), rows):
            y = samples.labels[start : start + rows]
            logits = self.network(samples.coordinates[start : start + rows])
            total[0] += cross_entropy(logits, y).sum(1, dtype=torch.float64)
            total[1] += (logits.argmax(2) == y).sum(1)
        loss, accuracy = (total / len(samples)).cpu().numpy()
        return Evaluation(loss, accuracy)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy (nats) [E, B] of `logits` [E, B, C] for `labels` [B] or [E, B]."""
    members, batch, classes = logits.shape
    targets = labels.expand(members, batch).reshape(-1)
    return functional.cross_entropy(logits.reshape(-1, classes), targets, reduction="none").view(members, batch)
