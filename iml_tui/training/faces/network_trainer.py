"""Training one network that gives one logit a sample, batch by batch, with Adam."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from iml_tui.experiments.trials import FaceTrial
from iml_tui.training.data import SplitName
from iml_tui.training.faces.augmentation import Augmentation
from iml_tui.training.faces.inputs import Inputs
from iml_tui.training.faces.metrics import measure
from iml_tui.training.precision import mixed_precision
from iml_tui.training.preparation import StoppedError
from iml_tui.training.progress import EpochReport, Pace
from iml_tui.training.shuffle import order_seed
from iml_tui.training.trainer import EpochOutcome, Evaluation, OnProgress


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
        self._inputs, self._device, self._stop = inputs, device, stop
        self._batch_size = trial.batch_size
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self.parameters = [sum(parameter.numel() for parameter in trained)]
        # One pass over the 11 million numbers of a ResNet18 in place of ten.
        self._optimizer = torch.optim.Adam(trained, lr=trial.learning_rate, fused=True)
        self._order = torch.Generator().manual_seed(order_seed(trial.seed))
        self._augmentation = Augmentation(trial.seed, trial.horizontal_flip, trial.shift)
        self._labels = torch.from_numpy(np.array(inputs["train"].labels)).to(device, torch.float32)
        self._pace = Pace(first=1)  # A step on pictures may take a second, after which a stop must act.
        self.steps_per_epoch = trial.batches_per_epoch(len(self._labels))

    def train_epoch(self, on_progress: OnProgress) -> EpochOutcome:
        """Train one epoch; every step's loss and running accuracy go to `on_progress`, which may stop it there."""
        self.network.train()
        order = torch.randperm(len(self._labels), generator=self._order)
        report = EpochReport(1, on_progress, self._pace, running_accuracies=True)
        for step, rows in enumerate(torch.split(order, self._batch_size), start=1):
            loss, correct = self._step(rows)
            if not report.add(loss[None], correct[None], None, len(rows), last=step == self.steps_per_epoch):
                break
        return report.outcome(complete=report.samples == len(order))

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
