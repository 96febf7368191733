"""Requests to a worker: malformed ones, and a worker that is killed while it pauses or right after it was asked."""

from __future__ import annotations

import json
import os
import signal

import pytest

from iml_tui.runs import control
from iml_tui.runs.control import ChangeRequest
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.reading import RunReader
from tests.faults.conftest import LONG, Command, Lab, next_epoch
from tests.faults.outcomes import Outcome, events_of, outcome_of
from tests.faults.workers import Fault
from tests.workers import wait_for, wait_for_event, wait_for_state

KILLED = -signal.SIGKILL

MALFORMED = {
    "not JSON": "{",
    "nothing": "",
    "no value": json.dumps({"trial": 0, "field": "learning_rate"}),
    "no such trial": json.dumps({"trial": 99, "field": "learning_rate", "value": 0.1}),
    "no such field": json.dumps({"trial": 0, "field": "__class__", "value": 0.1}),
    "not a number": json.dumps({"trial": 0, "field": "learning_rate", "value": float("nan")}),
    "an escape sequence": json.dumps({"trial": 0, "field": "\x1b]0;title\x07", "value": 1}),
    "far too large": "[" * 1_000_000,
}


@pytest.mark.fault("A request is malformed")
def test_malformed_requests_are_told_and_removed(lab: Lab, command: Command) -> None:
    directory = lab.make(settings=LONG)
    worker = lab.start(directory)
    wait_for_event(directory, "epoch")
    for number, content in enumerate(MALFORMED.values()):
        asked = directory.control / f".{number}"
        asked.write_text(content)
        asked.replace(directory.control / f"change-{number:020d}-x.json")
    os.mkfifo(directory.control / "change-9-pipe.json")
    wait_for(lambda: not list(directory.control.iterdir()))
    next_epoch(directory)
    worker.kill(signal.SIGTERM)
    assert worker.wait() == 130
    warnings = RunReader(directory).warnings
    assert len(warnings) == len(MALFORMED) + 1
    assert all(warning.startswith("Nothing was changed: ") for warning in warnings)
    assert not events_of(directory, "changed")
    assert "\x1b" not in command("show", directory.id).out


def ask_for_change(directory: RunDirectory) -> None:
    control.request_change(directory.control, ChangeRequest(trial=1, field="learning_rate", value=0.05))


@pytest.fixture
def changed(lab: Lab) -> Outcome:
    """What comes of a run whose learning rate is changed at the first report of its trainer."""
    directory = lab.make()
    ask_for_change(directory)
    assert lab.train(directory) == 0
    return outcome_of(directory)


CHANGING: dict[str, Fault] = {
    "before it is served": ("signal_before", "iml_tui.training.changes:Changes.serve", 1),
    "before it is saved": ("signal_at", "changed", 1),
    "before the request is removed": ("signal_before", "iml_tui.training.group:_remove", 1),
    "after": ("signal_after", "iml_tui.training.group:_remove", 1),
}


@pytest.mark.fault("SIGKILL right after a change was asked for")
@pytest.mark.parametrize("fault", CHANGING.values(), ids=CHANGING)
def test_a_change_that_was_asked_for_is_not_lost(fault: Fault, lab: Lab, changed: Outcome) -> None:
    directory = lab.make()
    ask_for_change(directory)
    assert lab.train(directory, fault) == KILLED
    assert lab.resume(directory) == 0
    found = outcome_of(directory)
    assert (found.figures, found.series, found.states) == (changed.figures, changed.series, changed.states)
    [change] = RunReader(directory).results.trials[1].changes
    assert (change.epoch, change.step, change.new) == (1, 8, 0.05)
    assert not list(directory.control.iterdir())


@pytest.mark.fault("SIGKILL while it pauses")
def test_a_worker_killed_while_it_pauses_loses_nothing(lab: Lab, whole: Outcome) -> None:
    directory = lab.make()
    control.request_pause(directory.control)
    worker = lab.start(directory)
    wait_for_state(directory, "paused")
    worker.kill()
    assert worker.wait() == KILLED
    assert RunReader(directory).state == "interrupted"
    # Whoever resumes it lets it go on.
    assert lab.resume(directory) == 0
    assert outcome_of(directory) == whole
    [resumed] = events_of(directory, "resumed")
    assert (resumed["epoch"], resumed["step"]) == (0, 8)


@pytest.mark.fault("SIGKILL while it pauses")
def test_a_paused_run_stops_when_it_is_asked_to(lab: Lab, whole: Outcome) -> None:
    directory = lab.make()
    control.request_pause(directory.control)
    worker = lab.start(directory)
    wait_for_state(directory, "paused")
    worker.kill(signal.SIGTERM)
    assert worker.wait() == 130
    assert lab.resume(directory) == 0
    assert outcome_of(directory) == whole
