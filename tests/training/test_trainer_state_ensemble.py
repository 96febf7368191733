"""The state of an ensemble in training: another trainer goes on from it bit for bit, and members can be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from iml_tui.errors import LabError, UsageError
from iml_tui.experiments.trials import MLPTrial
from iml_tui.training.data import DeviceData
from iml_tui.training.ensemble import EnsembleTrainer
from iml_tui.training.progress import Pace
from tests.training.interrupted import (
    Told,
    assert_same_training,
    same,
    steady,
    through_a_file,
    train_cut,
    train_whole,
)
from tests.training.plain import CPU, make_data, make_trial

STEPS, EPOCHS = 5, 3  # 129 samples: four batches of 32 and one of 1.
EVERYTHING: dict[str, Any] = {
    "batch_norm": True,
    "residual": True,
    "optimizer": "adamw",
    "weight_decay": 0.1,
    "clip_norm": 0.5,
    "scheduler": "one-cycle",
    "averaging": 0.9,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch norm": {"batch_norm": True},
    "residual": {"residual": True},
    "decay": {"weight_decay": 0.1},
    "adamw": {"weight_decay": 0.1, "optimizer": "adamw"},
    "clip": {"clip_norm": 0.5},
    "step": {"scheduler": "step"},
    "cosine": {"scheduler": "cosine"},
    "averaging": {"averaging": 0.9, "batch_norm": True},
    "sine": {"sine_frequencies": (0.1, 0.3)},
    "fourier": {"fourier_frequencies": 6, "fourier_scale": 0.5},
    "gradients": {"record_gradients": True, "clip_norm": 0.5},
    "everything": EVERYTHING,
    "everything and gradients": EVERYTHING | {"record_gradients": True},
}


@pytest.fixture(autouse=True)
def steadily(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(Pace, "learn", steady)


@pytest.fixture(scope="module")
def data() -> DeviceData:
    return make_data(129, torch.float32)


def several(**options: Any) -> list[MLPTrial]:
    """Members with seeds of which two are the same."""
    pairs = [(1e-2, 42), (1e-3, 7), (1e-3, 42)]
    return [make_trial(rate, seed, epochs=EPOCHS, **options) for rate, seed in pairs]


def maker(trials: list[MLPTrial], data: DeviceData, pace: int = 1) -> Callable[[], EnsembleTrainer]:
    def make() -> EnsembleTrainer:
        trainer = EnsembleTrainer(trials, data, CPU, data.train.coordinates.dtype)
        trainer.pace.steps = pace
        return trainer

    return make


@pytest.mark.parametrize("options", OPTIONS)
def test_training_goes_on_from_any_step_as_if_it_had_not_been_cut(options: str, data: DeviceData) -> None:
    trials = several(**OPTIONS[options])
    expected = train_whole(maker(trials, data, pace=3)(), EPOCHS)
    for epoch, step in [(0, 1), (1, 0), (1, 3), (2, STEPS)]:
        assert_same_training(train_cut(maker(trials, data), EPOCHS, epoch, step), expected)


@pytest.mark.parametrize("options", ["plain", "everything"])
def test_members_of_several_shapes_go_on_too(options: str, data: DeviceData) -> None:
    trials = [
        make_trial(1e-2, seed, hidden_layers=depth, hidden_width=width, epochs=EPOCHS, **OPTIONS[options])
        for seed, (depth, width) in enumerate([(4, 4), (3, 8), (3, 6), (1, 8)])
    ]
    expected = train_whole(maker(trials, data)(), EPOCHS)
    assert_same_training(train_cut(maker(trials, data), EPOCHS, 1, 2), expected)


def test_before_the_first_step_there_is_a_state_too(data: DeviceData) -> None:
    trials = several(batch_norm=True, averaging=0.9)
    for between in (True, False):
        trainer, fresh = maker(trials, data)(), maker(trials, data)()
        fresh.restore(through_a_file(trainer.state(between_epochs=between)))
        assert_same_training(train_whole(fresh, EPOCHS), train_whole(trainer, EPOCHS))


def test_a_member_that_diverged_goes_on_without_numbers(data: DeviceData) -> None:
    trials = [make_trial(rate, epochs=EPOCHS, batch_norm=True, averaging=0.9) for rate in (1e30, 1e-3)]
    expected = train_whole(maker(trials, data)(), EPOCHS)
    assert np.isnan(expected.outcomes[-1].train_loss).tolist() == [True, False]
    assert_same_training(train_cut(maker(trials, data), EPOCHS, 1, 2), expected)


def test_the_same_trainer_goes_on_in_an_epoch_that_was_stopped(data: DeviceData) -> None:
    trials = several(**EVERYTHING)
    expected = train_whole(maker(trials, data)(), EPOCHS)
    trainer, told = maker(trials, data)(), Told(going=lambda steps_done: steps_done != 2)
    assert not trainer.train_epoch(told).complete
    outcome = trainer.train_epoch(told)
    assert told.steps == [1, 2, 3, 4, 5]
    assert outcome.complete
    assert same(outcome.train_loss, expected.outcomes[0].train_loss)
    assert same(told.losses, expected.told.losses[:STEPS])


def test_an_epoch_whose_steps_are_all_done_gives_its_outcome_and_tells_of_none(data: DeviceData) -> None:
    trials = several()
    trainer, told = maker(trials, data)(), Told()
    whole = trainer.train_epoch(told)
    fresh = maker(trials, data)()
    fresh.restore(through_a_file(trainer.state(between_epochs=False)))
    nothing = Told()
    outcome = fresh.train_epoch(nothing)
    assert nothing.steps == []
    assert outcome.complete
    assert same(outcome.train_loss, whole.train_loss)
    assert outcome.seconds >= whole.seconds > 0
    # Then the next epoch begins in both.
    fresh.train_epoch(nothing)
    trainer.train_epoch(told)
    assert nothing.steps == [1, 2, 3, 4, 5]
    assert same(nothing.losses, told.losses[STEPS:])


def test_seconds_go_on(data: DeviceData) -> None:
    trainer = maker(several(), data)()
    trainer.train_epoch(Told(going=lambda steps_done: steps_done < 2))
    state = through_a_file(trainer.state(between_epochs=False))
    state["epoch"]["sums"]["seconds"] = 1000.0
    trainer.restore(state)
    assert 1000 < trainer.train_epoch(Told()).seconds < 1060


def test_a_state_does_not_move_with_the_trainer_it_came_from_or_went_to(data: DeviceData) -> None:
    trials = several(**EVERYTHING)
    trainer = maker(trials, data)()
    trainer.train_epoch(Told(going=lambda steps_done: steps_done < 2))
    state = trainer.state(between_epochs=False)
    before = through_a_file(state)
    trainer.train_epoch(Told())
    other = maker(trials, data)()
    other.restore(state)
    other.train_epoch(Told())
    assert same(state, before)


def test_a_state_is_as_large_as_what_it_holds(data: DeviceData) -> None:
    trainer = maker(several(averaging=0.9), data)()
    trainer.train_epoch(Told())

    def numbers(part: object) -> list[torch.Tensor]:
        if isinstance(part, torch.Tensor):
            return [part]
        parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
        return [tensor for inner in parts for tensor in numbers(inner)]

    tensors = numbers(trainer.state(between_epochs=False))
    assert len(tensors) > 8
    assert all(tensor.untyped_storage().nbytes() == tensor.nbytes for tensor in tensors)
    assert all(tensor.device.type == "cpu" for tensor in tensors)


def test_between_epochs_the_last_epoch_is_left_out_unless_steps_are_left(data: DeviceData) -> None:
    trainer = maker(several(), data)()
    trainer.train_epoch(Told(going=lambda steps_done: steps_done < 2))
    for between in (True, False):
        kept = trainer.state(between_epochs=between)["epoch"]
        assert kept["sums"]["steps"] == 2
    trainer.train_epoch(Told())
    assert trainer.state(between_epochs=True)["epoch"] is None
    assert trainer.state(between_epochs=False)["epoch"]["sums"]["steps"] == STEPS


@pytest.mark.parametrize("field", ["learning_rate", "weight_decay", "clip_norm"])
@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_a_changed_member_trains_as_one_that_had_the_value_and_leaves_the_others(
    field: str, optimizer: str, data: DeviceData
) -> None:
    settings = {"learning_rate": 1e-2, "weight_decay": 0.05, "clip_norm": 0.5} | {"optimizer": optimizer}
    other = settings | {field: {"learning_rate": 2e-3, "weight_decay": 0.3, "clip_norm": 0.01}[field]}
    plain = maker([make_trial(seed=seed, **settings) for seed in (1, 2, 3)], data)()
    wanted = maker([make_trial(seed=2, **other)], data)()
    trainer = maker([make_trial(seed=seed, **settings) for seed in (1, 2, 3)], data)()
    assert trainer.change(1, field, other[field]) == settings[field]
    for each in (plain, wanted, trainer):
        each.train_epoch(Told())
    assert torch.equal(trainer.optimizer.flat[[0, 2]], plain.optimizer.flat[[0, 2]])
    torch.testing.assert_close(trainer.optimizer.flat[1], wanted.optimizer.flat[0], rtol=1e-5, atol=1e-6)
    assert (trainer.optimizer.flat[1] - plain.optimizer.flat[1]).abs().max() > 1e-4


@pytest.mark.parametrize(("field", "value"), [("weight_decay", 0.3), ("clip_norm", 0.01)])
def test_a_member_can_be_given_what_it_had_none_of(field: str, value: float, data: DeviceData) -> None:
    plain = maker([make_trial(1e-2, seed) for seed in (1, 2)], data)()
    wanted = maker([make_trial(1e-2, 2, **{field: value})], data)()
    trainer = maker([make_trial(1e-2, seed) for seed in (1, 2)], data)()
    assert trainer.change(1, field, value) == 0
    for each in (plain, wanted, trainer):
        each.train_epoch(Told())
    assert torch.equal(trainer.optimizer.flat[0], plain.optimizer.flat[0])
    torch.testing.assert_close(trainer.optimizer.flat[1], wanted.optimizer.flat[0], rtol=1e-5, atol=1e-6)


def test_what_was_changed_is_kept(data: DeviceData) -> None:
    trials = several(**EVERYTHING)
    trainer = maker(trials, data)()
    trainer.train_epoch(Told())
    for field, value in (("learning_rate", 0.02), ("weight_decay", 0.0), ("clip_norm", 0.0)):
        trainer.change(1, field, value)
    fresh = maker(trials, data)()
    fresh.restore(through_a_file(trainer.state(between_epochs=True)))
    assert fresh.change(1, "learning_rate", 0.02) == 0.02
    first, second = Told(), Told()
    trainer.train_epoch(first)
    fresh.train_epoch(second)
    assert same(first.everything, second.everything)
    assert torch.equal(trainer.optimizer.flat, fresh.optimizer.flat)


def test_what_cannot_be_changed_is_refused(data: DeviceData) -> None:
    trainer = maker(several(), data)()
    assert trainer.changeable == {"learning_rate", "weight_decay", "clip_norm"}
    before = trainer.state(between_epochs=True)
    for field, value in (("batch_size", 3.0), ("learning_rate", float("nan")), ("weight_decay", -1.0)):
        with pytest.raises(UsageError, match=field):
            trainer.change(0, field, value)
    assert same(trainer.state(between_epochs=True), before)


def test_a_state_that_does_not_fit_is_refused_whole(data: DeviceData) -> None:
    trainer = maker(several(), data)()
    trainer.train_epoch(Told(going=lambda steps_done: steps_done < 2))
    before = trainer.state(between_epochs=False)
    others = {
        "seeds": [make_trial(1e-2, seed) for seed in (42, 8, 42)],
        "entries": [make_trial(1e-2, seed) for seed in (42, 7)],
        "float32": [make_trial(1e-2, seed, hidden_width=9) for seed in (42, 7, 42)],
        "average": [make_trial(1e-2, seed, averaging=0.5) for seed in (42, 7, 42)],
    }
    for problem, trials in others.items():
        other = maker(trials, data)()
        other.train_epoch(Told())
        with pytest.raises(LabError, match=problem):
            trainer.restore(through_a_file(other.state(between_epochs=False)))
    with pytest.raises(LabError, match="rows"):
        trainer.restore(maker(several(), make_data(100, torch.float32))().state(between_epochs=True))
    assert same(trainer.state(between_epochs=False), before)


def test_a_state_that_was_tampered_with_is_refused_whole(data: DeviceData) -> None:
    trainer = maker(several(), data)()
    trainer.train_epoch(Told(going=lambda steps_done: steps_done < 2))
    before = trainer.state(between_epochs=False)

    def tampered(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        state = through_a_file(before)
        change(state)
        return state

    for change in (
        lambda state: state.pop("generators"),
        lambda state: state.update(more=1),
        lambda state: state.update(kind="network"),
        lambda state: state["optimizer"].update(steps="3"),
        lambda state: state["optimizer"]["settings"].update(learning_rate=[1.0]),
        lambda state: state["epoch"]["orders"][0].fill_(0),
        lambda state: state["epoch"]["orders"][0].fill_(10**6),
        lambda state: state["epoch"]["sums"].update(samples=63),
        lambda state: state["epoch"]["sums"].update(steps=-1),
        lambda state: state.update(epoch=[]),
    ):
        with pytest.raises(LabError, match="does not fit"):
            trainer.restore(tampered(change))
    with pytest.raises(LabError, match="does not fit"):
        trainer.restore([])  # type: ignore[arg-type]
    assert same(trainer.state(between_epochs=False), before)


def test_what_a_forged_state_says_does_not_reach_the_terminal_as_it_is(data: DeviceData) -> None:
    trainer = maker(several(), data)()
    with pytest.raises(LabError) as caught:
        trainer.restore(trainer.state(between_epochs=True) | {"\x1b[2J": 1})
    assert "\x1b" not in str(caught.value)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_state_comes_back_to_the_device_wherever_it_was_read() -> None:
    device = torch.device("cuda")
    data = make_data(129, torch.float32, device)
    trials = several(**EVERYTHING)
    trainer, told = EnsembleTrainer(trials, data, device), Told()
    trainer.train_epoch(Told(going=lambda steps_done: False))
    state = through_a_file(trainer.state(between_epochs=False))
    trainer.train_epoch(Told())
    for place in ("cpu", "cuda"):
        other = EnsembleTrainer(trials, data, device)
        other.restore(through_a_file(state, place))
        other.train_epoch(told)
        assert other.optimizer.flat.device.type == "cuda"
        torch.testing.assert_close(other.optimizer.flat, trainer.optimizer.flat, rtol=1e-4, atol=1e-5)
