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
from iml_tui.experiments.scene_heads import HEADS, accuracy_metric
from iml_tui.experiments.trials import SourceTrial
from iml_tui.training.precision import mixed_precision
from iml_tui.training.source.augmentation import mirror_and_move
from iml_tui.training.source.network import SourceNetwork, losses_and_hits
from iml_tui.training.trainer import EpochOutcome, Evaluation, OnProgress

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
        self._epoch = 0
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
        """Train one epoch, and tell of every step."""
        self._epoch += 1
        self.network.train()
        began = time.perf_counter()
        loss_sum = hits_sum = 0.0
        steps = samples = 0
        going = True
        for pixels, labels in self._shuffled():
            loss, hits = self._step(pixels, labels)
            steps, samples = steps + 1, samples + len(labels)
            loss_sum, hits_sum = loss_sum + loss * len(labels), hits_sum + hits
            accuracy = np.array([[hits_sum / samples]], dtype=np.float32)
            going = on_progress(steps, np.array([[loss]], dtype=np.float32), None, accuracy)
            if not going:
                break
        return EpochOutcome(
            train_loss=np.array([loss_sum / samples]),
            train_accuracy=np.array([hits_sum / samples]),
            steps=steps,
            samples=samples,
            seconds=time.perf_counter() - began,
            # One that is asked to stop at its last step has nothing left to break off.
            complete=going or steps == self.steps_per_epoch,
        )

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

    def _shuffled(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        """The batches of this epoch, mirrored and moved."""
        generator = np.random.default_rng([self._trial.seed, self._epoch])
        scenes = self._data.splits["train"]
        for pixels, labels in _batches(scenes, generator.permutation(len(scenes)), self._trial.batch_size):
            yield mirror_and_move(pixels, generator), labels

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
