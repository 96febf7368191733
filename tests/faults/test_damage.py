"""Files that are damaged or gone: checkpoints, the event log, `run.json`, series that a power cut shortened."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from iml_tui.runs.checkpoints import CheckpointStore
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import decode
from iml_tui.runs.reading import RunReader
from tests.faults.conftest import Command, Lab
from tests.faults.outcomes import Outcome, contents, events_of, outcome_of

KILLED = -signal.SIGKILL


@pytest.fixture
def killed(lab: Lab) -> RunDirectory:
    """A run whose worker was killed when the third of five epochs was saved and the fourth had begun."""
    directory = lab.make()
    # The checkpoints: at the start, and after each epoch. Two are kept, and the newest that surely is on disk.
    assert lab.train(directory, ("signal_at", "checkpoint", 4)) == KILLED
    return directory


def flip(path: Path, place: float = 0.5) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    path.write_bytes(content)


@pytest.mark.fault("The newest checkpoint is damaged")
@pytest.mark.parametrize("damage", [flip, lambda path: flip(path, 0.0), lambda path: os.truncate(path, 500)])
def test_the_checkpoint_before_a_damaged_one_is_taken(
    damage: Callable[[Path], None], killed: RunDirectory, lab: Lab, command: Command, whole: Outcome
) -> None:
    newest = CheckpointStore(killed.checkpoints).all()[0]
    damage(newest.path)
    assert lab.resume(killed) == 0
    [resumed] = events_of(killed, "resumed")
    assert resumed["epoch"] == 2
    assert outcome_of(killed) == whole
    [warning] = RunReader(killed).warnings
    assert newest.path.name in warning
    assert "is damaged; the one before it is taken" in warning


@pytest.mark.fault("All checkpoints are damaged")
def test_a_run_whose_checkpoints_are_all_damaged_never_begins_anew(
    killed: RunDirectory, lab: Lab, command: Command
) -> None:
    for file in CheckpointStore(killed.checkpoints).all():
        flip(file.path)
    refused_without_a_loss(killed, lab, command, "is damaged")


@pytest.mark.fault("The checkpoints are gone")
def test_a_run_whose_checkpoints_are_gone_never_begins_anew(killed: RunDirectory, lab: Lab, command: Command) -> None:
    for file in CheckpointStore(killed.checkpoints).all():
        file.path.unlink()
    refused_without_a_loss(killed, lab, command, "are gone")


def refused_without_a_loss(directory: RunDirectory, lab: Lab, command: Command, reason: str) -> None:
    kept = measured(directory)
    for _ in range(2):
        assert lab.resume(directory) == 1
        record = directory.read_record()
        assert record.state == "failed"
        assert "cannot go on" in record.message
        assert reason in record.message
        assert not events_of(directory, "resumed")
        assert measured(directory) == kept
    assert reason in " ".join(command("show", directory.id).out.split())


def measured(directory: RunDirectory) -> tuple[object, ...]:
    """Everything that was measured and saved."""
    figures = [[epoch.metrics for epoch in trial.epochs] for trial in RunReader(directory).results.trials]
    return (
        figures,
        contents(directory.path / "series"),
        contents(directory.checkpoints),
        contents(directory.maps),
    )


@pytest.mark.fault("The event log ends in the middle of a line")
def test_a_torn_event_log_costs_the_torn_line_alone(killed: RunDirectory, lab: Lab, whole: Outcome) -> None:
    log = killed.events_file
    lines = log.read_bytes().splitlines(keepends=True)
    # The last `epoch` event: the line is half there, what came after it is gone.
    last = max(number for number, line in enumerate(lines) if b'"type":"epoch"' in line)
    torn = lines[last][: len(lines[last]) // 2]
    log.write_bytes(b"".join(lines[:last]) + torn)
    before = RunReader(killed)
    assert [len(trial.epochs) for trial in before.results.trials] == [3, 3, 3, 2]
    assert lab.resume(killed) == 0
    after = RunReader(killed)
    assert after.damaged_events == 1
    assert [line for line in log.read_bytes().splitlines() if decode(line) is None] == [torn]
    assert [trial.state for trial in after.results.trials] == ["done"] * 4
    lost = after.results.trials[3].epochs[2]
    assert np.isnan(lost.metrics.get("train_loss", np.nan)), "the figure that was lost is a gap, and nothing is made up"
    found, expected = outcome_of(killed), whole
    assert {place: figure for place, figure in found.figures.items() if place != (3, 3)} == {
        place: figure for place, figure in expected.figures.items() if place != (3, 3)
    }
    assert (found.series, found.states) == (expected.series, expected.states)


@pytest.mark.fault("Bits of the event log are flipped")
def test_a_flipped_bit_costs_one_event(killed: RunDirectory, lab: Lab, command: Command, whole: Outcome) -> None:
    log = killed.events_file
    lines = log.read_bytes().splitlines(keepends=True)
    [first, *_] = [number for number, line in enumerate(lines) if b'"type":"epoch"' in line]
    damaged = bytearray(lines[first])
    # A digit of a figure: the line is as good JSON as it was before.
    digit = re.search(rb'"validation_loss":\d+\.(\d)', lines[first])
    assert digit is not None
    damaged[digit.start(1)] ^= 1
    log.write_bytes(b"".join([*lines[:first], bytes(damaged), *lines[first + 1 :]]))
    assert RunReader(killed).damaged_events == 1
    assert lab.resume(killed) == 0
    reader = RunReader(killed)
    assert reader.damaged_events == 1
    shown = command("show", killed.id).out
    assert "1 lines of the event log are lost" in shown or "1 line of the event log is lost" in shown
    found = outcome_of(killed)
    assert {place for place in whole.figures if found.figures.get(place) != whole.figures[place]} == {(0, 1)}
    assert (found.series, found.states) == (whole.series, whole.states)


def _missing(path: Path) -> None:
    path.unlink()


def _garbled(path: Path) -> None:
    path.write_bytes(os.urandom(200))


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.fault("run.json is gone or garbled")
@pytest.mark.parametrize("damage", [_missing, _garbled, _cut])
def test_a_lost_record_is_made_again_from_the_event_log(
    damage: Callable[[Path], None], killed: RunDirectory, lab: Lab, command: Command, whole: Outcome
) -> None:
    other = lab.make()
    before = killed.read_record()
    damage(killed.record_file)
    assert RunReader(killed).record == before
    listed = command("runs").out
    assert other.id in listed
    assert killed.id in listed
    assert lab.resume(killed) == 0
    assert killed.read_record().trials == before.trials
    assert outcome_of(killed) == whole
    if damage is not _missing:
        assert list(killed.path.glob("run.json.damaged-*")), "what was there is kept"


@pytest.mark.fault("The power is cut")
def test_values_that_never_got_to_the_disk_are_padded_and_told(killed: RunDirectory, lab: Lab, whole: Outcome) -> None:
    [series, *_] = sorted((killed.path / "series").iterdir())
    size = series.stat().st_size
    os.truncate(series, size // 2 // 4 * 4)
    assert lab.resume(killed) == 0
    values = np.frombuffer(series.read_bytes(), "<f4")
    expected = np.frombuffer(whole.series[series.name], "<f4")
    assert len(values) == len(expected)
    lost = np.isnan(values)
    assert lost.sum() == (size - size // 2 // 4 * 4) // 4
    assert (values[~lost] == expected[~lost]).all()
    [warning] = RunReader(killed).warnings
    assert warning.startswith(f"{lost.sum()} values of the step-level series never got to the disk")
    found = outcome_of(killed)
    assert (found.figures, found.states) == (whole.figures, whole.states)
