"""The ensemble trainer against plain networks, each trained alone by a plain loop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from iml_tui.experiments.trials import MLPTrial
from iml_tui.networks.mlp import MLP
from iml_tui.training import ensemble as ensemble_module
from iml_tui.training.data import Arrays, DeviceData
from iml_tui.training.ensemble import EnsembleTrainer, EpochOutcome, Trainer
from iml_tui.training.shuffle import Shuffle

CPU = torch.device("cpu")
CLASSES = 5
RATES = [1e-2, 1e-3, 1e-4, 1e-5]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


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


def train(
    trials: list[MLPTrial], data: DeviceData, epochs: int = 2
) -> tuple[EnsembleTrainer, list[EpochOutcome], NDArray[np.float32]]:
    """The trainer, what each epoch gave, and all batch losses [epochs · steps, E]."""
    trainer = EnsembleTrainer(trials, data, CPU, data.train.coordinates.dtype)
    blocks: list[NDArray[np.float32]] = []

    def on_progress(steps_done: int, losses: NDArray[np.float32]) -> bool:
        blocks.append(losses)
        return True

    outcomes = [trainer.train_epoch(on_progress) for _ in range(epochs)]
    return trainer, outcomes, np.concatenate(blocks)


def train_alone(trial: MLPTrial, data: DeviceData, epochs: int = 2) -> tuple[MLP, list[float], list[float]]:
    """The course's way: one network, autograd, `torch.optim.Adam`; its batch losses and accuracies per epoch."""
    network = MLP.seeded(trial.seed, trial.hidden_layers, trial.hidden_width, data.classes, trial.batch_norm)
    network = network.to(data.train.coordinates.dtype).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=trial.learning_rate)
    shuffle = Shuffle([trial.seed])
    losses, accuracies = [], []
    for _ in range(epochs):
        x, y = shuffle.next_epoch(data.train)
        correct = 0
        for start in range(0, len(y), trial.batch_size):
            xs, ys = x[start : start + trial.batch_size], y[start : start + trial.batch_size]
            optimizer.zero_grad()
            logits: Tensor = network(xs)
            loss = functional.cross_entropy(logits, ys)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
            correct += int((logits.argmax(1) == ys).sum())
        accuracies.append(correct / len(y))
    return network, losses, accuracies


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


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("seeds", [[42, 42, 42, 42], [42, 7, 42, 3]], ids=["one seed", "several seeds"])
@pytest.mark.parametrize("rows", [150, 129], ids=["last batch of 22", "last batch of 1"])
def test_every_member_trains_as_it_would_alone(batch_norm: bool, seeds: list[int], rows: int) -> None:
    data = make_data(rows)
    trials = [make_trial(r, s, batch_norm=batch_norm) for r, s in zip(RATES, seeds, strict=True)]
    trainer, outcomes, batch_losses = train(trials, data, epochs=3)
    sizes = np.array([32] * (rows // 32) + [rows % 32])
    for e, trial in enumerate(trials):
        network, losses, accuracies = train_alone(trial, data, epochs=3)
        np.testing.assert_allclose(batch_losses[:, e], losses, rtol=1e-6)  # Blocks are float32.
        assert_same_network(trainer.network.member(e), network)
        per_epoch = np.array(losses).reshape(3, -1) @ sizes / rows
        np.testing.assert_allclose([o.train_loss[e] for o in outcomes], per_epoch, rtol=1e-11)
        np.testing.assert_allclose([o.train_accuracy[e] for o in outcomes], accuracies, rtol=1e-12)
        network.eval()
        for name in ("validation", "test"):
            evaluation, split = trainer.evaluate(name), data.split(name)
            with torch.no_grad():
                logits = network(split.coordinates)
            expected = functional.cross_entropy(logits, split.labels).item()
            assert evaluation.loss[e] == pytest.approx(expected, rel=1e-10)
            assert evaluation.accuracy[e] == (logits.argmax(1) == split.labels).double().mean().item()


@pytest.mark.parametrize("batch_norm", [False, True])
def test_four_together_give_the_curves_of_four_alone(batch_norm: bool) -> None:
    data = make_data()
    trials = [make_trial(rate, batch_norm=batch_norm) for rate in RATES]
    _, together, losses = train(trials, data)
    for e, trial in enumerate(trials):
        _, alone, own_losses = train([trial], data)
        np.testing.assert_allclose(losses[:, e], own_losses[:, 0], rtol=1e-6)
        for both, one in zip(together, alone, strict=True):
            assert both.train_loss[e] == pytest.approx(one.train_loss[0], rel=1e-11)
            assert both.train_accuracy[e] == one.train_accuracy[0]


def test_equal_trials_repeat_exactly_and_seeds_differ() -> None:
    data = make_data(dtype=torch.float32)
    _, _, first = train([make_trial(seed=1), make_trial(seed=2), make_trial(seed=1)], data)
    _, _, again = train([make_trial(seed=1), make_trial(seed=2), make_trial(seed=1)], data)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first[:, 0], first[:, 2])
    assert np.abs(first[:, 0] - first[:, 1]).min() > 0


@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_diverging_member_leaves_the_others_bit_identical(batch_norm: bool) -> None:
    data = make_data()
    rates = [1e-2, 1e-3, 1e-4]
    calm, _, calm_losses = train([make_trial(rate, batch_norm=batch_norm) for rate in rates], data)
    rates[1] = 1e300  # float64 overflows within two steps.
    wild, outcomes, losses = train([make_trial(rate, batch_norm=batch_norm) for rate in rates], data)
    others = [0, 2]
    assert not np.isfinite(losses[:, 1]).all()
    assert math.isnan(outcomes[-1].train_loss[1])
    assert math.isnan(wild.evaluate("validation").loss[1])
    assert 0 <= outcomes[-1].train_accuracy[1] <= 1
    np.testing.assert_array_equal(losses[:, others], calm_losses[:, others])
    assert torch.equal(wild.optimizer.flat[others], calm.optimizer.flat[others])


def test_blocks_hold_every_step_once_and_are_paced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iml_tui.training.progress.REPORT_SECONDS", 0.004)
    trainer: Trainer = EnsembleTrainer([make_trial(batch_size=1)] * 2, make_data(dtype=torch.float32), CPU)
    done: list[int] = []
    lengths: list[int] = []

    def on_progress(steps_done: int, losses: NDArray[np.float32]) -> bool:
        assert losses.dtype == np.float32
        assert losses.shape[1] == trainer.members == 2
        done.append(steps_done)
        lengths.append(len(losses))
        return True

    outcome = trainer.train_epoch(on_progress)
    assert outcome.complete
    assert outcome.steps == outcome.samples == trainer.steps_per_epoch == done[-1] == 150
    assert done == np.cumsum(lengths).tolist()
    assert len(lengths) > 1


def test_stopping_in_the_middle_of_an_epoch() -> None:
    data = make_data(rows=320)
    trainer = EnsembleTrainer([make_trial(), make_trial(1e-2)], data, CPU, torch.float64)
    trainer.pace.steps = 4
    seen: list[NDArray[np.float32]] = []

    def on_progress(steps_done: int, losses: NDArray[np.float32]) -> bool:
        seen.append(losses)
        return False

    outcome = trainer.train_epoch(on_progress)
    assert not outcome.complete
    assert (outcome.steps, outcome.samples, len(seen)) == (4, 4 * 32, 1)
    np.testing.assert_allclose(outcome.train_loss, seen[0].mean(0), rtol=1e-6)
    _, _, whole = train([make_trial(), make_trial(1e-2)], data, epochs=1)
    np.testing.assert_array_equal(seen[0], whole[:4])


def test_a_stop_at_the_last_step_leaves_the_epoch_complete() -> None:
    trainer = EnsembleTrainer([make_trial()], make_data(), CPU, torch.float64)
    assert trainer.train_epoch(lambda steps, losses: steps < trainer.steps_per_epoch).complete


def test_evaluation_in_chunks_equals_evaluation_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, _, _ = train([make_trial(batch_norm=True), make_trial(1e-2, batch_norm=True)], make_data())
    whole = trainer.evaluate("validation")
    monkeypatch.setattr(ensemble_module, "EVALUATION_NUMBERS", 160)  # 10 rows of 2 members and 8 numbers.
    chunked = trainer.evaluate("validation")
    np.testing.assert_allclose(chunked.loss, whole.loss, rtol=1e-13)
    np.testing.assert_array_equal(chunked.accuracy, whole.accuracy)


def test_it_learns() -> None:
    trainer, outcomes, _ = train([make_trial(1e-2)], make_data(rows=2000, dtype=torch.float32), epochs=15)
    assert outcomes[-1].train_loss[0] < 0.6 * outcomes[0].train_loss[0]
    assert trainer.evaluate("test").accuracy[0] > 0.7


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("batch_norm", [False, True])
def test_cuda_gives_the_curves_of_the_cpu(batch_norm: bool) -> None:
    trials = [make_trial(rate, batch_norm=batch_norm) for rate in RATES]
    _, on_cpu, _ = train(trials, make_data())
    device = torch.device("cuda")
    trainer = EnsembleTrainer(trials, make_data(device=device), device, torch.float64)
    for expected in on_cpu:
        outcome = trainer.train_epoch(lambda steps, losses: True)
        np.testing.assert_allclose(outcome.train_loss, expected.train_loss, rtol=1e-9)
