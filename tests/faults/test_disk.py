"""No room, and no permission: a disk that is full at any write, a limit on files, a directory nobody can write."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventReader
from iml_tui.runs.reading import RunReader
from tests.faults.conftest import SETTINGS, Command, Lab
from tests.faults.outcomes import Outcome, contents, outcome_of
from tests.faults.workers import Server
from tests.workers import DEADLINE


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


FULL = {
    "series": ("iml_tui.runs.series:SeriesWriter.append", 1),
    "checkpoint": ("iml_tui.runs.checkpoints:CheckpointStore.write", 3),
    "map": ("iml_tui.training.maps:write_map", 3),
    "run.json": ("iml_tui.worker:Worker._trial_ended", 2),
    "table": ("iml_tui.worker:write_tables", 1),
    "figure": ("iml_tui.worker:write_figures", 1),
}


@pytest.mark.fault("The disk is full")
@pytest.mark.parametrize("what", FULL)
def test_a_full_disk_fails_the_run_and_costs_nothing(
    what: str, small_disk: Path, points: Path, server: Server, whole: Outcome
) -> None:
    lab = Lab(small_disk / "home", points, server)
    filler = small_disk / "filler"
    directory = lab.make()
    try:
        assert lab.train(directory, ("fill_disk_before", *FULL[what], str(filler))) == 1
        check_failed(directory, "No space left on device")
        filler.unlink()
        assert lab.resume(directory) == 0
        assert outcome_of(directory) == whole
        assert not (directory.path / ".reserve").exists()
    finally:
        lab.close()


@pytest.mark.fault("A file may not grow: quota, limit")
def test_an_event_log_that_may_not_grow_fails_the_run_and_costs_nothing(lab: Lab, whole: Outcome) -> None:
    directory = lab.make()
    log = directory.events_file
    assert lab.train(directory, ("limit_files_at", "epoch", 6, 50, str(log))) == 1
    check_failed(directory, "File too large")
    assert lab.resume(directory) == 0
    assert outcome_of(directory) == whole


def check_failed(directory: RunDirectory, cause: str) -> None:
    """The record says why, and what to do; whatever was written before can be read."""
    record = directory.read_record()
    assert record.state == "failed"
    assert cause in record.message or "the disk is full" in record.message
    assert f"free space and go on with: iml-lab resume {directory.id}" in record.message
    reader = RunReader(directory)
    assert reader.damaged_events <= 1
    assert [event["seq"] for event in EventReader(directory.events_file).read_new()] == list(
        range(len(EventReader(directory.events_file).read_new()))
    )
    for file in (directory.path / "series").iterdir():
        assert file.stat().st_size % 4 == 0, "values are whole"


def without_privileges() -> None:
    """In a child: root heeds permissions as others do (capabilities 1 and 2 of capabilities(7) are given up)."""
    drop = 24  # PR_CAPBSET_DROP
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(drop, capability, 0, 0, 0)


def call(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that heeds permissions."""
    return subprocess.run(
        [sys.executable, "-P", "-m", *command],
        env={**os.environ, "IML_LAB_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        preexec_fn=without_privileges,
        check=False,
    )


@pytest.mark.fault("The directory cannot be written")
def test_a_directory_that_cannot_be_written_is_refused_before_a_run_is_made(tmp_path: Path, points: Path) -> None:
    home = tmp_path / "home"
    (home / "runs").mkdir(parents=True)
    (home / "runs").chmod(0o500)
    settings = [part for pair in SETTINGS for part in ("--set", pair)]
    found = call(home, "iml_tui", "run", "learning-rate", "--data", str(points), "--device", "cpu", *settings)
    assert found.returncode == 1
    assert found.stderr.strip().splitlines() == [
        f"no run can be kept in {home / 'runs'}: Permission denied; set IML_LAB_HOME to a directory you can write"
    ]
    assert not list((home / "runs").iterdir())


@pytest.mark.fault("The directory cannot be written")
def test_a_run_that_cannot_be_written_any_more_is_not_trained(lab: Lab, command: Command) -> None:
    directory = lab.make()
    assert lab.train(directory, ("signal_at", "checkpoint", 3)) < 0
    before = contents(directory.path)
    for place in (directory.path, directory.checkpoints, directory.path / "series"):
        place.chmod(0o500)
    try:
        found = call(lab.home, "iml_tui", "resume", directory.id)
    finally:
        for place in (directory.path, directory.checkpoints, directory.path / "series"):
            place.chmod(0o700)
    assert found.returncode == 1
    assert found.stderr.strip().splitlines() == [f"{directory.path} cannot be written: Permission denied"]
    assert contents(directory.path) == before
