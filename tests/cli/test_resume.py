"""`resume`, with workers that are small programs, and what is said of runs that were resumed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iml_tui.headless import runs
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.record import ResumeRecord, State
from tests.recorded import recorded_run

from .conftest import Lab

FINISHES = """
import sys
from pathlib import Path
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
directory = RunDirectory(Path(sys.argv[1]))
events = EventWriter(directory.events_file)
events.append("resumed", trials=[1], epoch=1, step=0, steps=313, exact=True, reason="", checkpoint="00000001.ckpt")
events.append("finished", state="done", message="")
directory.write_record(directory.read_record().model_copy(update={"state": "done"}))
"""


def worker_that(monkeypatch: pytest.MonkeyPatch, program: str) -> list[RunDirectory]:
    """Replace the worker that resumes by a program; returns the runs that it is started on."""
    started: list[RunDirectory] = []

    def start(directory: RunDirectory) -> subprocess.Popen[bytes]:
        started.append(directory)
        record = directory.read_record()
        update = {"state": "starting", "worker": None, "asked": time.time()}
        directory.write_record(record.model_copy(update=update))
        with directory.log_file.open("wb") as log:
            return subprocess.Popen([sys.executable, "-c", program, str(directory.path)], stdout=log, stderr=log)

    monkeypatch.setattr(runs, "resume_run", start)
    return started


@pytest.mark.parametrize("state", ["stopped", "interrupted", "failed"])
def test_a_run_that_did_not_get_to_its_end_is_followed(
    lab: Lab, root: Path, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    directory = recorded_run(root, "learning-rate", state, epochs=3)
    started = worker_that(monkeypatch, FINISHES)
    outcome = lab("resume", "last")
    assert outcome.code == 0
    assert started == [directory]
    assert "Findings" in outcome.out
    assert outcome.err.splitlines()[-1] == "done"


def test_a_worker_that_refuses_says_why(lab: Lab, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded_run(root, "learning-rate", "stopped", epochs=3)
    worker_that(monkeypatch, "raise SystemExit('the run cannot go on: its checkpoints are damaged')")
    outcome = lab("resume", "last", "--json")
    assert outcome.code == 1
    assert "the run cannot go on: its checkpoints are damaged" in outcome.err
    assert "Go on with" not in outcome.err
    assert json.loads(outcome.out)["state"] == "failed"


@pytest.mark.parametrize(
    ("state", "sentence"), [("running", "is running already; iml-lab attach"), ("paused", "is paused already")]
)
def test_one_that_is_at_it_is_attached_to(
    lab: Lab, root: Path, monkeypatch: pytest.MonkeyPatch, state: State, sentence: str
) -> None:
    recorded_run(root, "learning-rate", state, epochs=3)
    started = worker_that(monkeypatch, FINISHES)
    outcome = lab("resume", "last")
    assert (outcome.code, outcome.out, started) == (75, "", [])
    assert sentence in outcome.err


def test_one_that_is_done_has_nothing_to_go_on_with(lab: Lab, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded_run(root, "learning-rate", "done", epochs=3)
    started = worker_that(monkeypatch, FINISHES)
    outcome = lab("resume", "last")
    assert (outcome.code, outcome.out, started) == (0, "", [])
    assert "is done: there is nothing left to train. iml-lab fork" in outcome.err
    assert json.loads(lab("resume", "last", "--json").out)["state"] == "done"


def test_queue_and_detach_exclude_each_other(lab: Lab, root: Path) -> None:
    recorded_run(root, "learning-rate", "stopped", epochs=3)
    for command in (["resume", "last"], ["fork", "last"], ["run", "learning-rate"]):
        outcome = lab(*command, "--queue", "--detach")
        assert (outcome.code, outcome.out) == (2, "")
        assert "exclude each other" in outcome.err


def test_a_damaged_record_is_mended_first(lab: Lab, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = recorded_run(root, "learning-rate", "stopped", epochs=3)
    directory.record_file.write_text("{")
    seen: list[str] = []
    worker_that(monkeypatch, FINISHES)
    begin = runs.resume_run
    monkeypatch.setattr(runs, "resume_run", lambda run: seen.append(run.read_record().state) or begin(run))
    assert lab("resume", "last").code == 0
    assert seen == ["stopped"]


@pytest.mark.parametrize("state", ["stopped", "interrupted", "failed"])
def test_the_way_on_is_told(lab: Lab, root: Path, state: State) -> None:
    directory = recorded_run(root, "learning-rate", state, epochs=3)
    way = f"Go on with: iml-lab resume {directory.id}"
    assert way in lab("show", "last").out
    assert way in lab("attach", "last").err


@pytest.mark.parametrize("state", ["done", "running"])
def test_no_way_on_is_told_of_others(lab: Lab, root: Path, state: State) -> None:
    recorded_run(root, "learning-rate", state, epochs=3)
    assert "iml-lab resume" not in lab("show", "last").out


def test_resumptions_are_told(lab: Lab, root: Path) -> None:
    directory = recorded_run(root, "learning-rate", "done", epochs=3)
    resumes = [
        ResumeRecord(time=1_760_000_100.0, host="here"),
        ResumeRecord(time=1_760_000_200.0, host="there", exact=False, reason="2 threads \x1b[2Jbecame 4"),
    ]
    directory.write_record(directory.read_record().model_copy(update={"resumes": resumes}))
    shown = lab("show", "last").out
    assert "exactly where it was" in shown
    assert "not exactly: 2 threads \\x1b[2Jbecame 4" in shown
    assert "\x1b" not in shown
    assert "resumed, not exactly" in lab("runs").out
    told = json.loads(lab("show", "last", "--json").out)["resumes"]
    assert [(each["host"], each["exact"]) for each in told] == [("here", True), ("there", False)]
    assert told[0]["time"] == "2025-10-09T08:55:00.000+00:00"
    assert json.loads(lab("runs", "--json").out)["runs"][0]["resumes"] == 2


def test_a_run_of_another_host_is_told_to_be_there(lab: Lab, root: Path) -> None:
    directory = recorded_run(root, "learning-rate", "running", epochs=3)
    record = directory.read_record()
    assert record.worker is not None
    elsewhere = record.worker.model_copy(update={"host": "gpu07"})
    directory.write_record(record.model_copy(update={"host": "gpu07", "worker": elsewhere}))
    assert "running on gpu07, last heard of" in lab("show", "last").out
    line = lab("runs").out.splitlines()[2]
    assert "running" in line
    assert "gpu07" in line
    assert "last heard of" in line
