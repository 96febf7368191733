"""The queue: its supervisor is killed, and a run in it fails."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from iml_tui.runs import queue
from iml_tui.runs.history import list_runs
from iml_tui.runs.process import owner, terminate
from tests.faults.conftest import Command, Lab
from tests.faults.outcomes import Outcome, outcome_of
from tests.faults.test_viewers import listening
from tests.workers import wait_for, wait_for_event, wait_for_state


@pytest.fixture(autouse=True)
def _leave_nothing(lab: Lab) -> Iterator[None]:
    """End the supervisor, then the workers that it started."""
    yield
    supervisor = queue.supervisor(lab.root)
    if supervisor is not None and terminate(supervisor):
        wait_for(lambda: owner(supervisor) == "gone")
    for entry in list_runs(lab.root):
        record = entry.directory.read_record()
        if record.worker is not None:
            terminate(record.worker)


@pytest.mark.fault("The supervisor of the queue is killed")
@pytest.mark.fault("A run in the queue fails")
@pytest.mark.fault("Somebody looks for open ports")
def test_the_queue_outlives_its_supervisor_and_a_failure(lab: Lab, command: Command, whole: Outcome) -> None:
    first, failing, last = lab.make(), lab.make(), lab.make()
    record = failing.read_record()
    gone = record.data.model_copy(update={"directory": str(lab.home / "gone")})
    failing.write_record(record.model_copy(update={"data": gone}))
    for directory in (first, failing, last):
        queue.enqueue(directory)
    assert queue.ensure_supervisor(lab.root)
    supervisor = wait_for(lambda: queue.supervisor(lab.root))
    assert not listening(supervisor.pid)
    wait_for_event(first, "started")
    os.kill(supervisor.pid, signal.SIGKILL)
    wait_for(lambda: owner(supervisor) == "gone")
    # The worker goes on without, and the next command sees to the rest.
    listed = command("queue")
    assert failing.id in listed.out
    assert last.id in listed.out
    wait_for_state(last, "done")
    for directory in (first, last):
        # Of workers that are started by others, nobody notes the states.
        assert replace(outcome_of(directory), states=whole.states) == whole
    assert failing.read_record().state == "failed"
    assert str(lab.home / "gone") in failing.read_record().message
