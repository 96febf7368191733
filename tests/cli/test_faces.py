"""What the command line knows of pictures: pretrained weights, folders of pictures, what is done before training."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image

from iml_tui.experiments.results import WeightsSummary
from iml_tui.headless import displays
from iml_tui.headless.bars import Bars
from iml_tui.headless.displays import Lines
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import WeightsRecord
from tests.recorded import CREATED, recorded_run

from .conftest import Lab
from .test_run import worker_that

CAVEAT = "These are not ImageNet's weights, and much of what they transfer overlaps with the giveaways."
OFFLINE = WeightsSummary("offline", "offline source task", "0f" * 32, CAVEAT)


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """A folder of pictures: two classes, one picture of each a split."""
    folder = tmp_path / "faces"
    for split in ("train", "val", "test"):
        for shade, name in enumerate(("fake", "real")):
            (folder / split / name).mkdir(parents=True)
            Image.new("RGB", (8, 8), (100 * shade, 0, 0)).save(folder / split / name / "1.png")
    return folder


# Pretrained weights


@pytest.mark.parametrize("options", [["--weights", "Offline"], ["--set", "weights=offline"]])
def test_weights_are_asked_for_by_a_word(
    lab: Lab, faces: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    worker_that(monkeypatch, "raise SystemExit(3)")
    document = json.loads(lab("run", "face-baselines", "--data", str(faces), "--json", *options).out)
    assert document["hyperparameters"]["weights"] == "offline"
    assert document["weights"] is None, "none were found yet"


def test_a_file_of_weights_is_found_from_anywhere(
    lab: Lab, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker_that(monkeypatch, "raise SystemExit(3)")
    file = tmp_path / "resnet18.pth"
    file.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for typed in ("resnet18.pth", "~/resnet18.pth", str(file)):
        document = json.loads(lab("run", "face-baselines", "--data", "faces", "--weights", typed, "--json").out)
        assert document["hyperparameters"]["weights"] == str(file)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run", "epochs", "--weights", "offline"], ["--weights", "epochs", "no pretrained weights"]),
        (["run", "epochs", "--set", "weights=offline"], ["weights", "unknown hyperparameter"]),
        (["run", "offline-weights", "--weights", "offline"], ["--weights", "offline-weights"]),
        (["run", "face-baselines", "--weights", "resnet"], ["weights = 'resnet'", "auto, imagenet or offline", "no /"]),
        (["run", "face-baselines", "--weights", ""], ["weights = ''", "auto, imagenet or offline"]),
        (["run", "face-baselines", "--weights", "auto", "--set", "weights=auto"], ["twice", "--weights and by --set"]),
        (["run", "offline-weights", "--data", "."], ["--data '.'", "renders its own data"]),
        (["run", "face-baselines", "--data", "/no/such"], ["'/no/such'", "train/, val/ or validation/", "test/"]),
        (["--data", "/no/such"], ["'/no/such'", "train.csv", "or with train/"]),
    ],
)
def test_what_cannot_be_is_one_sentence(lab: Lab, home: Path, arguments: list[str], named: list[str]) -> None:
    outcome = lab(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    for part in named:
        assert part in outcome.err
    assert not home.exists()


def test_list_tells_of_texts_and_data(lab: Lab) -> None:
    experiments = {each["slug"]: each for each in json.loads(lab("list", "--json").out)["experiments"]}
    assert experiments["epochs"]["data"] == "cities"
    assert experiments["face-baselines"]["data"] == "faces"
    weights = next(each for each in experiments["face-baselines"]["hyperparameters"] if each["name"] == "weights")
    assert (weights["kind"], weights["default"]) == ("text", "auto")
    assert "imagenet" in weights["allowed"]


# Folders of pictures


def test_a_folder_of_pictures_is_read_for_faces_and_for_nothing_else(
    lab: Lab, faces: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker_that(monkeypatch, "raise SystemExit(3)")
    document = json.loads(lab("run", "face-baselines", "--data", str(faces), "--json").out)
    assert document["data"]["directory"] == str(faces)
    assert document["data"]["rows"] == {"train": 2, "validation": 2, "test": 2}
    outcome = lab("run", "epochs", "--data", str(faces))
    assert outcome.code == 2
    assert "train.csv" in outcome.err
    assert len(list(root.iterdir())) == 1


def test_a_folder_of_cities_is_no_folder_of_pictures(lab: Lab, tmp_path: Path, home: Path) -> None:
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.csv").write_text(",long,lat,country\n0,13.4,52.5,Germany\n1,2.3,48.8,France\n")
    outcome = lab("run", "face-baselines", "--data", str(tmp_path))
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert not home.exists()


def test_doctor_knows_both_kinds_of_folders(lab: Lab, faces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iml_tui.headless.doctor.check_devices", lambda device: iter(()))
    outcome = lab("doctor", "--data", str(faces))
    assert outcome.code == 0
    assert "2 train, 2 validation, 2 test; 2 classes" in outcome.out
    assert "pillow" in outcome.out
    (faces / "test" / "fake" / "1.png").unlink()
    outcome = lab("doctor", "--data", str(faces))
    assert outcome.code == 1
    assert "the rendered faces" in outcome.out


# A run as it goes


@pytest.fixture
def run(root: Path) -> RunDirectory:
    """A run whose worker has begun, and found weights."""
    directory = recorded_run(root, "face-baselines", "running")
    record = directory.read_record().model_copy(update={"weights": WeightsRecord.of(OFFLINE)})
    directory.write_record(record)
    return directory


@pytest.fixture
def tell(run: RunDirectory) -> Callable[..., None]:
    """Writes one event."""

    def append(type: str, **fields: object) -> None:
        with closing(EventWriter(run.events_file)) as writer, patch("time.time", lambda: CREATED + 40):
            writer.append(type, **fields)

    return append


def test_show_tells_of_weights_notes_and_what_is_prepared(
    lab: Lab, run: RunDirectory, tell: Callable[..., None]
) -> None:
    tell("note", message="3 pictures were left out")
    tell("note", message="the decoded pictures come from the cache")
    tell("predictions", trial=0)
    tell("preparing", what="extracting features", done=430, total=1600)
    outcome = lab("show", "last")
    for text in ("extracting features 430 of 1,600", "3 pictures were left out", "come from the cache", CAVEAT):
        assert text in outcome.out
    assert "offline source task (SHA-256 0f0f0f0f0f0f…)" in outcome.out
    document = json.loads(lab("show", "last", "--json").out)
    assert document["notes"] == ["3 pictures were left out", "the decoded pictures come from the cache"]
    assert document["weights"] == {
        "kind": "offline",
        "name": "offline source task",
        "sha256": "0f" * 32,
        "caveat": CAVEAT,
    }
    assert [trial["predictions"] for trial in document["trials"]] == [True] + 16 * [False]


def test_a_run_without_weights_says_nothing_of_them(lab: Lab, root: Path) -> None:
    recorded_run(root, "epochs", "done", epochs=2)
    assert "Weights" not in lab("show", "last").out
    document = json.loads(lab("show", "last", "--json").out)
    assert (document["weights"], document["notes"]) == (None, [])


def test_lines_say_each_thing_once(
    run: RunDirectory, tell: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, lines = RunReader(run), Lines()
    for done in (0, 100, 200):
        tell("preparing", what="decoding pictures", done=done, total=1600)
        reader.poll()
        lines.update(reader, stopping=False)
    tell("note", message="2 pictures were left out")
    tell("preparing", what="extracting features", done=0, total=1)
    reader.poll()
    for _ in range(3):
        lines.update(reader, stopping=False)
    assert capsys.readouterr().err.splitlines() == [
        f"Pretrained weights: offline source task. {CAVEAT}",
        "running on CPU",
        "decoding pictures 0 of 1,600",
        "Note: 2 pictures were left out",
        "extracting features",
    ]
    tell("trial_started", trial=1)
    reader.poll()
    monkeypatch.setattr(displays, "LINE_SECONDS", 0.0)
    lines.update(reader, stopping=False)
    assert "scratch 0.1: epoch 1/1" in capsys.readouterr().err


def test_a_long_preparation_is_told_of_every_few_seconds(
    run: RunDirectory, tell: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(displays.time, "monotonic", lambda: now)
    reader, lines = RunReader(run), Lines()
    for done in (0, 400, 800):
        tell("preparing", what="decoding pictures", done=done, total=1600)
        reader.poll()
        lines.update(reader, stopping=False)
        now += 6
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("decoding")]
    assert said == ["decoding pictures 0 of 1,600", "decoding pictures 800 of 1,600 · 12 s left"]


@pytest.mark.parametrize("columns", [80, 40])
def test_bars_tell_what_is_prepared_in_one_line(
    run: RunDirectory,
    tell: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "24")
    tell("preparing", what="making the offline weights (run 20251009-085320-offline-weights)", done=34, total=100)
    bars = Bars()
    bars.update(RunReader(run), stopping=False)
    bars.close()
    drawn = capsys.readouterr().err.splitlines()
    assert "running · making the" in drawn[-1]
    assert drawn[-1].endswith(" 34 of 100")
    assert all(len(line) <= columns for line in drawn)
    assert "offline source task" in " ".join(drawn)
    assert columns < 80 or len([line for line in drawn if "0/1" in line or "1/1" in line]) == 17
