"""Forks: networks taken out of one ensemble go on in another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from iml_tui.errors import LabError
from iml_tui.experiments.trials import MLPTrial
from iml_tui.training.data import DeviceData
from iml_tui.training.ensemble import EnsembleTrainer
from iml_tui.training.forking import take_members
from iml_tui.training.progress import Pace
from iml_tui.training.trainer import TrainerState
from tests.training.interrupted import Told, same, steady, through_a_file, without_seconds
from tests.training.plain import CPU, make_data, make_trial

STEPS, EPOCHS = 5, 4  # 129 samples: four batches of 32 and one of 1.
EVERYTHING: dict[str, Any] = {
    "batch_norm": True,
    "residual": True,
    "optimizer": "adamw",
    "weight_decay": 0.1,
    "clip_norm": 0.5,
    "averaging": 0.9,
}
SHAPES = [(5, 8), (4, 4), (3, 8), (3, 6), (1, 8)]
SEEDS = [42, 7, 42, 3, 7]
RATES = [1e-2, 1e-3, 1e-3, 1e-2, 5e-3]


@pytest.fixture(autouse=True)
def steadily(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(Pace, "learn", steady)


@pytest.fixture(scope="module")
def data() -> DeviceData:
    return make_data(129)


def parents(**options: Any) -> list[MLPTrial]:
    return [
        make_trial(rate, seed, hidden_layers=depth, hidden_width=width, epochs=EPOCHS, **options)
        for rate, seed, (depth, width) in zip(RATES, SEEDS, SHAPES, strict=True)
    ]


def trainer_of(trials: list[MLPTrial], data: DeviceData) -> EnsembleTrainer:
    trainer = EnsembleTrainer(trials, data, CPU, data.train.coordinates.dtype)
    trainer.pace.steps = 1
    return trainer


def train_until(trials: list[MLPTrial], data: DeviceData, step: int) -> EnsembleTrainer:
    """A trainer that has done one epoch, and so many steps of the next."""
    trainer = trainer_of(trials, data)
    trainer.train_epoch(Told())
    if step:
        trainer.train_epoch(Told(going=lambda steps_done: steps_done < step))
    return trainer


def forked(
    state: TrainerState, trials: list[MLPTrial], members: list[int], own: list[MLPTrial], data: DeviceData
) -> EnsembleTrainer:
    taken = take_members(through_a_file(state), trials, members, own, data, CPU)
    trainer = trainer_of(own, data)
    trainer.restore(through_a_file(taken))
    return trainer


@pytest.mark.parametrize("step", [0, 3, STEPS])
@pytest.mark.parametrize(
    "options",
    [{}, EVERYTHING, {"fourier_frequencies": 4, "fourier_scale": 0.5}],
    ids=["plain", "everything", "fourier"],
)
def test_all_members_go_on_bit_for_bit_where_nothing_is_changed(
    options: dict[str, Any], step: int, data: DeviceData
) -> None:
    trials = parents(**options)
    parent = train_until(trials, data, step)
    state = parent.state(between_epochs=step == 0)
    taken = take_members(through_a_file(state), trials, list(range(5)), trials, data, CPU)
    assert same(taken, state)
    fork = forked(state, trials, list(range(5)), trials, data)
    if step == STEPS:
        fork.train_epoch(Told())
    expected, found = Told(), Told()
    parent.train_epoch(expected)
    fork.train_epoch(found)
    assert same(found.everything, expected.everything)
    assert same(without_seconds(fork.state(between_epochs=True)), without_seconds(parent.state(between_epochs=True)))


# In another ensemble matrices of other sizes are multiplied, which may add up in another order: these agree but for
# rounding, in float64 here.
@pytest.mark.parametrize("step", [0, 3])
@pytest.mark.parametrize(
    "options",
    [{}, EVERYTHING, {"fourier_frequencies": 4, "fourier_scale": 0.5}],
    ids=["plain", "everything", "fourier"],
)
@pytest.mark.parametrize("members", [[2, 3], [1, 3, 2], [4], [0, 4], [3, 3, 2], [4, 4]], ids=str)
def test_some_members_go_on_as_they_would_have_in_another_grouping(
    members: list[int], options: dict[str, Any], step: int, data: DeviceData
) -> None:
    trials = parents(**options)
    parent = train_until(trials, data, step)
    fork = forked(parent.state(between_epochs=step == 0), trials, members, [trials[m] for m in members], data)
    expected, found = Told(), Told()
    whole, outcome = parent.train_epoch(expected), fork.train_epoch(found)
    np.testing.assert_allclose(np.array(found.losses), np.array(expected.losses)[:, members], rtol=1e-6)
    np.testing.assert_allclose(outcome.train_loss, whole.train_loss[members], rtol=1e-10)
    np.testing.assert_array_equal(outcome.train_accuracy, whole.train_accuracy[members])
    for own, member in enumerate(members):
        there, here = parent.network.member(member).state_dict(), fork.network.member(own).state_dict()
        torch.testing.assert_close(here, there, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(fork.evaluate("test").loss, parent.evaluate("test").loss[members], rtol=1e-8)


def test_gradients_go_on(data: DeviceData) -> None:
    trials = [make_trial(1e-2, seed, record_gradients=True, epochs=EPOCHS) for seed in (1, 2, 3)]
    parent = train_until(trials, data, 3)
    fork = forked(parent.state(between_epochs=False), trials, [2, 0], [trials[2], trials[0]], data)
    whole, outcome = parent.train_epoch(Told()), fork.train_epoch(Told())
    assert whole.gradient_norms is not None
    assert outcome.gradient_norms is not None
    np.testing.assert_allclose(outcome.gradient_norms, whole.gradient_norms[[2, 0]], rtol=1e-10)


def test_other_hyperparameters_apply_from_the_fork_on(data: DeviceData) -> None:
    trials = parents(weight_decay=0.1, clip_norm=0.5)
    parent = train_until(trials, data, 3)
    changes: dict[str, Any] = {"learning_rate": 0.02, "weight_decay": 0.0, "clip_norm": 0.1, "epochs": 6}
    own = [trials[member].model_copy(update=changes | {"scheduler": "cosine"}) for member in (2, 4)]
    fork = forked(parent.state(between_epochs=False), trials, [2, 4], own, data)
    # The same by hand: each member of the parent is given the values, and another schedule.
    for member in (2, 4):
        for field in ("learning_rate", "weight_decay", "clip_norm"):
            parent.change(member, field, changes[field])
    parent.scheduler, parent.steps = "cosine", 6 * STEPS
    expected, found = Told(), Told()
    parent.train_epoch(expected)
    fork.train_epoch(found)
    assert found.steps == [4, 5]
    np.testing.assert_allclose(np.array(found.losses), np.array(expected.losses)[:, [2, 4]], rtol=1e-6)
    assert fork.optimizer.settings == {"learning_rate": [0.02] * 2, "weight_decay": [0.0] * 2, "clip_norm": [0.1] * 2}


def test_what_cannot_differ_is_refused(data: DeviceData) -> None:
    trials = parents()
    state = train_until(trials, data, 0).state(between_epochs=True)
    for field, value in {
        "seed": 5,
        "hidden_width": 9,
        "batch_size": 16,
        "averaging": 0.5,
        "optimizer": "adamw",
    }.items():
        own = [trials[2].model_copy(update={field: value})]
        with pytest.raises(LabError, match=field):
            take_members(state, trials, [2], own, data, CPU)


@pytest.mark.parametrize("member", [-1, 5])
def test_a_member_that_is_not_there_is_refused(member: int, data: DeviceData) -> None:
    trials = parents()
    state = trainer_of(trials, data).state(between_epochs=True)
    with pytest.raises(LabError, match="no member"):
        take_members(state, trials, [member], [trials[4]], data, CPU)


def test_the_state_of_others_is_refused(data: DeviceData) -> None:
    trials = parents()
    state = train_until(trials, data, 0).state(between_epochs=True)
    with pytest.raises(LabError, match="does not fit"):
        take_members(state, trials[1:], [2], [trials[3]], data, CPU)


def test_the_state_is_left_as_it_is(data: DeviceData) -> None:
    trials = parents(**EVERYTHING)
    state = train_until(trials, data, 3).state(between_epochs=False)
    before = through_a_file(state)
    fork = trainer_of([trials[2]], data)
    fork.restore(take_members(state, trials, [2], [trials[2]], data, CPU))
    fork.train_epoch(Told())
    assert same(state, before)
