"""Training networks on made-up pictures: bit by bit, from seeds, and how it is stopped."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from iml_tui.data.pictures import PictureData
from iml_tui.experiments.trials import FaceTrial
from iml_tui.networks.resnet import FeatureNetwork, LogitNetwork, make_backbone, make_head
from iml_tui.training.faces.features import EXTRACTING, FrozenFeatures
from iml_tui.training.faces.inputs import PictureInputs, picture_inputs
from iml_tui.training.faces.network_trainer import NetworkTrainer
from iml_tui.training.preparation import StoppedError
from tests.training.made_up_pictures import face_trial, pictures

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads wait for each other longer than they compute, on so little."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Watch:
    """Keeps what a trainer reports, and stops it after a number of steps."""

    def __init__(self, steps: int = 10**9) -> None:
        self.most = steps
        self.steps = 0
        self.losses: list[float] = []
        self.accuracies: list[float] = []

    def __call__(
        self,
        steps_done: int,
        losses: NDArray[np.float32],
        norms: NDArray[np.float32] | None = None,
        running_accuracies: NDArray[np.float32] | None = None,
        /,
    ) -> bool:
        assert norms is None
        assert running_accuracies is not None
        assert losses.shape == running_accuracies.shape == (steps_done - self.steps, 1)
        self.steps = steps_done
        self.losses += losses[:, 0].tolist()
        self.accuracies += running_accuracies[:, 0].tolist()
        return steps_done < self.most


class Mean(nn.Module):
    """Pictures to the mean of their first 512 numbers, quick to train on: a stand-in for a network."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.flatten(1)[:, :512].float() / 255 - 0.5


def quick(trial: FaceTrial, data: PictureData) -> NetworkTrainer:
    return NetworkTrainer(trial, LogitNetwork(Mean(), make_head(trial.seed)), picture_inputs(data, CPU), CPU)


def residual(trial: FaceTrial, data: PictureData, *, frozen: bool) -> NetworkTrainer:
    network = LogitNetwork(FeatureNetwork(make_backbone(9), frozen=frozen), make_head(trial.seed))
    return NetworkTrainer(trial, network, picture_inputs(data, CPU), CPU)


def probing(trial: FaceTrial, features: FrozenFeatures) -> NetworkTrainer:
    return NetworkTrainer(trial, LogitNetwork(nn.Identity(), make_head(trial.seed)), features.inputs(), CPU)


def frozen_features(
    data: PictureData, *, mirrored: bool, told: list[tuple[str, int, int]] | None = None
) -> FrozenFeatures:
    said = told if told is not None else []
    return FrozenFeatures(
        FeatureNetwork(make_backbone(9), frozen=True),
        picture_inputs(data, CPU),
        CPU,
        mirrored,
        lambda *progress: said.append(progress),
    )


def head(trainer: NetworkTrainer) -> torch.Tensor:
    assert isinstance(trainer.network, LogitNetwork)
    return torch.cat([trainer.network.head.weight.detach().flatten(), trainer.network.head.bias.detach()])


@pytest.mark.parametrize("flip", [False, True])
def test_features_computed_once_give_the_weights_of_running_the_network_at_every_step(flip: bool) -> None:
    data = pictures()  # Batches of 8, 8 and 2.
    trial = face_trial("linear-probing", 0.01, horizontal_flip=flip)
    once, always = probing(trial, frozen_features(data, mirrored=flip)), residual(trial, data, frozen=True)
    before = head(once)
    watched, watched_always = Watch(), Watch()
    once.train_epoch(watched)
    always.train_epoch(watched_always)
    assert torch.equal(head(once), head(always))
    assert not torch.equal(head(once), before)
    assert watched.losses == watched_always.losses
    assert once.evaluate("test").loss == always.evaluate("test").loss
    assert np.array_equal(once.test_logits, always.test_logits)


def test_mirrored_pictures_train_other_weights() -> None:
    data = pictures()
    features = frozen_features(data, mirrored=True)
    still, mirrored = (probing(face_trial("linear-probing", 0.01, horizontal_flip=f), features) for f in (False, True))
    still.train_epoch(Watch())
    mirrored.train_epoch(Watch())
    assert not torch.equal(head(still), head(mirrored))


def test_features_are_extracted_once_and_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    features = frozen_features(pictures(20, 5, 6), mirrored=True, told=told)
    assert not told
    first = features.inputs()
    assert told[0] == (EXTRACTING, 0, 51)  # The mirrored training pictures count, too.
    assert told[-1] == (EXTRACTING, 51, 51)
    calls = len(told)
    assert features.inputs() is first
    assert len(told) == calls


def test_a_frozen_network_is_not_changed_by_training() -> None:
    trainer = residual(face_trial("linear-probing", 0.1), pictures(12), frozen=True)
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    trainer.train_epoch(Watch())
    changed = {name for name, value in trainer.network.state_dict().items() if not torch.equal(before[name], value)}
    assert changed == {"head.weight", "head.bias"}
    assert trainer.parameters == [513]


def test_all_layers_of_a_fine_tuned_network_are_trained() -> None:
    trainer = residual(face_trial("fine-tuning", 0.001), pictures(12), frozen=False)
    before = {name: value.clone() for name, value in trainer.network.named_parameters()}
    trainer.train_epoch(Watch())
    assert not any(torch.equal(before[name], value) for name, value in trainer.network.named_parameters())
    assert trainer.parameters == [11_177_025]


