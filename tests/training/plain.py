"""What the trainer is compared with: a plain network, trained alone by a plain loop with torch's own parts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import lr_scheduler

from iml_tui.experiments.trials import MLPTrial
from iml_tui.networks.mlp import MLP
from iml_tui.training.data import Arrays, DeviceData
from iml_tui.training.ensemble import EnsembleTrainer, EpochOutcome
from iml_tui.training.members import make_members
from iml_tui.training.shuffle import Shuffle

CPU = torch.device("cpu")
CLASSES = 5


def samples(rows: int, seed: int) -> Arrays:
    """Points in the box of Europe, the classes being stripes of longitude."""
    x = np.random.default_rng(seed).uniform([-10, 35], [40, 71], (rows, 2)).astype(np.float32)
    return x, ((x[:, 0] + 10) // 10).clip(0, CLASSES - 1).astype(np.int64)


def make_data(rows: int = 150, dtype: torch.dtype = torch.float64, device: torch.device = CPU) -> DeviceData:
    return DeviceData.from_arrays(
        train=samples(rows, 0), validation=samples(61, 1), test=samples(37, 2), device=device, dtype=dtype
    )


def make_trial(learning_rate: float = 1e-3, seed: int = 42, **changes: Any) -> MLPTrial:
    settings: dict[str, Any] = {
        "hidden_layers": 3,
        "hidden_width": 8,
        "batch_norm": False,
        "batch_size": 32,
        "epochs": 2,
    } | changes
    name = f"learning rate {learning_rate}, seed {seed}"
    return MLPTrial(name=name, label=name, seed=seed, learning_rate=learning_rate, **settings)


@dataclass
class Blocks:
    """What a trainer reports: losses [steps, E] and, where recorded, log10 of the norms [steps, E, L]."""

    losses: list[NDArray[np.float32]] = field(default_factory=list)
    norms: list[NDArray[np.float32]] = field(default_factory=list)

    def __call__(self, steps_done: int, losses: NDArray[np.float32], norms: NDArray[np.float32] | None) -> bool:
        self.losses.append(losses)
        if norms is not None:
            self.norms.append(norms)
        return True


def train(
    trials: list[MLPTrial], data: DeviceData, epochs: int = 2
) -> tuple[EnsembleTrainer, list[EpochOutcome], NDArray[np.float32]]:
    """The trainer, what each epoch gave, and all batch losses [epochs · steps, E]."""
    trainer = EnsembleTrainer(trials, data, CPU, data.train.coordinates.dtype)
    blocks = Blocks()
    outcomes = [trainer.train_epoch(blocks) for _ in range(epochs)]
    return trainer, outcomes, np.concatenate(blocks.losses)


@dataclass
class Alone:
    """One network trained alone.

    `averaged` has the averaged weights, or is the network itself; `losses` and `norms` (squared, of the gradient of
    every linear layer's weights) are those of each step, `accuracies` of each epoch.
    """

    network: MLP
    averaged: MLP
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    norms: list[list[float]] = field(default_factory=list)


def train_alone(trial: MLPTrial, data: DeviceData, epochs: int = 2) -> Alone:
    """The course's way: one network, autograd, torch's optimizer, scheduler and clipping."""
    dtype = data.train.coordinates.dtype
    network = make_members([trial], data)[0].to(dtype).train()
    averaged = make_members([trial], data)[0].to(dtype) if trial.averaging else network
    kind = torch.optim.AdamW if trial.optimizer == "adamw" else torch.optim.Adam
    optimizer = kind(network.parameters(), lr=trial.learning_rate, weight_decay=trial.weight_decay)
    scheduler = make_scheduler(trial, optimizer, trial.epochs * trial.batches_per_epoch(len(data.train)))
    shuffle = Shuffle([trial.seed])
    alone = Alone(network, averaged)
    for _ in range(epochs):
        x, y = shuffle.next_epoch(data.train.coordinates, data.train.labels)
        correct = 0
        for start in range(0, len(y), trial.batch_size):
            xs, ys = x[start : start + trial.batch_size], y[start : start + trial.batch_size]
            optimizer.zero_grad()
            logits: Tensor = network(xs)
            loss = functional.cross_entropy(logits, ys)
            loss.backward()  # type: ignore[no-untyped-call]
            alone.norms.append([linear.weight.grad.square().sum().item() for linear in network.linears])
            if trial.clip_norm:
                nn.utils.clip_grad_norm_(network.parameters(), trial.clip_norm)
            optimizer.step()
            scheduler.step()
            alone.losses.append(loss.item())
            if trial.averaging:
                move_average(averaged, network, min(trial.averaging, len(alone.losses) / (9 + len(alone.losses))))
            correct += int((logits.argmax(1) == ys).sum())
        alone.accuracies.append(correct / len(y))
    return alone


def make_scheduler(trial: MLPTrial, optimizer: torch.optim.Optimizer, steps: int) -> lr_scheduler.LRScheduler:
    """Torch's own scheduler of that name."""
    if trial.scheduler == "step":
        return lr_scheduler.MultiStepLR(optimizer, [math.ceil(steps / 2), math.ceil(3 * steps / 4)])
    if trial.scheduler == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, steps)
    if trial.scheduler == "one-cycle":
        return lr_scheduler.OneCycleLR(optimizer, trial.learning_rate, steps, cycle_momentum=False)
    return lr_scheduler.ConstantLR(optimizer, factor=1.0)


