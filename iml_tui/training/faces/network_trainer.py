"""Training one network that gives one logit a sample, batch by batch, with Adam."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from iml_tui.errors import UsageError
from iml_tui.experiments.changes import changeable_fields, check_change
from iml_tui.experiments.trials import FaceTrial
from iml_tui.networks.resnet import trained_tensors
from iml_tui.training.current_epoch import CurrentEpoch, epoch_problem, kept_epoch
from iml_tui.training.data import SplitName
from iml_tui.training.epoch_sums import EpochSums
from iml_tui.training.faces.augmentation import Augmentation
from iml_tui.training.faces.inputs import Inputs
from iml_tui.training.faces.metrics import measure
from iml_tui.training.precision import mixed_precision
from iml_tui.training.preparation import StoppedError
from iml_tui.training.progress import EpochReport, Pace
from iml_tui.training.shuffle import order_seed
from iml_tui.training.trainer import EpochOutcome, Evaluation, OnProgress, TrainerState
from iml_tui.training.trainer_state import (
    adam_difference,
    adam_state,
    difference,
    kept,
    misfit,
    other_values,
    restore_adam,
)


class NetworkTrainer:
    """Trains one network: an `EpochTrainer` of one member.

    The loss is `BCEWithLogitsLoss`, the optimizer Adam. Every epoch visits the training samples in a new order, drawn
    from the trial's seed; a last, smaller batch is kept.

    Args:
        trial: what is trained; it has a learning rate.
        network: inputs to logits [B]; its parameters that take gradients are trained.
        inputs: the splits.
        device: where.
        stop: asked while a split is measured.

    Attributes:
        test_logits: what the network last gave to the test split, float32 [n]; empty before that.
    """

    members = 1

    def __init__(
        self,
        trial: FaceTrial,
        network: nn.Module,
        inputs: Mapping[SplitName, Inputs],
        device: torch.device,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        assert trial.learning_rate is not None
        self.network = network.to(device)
        self.test_logits: NDArray[np.float32] = np.empty(0, np.float32)
        self._trial, self._inputs, self._device, self._stop = trial, inputs, device, stop
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self.parameters = [sum(parameter.numel() for parameter in trained)]
        # One pass over the 11 million numbers of a ResNet18 in place of ten.
        self._optimizer = torch.optim.Adam(trained, lr=trial.learning_rate, fused=True)
        self._order = torch.Generator().manual_seed(order_seed(trial.seed))
        self._augmentation = Augmentation(trial.seed, trial.horizontal_flip, trial.shift)
        self._labels = torch.from_numpy(np.array(inputs["train"].labels)).to(device, torch.float32)
        self._epoch: CurrentEpoch | None = None
        self._pace = Pace(first=1)  # A step on pictures may take a second, after which a stop must act.
        self.steps_per_epoch = trial.batches_per_epoch(len(self._labels))

    def train_epoch(self, on_progress: OnProgress) -> EpochOutcome:
        """Train one epoch, or what is left of it; `on_progress` is told of every step, and may stop it there.

        It is told the losses and the running accuracies.
        """
        self.network.train()
        if self._epoch is None or not self._epoch.going:
            self._epoch = CurrentEpoch([torch.randperm(len(self._labels), generator=self._order)], EpochSums(1))
        epoch = self._epoch
        report = EpochReport(epoch.sums, on_progress, self._pace, running_accuracies=True)
        batches = torch.split(epoch.orders[0], self._trial.batch_size)
        for step, rows in enumerate(batches[epoch.sums.steps :], start=epoch.sums.steps + 1):
            loss, correct = self._step(rows)
            if not report.add(loss[None], correct[None], None, len(rows), last=step == self.steps_per_epoch):
                break
        epoch.going = not epoch.all_done
        return report.outcome(complete=epoch.all_done)

    def _step(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """One optimizer step; the batch's loss (nats) and its number of correct decisions."""
        batch = self._inputs["train"].batch(rows, self._augmentation.draw(len(rows)))
        labels = self._labels[rows.to(self._device)]
        with mixed_precision(self._device):
            logits = self.network(batch)
        loss = functional.binary_cross_entropy_with_logits(logits, labels)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()
        return loss.detach(), ((logits.detach() > 0) == (labels > 0)).sum()

    def evaluate(self, split: Literal["validation", "test"]) -> Evaluation:
        """Measure the network, in evaluation mode, on a split.

        Raises:
            StoppedError: the run was asked to stop.
        """
        logits = self._logits(split)
        if split == "test":
            self.test_logits = logits
        return measure(split, self._inputs[split].labels, logits)

    def _logits(self, split: SplitName) -> NDArray[np.float32]:
        inputs = self._inputs[split]
        self.network.eval()
        found: list[Tensor] = []
        with torch.inference_mode(), mixed_precision(self._device):
            for rows in torch.split(torch.arange(len(inputs.labels)), inputs.at_once):
                if self._stop():
                    raise StoppedError
                found.append(self.network(inputs.batch(rows)))
        return torch.cat(found).cpu().numpy()

    def state(self, *, between_epochs: bool) -> TrainerState:
        """Everything that going on exactly needs; see `EpochTrainer.state`. Frozen parts are left out."""
        return {
            "kind": "network",
            "seed": self._trial.seed,
            "rows": len(self._labels),
            "network": {name: kept(tensor) for name, tensor in trained_tensors(self.network).items()},
            "optimizer": adam_state(self._optimizer),
            "order": self._order.get_state(),
            "augmentation": self._augmentation.generator.get_state(),
            "epoch": kept_epoch(self._epoch, between_epochs),
        }

    def restore(self, state: TrainerState) -> None:
        """Take over the state of a trainer of the same trial; what is frozen stays as it is.

        Raises:
            LabError: it does not fit; nothing has been taken over.
        """
        problem = self._problem(state)
        if problem:
            raise misfit([self._trial.name], problem)
        with torch.no_grad():
            for name, tensor in trained_tensors(self.network).items():
                tensor.copy_(state["network"][name])
        restore_adam(state["optimizer"], self._optimizer)
        self._order.set_state(state["order"].cpu())
        self._augmentation.generator.set_state(state["augmentation"].cpu())
        self._epoch = None if state["epoch"] is None else CurrentEpoch.restored(state["epoch"])

    def _problem(self, state: TrainerState) -> str:
        """Why the state cannot be taken over; "" where it can."""
        if not isinstance(state, dict):
            return "it is none"
        optimizer, epoch = state.get("optimizer"), state.get("epoch")
        rows = len(self._labels)
        expected = {
            "kind": "network",
            "seed": self._trial.seed,
            "rows": rows,
            "network": trained_tensors(self.network),
            "optimizer": optimizer,
            "order": self._order.get_state(),
            "augmentation": self._augmentation.generator.get_state(),
            "epoch": epoch,
        }
        return (
            difference(state, expected)
            or other_values(state, expected, ("kind", "seed", "rows"))
            or adam_difference(optimizer, self._optimizer)
            or epoch_problem(epoch, 1, rows, self._trial.batch_size, EpochSums(1))
        )

    @property
    def changeable(self) -> frozenset[str]:
        """The hyperparameters that can be changed while it trains."""
        return frozenset(changeable_fields(self._trial))

    def change(self, member: int, field: str, value: float) -> float:
        """Give the learning rate another value from the next step on; returns the former.

        Raises:
            UsageError: it is another field, or cannot have this value.
        """
        problem = check_change(self._trial, field, value)
        if problem:
            raise UsageError(problem)
        [group] = self._optimizer.param_groups
        former, group["lr"] = group["lr"], float(value)
        return float(former)
