"""Which weights a run gets for what it asks, and how they are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from iml_tui.data.pictures import PictureTransform
from iml_tui.errors import LabError
from iml_tui.experiments.offline_weights import OFFLINE_CAVEAT
from iml_tui.networks.resnet import make_backbone
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import Event, EventReader, EventWriter
from iml_tui.training import weights
from iml_tui.training.preparation import Preparation
from iml_tui.training.weights import FILE_CAVEAT, Weights, find_weights
from iml_tui.training.weights_files import WeightsFile
from iml_tui.training.weights_imagenet import UnavailableError
from iml_tui.training.weights_offline import default_settings
from iml_tui.training.weights_store import save_offline
from tests.training.contexts import Told, run_context


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return dict(make_backbone(1).state_dict())


class Asking:
    """A run that asks for weights."""

    def __init__(self, home: Path) -> None:
        self.directory = RunDirectory(home / "runs" / "asking")
        self.directory.path.mkdir(parents=True)

    def asks(self, asked: str) -> Weights:
        writer = EventWriter(self.directory.events_file)
        try:
            return find_weights(run_context(self.directory, writer, Told(), settings={"weights": asked}))
        finally:
            writer.close()

    def events(self, kind: str) -> list[Event]:
        return [event for event in EventReader(self.directory.events_file).read_new() if event["type"] == kind]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asking:
    monkeypatch.setenv("IML_LAB_HOME", str(tmp_path))
    return Asking(tmp_path)


def without_internet(preparation: Preparation) -> WeightsFile:
    raise UnavailableError("download.pytorch.org cannot be reached (no route)")


def test_a_file_is_named_as_a_file(run: Asking, tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save(state, tmp_path / "mine.pth")
    found = run.asks(str(tmp_path / "mine.pth"))
    assert (found.summary.kind, found.summary.name, found.summary.caveat) == ("file", "file mine.pth", FILE_CAVEAT)
    assert found.transform == PictureTransform(256, 224)
    assert torch.equal(found.state["conv1.weight"], state["conv1.weight"])


def test_the_official_file_is_imagenet_s_wherever_it_was(
    run: Asking, tmp_path: Path, state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(state, tmp_path / "carried.pth")
    monkeypatch.setattr(weights, "is_imagenet", lambda sha256: True)
    summary = run.asks(str(tmp_path / "carried.pth")).summary
    assert (summary.kind, summary.name, summary.caveat) == ("imagenet", "ImageNet, IMAGENET1K_V1", "")


def test_offline_weights_are_known_wherever_they_are_carried(
    run: Asking, tmp_path: Path, state: dict[str, Tensor]
) -> None:
    carried = save_offline(tmp_path / "weights", default_settings(), state, "made").rename(tmp_path / "carried.pth")
    found = run.asks(str(carried))
    assert (found.summary.kind, found.summary.caveat) == ("offline", OFFLINE_CAVEAT)
    assert found.transform == PictureTransform(73, 64)


@pytest.mark.parametrize("settings", [None, {"image_size": "x"}, {"image_size": -5, "pictures": 2.5}])
def test_what_such_a_file_tells_of_itself_may_be_nonsense(
    run: Asking, tmp_path: Path, state: dict[str, Tensor], settings: Any
) -> None:
    torch.save({"state_dict": state, "origin": weights.ORIGIN, "settings": settings}, tmp_path / "w.pth")
    found = run.asks(str(tmp_path / "w.pth"))
    assert found.summary.kind == "offline"
    assert found.transform == PictureTransform(256, 224)


def test_stored_offline_weights_are_taken_and_told(run: Asking, tmp_path: Path, state: dict[str, Tensor]) -> None:
    save_offline(tmp_path / "weights", default_settings(), state, "20260101-000000-offline-weights")
    found = run.asks("offline")
    assert found.summary.kind == "offline"
    assert found.summary.name == "offline source task, 9,600 scenes, 3 epochs"
    assert found.summary.caveat == OFFLINE_CAVEAT
    assert found.transform == PictureTransform(73, 64)
    [note] = run.events("note")
    assert "made by run 20260101-000000-offline-weights" in note["message"]


def test_auto_without_internet_falls_back_and_says_why(
    run: Asking, tmp_path: Path, state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_offline(tmp_path / "weights", default_settings(), state, "made")
    monkeypatch.setattr(weights, "load_imagenet", without_internet)
    found = run.asks("auto").summary
    assert (found.kind, found.caveat) == ("offline", OFFLINE_CAVEAT)
    [warning] = run.events("warning")
    assert "no route" in warning["message"]
    assert "--weights FILE" in warning["message"]


def test_imagenet_without_internet_is_an_error_with_the_ways_out(run: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "load_imagenet", without_internet)
    with pytest.raises(LabError, match=r"no route.*resnet18-f37072fd\.pth.*--weights FILE.*--weights offline"):
        run.asks("imagenet")


def test_auto_takes_imagenet_where_it_can_be_had(
    run: Asking, state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = WeightsFile(Path("cached"), state, "f37072fd" + 56 * "0", {})
    monkeypatch.setattr(weights, "load_imagenet", lambda preparation: file)
    assert run.asks("auto").summary.kind == "imagenet"
    assert run.events("warning") == []
