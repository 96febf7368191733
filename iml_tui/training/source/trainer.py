"""Training on scenes: all heads at once, the loss being the mean over the heads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from iml_tui.data.scenes.dataset import SceneData, SceneSplit
from iml_tui.errors import UsageError
from iml_tui.experiments.changes import changeable_fields, check_change
from iml_tui.experiments.scene_heads import HEADS, accuracy_metric
from iml_tui.experiments.trials import SourceTrial
from iml_tui.networks.resnet import trained_tensors
from iml_tui.training.current_epoch import CurrentEpoch, epoch_problem, kept_epoch
from iml_tui.training.epoch_sums import EpochSums
from iml_tui.training.precision import mixed_precision
from iml_tui.training.source.augmentation import mirror_and_move
from iml_tui.training.source.network import SourceNetwork, losses_and_hits
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

WEIGHT_DECAY: Final = 0.01
"""The default of `torch.optim.AdamW` (Loshchilov & Hutter 2019)."""

EVALUATION_BATCH: Final = 120


class SourceTrainer:
    """An `EpochTrainer` of one network.

    AdamW with a one-cycle schedule over all steps of the trial (Smith & Topin 2019, "Super-Convergence", as
    `OneCycleLR` has it), bfloat16 where the hardware multiplies it, channels last. Accuracies are means over heads.

    Args:
        trial: what to train; its seed decides about initial weights, the order of the scenes and how they are moved.
        data: the scenes.
        device: where to train.
    """

    members = 1

    def __init__(self, trial: SourceTrial, data: SceneData, device: torch.device) -> None:
        self._trial, self._data, self._device = trial, data, device
        self._epochs = 0
        self._epoch: CurrentEpoch | None = None
        self._generator = np.random.default_rng([trial.seed, 0])
        self.network = SourceNetwork(trial.seed).to(device).to(memory_format=torch.channels_last)
        self._optimizer = AdamW(self.network.parameters(), lr=trial.learning_rate, weight_decay=WEIGHT_DECAY)
        self._scheduler = OneCycleLR(
            self._optimizer, max_lr=trial.learning_rate, total_steps=trial.epochs * self.steps_per_epoch
        )

    @property
    def parameters(self) -> list[int]:
        """The trainable parameters, those of the heads included."""
        return [sum(parameter.numel() for parameter in self.network.parameters())]

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one epoch."""
        return self._trial.batches_per_epoch(len(self._data.splits["train"]))

    def train_epoch(self, on_progress: OnProgress) -> EpochOutcome:
        """Train one epoch, or what is left of it, and tell of every step."""
        self.network.train()
        began = time.perf_counter()
        scenes, batch_size = self._data.splits["train"], self._trial.batch_size
        if self._epoch is None or not self._epoch.going:
            self._begin_epoch(len(scenes))
        assert self._epoch is not None
        epoch, sums = self._epoch, self._epoch.sums
        before = sums.seconds
        for pixels, labels in _batches(scenes, epoch.orders[0].numpy()[sums.samples :], batch_size):
            loss, hits = self._step(mirror_and_move(pixels, self._generator), labels)
            accuracy = sums.add(np.array([[loss]]), np.array([[hits]]), np.array([len(labels)]))
            sums.seconds = before + time.perf_counter() - began
            if not on_progress(sums.steps, np.array([[loss]], np.float32), None, accuracy.astype(np.float32)):
                break
        # One that is asked to stop at its last step has nothing left to break off.
        epoch.going = not epoch.all_done
        sums.seconds = before + time.perf_counter() - began
        return sums.outcome(complete=epoch.all_done)

    def _begin_epoch(self, rows: int) -> None:
        """Draw the order of the next epoch from a generator of its own, which then moves the scenes."""
        self._epochs += 1
        self._generator = np.random.default_rng([self._trial.seed, self._epochs])
        self._epoch = CurrentEpoch([torch.from_numpy(self._generator.permutation(rows))], EpochSums(1))

    def evaluate(self, split: Literal["validation", "test"]) -> Evaluation:
        """Measure the network on a split: means over the heads, and the accuracy of each."""
        self.network.eval()
        scenes = self._data.splits[split]
        losses, hits = [], []
        with torch.inference_mode(), mixed_precision(self._device):
            for pixels, labels in _batches(scenes, np.arange(len(scenes)), EVALUATION_BATCH):
                loss, hit = losses_and_hits(self.network(self._on_device(pixels)), self._moved(labels))
                losses.append(loss.double().cpu())
                hits.append(hit.double().cpu())
        by_head = torch.cat(hits).mean(dim=0).tolist()
        return Evaluation(
            loss=np.array([torch.cat(losses).mean().item()]),
            accuracy=np.array([float(np.mean(by_head))]),
            others={accuracy_metric(split, head): [share] for head, share in zip(HEADS, by_head, strict=True)},
        )

    def _step(self, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[float, float]:
        """One step; the loss of the batch (nats), and how many of its samples are right, mean over the heads."""
        self._optimizer.zero_grad(set_to_none=True)
        with mixed_precision(self._device):
            logits = self.network(self._on_device(pixels))
        losses, hits = losses_and_hits(logits, self._moved(labels))
        loss = losses.mean()
        torch.autograd.backward(loss)
        self._optimizer.step()
        self._scheduler.step()
        return loss.item(), hits.float().mean(dim=1).sum().item()

    def state(self, *, between_epochs: bool) -> TrainerState:
        """Everything that going on exactly needs; see `EpochTrainer.state`."""
        epoch = kept_epoch(self._epoch, between_epochs)
        return {
            "kind": "source",
            "seed": self._trial.seed,
            "rows": len(self._data.splits["train"]),
            "network": {name: kept(tensor) for name, tensor in trained_tensors(self.network).items()},
            "optimizer": adam_state(self._optimizer),
            "steps": self._scheduler.last_epoch,
            "total_steps": self._scheduler.total_steps,
            "epochs": self._epochs,
            "epoch": epoch,
            # Between epochs there is none: each has one of its own.
            "generator": None if epoch is None else self._generator.bit_generator.state,
        }

    def restore(self, state: TrainerState) -> None:
        """Take over the state of a trainer of the same trial.

        Raises:
            LabError: it does not fit; nothing has been taken over.
        """
        generator = np.random.default_rng()
        problem = self._problem(state, generator)
        if problem:
            raise misfit([self._trial.name], problem)
        with torch.no_grad():
            for name, tensor in trained_tensors(self.network).items():
                tensor.copy_(state["network"][name])
        restore_adam(state["optimizer"], self._optimizer)
        steps = state["steps"]
        rates = [group["lr"] for group in self._optimizer.param_groups]
        self._scheduler.load_state_dict({"last_epoch": steps, "_step_count": steps + 1, "_last_lr": rates})
        self._epochs, self._generator = state["epochs"], generator
        self._epoch = None if state["epoch"] is None else CurrentEpoch.restored(state["epoch"])

    def _problem(self, state: TrainerState, generator: np.random.Generator) -> str:
        """Why the state cannot be taken over; "" where it can, and then `generator` has its stream."""
        if not isinstance(state, dict):
            return "it is none"
        optimizer, epoch, stream = state.get("optimizer"), state.get("epoch"), state.get("generator")
        rows = len(self._data.splits["train"])
        expected = {
            "kind": "source",
            "seed": self._trial.seed,
            "rows": rows,
            "network": trained_tensors(self.network),
            "optimizer": optimizer,
            "steps": self._scheduler.last_epoch,
            "total_steps": self._scheduler.total_steps,
            "epochs": self._epochs,
            "epoch": epoch,
            "generator": None if epoch is None else generator.bit_generator.state,
        }
        problem = (
            difference(state, expected)
            or other_values(state, expected, ("kind", "seed", "rows", "total_steps"))
            or adam_difference(optimizer, self._optimizer)
            or epoch_problem(epoch, 1, rows, self._trial.batch_size, EpochSums(1))
        )
        if not problem and stream is not None:
            try:
                generator.bit_generator.state = stream
            except (ValueError, TypeError, OverflowError):
                return "its generator's state is not one"
        return problem

    @property
    def changeable(self) -> frozenset[str]:
        """The hyperparameters that can be changed while it trains."""
        return frozenset(changeable_fields(self._trial))

    def change(self, member: int, field: str, value: float) -> float:
        """Give the schedule another highest learning rate, all others in proportion, from the next step on.

        Returns:
            The former highest.

        Raises:
            UsageError: it is another field, or cannot have this value.
        """
        problem = check_change(self._trial, field, value)
        if problem:
            raise UsageError(problem)
        [group] = self._optimizer.param_groups
        former = float(group["max_lr"])
        group.update(
            {name: group[name] / former * value for name in ("lr", "initial_lr", "min_lr")}, max_lr=float(value)
        )
        return former

    def _on_device(self, pixels: NDArray[np.uint8]) -> Tensor:
        """[B, 3, S, S] as a view of [B, S, S, 3]: that is what channels last means."""
        return self._moved(pixels).permute(0, 3, 1, 2)

    def _moved(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self._device)


def _batches(
    scenes: SceneSplit, order: NDArray[np.int64], batch_size: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Pixels and labels, in this order, in batches of which the last may be smaller; copies of what is on disk."""
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        yield scenes.pixels[chosen], scenes.labels[chosen]
