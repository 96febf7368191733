from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from iml_tui.errors import LabError
from iml_tui.runs.directory import NewerRunError, RunDirectory
from iml_tui.runs.events import EventWriter, decode, encode
from iml_tui.runs.lock import RunLock
from iml_tui.runs.reading import RunReader
from iml_tui.runs.rebuilding import REBUILT, find_record, mend_record, rebuild_record
from iml_tui.runs.record import RunRecord, TrialRecord


def recorded(run: RunDirectory, record: RunRecord, **changes: Any) -> RunRecord:
    """Change a record as the worker does."""
    record = record.model_copy(update=changes)
    run.write_record(record)
    with closing(EventWriter(run.events_file)) as events:
        events.append("recorded", changes=record.model_dump(mode="json", include=set(changes)))
    return record


@pytest.fixture
def run(waiting: RunDirectory) -> RunDirectory:
    """A run whose record was changed several times."""
    record = waiting.read_record()
    record = recorded(waiting, record, worker=record.worker, started=1.5, trial_records=[TrialRecord(state="done")] * 3)
    recorded(waiting, record, state="stopped", message="by hand", trial_records=[TrialRecord(epochs_done=2)] * 3)
    return waiting


def test_the_events_tell_the_whole_record(run: RunDirectory) -> None:
    assert rebuild_record(run) == run.read_record()


def test_a_record_that_is_fine_is_left_alone(run: RunDirectory) -> None:
    content = run.record_file.read_bytes()
    assert find_record(run) == (run.read_record(), "")
    assert mend_record(run) == ""
    assert run.record_file.read_bytes() == content


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"\xff\xfe", None, b'{"id": 1}', b"[" * 100_000],
    ids=["empty", "cut off", "garbled", "missing", "senseless", "nested"],
)
def test_a_damaged_record_is_mended(run: RunDirectory, damage: bytes | None) -> None:
    before = run.read_record()
    run.record_file.unlink()
    if damage is not None:
        run.record_file.write_bytes(damage)
    assert find_record(run) == (before, REBUILT)
    assert run.record_file.exists() == (damage is not None), "looking writes nothing"
    assert RunReader(run).record == before
    lock = RunLock(run.lock_file)
    assert mend_record(run) == REBUILT
    lock.release()
    assert run.read_record() == before
    kept = [path.read_bytes() for path in run.path.glob("run.json.damaged-*")]
    assert kept == ([] if damage is None else [damage])


@pytest.mark.parametrize("make", ["directory", "pipe", "link"])
def test_what_is_no_file_is_mended(run: RunDirectory, tmp_path: Path, make: str) -> None:
    before = run.read_record()
    run.record_file.rename(tmp_path / "run.json")
    if make == "directory":
        run.record_file.mkdir()
    elif make == "pipe":
        os.mkfifo(run.record_file)
    else:
        run.record_file.symlink_to(tmp_path / "run.json")
    assert mend_record(run) == REBUILT
    assert run.read_record() == before
    assert not run.record_file.is_symlink()


def test_what_a_killed_worker_left_half_written_is_removed(run: RunDirectory) -> None:
    unfinished = run.path / ".run.json.k1ll3d"
    unfinished.write_text('{"format": 1, ')
    assert mend_record(run) == ""
    assert not unfinished.exists()
    assert run.record_file.exists()


def test_a_later_end_is_known(run: RunDirectory) -> None:
    with closing(EventWriter(run.events_file)) as events:
        events.append("finished", state="failed", message="the disk is full")
    run.record_file.unlink()
    record = rebuild_record(run)
    assert record is not None
    assert (record.state, record.message) == ("failed", "the disk is full")
    assert record.finished is not None


def test_a_reader_goes_on_from_the_log(run: RunDirectory) -> None:
    reader = RunReader(run)
    record = run.read_record()
    run.record_file.write_text("{")
    reader.poll()
    assert (reader.state, reader.warnings) == ("stopped", [REBUILT])
    with closing(EventWriter(run.events_file)) as events:
        events.append("recorded", changes={"state": "done", "summary": "good"})
    assert reader.poll()
    assert (reader.state, reader.record) == ("done", record.model_copy(update={"state": "done", "summary": "good"}))
    with closing(EventWriter(run.events_file)) as events:
        events.append("recorded", changes={"state": ["nonsense"]})
    reader.poll()
    assert reader.state == "done"


def test_without_the_first_event_nothing_is_made_up(run: RunDirectory) -> None:
    content = run.events_file.read_bytes()
    run.events_file.write_bytes(b"?" + content[1:])
    run.record_file.write_text("{")
    assert rebuild_record(run) is None
    for look in (find_record, mend_record, RunReader):
        with pytest.raises(LabError, match=r"run\.json is damaged"):
            look(run)
    assert run.record_file.read_text() == "{"


def test_senseless_changes_do_not_rebuild(run: RunDirectory) -> None:
    with closing(EventWriter(run.events_file)) as events:
        events.append("recorded", changes={"trials": [{"kind": "mlp"}]})
    run.record_file.unlink()
    assert rebuild_record(run) is None


def test_a_newer_run_is_never_mended(run: RunDirectory) -> None:
    run.record_file.write_text('{"format": 99}')
    for look in (find_record, mend_record, RunReader):
        with pytest.raises(NewerRunError):
            look(run)
    run.record_file.unlink()
    first, *others = run.events_file.read_bytes().splitlines()
    created = decode(first)
    assert created is not None
    created["record"]["format"] = 99
    run.events_file.write_bytes(encode(created) + b"".join(line + b"\n" for line in others))
    with pytest.raises(NewerRunError):
        rebuild_record(run)


def test_the_id_is_the_name_of_the_directory(run: RunDirectory) -> None:
    run.record_file.unlink()
    moved = RunDirectory(run.path.rename(run.path.parent / "renamed"))
    record = rebuild_record(moved)
    assert record is not None
    assert record.id == "renamed"
