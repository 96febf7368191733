"""The states of trainers on pictures: another trainer goes on from them bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from iml_tui.data.scenes.dataset import SceneData, SceneSplit
from iml_tui.data.scenes.labels import draw_labels
from iml_tui.errors import LabError, UsageError
from iml_tui.experiments.trials import SourceTrial
from iml_tui.networks.resnet import FeatureNetwork, LogitNetwork, make_backbone, make_head, trained_tensors
from iml_tui.training.faces.inputs import FeatureInputs, picture_inputs
from iml_tui.training.faces.network_trainer import NetworkTrainer
from iml_tui.training.progress import Pace
from iml_tui.training.source.trainer import SourceTrainer
from iml_tui.training.trainer import TrainerState
from tests.training.interrupted import Told, assert_same_training, same, steady, through_a_file, train_cut, train_whole
from tests.training.made_up_pictures import face_trial, pictures

CPU = torch.device("cpu")
EPOCHS = 2
SIZE = 32


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Pace, "learn", steady)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Small(nn.Module):
    """A few channels with batch normalisation, in place of a ResNet18: quick, and of the same kinds of layers."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(4)
            self.layers = nn.Sequential(
                nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2), nn.Flatten(),
                nn.LazyLinear(512),
            )  # fmt: skip
            self.layers(torch.zeros(1, 3, SIZE, SIZE))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.layers(pixels)
        return features


def network_maker(backbone: Callable[[], nn.Module], *, frozen: bool, **options: Any) -> Callable[[], NetworkTrainer]:
    data = pictures()  # Batches of 8, 8 and 2.
    trial = face_trial("fine-tuning", 0.01, **options)

    def make() -> NetworkTrainer:
        network = LogitNetwork(FeatureNetwork(backbone(), frozen=frozen), make_head(trial.seed))
        return NetworkTrainer(trial, network, picture_inputs(data, CPU), CPU)

    return make


def probing_maker(*, flip: bool) -> Callable[[], NetworkTrainer]:
    generator = torch.Generator().manual_seed(1)

    def inputs(rows: int) -> FeatureInputs:
        features = torch.rand((2, rows, 512), generator=generator)
        return FeatureInputs(features[0], features[1], np.arange(rows) % 2)

    splits = {"train": inputs(18), "validation": inputs(7), "test": inputs(5)}
    trial = face_trial("linear-probing", 0.01, horizontal_flip=flip)
    return lambda: NetworkTrainer(trial, LogitNetwork(nn.Identity(), make_head(trial.seed)), splits, CPU)


@pytest.fixture
def source_maker(monkeypatch: pytest.MonkeyPatch) -> Callable[[], SourceTrainer]:
    monkeypatch.setattr("iml_tui.training.source.network.make_backbone", lambda seed: Small())

    def split(name: str, rows: int) -> SceneSplit:
        pixels = np.random.default_rng(rows).integers(0, 255, (rows, SIZE, SIZE, 3)).astype(np.uint8)
        return SceneSplit(pixels, draw_labels(name, rows))

    data = SceneData({"train": split("train", 20), "validation": split("validation", 6), "test": split("test", 6)}, "")
    trial = SourceTrial(
        name="source task", label="source", seed=1, epochs=EPOCHS, learning_rate=0.001, batch_size=8
    )  # Batches of 8, 8 and 4.
    return lambda: SourceTrainer(trial, data, CPU)


@pytest.mark.parametrize(("epoch", "step"), [(0, 1), (1, 0), (1, 2), (1, 3)])
@pytest.mark.parametrize(
    "options", [{}, {"horizontal_flip": True}, {"shift": 3}, {"horizontal_flip": True, "shift": 3}], ids=str
)
def test_a_network_goes_on_from_any_step(options: dict[str, Any], epoch: int, step: int) -> None:
    make = network_maker(Small, frozen=False, **options)
    assert_same_training(train_cut(make, EPOCHS, epoch, step), train_whole(make(), EPOCHS))


