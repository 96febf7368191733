"""`pause`, `continue` and `set`, with a worker that is played."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from iml_tui.headless import asking
from iml_tui.runs import control
from iml_tui.runs.control import ChangeRequest
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.record import State
from tests.recorded import recorded_run

from .conftest import Lab

Play = Callable[[Callable[[], None]], None]


@pytest.fixture
def running(root: Path) -> RunDirectory:
    """The second of three models trains."""
    return recorded_run(root, "learning-rate", "running", epochs=4, learning_rates=(0.1, 0.01, 0.001))


@pytest.fixture
def seeds(root: Path) -> RunDirectory:
    """Three seeds of the second model train."""
    return recorded_run(root, "batch-norm", "running", epochs=4, seeds=(1, 2, 7))


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    """Has the worker do something whenever a command waits for it; a command that waits for ever fails."""

    def begin(act: Callable[[], None]) -> None:
        calls = iter(range(20))

        def wait(_: float) -> None:
            assert next(calls, None) is not None, "it waits for something that never comes"
            act()

        monkeypatch.setattr(asking.time, "sleep", wait)

    return begin


def to_state(directory: RunDirectory, state: State) -> None:
    directory.write_record(directory.read_record().model_copy(update={"state": state}))


def serve(directory: RunDirectory, *, refuse: str = "") -> None:
    """Make the changes that were asked for, as the worker does."""
    trials = directory.read_record().trials
    with closing(EventWriter(directory.events_file)) as events:
        for path, request in control.pending_changes(directory.control):
            assert isinstance(request, ChangeRequest)
            path.unlink()
            if refuse:
                events.append("warning", message=f"Nothing was changed: {refuse}.")
                continue
            old = trials[request.trial].hyperparameters[request.field]
            where = {"trial": request.trial, "epoch": 3, "step": 120, "steps": 313}
            events.append("changed", **where, field=request.field, old=old, new=request.value)


class TestPause:
    def test_it_waits_until_the_run_pauses(self, lab: Lab, running: RunDirectory, play: Play) -> None:
        def worker() -> None:
            assert control.pause_requested(running.control)
            to_state(running, "paused")

        play(worker)
        outcome = lab("pause", "last")
        assert (outcome.code, outcome.out) == (0, "")
        assert "is paused; iml-lab continue" in outcome.err
        assert "paused" in lab("runs").out
        assert "State      paused\n" in lab("show", "last").out

    def test_a_long_batch_is_not_waited_for(
        self, lab: Lab, running: RunDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(asking, "WAIT_SECONDS", 0.0)
        outcome = lab("pause", "last")
        assert outcome.code == 0
        assert "was asked to pause and will do so after the current batch" in outcome.err
        assert control.pause_requested(running.control)

    def test_a_run_that_ends_meanwhile(self, lab: Lab, running: RunDirectory, play: Play) -> None:
        play(lambda: to_state(running, "done"))
        outcome = lab("pause", "last")
        assert outcome.code == 1
        assert "ended before it could pause (done)" in outcome.err

    def test_one_that_is_paused_already(self, lab: Lab, root: Path) -> None:
        recorded_run(root, "epochs", "paused", epochs=4)
        outcome = lab("pause", "last")
        assert outcome.code == 0
        assert "is paused already" in outcome.err

    def test_a_control_that_cannot_be_written(self, lab: Lab, running: RunDirectory) -> None:
        running.control.rmdir()
        running.control.write_text("")
        for command in (["pause", "last"], ["set", "last", "learning_rate=0.1"]):
            outcome = lab(*command)
            assert (outcome.code, outcome.out) == (1, "")
            assert str(running.control) in outcome.err


class TestContinue:
    def test_it_waits_until_the_run_goes_on(self, lab: Lab, root: Path, play: Play) -> None:
        paused = recorded_run(root, "epochs", "paused", epochs=4)

        def worker() -> None:
            assert not control.pause_requested(paused.control)
            to_state(paused, "running")

        play(worker)
        outcome = lab("continue", "last")
        assert (outcome.code, outcome.out) == (0, "")
        assert f"{paused.id} is running." in outcome.err

    def test_a_pause_that_has_not_begun_is_taken_back(self, lab: Lab, running: RunDirectory) -> None:
        control.request_pause(running.control)
        assert "is running." in lab("continue", "last").err
        assert not control.pause_requested(running.control)

    def test_a_run_that_is_not_paused(self, lab: Lab, running: RunDirectory) -> None:
        outcome = lab("continue", "last")
        assert outcome.code == 0
        assert "is not paused (running)" in outcome.err


@pytest.mark.parametrize("command", [["pause", "last"], ["continue", "last"], ["set", "last", "learning_rate=0.1"]])
@pytest.mark.parametrize("state", ["done", "stopped", "failed", "interrupted"])
def test_runs_that_have_ended_are_left_alone(lab: Lab, root: Path, command: list[str], state: State) -> None:
    directory = recorded_run(root, "epochs", state, epochs=4)
    outcome = lab(*command)
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{directory.id} is {state}: only a run that trains can be" in outcome.err
    assert not any(directory.control.iterdir())


class TestSet:
    def test_the_model_that_trains_is_changed(self, lab: Lab, running: RunDirectory, play: Play) -> None:
        play(lambda: serve(running))
        outcome = lab("set", "last", "learning_rate=0.0005", "weight-decay=0.1")
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out.splitlines() == [
            "learning rate 0.01 → 0.0005 at epoch 3, batch 120",
            "weight decay 0 → 0.1 at epoch 3, batch 120",
        ]
        shown = lab("show", "last")
        assert "lr 0.01: weight decay 0 → 0.1 at epoch 3, batch 120" in shown.out
        assert "Changes while training" in shown.out

    def test_all_seeds_of_a_model_are_changed(self, lab: Lab, seeds: RunDirectory, play: Play) -> None:
        play(lambda: serve(seeds))
        outcome = lab("set", "last:2", "clip_norm=1")
        assert [line.partition(":")[0] for line in outcome.out.splitlines()] == [
            f"with batch norm · seed {seed}" for seed in (1, 2, 7)
        ]

    def test_one_seed_is_changed(self, lab: Lab, seeds: RunDirectory, play: Play) -> None:
        play(lambda: serve(seeds))
        assert lab("set", "last:2:7", "clip_norm=1").out == "clip norm 0 → 1 at epoch 3, batch 120\n"

    def test_a_paused_run_is_changed_when_it_goes_on(self, lab: Lab, root: Path, play: Play) -> None:
        paused = recorded_run(root, "epochs", "paused", epochs=4)
        play(lambda: None)
        outcome = lab("set", "last", "learning_rate=0.1")
        assert (outcome.code, outcome.out) == (0, "")
        assert "the change is made as soon as it goes on" in outcome.err
        assert len(control.pending_changes(paused.control)) == 1

    def test_what_the_worker_refuses_is_said(self, lab: Lab, running: RunDirectory, play: Play) -> None:
        play(lambda: serve(running, refuse="trial 2 does \x1b[31mnot train now"))
        outcome = lab("set", "last", "learning_rate=0.1")
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err == "Nothing was changed: trial 2 does \\x1b[31mnot train now.\n"

    def test_a_run_that_ends_meanwhile(self, lab: Lab, running: RunDirectory, play: Play) -> None:
        play(lambda: to_state(running, "done"))
        outcome = lab("set", "last", "learning_rate=0.1")
        assert (outcome.code, outcome.out) == (1, "")
        assert "ended before everything was changed (done)" in outcome.err

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["last"], "Missing argument"),
            (["last", "learning_rate"], "needs key=value, such as epochs=3; 'learning_rate' is not that"),
            (["last", "learning_rate=1", "learning-rate=2"], "gives learning_rate twice ('1' and '2')"),
            (["last", "learning_rate=fast"], "learning_rate=fast: learning_rate must be a number, not 'fast'"),
            (["last", "learning_rate=0"], "learning_rate=0: learning_rate must be above 0 and at most 100, not 0"),
            (["last", "clip_norm=-1"], "clip_norm=-1: clip_norm must not be negative"),
            (["last", "batch_size=64"], "'batch_size' cannot be changed while learning rate 0.01 trains; what can: "),
            (["last", "batch_size=big"], "'batch_size' cannot be changed"),
            (["last:1", "learning_rate=1"], "learning rate 0.1 of 20251009-085320-learning-rate does not train now"),
            (["last:3", "learning_rate=1"], "does not train now (waiting)"),
            (["last:4", "learning_rate=1"], "'last:4' names nothing"),
            (["last:2:8", "learning_rate=1"], "was trained with seed 42"),
            (["nowhere", "learning_rate=1"], "no run 'nowhere'"),
        ],
    )
    def test_what_cannot_be_is_refused_in_one_sentence(
        self, lab: Lab, running: RunDirectory, arguments: list[str], sentence: str
    ) -> None:
        outcome = lab("set", *arguments)
        assert (outcome.code, outcome.out) == (2, "")
        assert sentence in outcome.err
        assert outcome.err.count("\n") == 1
        assert not any(running.control.iterdir())
