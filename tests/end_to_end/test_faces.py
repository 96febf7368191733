"""Section 7 from the command line through the worker: a folder of odd pictures, and pictures looked at in the end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.pictures import read_predictions, read_test_pictures
from tests.data.odd_pictures import OddFolder, odd_image_folder

from .conftest import Home, finish, wait_for_event
from .test_whole_run import tables_of

pytestmark = pytest.mark.end_to_end

SETTINGS = ("--set", "image_size=32", "--set", "learning_rates=0.01", "--device", "cpu", "--json")


@pytest.fixture
def odd(tmp_path: Path) -> OddFolder:
    return odd_image_folder(tmp_path / "odd")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file of weights such as one carries to a machine without internet; they were trained on nothing."""
    torch.manual_seed(1)
    path = tmp_path / "resnet18.pth"
    torch.save(resnet18(weights=None).state_dict(), path)
    return path


def test_a_folder_of_odd_pictures_to_its_end_and_again(home: Home, odd: OddFolder, weights: Path) -> None:
    asked = ("run", "face-baselines", "--data", str(odd.path), "--weights", str(weights), *SETTINGS)
    code, out, err = home.call(*asked)
    assert code == 0, err
    assert "Traceback" not in err
    document = json.loads(out)
    assert [trial["state"] for trial in document["trials"]] == ["done"] * 5
    assert document["weights"]["kind"] == "file"
    assert any("left out" in note for note in document["notes"])
    # What is recorded is what was trained on, without the pictures that cannot be read.
    directory = RunDirectory(Path(document["directory"]))
    pictures = read_test_pictures(directory)
    assert document["data"]["rows"]["test"] == len(pictures.labels)
    for position in range(5):
        assert len(read_predictions(directory, position, len(pictures.labels))) == len(pictures.labels)

    code, again, err = home.call(*asked)
    assert code == 0, err
    second = json.loads(again)
    assert any("come from the cache" in note for note in second["notes"])
    assert tables_of(second) == tables_of(document)


def test_a_class_that_is_missing_from_a_split_is_refused_before_a_run_is_made(home: Home, odd: OddFolder) -> None:
    missing = next(path for path in sorted((odd.path / "test").iterdir()) if path.is_dir())
    shutil.rmtree(missing)
    code, out, err = home.call("run", "face-baselines", "--data", str(odd.path), *SETTINGS)
    assert code == 2
    assert out == ""
    assert missing.name in err
    assert "test" in err
    assert len(err.strip().splitlines()) == 1
    assert not home.root.exists()


def test_what_is_finished_when_a_run_is_stopped_can_be_looked_at(home: Home, odd: OddFolder, weights: Path) -> None:
    process = home.start(
        "run", "face-baselines", "--data", str(odd.path), "--weights", str(weights), *SETTINGS, "--set", "epochs=10000"
    )
    directory = home.run()
    wait_for_event(directory, "predictions")
    code, _, err = home.call("stop", "last")
    assert code == 0, err
    code, out, _ = finish(process)
    assert code == 130
    document = json.loads(out)
    assert document["state"] == "stopped"
    assert document["trials"][0]["predictions"]
    assert document["tables"]