def test_equal_seeds_give_equal_figures() -> None:
    def measured(seed: int, data: PictureData) -> tuple[list[float], list[float]]:
        torch.manual_seed(seed + len(drawn))  # What else has drawn random numbers must not matter.
        drawn.append(seed)
        trainer, watch = residual(face_trial("from-scratch", 0.001, seed=seed), data, frozen=False), Watch()
        trainer.train_epoch(watch)
        return watch.losses, trainer.evaluate("test").loss.tolist()

    drawn: list[int] = []
    data = pictures(12)
    first, again, other = measured(1, data), measured(1, data), measured(2, data)
    assert first == again
    assert first != other


def test_every_epoch_has_an_order_of_its_own_and_visits_every_picture_once() -> None:
    data = pictures(17)
    seen: list[list[int]] = []

    class Rows(PictureInputs):
        def batch(self, rows: torch.Tensor, moves: object = None) -> torch.Tensor:
            seen.append(rows.tolist())
            return super().batch(rows)

    inputs = {name: Rows(split, CPU, False) for name, split in data.splits.items()}
    trial = face_trial("from-scratch", epochs=2)
    trainer = NetworkTrainer(trial, LogitNetwork(Mean(), make_head(1)), inputs, CPU)
    trainer.train_epoch(Watch())
    trainer.train_epoch(Watch())
    assert [len(rows) for rows in seen] == 2 * [8, 8, 1]
    first, second = ([row for rows in batches for row in rows] for batches in (seen[:3], seen[3:]))
    assert sorted(first) == sorted(second) == list(range(17))
    assert first != second


def test_a_last_batch_of_one_picture_is_trained_on() -> None:
    trainer, watch = residual(face_trial("from-scratch"), pictures(9), frozen=False), Watch()
    outcome = trainer.train_epoch(watch)
    assert outcome.complete
    assert (outcome.steps, outcome.samples) == (2, 9)
    assert np.isfinite(watch.losses).all()


def test_train_figures_and_running_accuracies_are_those_of_the_steps() -> None:
    trainer, watch = quick(face_trial("from-scratch"), pictures(20)), Watch()
    outcome = trainer.train_epoch(watch)
    sizes = np.array([8, 8, 4])
    assert outcome.train_loss == pytest.approx([(watch.losses * sizes).sum() / 20])
    assert outcome.train_accuracy.tolist() == pytest.approx([watch.accuracies[-1]])
    correct = np.array(watch.accuracies) * sizes.cumsum()
    assert np.allclose(correct, correct.round(), atol=1e-4)
    assert (np.diff(correct, prepend=0) <= sizes + 1e-4).all()


def test_a_network_learns_what_can_be_learnt() -> None:
    trainer = quick(face_trial("from-scratch", 0.01, epochs=5), pictures(64))
    before = trainer.evaluate("validation")
    for _ in range(5):
        outcome = trainer.train_epoch(Watch())
    after = trainer.evaluate("validation")
    assert after.loss < before.loss
    assert after.accuracy >= 0.9
    assert outcome.train_accuracy >= 0.9
    assert after.others["validation_auc"][0] > 0.9


def test_it_stops_at_the_next_batch() -> None:
    trainer = quick(face_trial("from-scratch"), pictures(64))
    outcome = trainer.train_epoch(Watch(steps=1))
    assert not outcome.complete
    assert (outcome.steps, outcome.samples) == (1, 8)


def test_it_stops_while_it_measures() -> None:
    data = pictures()
    trial = face_trial("from-scratch")
    network = LogitNetwork(Mean(), make_head(1))
    trainer = NetworkTrainer(trial, network, picture_inputs(data, CPU), CPU, stop=lambda: True)
    with pytest.raises(StoppedError):
        trainer.evaluate("test")


def test_a_network_without_numbers_is_measured_as_such() -> None:
    trainer, watch = quick(face_trial("from-scratch"), pictures(32)), Watch()
    with torch.no_grad():
        trainer.network.get_parameter("head.bias").fill_(math.nan)
    trainer.train_epoch(watch)
    measured = trainer.evaluate("test")
    assert np.isnan(watch.losses).all()
    assert np.isnan(measured.loss).all()
    assert np.isnan(measured.others["test_auc"]).all()
    assert measured.accuracy.tolist() == [0.5]  # Without a number it decides for class 0.


def test_mixed_precision_comes_close_to_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    trial, data = face_trial("fine-tuning", 1e-4), pictures(8, 4, 4)
    exact, mixed = residual(trial, data, frozen=False), residual(trial, data, frozen=False)
    watched, watched_mixed = Watch(), Watch()
    exact.train_epoch(watched)
    monkeypatch.setattr("iml_tui.training.precision.has_bfloat16", lambda device: True)
    mixed.train_epoch(watched_mixed)
    assert watched_mixed.losses != watched.losses
    assert watched_mixed.losses == pytest.approx(watched.losses, abs=0.05)
    assert mixed.evaluate("test").loss == pytest.approx(exact.evaluate("test").loss, abs=0.1)
    assert all(value.dtype == torch.float32 for value in mixed.network.parameters())


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("resident", [False, True])
def test_mixed_precision_on_a_gpu_comes_close_to_the_cpu(resident: bool) -> None:
    device, data = torch.device("cuda", 0), pictures(64)
    trial = face_trial("fine-tuning", 1e-4)
    inputs = {name: PictureInputs(split, device, resident) for name, split in data.splits.items()}
    network = LogitNetwork(FeatureNetwork(make_backbone(9)), make_head(1))
    on_gpu, on_cpu = NetworkTrainer(trial, network, inputs, device), residual(trial, data, frozen=False)
    watched_gpu, watched_cpu = Watch(), Watch()
    on_gpu.train_epoch(watched_gpu)
    on_cpu.train_epoch(watched_cpu)
    assert watched_gpu.losses == pytest.approx(watched_cpu.losses, abs=0.1)
    assert on_gpu.evaluate("test").loss == pytest.approx(on_cpu.evaluate("test").loss, abs=0.2)
