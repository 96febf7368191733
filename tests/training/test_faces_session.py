"""A session on a few made-up pictures: all five baselines, what is written, and how it stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from iml_tui.data.pictures import OnPreparation, PictureData, PictureTransform
from iml_tui.errors import LabError
from iml_tui.experiments.results import AREAS, METRICS, WeightsSummary, confusion_metric
from iml_tui.experiments.trials import BATCH_LOSS, RUNNING_ACCURACY, FaceTrial
from iml_tui.networks.resnet import make_backbone
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventReader, EventWriter
from iml_tui.runs.pictures import read_predictions, read_test_pictures
from iml_tui.runs.series import read_series
from iml_tui.training.faces import session
from iml_tui.training.faces.session import train_faces
from iml_tui.training.preparation import StoppedError
from iml_tui.training.trainer import EpochOutcome, OnProgress
from iml_tui.training.weights import Weights
from tests.training.contexts import Told, run_context
from tests.training.made_up_pictures import face_trial, pictures

SUMMARY = WeightsSummary("file", "made up", "2" * 64)
ALL = [
    face_trial("xgboost-pixels"),
    face_trial("from-scratch"),
    face_trial("linear-probing", 0.01),
    face_trial("linear-probing", 0.001),
    face_trial("sklearn-probing"),
    face_trial("fine-tuning"),
]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads wait for each other longer than they compute, on so little."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    (tmp_path / "series").mkdir()
    return RunDirectory(tmp_path)


class Run:
    """Runs a session and keeps what it told."""

    def __init__(
        self,
        directory: RunDirectory,
        monkeypatch: pytest.MonkeyPatch,
        data: PictureData | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._directory, self._data, self._stop = directory, data or pictures(), stop
        self.transforms: list[PictureTransform | None] = []
        self.told = Told()
        monkeypatch.setattr(session, "load_pictures", self._load)
        monkeypatch.setattr("iml_tui.training.weights.find_weights", self._find_weights)

    def train(
        self, trials: list[FaceTrial], folder: Path | None = None, sha256: str = "1" * 64, image_size: int = 0
    ) -> str:
        writer = EventWriter(self._directory.events_file)
        settings = {"image_size": image_size, "weights": "auto", "difficulty": 0.5}
        context = run_context(self._directory, writer, self.told, stop=self._stop, settings=settings)
        try:
            return train_faces(context, trials, folder, sha256)
        finally:
            writer.close()

    @property
    def events(self) -> list[dict[str, Any]]:
        return EventReader(self._directory.events_file).read_new()

    def of(self, type: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == type]

    def _load(
        self,
        folder: Path | None,
        cache_directory: Path,
        transform: PictureTransform | None,
        settings: Mapping[str, Any],
        on_preparation: OnPreparation,
    ) -> PictureData:
        on_preparation("making pictures up", 1, 1)
        self.transforms.append(transform)
        return self._data

    def _find_weights(self, context: object) -> Weights:
        return Weights(SUMMARY, make_backbone(9).state_dict(), PictureTransform(256, 224))


def test_all_five_baselines_are_trained_and_measured(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    run, data = Run(directory, monkeypatch), pictures()
    assert run.train(ALL) == "done"
    assert run.told.ends == [(position, "done", 1) for position in range(len(ALL))]
    assert run.told.weights == [SUMMARY]
    assert run.told.data == []  # The embedded data are known before.
    assert [event["message"] for event in run.of("note")] == ["the pictures were made up"]
    epochs = run.of("epoch")
    assert [event["trial"] for event in epochs] == list(range(len(ALL)))
    counts = {confusion_metric(true, taken) for true in (0, 1) for taken in (0, 1)}
    for position, event in enumerate(epochs):
        metrics = event["metrics"]
        assert set(metrics) == {*METRICS, *AREAS, *counts}
        assert np.isfinite(list(metrics.values())).all()
        # What is kept of each picture adds up to what was measured.
        kept = read_predictions(directory, position, len(data.test))
        decided = kept > 0.5
        assert metrics["test_accuracy"] == pytest.approx((decided == data.test.labels).mean())
        assert metrics[confusion_metric(0, 1)] == (decided & (data.test.labels == 0)).sum()
        of_truth = np.where(data.test.labels == 1, kept, 1 - kept).astype(np.float64)
        assert metrics["test_loss"] == pytest.approx(-np.log(of_truth).mean(), rel=1e-3)
    assert [event["trial"] for event in run.of("predictions")] == list(range(len(ALL)))
    assert [event["parameters"] for event in run.of("trial_started")] == [0, 11_177_025, 513, 513, 513, 11_177_025]
    assert run.of("trial_finished")[0]["parameters"] > 0  # The nodes of the trees.


def test_test_pictures_are_kept(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    Run(directory, monkeypatch).train([face_trial("xgboost-pixels")])
    kept, data = read_test_pictures(directory), pictures()
    assert np.array_equal(kept.pixels, data.test.pixels)
    assert kept.labels.tolist() == data.test.labels.tolist()
    assert kept.class_names == ("dark", "light")


def test_every_step_of_what_is_trained_has_a_value(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    Run(directory, monkeypatch).train([face_trial("xgboost-pixels"), face_trial("linear-probing", epochs=2)])
    losses, accuracies = (read_series(directory.series_file(1, name)) for name in (BATCH_LOSS, RUNNING_ACCURACY))
    assert len(losses) == len(accuracies) == 6
    assert np.isfinite(losses).all()
    assert ((accuracies >= 0) & (accuracies <= 1)).all()
    assert not directory.series_file(0, BATCH_LOSS).exists()


def test_features_are_extracted_once_for_all_probes(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(directory, monkeypatch)
    run.train([face_trial("linear-probing", 0.1), face_trial("sklearn-probing"), face_trial("linear-probing", seed=2)])
    extractions = [event for event in run.of("preparing") if event["what"] == "extracting features"]
    assert {event["total"] for event in extractions} == {35}
    done = [event["done"] for event in extractions]
    assert (done[0], done[-1]) == (0, 35)
    assert sorted(set(done)) == done  # A second time would begin at 0 again.


def test_a_last_layer_on_features_is_trained_with_one_thread(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    train_epoch = session.NetworkTrainer.train_epoch

    def watched(trainer: session.NetworkTrainer, on_progress: OnProgress) -> EpochOutcome:
        threads.append(torch.get_num_threads())
        return train_epoch(trainer, on_progress)

    monkeypatch.setattr(session.NetworkTrainer, "train_epoch", watched)
    torch.set_num_threads(2)
    Run(directory, monkeypatch, pictures(4, 2, 2)).train([face_trial("linear-probing")])
    assert threads == [1]
    assert torch.get_num_threads() == 2


def test_what_needs_no_weights_asks_for_none(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(directory, monkeypatch)
    assert run.train([face_trial("xgboost-pixels"), face_trial("from-scratch")]) == "done"
    assert run.told.weights == []


def test_a_shift_runs_the_frozen_network_at_every_step(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(directory, monkeypatch)
    assert run.train([face_trial("linear-probing", shift=2, horizontal_flip=True)]) == "done"
    assert "extracting features" not in [event["what"] for event in run.of("preparing")]
    assert run.of("trial_started")[0]["parameters"] == 513


def test_a_folder_has_the_weights_transform_and_a_summary_of_what_was_decoded(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made_up = pictures()
    decoded = PictureData(**{**vars(made_up), "embedded": False})
    run = Run(directory, monkeypatch, decoded)
    run.train([face_trial("sklearn-probing")], tmp_path)
    run.train([face_trial("sklearn-probing")], tmp_path, image_size=112)
    run.train([face_trial("xgboost-pixels")], tmp_path)
    run.train([face_trial("sklearn-probing")])
    assert run.transforms == [PictureTransform(256, 224), PictureTransform(128, 112), None, None]
    assert run.told.data[0].rows == {"train": 18, "validation": 7, "test": 10}


def test_transforms_keep_their_proportion() -> None:
    assert PictureTransform(256, 224).scaled(0) == PictureTransform(256, 224)
    assert PictureTransform(256, 224).scaled(64) == PictureTransform(73, 64)


def test_data_that_changed_are_refused(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LabError, match="changed after this run was asked for"):
        Run(directory, monkeypatch).train([face_trial("xgboost-pixels")], sha256="0" * 64)


def test_it_stops_between_batches_and_keeps_what_is_finished(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_in_scratch = 0

    def stop() -> bool:
        nonlocal asked_in_scratch
        asked_in_scratch += bool(run.of("trial_started")[1:])
        return asked_in_scratch > 2

    run = Run(directory, monkeypatch, stop=stop)
    trials = [face_trial("xgboost-pixels"), face_trial("from-scratch", epochs=9), face_trial("from-scratch", seed=2)]
    assert run.train(trials) == "stopped"
    assert run.told.ends == [(0, "done", 1), (1, "stopped", 0)]
    assert len(read_series(directory.series_file(1, BATCH_LOSS))) == 3
    assert [event["trial"] for event in run.of("predictions")] == [0]


def test_it_stops_while_a_split_is_measured(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(directory, monkeypatch, stop=lambda: read_series(directory.series_file(0, BATCH_LOSS)).size == 3)
    # The series is whole when the last batch is reported, and the next to ask is the measuring.
    assert run.train([face_trial("from-scratch"), face_trial("fine-tuning")]) == "stopped"
    assert run.told.ends[0][1:] == ("stopped", 0)
    assert len(run.told.ends) == 1


def test_it_stops_while_features_are_extracted(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(directory, monkeypatch, stop=lambda: any("features" in event["what"] for event in run.of("preparing")))
    with pytest.raises(StoppedError):
        run.train([face_trial("linear-probing")])
    assert run.told.ends == []


def test_a_network_that_diverges_ends_early_and_the_others_go_on(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(directory, monkeypatch)
    trials = [face_trial("fine-tuning", 1e30, epochs=3), face_trial("linear-probing")]
    assert run.train(trials) == "done"
    assert run.told.ends == [(0, "diverged", 1), (1, "done", 1)]
    assert [event["trial"] for event in run.of("diverged")] == [0]
    kept = read_predictions(directory, 0, 10)
    assert np.isnan(kept).all()
    metrics = run.of("epoch")[0]["metrics"]
    assert metrics["test_loss"] is None or np.isnan(metrics["test_loss"])
    assert metrics["test_accuracy"] == 0.5
