from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from iml_tui.errors import LabError, RunBusyError, UsageError
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import History, delete_run, entry_of, find_run, list_runs
from iml_tui.runs.rebuilding import REBUILT
from iml_tui.runs.record import RecordHead, State
from tests.recorded import CREATED, departed, recorded_run
from tests.runs.test_lock import held_elsewhere


def copies(run: RunDirectory, *ids: str) -> None:
    """Copies of a run under other ids, each a second younger than the one before."""
    record = run.read_record()
    for age, name in enumerate(ids):
        (run.path.parent / name).mkdir()
        copy = record.model_copy(update={"id": name, "created": CREATED + 1 + age})
        RunDirectory(run.path.parent / name).write_record(copy)


def spy_on_opening(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are opened from now on."""
    opened: list[str] = []
    genuine = os.open

    def spy(file: Any, *arguments: Any, **named: Any) -> Any:
        opened.append(str(file))
        return genuine(file, *arguments, **named)

    monkeypatch.setattr(os, "open", spy)
    return opened


def test_there_are_no_runs_at_first(root: Path) -> None:
    assert list_runs(root) == []
    with pytest.raises(UsageError, match=r"there are no runs in .* yet; start one with"):
        find_run(root, "last")


def test_the_newest_run_comes_first(root: Path) -> None:
    ages = {"epochs": 5.0, "batch-norm": 9.0, "learning-rate": 7.0}
    for slug, age in ages.items():
        recorded_run(root, slug, "queued", created=CREATED + age)
    slugs = [entry.record.experiment for entry in list_runs(root) if entry.record is not None]
    assert slugs == ["batch-norm", "learning-rate", "epochs"]


def test_states_are_the_true_ones(root: Path) -> None:
    for state in ("running", "interrupted", "stopped", "failed", "done"):
        entry = entry_of(recorded_run(root, "learning-rate", state, epochs=2))
        assert (entry.state, entry.active) == (state, state == "running")


def test_a_damaged_run_is_listed_as_such(root: Path, waiting: RunDirectory) -> None:
    copies(waiting, "damaged", "empty")
    (root / "damaged" / "run.json").write_text("{")
    (root / "empty" / "run.json").unlink()
    os.mkfifo(root / "empty" / "run.json")  # Would keep whoever opens it waiting.
    (root / ".hidden").mkdir()
    (root / "notes.txt").touch()
    first, *others = list_runs(root)
    assert first.directory == waiting
    assert {(entry.directory.id, entry.state, entry.record, entry.created) for entry in others} == {
        ("damaged", "failed", None, 0.0),
        ("empty", "failed", None, 0.0),
    }
    assert all("run.json" in entry.problem for entry in others)


def test_a_root_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(LabError, match="cannot be listed: Not a directory"):
        list_runs(tmp_path / "runs")


def test_listing_reads_nothing_but_records(root: Path, waiting: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    content = waiting.record_file.read_bytes()
    for number in range(999):
        (root / f"run-{number:04d}").mkdir()
        (root / f"run-{number:04d}" / "run.json").write_bytes(content)
        (root / f"run-{number:04d}" / "events.jsonl").mkdir()  # Reading it would fail.
    opened = spy_on_opening(monkeypatch)
    history = History(root)
    assert len(history.entries()) == 1000
    below = [path for path in opened if path.startswith(str(root))]
    assert len(below) == 1000
    assert all(path.endswith("/run.json") for path in below)
    opened.clear()
    (root / "run-0007" / "run.json").write_bytes(content.replace(b"Learning rate", b"Another title"))
    assert len(history.entries()) == 1000
    assert opened == [str(root / "run-0007" / "run.json")]


def test_a_run_that_ended_between_two_looks_is_not_interrupted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = recorded_run(root, "epochs", "done", epochs=1)
    ended = run.read_record()
    run.write_record(ended.model_copy(update={"state": "running", "worker": departed()}))

    def end_meanwhile(record: RecordHead, directory: RunDirectory) -> State:
        if record.state == "running":
            directory.write_record(ended)
            return "interrupted"
        return record.state

    monkeypatch.setattr("iml_tui.runs.history.true_state", end_meanwhile)
    assert entry_of(run).state == "done"


class TestFinding:
    @pytest.fixture(autouse=True)
    def _runs(self, root: Path, waiting: RunDirectory) -> None:
        copies(waiting, "20260101-100000-epochs", "20260101-100000-epochs-2", "20260102-090000-batch-norm")

    @pytest.mark.parametrize(
        ("reference", "found"),
        [
            ("last", "20260102-090000-batch-norm"),
            ("20260102", "20260102-090000-batch-norm"),
            ("20260101-100000-epochs-", "20260101-100000-epochs-2"),
            ("20260101-100000-epochs", "20260101-100000-epochs"),  # Whole ids come before prefixes.
        ],
    )
    def test_a_run_is_found(self, root: Path, reference: str, found: str) -> None:
        assert find_run(root, reference) == RunDirectory(root / found)

    def test_several_are_named(self, root: Path) -> None:
        with pytest.raises(UsageError, match=r"'20260101' could be any of 2 runs: .*epochs-2, .*epochs$"):
            find_run(root, "20260101")

    def test_a_slip_is_answered_with_what_is_close(self, root: Path) -> None:
        with pytest.raises(UsageError, match=r"no run '20260102-090000-batchnorm'; did you mean 20260102-090000-batch"):
            find_run(root, "20260102-090000-batchnorm")

    @pytest.mark.parametrize("reference", ["x", "../runs", "/", "*"])
    def test_nothing_else_is_found(self, root: Path, reference: str) -> None:
        with pytest.raises(UsageError, match=r"there is no run .*; iml-lab runs lists them"):
            find_run(root, reference)


def test_nothing_names_no_run(root: Path, waiting: RunDirectory) -> None:
    assert find_run(root, waiting.id[:4]) == waiting
    with pytest.raises(UsageError, match="there is no run ''"):
        find_run(root, "")


def test_a_run_that_ended_is_deleted(root: Path) -> None:
    run = recorded_run(root, "epochs", "done", epochs=1)
    delete_run(run)
    assert list_runs(root) == []


def test_a_run_at_work_is_not_deleted(waiting: RunDirectory) -> None:
    with pytest.raises(RunBusyError, match="is still running; stop it first"):
        delete_run(waiting)
    assert waiting.record_file.exists()


def test_a_damaged_record_does_not_hide_a_worker(waiting: RunDirectory) -> None:
    waiting.record_file.write_text("{")
    with held_elsewhere(waiting.lock_file), pytest.raises(RunBusyError):
        delete_run(waiting)
    assert waiting.record_file.exists()
    delete_run(waiting)
    assert not waiting.path.exists()


def test_a_run_that_cannot_be_removed_is_one_sentence(root: Path, tmp_path: Path) -> None:
    run = recorded_run(root, "epochs", "done", epochs=1)
    shutil.move(run.path, tmp_path / "moved")
    run.path.symlink_to(tmp_path / "moved")
    with pytest.raises(LabError, match="cannot be removed: Cannot call rmtree on a symbolic link"):
        delete_run(run)


@pytest.mark.parametrize("how", ["garbled", "missing", "cut off", "nested"])
def test_a_record_is_rebuilt_from_the_event_log(root: Path, waiting: RunDirectory, how: str) -> None:
    healthy = recorded_run(root, "epochs", "done", epochs=1)
    content = {"garbled": b"\0\xff", "cut off": waiting.record_file.read_bytes()[:100], "nested": b"[" * 500_000}
    waiting.record_file.unlink()
    if how in content:
        waiting.record_file.write_bytes(content[how])
    history = History(root)
    for _ in range(2):
        entries = {entry.directory.id: entry for entry in history.entries()}
        entry = entries[waiting.id]
        assert (entry.note, entry.problem) == (REBUILT, "")
        assert entry.record is not None
        assert entry.record.title == "Learning rate"
        assert entries[healthy.id].note == ""


def test_a_run_without_record_and_log_is_listed_as_damaged(root: Path, waiting: RunDirectory) -> None:
    waiting.record_file.unlink()
    waiting.events_file.unlink()
    [entry] = list_runs(root)
    assert (entry.state, entry.record, entry.note) == ("failed", None, "")
    assert "cannot be read" in entry.problem


def test_a_run_of_a_newer_lab_is_not_rebuilt(root: Path, waiting: RunDirectory) -> None:
    waiting.record_file.write_text(json.dumps({"format": 99}))
    [entry] = list_runs(root)
    assert entry.record is None
    assert "newer iml-lab" in entry.problem


def test_a_run_of_another_host_says_so(root: Path, waiting: RunDirectory) -> None:
    record = waiting.read_record()
    assert record.worker is not None
    worker = record.worker.model_copy(update={"host": "gpu07", "pid": 2**22 + 1})
    waiting.write_record(record.model_copy(update={"state": "running", "worker": worker, "host": "gpu07"}))
    os.utime(waiting.events_file, (CREATED + 50, CREATED + 50))
    [entry] = list_runs(root)
    assert (entry.state, entry.active, entry.elsewhere) == ("running", True, "gpu07")
    assert entry.last_sign == CREATED + 50
    waiting.write_record(record.model_copy(update={"state": "done", "worker": worker, "host": "gpu07"}))
    assert list_runs(root)[0].elsewhere == ""


def test_a_directory_that_was_renamed_goes_by_its_new_name(root: Path, waiting: RunDirectory) -> None:
    waiting.path.rename(root / "renamed")
    [entry] = list_runs(root)
    assert entry.record is not None
    assert entry.record.id == entry.directory.id == "renamed"