@torch.no_grad()
def move_average(averaged: MLP, network: MLP, decay: float) -> None:
    """Move all numbers of `averaged` towards those of the network."""
    for name, value in averaged.state_dict().items():
        if value.is_floating_point():
            value.copy_(decay * value + (1 - decay) * network.state_dict()[name])


def assert_same_network(network: MLP, expected: MLP) -> None:
    state, expected_state = network.state_dict(), expected.state_dict()
    assert state.keys() == expected_state.keys()
    norms = len(expected.norms)
    cancelled = [f"linears.{i}.bias" for i in range(norms)] + [f"norms.{i}.running_mean" for i in range(norms)]
    for name, value in state.items():
        # Batch norm subtracts what a bias before it adds: its gradient is rounding error around 0, about 1e-17, which
        # Adam divides by ε = 1e-8. The bias drifts, and the running mean with it, without effect on the output.
        atol = 1e-8 if name in cancelled else 1e-11
        torch.testing.assert_close(value, expected_state[name], rtol=1e-10, atol=atol, msg=name)


def assert_same_training(trials: list[MLPTrial], data: DeviceData, epochs: int) -> EnsembleTrainer:
    """Train the trials together, and each alone: losses, accuracies, weights, evaluation and predictions agree."""
    trainer, outcomes, batch_losses = train(trials, data, epochs)
    sizes = np.array([len(part) for part in np.split(np.arange(len(data.train)), range(32, len(data.train), 32))])
    points = samples(40, 9)[0]
    prediction = trainer.predict(points)
    for e, trial in enumerate(trials):
        alone = train_alone(trial, data, epochs)
        np.testing.assert_allclose(batch_losses[:, e], alone.losses, rtol=1e-6)  # Blocks are float32.
        assert_same_network(trainer.network.member(e), alone.network)
        per_epoch = np.array(alone.losses).reshape(epochs, -1) @ sizes / len(data.train)
        np.testing.assert_allclose([o.train_loss[e] for o in outcomes], per_epoch, rtol=1e-10)
        np.testing.assert_allclose([o.train_accuracy[e] for o in outcomes], alone.accuracies, rtol=1e-12)
        measured = alone.averaged.eval()
        for name in ("validation", "test"):
            evaluation, split = trainer.evaluate(name), data.split(name)
            with torch.no_grad():
                logits = measured(split.coordinates)
            expected = functional.cross_entropy(logits, split.labels).item()
            np.testing.assert_allclose(evaluation.loss[e], expected, rtol=1e-9)
            assert evaluation.accuracy[e] == (logits.argmax(1) == split.labels).double().mean().item()
        with torch.no_grad():
            probability, best = measured(torch.from_numpy(points).to(data.train.coordinates)).softmax(1).max(1)
        np.testing.assert_array_equal(prediction.classes[e], best)
        np.testing.assert_allclose(prediction.probabilities[e], probability, rtol=1e-6)
    return trainer
