"""A session on a few hundred made-up cities: what it writes, and how it stops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iml_tui.data.dataset import Dataset, Split
from iml_tui.experiments.trials import ClassifierTrial, MLPTrial
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventReader, EventWriter
from iml_tui.runs.maps import read_map
from iml_tui.runs.reading import BATCH_LOSS, LOG_GRADIENT_NORMS
from iml_tui.runs.series import read_series
from iml_tui.training.session import Session
from tests.training.contexts import Told, run_context

ROWS, BATCH = 90, 32  # Batches of 32, 32 and 26.
STEPS = 3


def cities(rows: int, seed: int) -> Split:
    generator = np.random.default_rng(seed)
    coordinates = generator.uniform((-10, 35), (40, 71), (rows, 2)).astype(np.float32)
    return Split(coordinates, (coordinates[:, 0] > 15).astype(np.int64))


@pytest.fixture
def data() -> Dataset:
    return Dataset(
        name="two halves",
        source="made up",
        train=cities(ROWS, 1),
        validation=cities(20, 2),
        test=cities(20, 3),
        class_names=("west", "east"),
        sha256="0" * 64,
        embedded=False,
    )


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    (tmp_path / "series").mkdir()
    return RunDirectory(tmp_path)


def trial(learning_rate: float = 0.01, epochs: int = 3, batch_size: int = BATCH, **changes: Any) -> MLPTrial:
    settings: dict[str, Any] = {"seed": 1, "hidden_layers": 1, "hidden_width": 4, "batch_norm": False} | changes
    return MLPTrial(
        name=f"learning rate {learning_rate} batch {batch_size}",
        label=f"{learning_rate}",
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=epochs,
        **settings,
    )


class Run:
    """Runs a session and keeps what it told."""

    def __init__(
        self, directory: RunDirectory, data: Dataset, trials: list[MLPTrial | ClassifierTrial], stop_after: int | None
    ) -> None:
        told = Told()
        self.ends = told.ends
        self.asked = 0
        self._stop_after = stop_after
        writer = EventWriter(directory.events_file)
        session = Session(run_context(directory, writer, told, stop=self._stop), trials, data)
        self.state = session.train()
        writer.close()
        self.events = EventReader(directory.events_file).read_new()

    def _stop(self) -> bool:
        self.asked += 1
        return self._stop_after is not None and self.asked > self._stop_after

    def of(self, type: str) -> list[dict[str, object]]:
        return [event for event in self.events if event["type"] == type]


def test_everything_measured_is_written(directory: RunDirectory, data: Dataset) -> None:
    run = Run(directory, data, [trial(), trial(0.001), trial(batch_size=45)], None)
    assert run.state == "done"
    assert run.ends == [(0, "done", 3), (1, "done", 3), (2, "done", 3)]
    assert [(event["trial"], event["epoch"]) for event in run.of("epoch")] == [
        (0, 1), (1, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 1), (2, 2), (2, 3),
    ]  # fmt: skip
    assert len(read_series(directory.series_file(0, BATCH_LOSS))) == 3 * STEPS
    assert len(read_series(directory.series_file(2, BATCH_LOSS))) == 3 * 2


def test_the_train_loss_is_the_mean_of_the_batch_losses(directory: RunDirectory, data: Dataset) -> None:
    run = Run(directory, data, [trial(epochs=1)], None)
    losses = read_series(directory.series_file(0, BATCH_LOSS)).astype(np.float64)
    metrics = run.of("epoch")[0]["metrics"]
    assert isinstance(metrics, dict)
    assert metrics["train_loss"] == pytest.approx(np.average(losses, weights=[32, 32, 26]), rel=1e-6)


def test_a_stop_before_the_first_trial_trains_nothing(directory: RunDirectory, data: Dataset) -> None:
    run = Run(directory, data, [trial()], 0)
    assert (run.state, run.ends, run.events) == ("stopped", [], [])


def test_a_stop_asked_for_at_the_last_batch_of_an_epoch_is_not_lost(directory: RunDirectory, data: Dataset) -> None:
    # So few batches are reported once, at the end of the epoch.
    run = Run(directory, data, [trial(epochs=50), trial(epochs=50, batch_size=45)], 1)
    assert run.state == "stopped"
    assert run.ends == [(0, "stopped", 1)]


def test_a_diverged_trial_is_told_with_its_batch_and_ends_early(directory: RunDirectory, data: Dataset) -> None:
    run = Run(directory, data, [trial(1e39, epochs=50)], None)  # More than float32 holds.
    assert run.state == "done"
    [told] = run.of("diverged")
    losses = read_series(directory.series_file(0, BATCH_LOSS))
    first = int(np.flatnonzero(~np.isfinite(losses))[0])
    assert (told["epoch"], told["batch"]) == (first // STEPS + 1, first % STEPS + 1)
    assert run.ends[0][1] == "diverged"
    assert run.ends[0][2] < 50


def test_figures_belong_to_their_trial_in_whatever_order_they_train(directory: RunDirectory, data: Dataset) -> None:
    shapes = [(1, 4), (3, 4), (2, 8)]
    trials = [trial(epochs=2, hidden_layers=depth, hidden_width=width) for depth, width in shapes]
    run = Run(directory, data, [*trials], None)
    assert {event["trial"]: event["parameters"] for event in run.of("trial_started")} == {
        0: 2 * 4 + 4 + 4 * 2 + 2,
        1: 2 * 4 + 4 + 2 * (4 * 4 + 4) + 4 * 2 + 2,
        2: 2 * 8 + 8 + 8 * 8 + 8 + 8 * 2 + 2,
    }
    assert sorted(run.ends) == [(0, "done", 2), (1, "done", 2), (2, "done", 2)]
    for position, alone in enumerate(trials):
        (directory.path / f"{position}" / "series").mkdir(parents=True)
        own = RunDirectory(directory.path / f"{position}")
        Run(own, data, [alone], None)
        np.testing.assert_allclose(
            read_series(directory.series_file(position, BATCH_LOSS)),
            read_series(own.series_file(0, BATCH_LOSS)),
            rtol=1e-4,
        )


def test_gradients_are_kept_step_by_step_and_per_epoch(directory: RunDirectory, data: Dataset) -> None:
    run = Run(directory, data, [trial(hidden_layers=3, record_gradients=True), trial()], None)
    norms = read_series(directory.series_file(0, LOG_GRADIENT_NORMS)).reshape(3, STEPS, 4).astype(np.float64)
    for epoch, event in enumerate(event for event in run.of("epoch") if event["trial"] == 0):
        np.testing.assert_allclose(event["gradient_norms"], (10 ** norms[epoch]).mean(0), rtol=1e-5)  # type: ignore[arg-type]
        assert event["zero_gradients"] == np.isneginf(norms[epoch]).sum(0).tolist()
    assert not directory.series_file(1, LOG_GRADIENT_NORMS).exists()
    assert all("gradient_norms" not in event for event in run.of("epoch") if event["trial"] == 1)


def test_maps_follow_the_figures_of_their_epoch(directory: RunDirectory, data: Dataset) -> None:
    run = Run(directory, data, [trial(epochs=2)], None)
    told = [(event["type"], event["epoch"]) for event in run.events if event["type"] in ("epoch", "map")]
    assert told == [("epoch", 1), ("map", 1), ("epoch", 2), ("map", 2)]
    assert read_map(directory, 0, 2).test_classes.shape == (20,)


def test_a_classifier_without_a_loss_is_done_and_not_diverged(directory: RunDirectory, data: Dataset) -> None:
    nearest = ClassifierTrial(name="nearest neighbour", label="1-NN", seed=1, kind="nearest-neighbour")
    run = Run(directory, data, [nearest, trial()], None)
    assert run.ends == [(0, "done", 1), (1, "done", 3)]
    assert run.of("diverged") == []
    metrics = run.of("epoch")[0]["metrics"]
    assert isinstance(metrics, dict)
    assert metrics["train_accuracy"] == 1
    assert metrics["validation_loss"] is None
    assert not directory.series_file(0, BATCH_LOSS).exists()
