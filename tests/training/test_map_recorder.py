from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from iml_tui.data.dataset import Dataset, Split
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventReader, EventWriter
from iml_tui.runs.maps import read_map, read_map_data
from iml_tui.training.maps import MapRecorder
from iml_tui.training.trainer import Prediction


class FakeTrainer:
    """Member m says that everything east of 10° · m is class 1, with a probability that tells the member."""

    def __init__(self, members: int = 2) -> None:
        self.members = members
        self.asked = 0
        self.broken: set[int] = set()

    def predict(self, coordinates: NDArray[np.float32]) -> Prediction:
        self.asked += 1
        classes = np.stack([coordinates[:, 0] > 10 * member for member in range(self.members)]).astype(np.int64)
        probabilities = np.stack([np.full(len(coordinates), 0.2 * (m + 1)) for m in range(self.members)])
        probabilities[sorted(self.broken)] = np.nan
        return Prediction(classes, probabilities.astype(np.float32))


@pytest.fixture
def dataset() -> Dataset:
    generator = np.random.default_rng(0)

    def split(n: int) -> Split:
        coordinates = generator.uniform([-10, 35], [40, 71], (n, 2)).astype(np.float32)
        return Split(coordinates, (coordinates[:, 0] > 0).astype(np.int64))

    return Dataset("toy", "made up", split(40), split(10), split(12), ("west", "east"), "0" * 64, False)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path)


def recorder(run: RunDirectory, dataset: Dataset, epochs: int = 3) -> tuple[MapRecorder, EventWriter]:
    events = EventWriter(run.events_file)
    return MapRecorder(run, dataset, [4, 7], epochs, events), events


def map_events(run: RunDirectory) -> list[tuple[int, int]]:
    return [(e["trial"], e["epoch"]) for e in EventReader(run.events_file).read_new() if e["type"] == "map"]


def test_every_member_has_its_map(run: RunDirectory, dataset: Dataset) -> None:
    maps, _ = recorder(run, dataset)
    trainer: Any = FakeTrainer()
    maps.record(1, trainer)
    data = read_map_data(run)
    assert data.class_names == ("west", "east")
    np.testing.assert_array_equal(data.test_coordinates, dataset.test.coordinates)
    for member, position in enumerate([4, 7]):
        found = read_map(run, position, 1)
        np.testing.assert_array_equal(found.classes, np.tile(data.longitudes > 10 * member, (len(data.latitudes), 1)))
        np.testing.assert_array_equal(found.test_classes, dataset.test.coordinates[:, 0] > 10 * member)
        assert found.probabilities[0, 0] == pytest.approx(0.2 * (member + 1), abs=1 / 255)
    assert map_events(run) == [(4, 1), (7, 1)]
    assert trainer.asked == 1  # One pass for all members.


def test_the_event_comes_after_the_file(run: RunDirectory, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    maps, events = recorder(run, dataset)
    seen = []
    monkeypatch.setattr(events, "append", lambda type, trial, epoch: seen.append(read_map(run, trial, epoch).epoch))
    trainer: Any = FakeTrainer()
    maps.record(2, trainer)
    assert seen == [2, 2]


def test_only_kept_epochs_are_predicted(run: RunDirectory, dataset: Dataset) -> None:
    maps, _ = recorder(run, dataset, epochs=1000)
    trainer: Any = FakeTrainer()
    for epoch in range(1, 11):
        maps.record(epoch, trainer)
    assert trainer.asked == 5
    assert [epoch for trial, epoch in map_events(run) if trial == 4] == [1, 2, 3, 4, 5]


def test_no_map_of_a_network_that_holds_no_numbers(run: RunDirectory, dataset: Dataset) -> None:
    maps, _ = recorder(run, dataset)
    trainer: Any = FakeTrainer()
    trainer.broken = {0}
    maps.record(1, trainer)
    assert map_events(run) == [(7, 1)]
    assert not (run.maps / "004").exists()


def test_the_data_of_a_run_are_written_once(run: RunDirectory, dataset: Dataset) -> None:
    recorder(run, dataset)
    before = (run.maps / "data.npz").stat().st_mtime_ns
    recorder(run, dataset)
    assert (run.maps / "data.npz").stat().st_mtime_ns == before


def test_a_directory_that_cannot_be_written_is_told(run: RunDirectory, dataset: Dataset) -> None:
    maps, _ = recorder(run, dataset)
    (run.maps / "004").write_text("in the way")
    trainer: Any = FakeTrainer()
    with pytest.raises(OSError, match="004"):
        maps.record(1, trainer)
