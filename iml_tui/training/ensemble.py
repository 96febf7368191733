"""The training loop: an ensemble of perceptrons, trained together on data that stays on the device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from iml_tui.errors import UsageError
from iml_tui.experiments.changes import changeable_fields, check_change
from iml_tui.experiments.trials import MLPTrial
from iml_tui.networks.ensemble import EnsembleMLP
from iml_tui.training.averaging import WeightAverage
from iml_tui.training.current_epoch import CurrentEpoch
from iml_tui.training.data import DeviceData, SplitName
from iml_tui.training.ensemble_state import ensemble_state, restore_ensemble
from iml_tui.training.epoch_sums import EpochSums
from iml_tui.training.gradients import GradientNorms
from iml_tui.training.members import make_members
from iml_tui.training.optimizer import EnsembleAdam
from iml_tui.training.progress import EpochReport, Pace
from iml_tui.training.scheduler import learning_rate_factor
from iml_tui.training.shuffle import Shuffle
from iml_tui.training.trainer import EpochOutcome, Evaluation, OnProgress, Prediction, Trainer, TrainerState

__all__ = ["EnsembleTrainer", "EpochOutcome", "Evaluation", "OnProgress", "Prediction", "Trainer", "cross_entropy"]

EVALUATION_NUMBERS = 1 << 22
"""Most activations held at once during evaluation, over all members (16 MiB of float32)."""


class EnsembleTrainer:
    """Trains the members of an `EnsembleMLP` with `EnsembleAdam` by autograd.

    Each member trains as it would alone: from the initial weights of its seed, on batches in the order of its seed.
    The trials agree in all but names, seed, learning rate, width and depth, and stand deepest first.

    The figures of the training itself are those of the weights as they are at each step; with averaging, `evaluate`
    and `predict` use the averaged weights.

    Attributes:
        epoch: the one begun last; None before the first.
    """

    def __init__(
        self,
        trials: Sequence[MLPTrial],
        data: DeviceData,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        first = trials[0]
        self.trials = list(trials)
        self.members = len(trials)
        self.steps_per_epoch = first.batches_per_epoch(len(data.train))
        self.batch_size = first.batch_size
        self.data = data
        self.network = EnsembleMLP(make_members(trials, data)).to(device, dtype)
        self.parameters = self.network.parameter_counts
        # Nothing that features depend on is trained: they are computed once.
        self.inputs: dict[SplitName, Tensor] = {
            "train": self.network.encode(data.train.coordinates),
            "validation": self.network.encode(data.validation.coordinates),
            "test": self.network.encode(data.test.coordinates),
        }
        self.optimizer = EnsembleAdam(
            self.network.parameters(),
            [trial.learning_rate for trial in trials],
            weight_decay=first.weight_decay,
            decoupled=first.optimizer == "adamw",
            clip_norm=first.clip_norm,
        )
        self.scheduler = first.scheduler
        self.steps = first.epochs * self.steps_per_epoch
        self.average: WeightAverage | None = None
        if first.averaging:
            self.average = WeightAverage([self.optimizer.flat, *self.network.statistics], first.averaging)
        self.norms = GradientNorms(self.network, self.optimizer.gradient) if first.record_gradients else None
        self.shuffle = Shuffle([trial.seed for trial in trials])
        self.epoch: CurrentEpoch | None = None
        self.pace = Pace()
        self.widest = max(data.classes, self.inputs["train"].shape[-1], *self.network.widths)

    def train_epoch(self, on_progress: OnProgress) -> EpochOutcome:
        """Train one epoch, or what is left of it; every step's losses go to `on_progress`, which may stop it there."""
        self.network.train()
        rows = len(self.data.train)
        if self.epoch is None or not self.epoch.going:
            self.shuffle.draw(rows)
            self.epoch = CurrentEpoch(self.shuffle.orders, self.no_sums())
        x, y = self.shuffle.ordered(self.inputs["train"], self.data.train.labels)
        report = EpochReport(self.epoch.sums, on_progress, self.pace)
        for start in range(self.epoch.sums.samples, rows, self.batch_size):
            end = min(start + self.batch_size, rows)
            loss, correct, norms = self._step(x[..., start:end, :], y[..., start:end])
            if not report.add(loss, correct, norms, end - start, last=end == rows):
                break
        self.epoch.going = not self.epoch.all_done
        return report.outcome(complete=self.epoch.all_done)

    def no_sums(self) -> EpochSums:
        """The sums of no steps."""
        return EpochSums(self.members, self.norms.layers if self.norms else None)

    def state(self, *, between_epochs: bool) -> TrainerState:
        """Everything that going on exactly needs; see `EpochTrainer.state`."""
        return ensemble_state(self, between_epochs)

    def restore(self, state: TrainerState) -> None:
        """Take over the state of a trainer of the same trials.

        Raises:
            LabError: it does not fit; nothing has been taken over.
        """
        restore_ensemble(self, state)

    @property
    def changeable(self) -> frozenset[str]:
        """The hyperparameters that can be changed while it trains."""
        return frozenset(changeable_fields(self.trials[0]))

    def change(self, member: int, field: str, value: float) -> float:
        """Give a member another value of a changeable hyperparameter from the next step on; returns the former.

        Raises:
            UsageError: it cannot be changed, or not to this value.
        """
        problem = check_change(self.trials[member], field, value)
        if problem:
            raise UsageError(problem)
        return self.optimizer.change(member, field, value)

    def _step(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """One optimizer step on a batch.

        Returns:
            Each member's loss and number of correct predictions, both [E], and the squared norms of the gradients of
            its layers, [E, L], where they are recorded.
        """
        logits = self.network(x)
        loss = cross_entropy(logits, y).mean(1)
        # A member's loss depends on its own parameters only, so the gradient of the sum is the gradient of each.
        self.optimizer.collect(torch.autograd.grad(loss.sum(), self.optimizer.parameters))
        norms = self.norms.measure() if self.norms else None  # Before the step, which clips the gradient.
        self.optimizer.step(learning_rate_factor(self.scheduler, self.optimizer.steps, self.steps))
        if self.average:
            self.average.update()
        return loss.detach(), (logits.detach().argmax(2) == y).sum(1), norms

    @contextmanager
    def _measured_weights(self) -> Iterator[None]:
        """Evaluation mode, with the averaged weights where there are any."""
        self.network.eval()
        with torch.no_grad(), self.average.in_place() if self.average else nullcontext():
            yield

    @property
    def _rows_at_once(self) -> int:
        return max(1, EVALUATION_NUMBERS // (self.members * self.widest))

    def evaluate(self, split: SplitName) -> Evaluation:
        """Measure every member on a split in evaluation mode, in chunks that bound memory."""
        inputs, labels = self.inputs[split], self.data.split(split).labels
        total = torch.zeros(2, self.members, dtype=torch.float64, device=labels.device)
        with self._measured_weights():
            for start in range(0, len(labels), self._rows_at_once):
                chunk = slice(start, start + self._rows_at_once)
                logits = self.network(inputs[..., chunk, :])
                total[0] += cross_entropy(logits, labels[chunk]).sum(1, dtype=torch.float64)
                total[1] += (logits.argmax(2) == labels[chunk]).sum(1)
        loss, accuracy = (total / len(labels)).cpu().numpy()
        return Evaluation(loss, accuracy)

    def predict(self, coordinates: NDArray[np.float32]) -> Prediction:
        """The most probable class at each of `coordinates` [n, 2] (degrees) and its probability, in evaluation mode."""
        points = torch.from_numpy(np.array(coordinates)).to(self.inputs["train"])
        classes = np.empty((self.members, len(points)), np.int64)
        probabilities = np.empty((self.members, len(points)), np.float32)
        with self._measured_weights():
            for start in range(0, len(points), self._rows_at_once):
                chunk = slice(start, start + self._rows_at_once)
                logits = self.network(self.network.encode(points[chunk]))
                probability, best = logits.softmax(2).max(2)
                classes[:, chunk], probabilities[:, chunk] = best.cpu().numpy(), probability.cpu().numpy()
        return Prediction(classes, probabilities)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy (nats) [E, B] of `logits` [E, B, C] for `labels` [B] or [E, B]."""
    members, batch, classes = logits.shape
    targets = labels.expand(members, batch).reshape(-1)
    return functional.cross_entropy(logits.reshape(-1, classes), targets, reduction="none").view(members, batch)
