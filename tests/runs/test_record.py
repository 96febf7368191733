from __future__ import annotations

import json
import math
import os
import stat
import time
from pathlib import Path

import pytest

from iml_tui.errors import LabError, UsageError
from iml_tui.experiments.registry import find
from iml_tui.runs import control
from iml_tui.runs import directory as directory_module
from iml_tui.runs.atomic import write_atomically
from iml_tui.runs.directory import RunDirectory, create_run
from iml_tui.runs.events import EventReader
from iml_tui.runs.opening import refuse_links
from iml_tui.runs.record import FORMAT, RecordHead, RunRecord, TrialRecord
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
        "checkpoints",
        "control",
        "events.jsonl",
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


def test_the_first_event_holds_the_record(root: Path) -> None:
    run = create(root)
    [event] = EventReader(run.events_file).read_new()
    assert event["type"] == "created"
    assert RunRecord.model_validate(event["record"]) == run.read_record()


def test_a_run_is_its_users_alone(root: Path) -> None:
    before = os.umask(0)
    try:
        run = create(root)
        control.request_change(run.control, control.ChangeRequest(trial=0, field="learning_rate", value=0.5))
    finally:
        os.umask(before)
    for path in (root, run.path, *run.path.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_run_that_is_queued_says_so(root: Path) -> None:
    assert create_run(root, EXPERIMENT, DEFAULTS, DATA, None, "auto", state="queued").read_record().state == "queued"


def test_the_head_is_the_beginning_of_the_record(waiting: RunDirectory) -> None:
    record = waiting.read_record()
    head = RecordHead.model_validate(record.model_dump())
    assert waiting.read_head() == head
    former = record.model_dump(mode="json")
    waiting.record_file.write_text(json.dumps({"trials": former.pop("trials"), **former}) + "\n")
    assert waiting.read_head() == head  # As a lab wrote it that had the trials first.
    waiting.write_record(record.model_copy(update={"message": "x" * 100_000}))
    assert waiting.read_head().message == "x" * 100_000


def test_the_head_does_without_the_trials(waiting: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the whole file was read")

    monkeypatch.setattr(directory_module, "read_regular", refuse)
    assert waiting.read_head().experiment == "learning-rate"


@pytest.mark.parametrize("cut", [2, 100, 5000])
def test_a_record_that_is_cut_off_has_no_head(waiting: RunDirectory, cut: int) -> None:
    os.truncate(waiting.record_file, max(0, waiting.record_file.stat().st_size - cut))
    with pytest.raises(LabError, match="is damaged"):
        waiting.read_head()


HOSTILE = {
    "nested": b"[" * 1_000_000,
    "nested in a field": b'{"hyperparameters":' + b'{"a":' * 500_000,
    "no text": bytes(range(256)),
    "number": b"9" * 100_000,
    "infinite": b'{"created": Infinity}',
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_content_is_damage(waiting: RunDirectory, content: bytes) -> None:
    waiting.record_file.write_bytes(content)
    for read in (waiting.read_record, waiting.read_head):
        with pytest.raises(LabError, match="is damaged") as caught:
            read()
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 10**12},
        {"epochs": 0},
        {"batch_size": 0},
        {"batch_size": -5},
        {"hidden_layers": 10**9},
        {"hidden_width": 10**12},
    ],
    ids=str,
)
def test_sizes_that_no_trial_has_are_damage(waiting: RunDirectory, changes: dict[str, int]) -> None:
    record = json.loads(waiting.record_file.read_bytes())
    record["trials"][0] |= changes
    waiting.record_file.write_text(json.dumps(record))
    with pytest.raises(LabError, match=r"is damaged \(trials"):
        waiting.read_record()


@pytest.mark.parametrize("field", ["created", "started", "finished", "asked", "idle_seconds"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e300", "-1e300"])
def test_a_time_is_one(waiting: RunDirectory, field: str, value: str) -> None:
    record = json.loads(waiting.record_file.read_bytes())
    record[field] = 0
    waiting.record_file.write_text(json.dumps(record).replace(f'"{field}": 0', f'"{field}": {value}'))
    for read in (waiting.read_record, waiting.read_head):
        with pytest.raises(LabError, match=f"is damaged .{field}"):
            read()


def test_a_huge_record_is_not_read(waiting: RunDirectory) -> None:
    with waiting.record_file.open("r+b") as file:
        file.truncate(1 << 40)  # Sparse.
    for read in (waiting.read_record, waiting.read_head):
        with pytest.raises(LabError, match="larger than"):
            read()


def test_only_a_regular_file_is_a_record(waiting: RunDirectory, tmp_path: Path) -> None:
    waiting.record_file.rename(tmp_path / "run.json")
    for make in (os.mkfifo, os.mkdir, lambda place: place.symlink_to(tmp_path / "run.json")):
        make(waiting.record_file)
        for read in (waiting.read_record, waiting.read_head):
            with pytest.raises(LabError, match=r"cannot be read: it is (a symbolic link|not a regular file)"):
                read()
        waiting.record_file.rmdir() if waiting.record_file.is_dir() else waiting.record_file.unlink()


def test_a_run_that_lies_elsewhere_is_refused(waiting: RunDirectory, tmp_path: Path) -> None:
    refuse_links(waiting.path)
    waiting.tables.rmdir()
    waiting.tables.symlink_to(tmp_path)
    with pytest.raises(LabError, match="tables is a symbolic link"):
        refuse_links(waiting.path)
