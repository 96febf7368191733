"""The contact sheet: what is on it, and when there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from iml_tui.experiments.picture_choice import best_and_worst, choose
from iml_tui.runs import contact_sheet
from iml_tui.runs.contact_sheet import (
    REPORTED_SHEET,
    SheetModel,
    draw_sheet,
    save_contact_sheet,
    weights_note,
    write_contact_sheet,
)
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.pictures import TestPictures, read_predictions, read_test_pictures
from iml_tui.runs.reading import RunReader
from tests.recorded_faces import recorded_faces_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return recorded_faces_run(tmp_path_factory.mktemp("runs"))


def models_of(run: RunDirectory, pictures: TestPictures) -> tuple[SheetModel, SheetModel]:
    a, b = (
        SheetModel(trial, f"model {trial}", "", read_predictions(run, trial, len(pictures)))
        for trial in best_and_worst(RunReader(run).results)
    )
    return a, b


def is_at(sheet: Image.Image, pixels: np.ndarray) -> bool:  # type: ignore[type-arg]
    """Whether a picture stands somewhere on the sheet, three times as large."""
    found = np.asarray(sheet)
    large = pixels.repeat(3, axis=0).repeat(3, axis=1)
    height, width = large.shape[:2]
    starts = np.argwhere((found[: 1 - height, : 1 - width] == large[0, 0]).all(axis=-1))
    return any((found[y : y + height, x : x + width] == large).all() for y, x in starts)


def test_the_best_right_and_the_worst_wrong(run: RunDirectory) -> None:
    results = RunReader(run).results
    path = write_contact_sheet(run, results)
    assert path == run.figures / REPORTED_SHEET
    pictures = read_test_pictures(run)
    a, b = models_of(run, pictures)
    assert results.trials[a.trial].last("test_accuracy") == max(t.last("test_accuracy") for t in results.trials)
    assert results.trials[b.trial].last("test_accuracy") == min(t.last("test_accuracy") for t in results.trials)
    chosen = choose(pictures.labels, a.probabilities, b.probabilities, "A right, B wrong")
    assert len(chosen) > 5
    with Image.open(path) as file:
        sheet = file.convert("RGB")
    assert all(is_at(sheet, pictures.pixels[position]) for position in chosen[:5])
    assert not is_at(sheet, pictures.pixels[chosen[5]])


def test_the_same_run_gives_the_same_bytes(run: RunDirectory) -> None:
    results = RunReader(run).results
    first = write_contact_sheet(run, results)
    assert first is not None
    before = first.read_bytes()
    assert write_contact_sheet(run, results) == first
    assert first.read_bytes() == before


def test_captions_tell_class_verdicts_and_details(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    real = contact_sheet._write_line

    def keep(pen: object, place: object, text: str, *rest: object) -> None:
        written.append(text)
        real(pen, place, text, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(contact_sheet, "_write_line", keep)
    write_contact_sheet(run, RunReader(run).results)
    text = "\n".join(written)
    assert "A right, B wrong: 5 of " in text
    assert "A  best: " in text
    assert "B  worst: " in text
    assert "Pretrained weights: offline source task" in text
    assert [text.count(f"\n{start}: ") for start in ("true", "A right", "B wrong")] == [5, 5, 5]
    pictures = read_test_pictures(run)
    a, b = models_of(run, pictures)
    first = int(choose(pictures.labels, a.probabilities, b.probabilities, "A right, B wrong")[0])
    assert pictures.names[first] in text


def test_any_text_and_few_pictures(run: RunDirectory) -> None:
    pictures = read_test_pictures(run)
    a, b = models_of(run, pictures)
    pictures = replace(
        pictures,
        class_names=("Gefälscht Ελλ 中文 🙂 " * 5, "אמיתי\\x1b"),
        names=("𝔘𝔫𝔦/" + "x" * 300,) * len(pictures),
        details=("irises " * 60,) * len(pictures),
    )
    unsure = SheetModel(3, "unsure", "", np.full(len(pictures), np.nan, np.float32))
    for count in (1, 2, 7):
        sheet = draw_sheet(pictures, (replace(a, label="名" * 400), unsure), np.arange(count), "both wrong", 40)
        assert sheet.width < 2000
        assert is_at(sheet, pictures.pixels[count - 1])
    path = save_contact_sheet(run, pictures, (replace(a, label="名"), b), np.arange(2), "名 taken for 名 by A")
    assert path.parent == run.figures
    assert path.name.isascii()
    assert str(a.trial) in path.name


def test_no_sheet_where_it_is_not_possible(tmp_path: Path) -> None:
    one = recorded_faces_run(tmp_path / "one", "stopped", finished=1)
    assert write_contact_sheet(one, RunReader(one).results) is None
    none = recorded_faces_run(tmp_path / "none", "stopped", finished=0)
    assert write_contact_sheet(none, RunReader(none).results) is None
    damaged = recorded_faces_run(tmp_path / "damaged", "stopped", finished=2)
    (damaged.pictures / "test.npy").write_bytes(b"")
    assert write_contact_sheet(damaged, RunReader(damaged).results) is None
    assert not list(damaged.figures.glob("*.png"))


def test_weights_are_named_only_where_they_were_used(run: RunDirectory) -> None:
    results = RunReader(run).results
    kinds = {trial.trial.hyperparameters["kind"]: trial.index for trial in results.trials}
    assert weights_note(results, [kinds["xgboost-pixels"], kinds["from-scratch"]]) == ""
    assert "offline source task" in weights_note(results, [kinds["xgboost-pixels"], kinds["fine-tuning"]])
