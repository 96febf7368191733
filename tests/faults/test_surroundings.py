"""What a run depends on, and what depends on runs: data, weights, permissions, a long history."""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import time
from pathlib import Path

import pytest
import torch

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import list_runs
from tests.faults.conftest import Command, Lab
from tests.faults.outcomes import Outcome, contents, outcome_of
from tests.faults.test_exact_resume import CASES
from tests.recorded import recorded_run

KILLED = -signal.SIGKILL


@pytest.fixture
def folder(points: Path, tmp_path: Path) -> Path:
    """A folder of data that a test may spoil."""
    path = tmp_path / "cities"
    shutil.copytree(points, path)
    return path


@pytest.mark.fault("The data changed or are gone")
def test_data_that_changed_are_refused_and_nothing_is_lost(
    folder: Path, lab: Lab, command: Command, whole: Outcome
) -> None:
    directory = lab.make(data=folder)
    assert lab.train(directory, ("signal_at", "checkpoint", 3)) == KILLED
    checkpoints = contents(directory.checkpoints)
    original = (folder / "train.csv").read_text()
    (folder / "train.csv").write_text(original.replace(",A", ",B", 1))
    check_refused(lab, directory, str(folder), "changed")
    shutil.move(folder, folder.with_name("away"))
    check_refused(lab, directory, str(folder), "")
    assert contents(directory.checkpoints) == checkpoints
    shutil.move(folder.with_name("away"), folder)
    (folder / "train.csv").write_text(original)
    assert lab.resume(directory) == 0
    found = outcome_of(directory)
    assert (found.figures, found.series, found.states) == (whole.figures, whole.series, whole.states)


def check_refused(lab: Lab, directory: RunDirectory, named: str, reason: str) -> None:
    """The run does not go on, and says why."""
    assert lab.resume(directory) == 1
    record = directory.read_record()
    assert record.state == "failed"
    assert named in record.message
    assert reason in record.message


@pytest.mark.fault("The pretrained weights are others")
def test_a_run_goes_on_with_its_own_weights_only(
    lab: Lab, pictures: Path, source_task: tuple[Path, Outcome], tmp_path: Path
) -> None:
    weights = tmp_path / "weights.pth"
    shutil.copyfile(source_task[0], weights)
    directory = lab.make("face-baselines", CASES["face-baselines"].settings, pictures, weights)
    assert lab.train(directory, ("signal_at", "epoch", 2)) == KILLED
    content = torch.load(weights, weights_only=True)
    content["state_dict"]["conv1.weight"] += 1
    torch.save(content, weights)
    assert lab.resume(directory) == 1
    message = directory.read_record().message
    assert "it can go on only with its own" in message
    shutil.copyfile(source_task[0], weights)
    assert lab.resume(directory) == 0


@pytest.mark.fault("Permissions are lax")
def test_files_are_their_users_own_whatever_the_umask(lab: Lab) -> None:
    before = os.umask(0)
    try:
        directory = lab.make()
        assert lab.start(directory, ("signal_at", "checkpoint", 3), umask=0).wait() == KILLED
        assert lab.start(directory, resume=True, umask=0).wait() == 0
    finally:
        os.umask(before)
    assert directory.path.stat().st_mode & 0o777 == 0o700
    for path in [directory.record_file, directory.events_file, directory.log_file, directory.lock_file]:
        assert path.stat().st_mode & 0o077 == 0, path
    for path in directory.path.rglob("*"):
        assert path.stat().st_mode & 0o022 == 0, f"{path} can be written by others"


@pytest.mark.fault("There are 1,000 runs")
def test_a_thousand_runs_are_listed_at_once(tmp_path: Path, lab: Lab, command: Command) -> None:
    recorded = recorded_run(tmp_path / "one", "depth-width", "done", epochs=1, seeds=(1, 2, 3))
    record = recorded.record_file.read_text()
    lab.root.mkdir(parents=True, exist_ok=True)
    for number in range(1000):
        path = lab.root / f"20251009-085320-depth-width-{number}"
        path.mkdir()
        (path / "run.json").write_text(record)
    (lab.root / "20251009-085320-depth-width-7" / "run.json").write_text("{")
    seconds = []
    for _ in range(5):
        began = time.process_time()
        entries = list_runs(lab.root)
        seconds.append(time.process_time() - began)
    assert len(entries) == 1000
    assert sum(entry.record is None for entry in entries) == 1
    # Of the processor, for machines do other work as well; the whole is in benchmarks/README.md.
    assert statistics.median(seconds) < 0.5
