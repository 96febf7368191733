from __future__ import annotations

import builtins
import io
import shutil
from pathlib import Path
from typing import Any

import pytest

from iml_tui.errors import LabError, RunBusyError, UsageError
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import delete_run, entry_of, find_run, list_runs
from tests.recorded import CREATED, departed, recorded_run
from tests.runs.test_lock import held_elsewhere


def copies(run: RunDirectory, *ids: str) -> None:
    """Copies of a run under other ids, each a second younger than the one before."""
    record = run.read_record()
    for age, name in enumerate(ids):
        (run.path.parent / name).mkdir()
        copy = record.model_copy(update={"id": name, "created": CREATED + 1 + age})
        RunDirectory(run.path.parent / name).write_record(copy)


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
    opened: list[str] = []
    genuine = io.open

    def spy(file: Any, *arguments: Any, **named: Any) -> Any:
        opened.append(str(file))
        return genuine(file, *arguments, **named)

    monkeypatch.setattr(io, "open", spy)
    monkeypatch.setattr(builtins, "open", spy)
    assert len(list_runs(root)) == 1000
    below = [path for path in opened if path.startswith(str(root))]
    assert len(below) == 1000
    assert all(path.endswith("/run.json") for path in below)


def test_a_run_that_ended_between_two_looks_is_not_interrupted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = recorded_run(root, "epochs", "done", epochs=1)
    ended = run.read_record()
    running = ended.model_copy(update={"state": "running", "worker": departed()})
    looks = iter([running, ended])
    monkeypatch.setattr(RunDirectory, "read_record", lambda _: next(looks))
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
