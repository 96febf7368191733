"""The source task on a few made-up scenes: what it learns, writes and keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from iml_tui.data.scenes.dataset import SceneData, SceneSplit
from iml_tui.data.scenes.labels import draw_labels
from iml_tui.experiments.scene_heads import HEADS, accuracy_metric
from iml_tui.experiments.trials import BATCH_LOSS, RUNNING_ACCURACY, SourceTrial
from iml_tui.networks.resnet import make_backbone
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import Event, EventReader, EventWriter
from iml_tui.runs.series import read_series
from iml_tui.training.devices import DeviceChoice
from iml_tui.training.source import session
from iml_tui.training.source.augmentation import mirror_and_move
from iml_tui.training.source.network import CLASSES, SourceNetwork, losses_and_hits
from iml_tui.training.source.session import train_source
from iml_tui.training.source.trainer import SourceTrainer
from iml_tui.training.weights_store import SourceSettings, read_offline
from tests.training.contexts import CPU, Told, run_context

SIZE, ROWS, BATCH = 48, 20, 8  # Batches of 8, 8 and 4.
SETTINGS = {"pictures": ROWS, "image_size": SIZE}


def split(name: str, rows: int) -> SceneSplit:
    """Flat pictures whose red tells the class of the first head, and noise."""
    labels = draw_labels(name, rows)
    generator = np.random.default_rng(len(name))
    pixels = generator.integers(0, 40, (rows, SIZE, SIZE, 3)).astype(np.uint8)
    pixels[..., 0] += (60 * labels[:, 0]).astype(np.uint8)[:, None, None]
    return SceneSplit(pixels, labels)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads wait for each other at every operation on these small batches where other programs run beside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data() -> SceneData:
    return SceneData(
        {"train": split("train", ROWS), "validation": split("validation", 6), "test": split("test", 6)}, ""
    )


def trial(epochs: int = 2, learning_rate: float = 0.001, seed: int = 1) -> SourceTrial:
    return SourceTrial(
        name="source task", label="source", seed=seed, epochs=epochs, learning_rate=learning_rate, batch_size=BATCH
    )


def test_the_loss_is_the_mean_of_the_heads_cross_entropies() -> None:
    logits, labels = torch.randn(3, sum(CLASSES)), torch.from_numpy(draw_labels("test", 3))
    losses, hits = losses_and_hits(logits, labels)
    assert losses.shape == hits.shape == (3, len(HEADS))
    start = 0
    for head, classes in enumerate(CLASSES):
        own = logits[:, start : start + classes].double()
        expected = own.logsumexp(1) - own[torch.arange(3), labels[:, head]]
        torch.testing.assert_close(losses[:, head].double(), expected, rtol=1e-5, atol=1e-5)
        assert torch.equal(hits[:, head], own.argmax(1) == labels[:, head])
        start += classes


def test_mirrored_and_moved_pictures_hold_what_was_there() -> None:
    across, down = np.meshgrid(np.arange(64), np.arange(64))
    one = np.stack([across, down, np.zeros_like(down)], axis=2).astype(np.uint8)
    moved = mirror_and_move(np.stack([one] * 64), np.random.default_rng(3)).astype(int)
    steps = np.diff(moved[:, 10, :, 0], axis=1)
    mirrored = steps.sum(axis=1) < 0
    assert 15 < mirrored.sum() < 49
    # Columns run on in one direction, rows always downwards: nothing is turned about.
    assert all((np.sign(row) * (-1 if back else 1) >= 0).all() for row, back in zip(steps, mirrored, strict=True))
    assert (np.diff(moved[:, :, 10, 1], axis=1) >= 0).all()
    middle = moved[:, 32, 32, 1] - 32
    assert middle.min() == -4
    assert middle.max() == 4
    assert np.array_equal(one[..., 0], np.tile(np.arange(64), (64, 1)))


def test_equal_seeds_train_equal_networks(data: SceneData) -> None:
    def trained(seed: int) -> tuple[list[float], torch.Tensor]:
        losses: list[float] = []
        trainer = SourceTrainer(trial(seed=seed), data, CPU.device)
        trainer.train_epoch(lambda done, new, *others: losses.extend(new[:, 0].tolist()) is None)
        return losses, trainer.network.heads.weight.detach()

    (first, weights), (again, same), (other, _) = trained(1), trained(1), trained(2)
    assert first == again
    assert torch.equal(weights, same)
    assert len(first) == 3
    assert first != other


def test_every_step_is_told_with_the_accuracy_so_far(data: SceneData) -> None:
    told: list[tuple[int, float, float]] = []
    trainer = SourceTrainer(trial(), data, CPU.device)

    def keep(done: int, losses: np.ndarray, norms: object, accuracies: np.ndarray) -> bool:
        assert norms is None
        assert losses.shape == accuracies.shape == (1, 1)
        told.append((done, float(losses[0, 0]), float(accuracies[0, 0])))
        return True

    outcome = trainer.train_epoch(keep)
    assert [done for done, _, _ in told] == [1, 2, 3]
    assert outcome.complete
    assert outcome.samples == ROWS
    losses = [loss for _, loss, _ in told]
    assert outcome.train_loss[0] == pytest.approx(np.average(losses, weights=[8, 8, 4]), rel=1e-6)
    assert outcome.train_accuracy[0] == pytest.approx(told[-1][2], rel=1e-6)


def test_training_lowers_the_loss_and_every_head_is_measured(data: SceneData) -> None:
    trainer = SourceTrainer(trial(epochs=4, learning_rate=0.003), data, CPU.device)
    losses = [trainer.train_epoch(lambda *step: True).train_loss[0] for _ in range(4)]
    assert losses[-1] < 0.85 * losses[0]
    measured = trainer.evaluate("test")
    assert set(measured.others) == {accuracy_metric("test", head) for head in HEADS}
    assert measured.accuracy[0] == pytest.approx(np.mean([values[0] for values in measured.others.values()]))


def test_the_network_is_that_of_other_tasks() -> None:
    torch.manual_seed(5)
    network = SourceNetwork(3)
    assert all(
        torch.equal(a, b) for a, b in zip(network.backbone.parameters(), make_backbone(3).parameters(), strict=True)
    )
    assert network(torch.zeros(2, 3, SIZE, SIZE, dtype=torch.uint8)).shape == (2, sum(CLASSES))


class Run:
    """Runs a session on the made-up scenes."""

    def __init__(
        self,
        path: Path,
        data: SceneData,
        monkeypatch: pytest.MonkeyPatch,
        trials: list[SourceTrial],
        stop: Callable[[int], bool] = lambda asked: False,
        device: DeviceChoice = CPU,
    ) -> None:
        monkeypatch.setenv("IML_LAB_HOME", str(path))
        monkeypatch.setattr(session, "load_scenes", lambda *arguments: data)
        self.root = path / "weights"
        self.directory = RunDirectory(path / "runs" / "the-run")
        (self.directory.path / "series").mkdir(parents=True)
        self._asked = 0
        told = Told()
        self.ends = told.ends
        writer = EventWriter(self.directory.events_file)

        def asked() -> bool:
            self._asked += 1
            return stop(self._asked)

        context = run_context(self.directory, writer, told, stop=asked, settings=SETTINGS, device=device)
        self.state = train_source(context, trials)
        writer.close()

    def events(self, kind: str) -> list[Event]:
        return [event for event in EventReader(self.directory.events_file).read_new() if event["type"] == kind]


def test_a_run_keeps_figures_series_and_weights(
    tmp_path: Path, data: SceneData, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trial()
    run = Run(tmp_path, data, monkeypatch, [one])
    assert run.state == "done"
    assert run.ends == [(0, "done", 2)]
    last = run.events("epoch")[-1]["metrics"]
    assert {accuracy_metric(name, head) for name in ("validation", "test") for head in HEADS} < set(last)
    assert len(read_series(run.directory.series_file(0, BATCH_LOSS))) == 6
    running = read_series(run.directory.series_file(0, RUNNING_ACCURACY))
    assert running[-1] == pytest.approx(last["train_accuracy"], rel=1e-6)
    stored = read_offline(run.root, SourceSettings.of(one, SETTINGS))
    assert stored is not None
    assert stored.run == "the-run"
    assert set(stored.state) == set(make_backbone(0).state_dict())
    assert any("kept in" in event["message"] for event in run.events("note"))


def test_a_stopped_run_keeps_no_weights(tmp_path: Path, data: SceneData, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, data, monkeypatch, [trial(), trial(seed=2)], stop=lambda asked: asked > 2)
    assert run.state == "stopped"
    assert run.ends == [(0, "stopped", 0)]
    assert not run.root.exists()


def test_weights_that_are_not_finite_are_not_kept(
    tmp_path: Path, data: SceneData, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path, data, monkeypatch, [trial(learning_rate=1e30)])
    assert run.state == "done"
    assert run.ends[0][1] == "diverged"
    assert not run.root.exists()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_run_on_cuda_keeps_weights_for_the_cpu(
    tmp_path: Path, data: SceneData, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda = DeviceChoice(torch.device("cuda", 0), "CUDA", "asked for")
    run = Run(tmp_path, data, monkeypatch, [trial()], device=cuda)
    stored = read_offline(run.root, SourceSettings.of(trial(), SETTINGS))
    assert stored is not None
    assert all(tensor.device.type == "cpu" for tensor in stored.state.values())
