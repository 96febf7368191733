from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path

import pytest

from iml_tui.errors import LabError, UsageError
from iml_tui.experiments.registry import find
from iml_tui.runs.atomic import write_atomically
from iml_tui.runs.directory import RunDirectory, create_run
from iml_tui.runs.record import FORMAT, RunRecord, TrialRecord
from tests.recorded import DATA

EXPERIMENT = find("learning-rate")
DEFAULTS = EXPERIMENT.hyperparameters()


def create(root: Path, data_directory: Path | None = None) -> RunDirectory:
    return create_run(root, EXPERIMENT, DEFAULTS, DATA, data_directory, "auto")


def test_a_record_survives_writing_and_reading(waiting: RunDirectory) -> None:
    record = waiting.read_record().model_copy(
        update={"state": "failed", "message": 'Ærø – ½ "quoted"\n', "started": 1.5, "finished": 4.0}
    )
    waiting.write_record(record)
    assert waiting.read_record() == record
    assert record.seconds == 2.5


def test_a_new_run_says_what_was_asked(root: Path) -> None:
    run = create(root, Path("cities"))
    record = run.read_record()
    assert (record.id, record.experiment, record.state) == (run.id, "learning-rate", "starting")
    assert record.hyperparameters == json.loads(DEFAULTS.model_dump_json())
    assert record.trials == EXPERIMENT.trials(DEFAULTS)
    assert record.trial_records == [TrialRecord()] * len(record.trials)
    assert record.data.directory == str(Path("cities").absolute())
    assert not record.data.summary.embedded
    assert record.data.summary.rows == DATA.rows
    assert math.isnan(record.seconds)
    assert sorted(path.name for path in run.path.iterdir()) == [
        "control",
        "figures",
        "maps",
        "run.json",
        "series",
        "tables",
    ]


def test_a_new_run_is_its_users_own(root: Path) -> None:
    run = create(root)
    assert run.path.stat().st_mode & 0o077 == 0
    assert run.record_file.stat().st_mode & 0o077 == 0


def test_runs_of_the_same_second_have_their_own_ids(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "strftime", lambda form, *_: "20251009-085320")
    ids = [create(root).id for _ in range(12)]
    assert ids[:3] == [f"20251009-085320-learning-rate{end}" for end in ("", "-2", "-3")]
    assert len(set(ids)) == 12


@pytest.mark.parametrize("below", ["", "runs", "a/b/runs"])
def test_a_root_that_cannot_be_made_is_one_sentence(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        LabError, match=r"no run can be kept in .*file.*: .+; set IML_LAB_HOME to a directory"
    ) as caught:
        create(tmp_path / "file" / below)
    assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_no_half_directory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("iml_tui.runs.directory.write_atomically", fail)
    with pytest.raises(LabError, match="No space left on device"):
        create(root)
    assert list(root.iterdir()) == []


def test_a_folder_whose_name_is_no_text_is_refused(root: Path) -> None:
    with pytest.raises(UsageError, match="is not valid UTF-8; rename it") as caught:
        create(root, Path(os.fsdecode(b"/data/caf\xe9")))
    str(caught.value).encode()
    assert not root.exists()


def test_a_newer_format_is_refused_whatever_it_holds(waiting: RunDirectory) -> None:
    document = json.loads(waiting.record_file.read_text())
    for change in ({}, {"state": "archived"}, {"trials": {"new": "layout"}}, {"extra": 1}):
        write_atomically(waiting.record_file, json.dumps({**document, **change, "format": FORMAT + 1}))
        with pytest.raises(LabError, match="was written by a newer iml-lab; upgrade"):
            waiting.read_record()


def test_fields_of_a_later_version_of_the_same_format_are_ignored(waiting: RunDirectory) -> None:
    document = json.loads(waiting.record_file.read_text())
    write_atomically(waiting.record_file, json.dumps({**document, "colour": "blue"}))
    assert isinstance(waiting.read_record(), RunRecord)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b"{}", b"\xff\xfe", b'{"format": "x"}', b'{"format": 1, "id": "a"}', b"[" * 100_000],
    ids=lambda content: repr(content[:12]),
)
def test_a_damaged_record_is_one_sentence(waiting: RunDirectory, content: bytes) -> None:
    waiting.record_file.write_bytes(content)
    with pytest.raises(LabError, match=r"run\.json is damaged \(.+\)$") as caught:
        waiting.read_record()
    assert "\n" not in str(caught.value)


def test_every_truncation_of_a_record_is_noticed(waiting: RunDirectory) -> None:
    content = waiting.record_file.read_bytes().rstrip()
    for end in range(0, len(content), 97):
        waiting.record_file.write_bytes(content[:end])
        with pytest.raises(LabError, match="damaged"):
            waiting.read_record()


def test_a_missing_record_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"run\.json cannot be read: No such file or directory$"):
        RunDirectory(tmp_path).read_record()


def test_result_files_are_sorted_and_without_temporary_ones(waiting: RunDirectory) -> None:
    for name in ("b.csv", "a.csv", ".a.csv.x1"):
        (waiting.tables / name).touch()
    waiting.figures.rmdir()
    assert waiting.result_files() == ([waiting.tables / "a.csv", waiting.tables / "b.csv"], [])


def test_the_record_of_a_former_version_is_read(waiting: RunDirectory) -> None:
    """One seed by another name, and trials that did not tell their kind or model."""
    document = json.loads(waiting.record_file.read_text())
    document["hyperparameters"]["seed"] = document["hyperparameters"].pop("seeds")[0]
    known = {"name", "label", "seed", "epochs", "hidden_layers", "hidden_width", "batch_norm", "learning_rate"}
    document["trials"] = [
        {key: value for key, value in trial.items() if key in {*known, "batch_size"}} for trial in document["trials"]
    ]
    before = waiting.read_record()
    waiting.record_file.write_text(json.dumps(document))
    assert waiting.read_record() == before