@pytest.mark.parametrize("flip", [False, True])
def test_a_last_layer_on_features_goes_on(flip: bool) -> None:
    make = probing_maker(flip=flip)
    for epoch, step in [(0, 2), (1, 0), (1, 1)]:
        assert_same_training(train_cut(make, EPOCHS, epoch, step), train_whole(make(), EPOCHS))


def test_a_resnet_goes_on() -> None:
    make = network_maker(lambda: make_backbone(9), frozen=False, horizontal_flip=True, shift=2)
    assert_same_training(train_cut(make, EPOCHS, 0, 2), train_whole(make(), EPOCHS))


def test_of_a_frozen_network_only_the_last_layer_is_kept() -> None:
    make = network_maker(Small, frozen=True, shift=2)
    trainer = make()
    before = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
    trainer.train_epoch(Told())
    state = trainer.state(between_epochs=True)
    assert set(state["network"]) == {"head.weight", "head.bias"}
    changed = {name for name, tensor in trainer.network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == set(state["network"])
    assert_same_training(train_cut(make, EPOCHS, 1, 1), train_whole(make(), EPOCHS))


def test_of_a_network_that_is_trained_everything_is_kept() -> None:
    network = LogitNetwork(FeatureNetwork(Small()), make_head(1))
    assert trained_tensors(network).keys() == network.state_dict().keys()
    assert trained_tensors(FeatureNetwork(Small(), frozen=True)) == {}


def test_the_source_task_goes_on_from_any_step(source_maker: Callable[[], SourceTrainer]) -> None:
    expected = train_whole(source_maker(), EPOCHS)
    for epoch, step in [(0, 2), (1, 0), (1, 3)]:
        assert_same_training(train_cut(source_maker, EPOCHS, epoch, step), expected)


def test_before_the_first_step_there_is_a_state_too(source_maker: Callable[[], SourceTrainer]) -> None:
    for make in (probing_maker(flip=True), source_maker):
        fresh, used = make(), make()
        state = fresh.state(between_epochs=False)
        used.train_epoch(Told())
        used.restore(through_a_file(state))
        assert_same_training(train_whole(used, 1), train_whole(make(), 1))


def test_a_state_does_not_move_with_the_trainer_it_came_from_or_went_to(
    source_maker: Callable[[], SourceTrainer],
) -> None:
    for make in (probing_maker(flip=True), network_maker(Small, frozen=False, shift=2), source_maker):
        trainer, other = make(), make()
        trainer.train_epoch(Told(going=lambda steps_done: steps_done < 2))
        state = trainer.state(between_epochs=False)
        before = through_a_file(state)
        trainer.train_epoch(Told())
        other.restore(state)
        other.train_epoch(Told())
        assert same(state, before)


def test_moments_lie_in_memory_as_their_parameters_do() -> None:
    make = network_maker(lambda: make_backbone(9), frozen=False)
    trainer, fresh = make(), make()
    trainer.train_epoch(Told(going=lambda steps_done: False))
    state = through_a_file(trainer.state(between_epochs=False))
    for moments in state["optimizer"]["moments"]:
        moments["exp_avg"] = moments["exp_avg"].contiguous()
    fresh.restore(state)
    trainer.train_epoch(Told())
    fresh.train_epoch(Told())
    assert same(trainer.state(between_epochs=True)["network"], fresh.state(between_epochs=True)["network"])


def test_the_learning_rate_of_a_network_can_be_changed_and_is_kept() -> None:
    make = probing_maker(flip=False)
    trainer, plain = make(), make()
    assert trainer.changeable == {"learning_rate"}
    assert trainer.change(0, "learning_rate", 0.5) == 0.01
    fresh = make()
    fresh.restore(through_a_file(trainer.state(between_epochs=True)))
    told = [Told() for _ in range(3)]
    for each, to in zip((trainer, fresh, plain), told, strict=True):
        each.train_epoch(to)
    assert same(told[0].losses, told[1].losses)
    assert told[0].losses[0] == told[2].losses[0]
    assert told[0].losses[1] != told[2].losses[1]
    for field, value in (("weight_decay", 0.1), ("learning_rate", 0.0)):
        with pytest.raises(UsageError, match=field):
            trainer.change(0, field, value)


def rates(optimizer: torch.optim.Optimizer) -> list[float]:
    return [float(group["lr"]) for group in optimizer.param_groups]


def test_a_changed_one_cycle_schedule_is_the_one_with_the_other_highest_rate(
    source_maker: Callable[[], SourceTrainer],
) -> None:
    trainer = source_maker()
    assert trainer.changeable == {"learning_rate"}
    wanted = AdamW([nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = OneCycleLR(wanted, max_lr=0.5, total_steps=EPOCHS * trainer.steps_per_epoch)
    used: list[float] = []
    expected: list[float] = []

    def going(steps_done: int) -> bool:
        if steps_done == 2:
            assert trainer.change(0, "learning_rate", 0.5) == 0.001
        used.extend(rates(trainer._optimizer))
        wanted.step()
        schedule.step()
        expected.extend(rates(wanted))
        return True

    trainer.train_epoch(Told(going))
    assert used[1:] == pytest.approx(expected[1:], rel=1e-12)
    assert used[0] == pytest.approx(expected[0] / 500, rel=1e-12)
    fresh = source_maker()
    fresh.restore(through_a_file(trainer.state(between_epochs=True)))
    assert fresh.change(0, "learning_rate", 0.25) == 0.5
    with pytest.raises(UsageError, match="batch_size"):
        trainer.change(0, "batch_size", 2.0)


def test_states_that_do_not_fit_are_refused_whole(source_maker: Callable[[], SourceTrainer]) -> None:
    makers = (probing_maker(flip=True), network_maker(Small, frozen=False), source_maker)
    states = [make().state(between_epochs=True) for make in makers]
    for make in makers:
        trainer = make()
        trainer.train_epoch(Told(going=lambda steps_done: steps_done < 2))
        before = trainer.state(between_epochs=False)
        own = states[makers.index(make)]
        for state in [*(other for other in states if other is not own), {}, [], None]:
            with pytest.raises(LabError, match="does not fit"):
                trainer.restore(state)  # type: ignore[arg-type]
        for tamper in TAMPERINGS:
            state = through_a_file(before)
            tamper(state)
            with pytest.raises(LabError, match="does not fit"):
                trainer.restore(state)
        assert same(trainer.state(between_epochs=False), before)


TAMPERINGS: list[Callable[[TrainerState], object]] = [
    lambda state: state.update(seed=2),
    lambda state: state["optimizer"]["moments"].pop(),
    lambda state: state["optimizer"]["moments"][0].pop("step"),
    lambda state: state["optimizer"]["moments"][0].update(exp_avg=torch.zeros(3)),
    lambda state: state["optimizer"]["group"].update(lr="0.1"),
    lambda state: state["optimizer"]["group"].update(params=[]),
    lambda state: state["network"].popitem(),
    lambda state: state["epoch"]["orders"][0].fill_(1),
    lambda state: state["epoch"]["sums"].update(samples=5),
]


def test_a_generator_that_is_none_is_refused(source_maker: Callable[[], SourceTrainer]) -> None:
    trainer = source_maker()
    trainer.train_epoch(Told(going=lambda steps_done: steps_done < 2))
    before = trainer.state(between_epochs=False)
    for wrong in ({"bit_generator": "MT19937"}, {"uinteger": -1}, {"state": {"state": -1, "inc": 1}}):
        state = through_a_file(before)
        state["generator"].update(wrong)
        with pytest.raises(LabError, match="generator"):
            trainer.restore(state)
    assert same(trainer.state(between_epochs=False), before)
