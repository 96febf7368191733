"""Every option of a trial: members trained together against plain networks, each trained alone with torch's parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from iml_tui.errors import UsageError
from iml_tui.training.members import make_features
from iml_tui.training.scheduler import learning_rate_factor
from tests.training.plain import (
    CPU,
    Blocks,
    EnsembleTrainer,
    assert_same_training,
    make_data,
    make_trial,
    train,
    train_alone,
)

EVERYTHING: dict[str, Any] = {
    "residual": True,
    "fourier_frequencies": 6,
    "fourier_scale": 0.5,
    "optimizer": "adamw",
    "weight_decay": 0.1,
    "clip_norm": 0.5,
    "scheduler": "one-cycle",
    "averaging": 0.9,
}
OPTIONS: list[dict[str, Any]] = [
    {"residual": True},
    {"sine_frequencies": (0.1, 0.3, 1.0)},
    {"fourier_frequencies": 6, "fourier_scale": 0.5},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "optimizer": "adamw"},
    {"clip_norm": 0.5},
    {"scheduler": "step"},
    {"scheduler": "cosine"},
    {"scheduler": "one-cycle"},
    {"averaging": 0.9},
    EVERYTHING,
]
SHAPES: dict[str, list[tuple[int, int]]] = {
    "depths": [(5, 8), (3, 8), (3, 8), (1, 8)],
    "widths": [(3, 4), (3, 8), (3, 6)],
    "depths and widths": [(4, 4), (3, 8), (1, 6)],
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: ", ".join(options) if len(options) < 4 else "all")
def test_members_train_as_they_would_alone(options: dict[str, Any], batch_norm: bool) -> None:
    trials = [
        make_trial(rate, seed, batch_norm=batch_norm, epochs=3, **options)
        for rate, seed in [(1e-2, 42), (1e-3, 7), (1e-3, 42)]
    ]
    assert_same_training(trials, make_data(129), epochs=3)


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
@pytest.mark.parametrize("options", [{}, {"residual": True}, EVERYTHING], ids=["plain", "residual", "all"])
@pytest.mark.parametrize("shapes", SHAPES)
def test_members_of_several_shapes_train_as_they_would_alone(
    shapes: str, options: dict[str, Any], batch_norm: bool
) -> None:
    trials = [
        make_trial(1e-2, seed, batch_norm=batch_norm, hidden_layers=depth, hidden_width=width, epochs=3, **options)
        for seed, (depth, width) in enumerate(SHAPES[shapes])
    ]
    trainer = assert_same_training(trials, make_data(129), epochs=3)
    assert trainer.parameters == [train_alone(trial, trainer.data, 0).network.parameter_count for trial in trials]
    for e, (depth, width) in enumerate(SHAPES[shapes]):
        for layer, weight in enumerate(trainer.network.weights[:depth]):
            filled = weight[e].detach().clone()
            filled[: None if layer == 0 else width, :width] = 0
            assert not filled.any(), "what fills a narrow member up stays exactly 0"


def test_clipping_and_decay_are_strong_enough_to_be_seen() -> None:
    # Else the comparisons above would pass without them.
    data = make_data()
    [plain], [clipped], [decayed] = (
        train([make_trial(1e-2, **options)], data)[2][-1] for options in ({}, {"clip_norm": 0.5}, {"weight_decay": 0.1})
    )
    assert abs(clipped - plain) > 1e-5
    assert abs(decayed - plain) > 1e-5


@pytest.mark.parametrize("batch_norm", [False, True])
def test_gradient_norms_are_those_of_autograd_one_layer_at_a_time(batch_norm: bool) -> None:
    data = make_data()
    trials = [
        make_trial(1e-2, seed, hidden_layers=5, batch_norm=batch_norm, clip_norm=0.5, record_gradients=True)
        for seed in (42, 7)
    ]
    trainer, blocks = EnsembleTrainer(trials, data, CPU, torch.float64), Blocks()
    trainer.pace.steps = 2
    outcomes = [trainer.train_epoch(blocks) for _ in range(2)]
    norms = np.concatenate(blocks.norms)
    assert norms.shape == (2 * trainer.steps_per_epoch, 2, 6)
    for e, trial in enumerate(trials):
        expected = np.array(train_alone(trial, data).norms)
        np.testing.assert_allclose(norms[:, e], np.log10(expected), rtol=1e-6, atol=1e-6)
        for outcome, steps in zip(outcomes, np.split(expected, 2), strict=True):
            assert outcome.gradient_norms is not None
            assert outcome.zero_gradients is not None
            np.testing.assert_allclose(outcome.gradient_norms[e], steps.mean(0), rtol=1e-10)
            assert not outcome.zero_gradients.any()


def test_gradients_that_vanished_are_counted() -> None:
    trial = make_trial(hidden_layers=3, record_gradients=True)
    trainer, blocks = EnsembleTrainer([trial], make_data(32, torch.float32), CPU), Blocks()
    with torch.no_grad():
        trainer.network.weights[0].zero_()
        trainer.network.biases[0].fill_(-1)  # No neuron of the first layer is active: none has or gives a gradient.
    outcome = trainer.train_epoch(blocks)
    [[norms]] = blocks.norms[0]
    assert norms[:2].tolist() == [-np.inf, -np.inf]
    assert np.isfinite(norms[2:]).all()
    assert outcome.gradient_norms is not None
    assert outcome.gradient_norms[0, :2].tolist() == [0, 0]
    assert outcome.zero_gradients is not None
    assert outcome.zero_gradients.tolist() == [[1, 1, 0, 0]]


def test_a_gradient_whose_square_underflows_in_float32_is_not_zero() -> None:
    trial = make_trial(hidden_layers=3, record_gradients=True)
    trainer, blocks = EnsembleTrainer([trial], make_data(32, torch.float32), CPU), Blocks()
    with torch.no_grad():
        trainer.network.weights[-1] *= 1e-30
    trainer.train_epoch(blocks)
    [[norms]] = blocks.norms[0]
    assert np.isfinite(norms).all()
    assert (norms[:3] < -50).all()


def test_gradients_are_not_recorded_unasked() -> None:
    trainer, blocks = EnsembleTrainer([make_trial()], make_data(), CPU, torch.float64), Blocks()
    outcome = trainer.train_epoch(blocks)
    assert (outcome.gradient_norms, outcome.zero_gradients, blocks.norms) == (None, None, [])


def test_gradients_of_several_shapes_are_refused() -> None:
    trials = [make_trial(hidden_layers=depth, record_gradients=True) for depth in (3, 2)]
    with pytest.raises(ValueError, match="one shape"):
        EnsembleTrainer(trials, make_data(), CPU, torch.float64)


def test_evaluation_leaves_the_weights_that_train() -> None:
    trainer, _, _ = train([make_trial(1e-2, averaging=0.99, batch_norm=True)], make_data())
    before = trainer.network.member(0).state_dict()
    trainer.evaluate("validation")
    trainer.predict(np.zeros((3, 2), np.float32))
    torch.testing.assert_close(trainer.network.member(0).state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_a_diverging_member_leaves_the_others_bit_identical(averaging: float) -> None:
    options = EVERYTHING | {"averaging": averaging, "batch_norm": True}
    calm, _, calm_losses = train([make_trial(rate, **options) for rate in (1e-2, 1e-3)], make_data())
    wild, _, losses = train([make_trial(rate, **options) for rate in (1e300, 1e-3)], make_data())
    assert not np.isfinite(losses[:, 0]).all()
    np.testing.assert_array_equal(losses[:, 1], calm_losses[:, 1])
    assert wild.evaluate("test").loss[1] == calm.evaluate("test").loss[1]


def test_one_kind_of_features() -> None:
    trial = make_trial(sine_frequencies=(1.0,), fourier_frequencies=2, fourier_scale=1.0)
    with pytest.raises(UsageError, match="one kind"):
        make_features(trial, make_data().train)


def test_factors_of_the_learning_rate() -> None:
    assert [learning_rate_factor("none", step, 8) for step in range(8)] == [1.0] * 8
    steps = [learning_rate_factor("step", step, 8) for step in range(8)]
    assert steps == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])
    cosine = [learning_rate_factor("cosine", step, 100) for step in range(100)]
    assert cosine[0] == 1
    assert cosine[50] == pytest.approx(0.5)
    assert 0 < cosine[99] < 3e-4
    cycle = [learning_rate_factor("one-cycle", step, 100) for step in range(100)]
    assert (cycle[0], cycle[29], cycle[99]) == pytest.approx((1 / 25, 1, 1 / 25e4))
    # A training of a step or two has nowhere to rise.
    for few in (1, 2, 3, 4):
        assert all(0 < learning_rate_factor("one-cycle", step, few) <= 1 for step in range(few))
