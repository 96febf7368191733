"""The ensemble trainer against plain networks, each trained alone by a plain loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from iml_tui.training import ensemble as ensemble_module
from iml_tui.training.ensemble import EnsembleTrainer, Trainer
from tests.training.plain import CPU, assert_same_training, make_data, make_trial, train

RATES = [1e-2, 1e-3, 1e-4, 1e-5]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("seeds", [[42, 42, 42, 42], [42, 7, 42, 3]], ids=["one seed", "several seeds"])
@pytest.mark.parametrize("rows", [150, 129], ids=["last batch of 22", "last batch of 1"])
def test_every_member_trains_as_it_would_alone(batch_norm: bool, seeds: list[int], rows: int) -> None:
    data = make_data(rows)
    trials = [make_trial(r, s, batch_norm=batch_norm) for r, s in zip(RATES, seeds, strict=True)]
    assert_same_training(trials, data, epochs=3)


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

    def on_progress(steps_done: int, losses: NDArray[np.float32], norms: NDArray[np.float32] | None) -> bool:
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

    def on_progress(steps_done: int, losses: NDArray[np.float32], norms: NDArray[np.float32] | None) -> bool:
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
    assert trainer.train_epoch(lambda steps, losses, norms: steps < trainer.steps_per_epoch).complete


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
        outcome = trainer.train_epoch(lambda steps, losses, norms: True)
        np.testing.assert_allclose(outcome.train_loss, expected.train_loss, rtol=1e-9)
