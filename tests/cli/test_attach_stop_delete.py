"""`attach`, `stop` and `delete` on recorded runs."""

import io
import sys
from pathlib import Path

import pytest

from iml_tui.headless import runs
from iml_tui.runs import control
from iml_tui.runs.record import State
from tests.recorded import recorded_run

from .conftest import Lab


@pytest.mark.parametrize(("state", "code"), [("done", 0), ("stopped", 130), ("failed", 1), ("interrupted", 1)])
def test_attach_ends_with_the_code_of_the_run(lab: Lab, root: Path, state: State, code: int) -> None:
    directory = recorded_run(root, "epochs", state, epochs=4)
    outcome = lab("attach", "last")
    assert outcome.code == code
    assert str(directory.path) in outcome.out
    assert state in outcome.err
    assert ("free space" in outcome.err) == (state == "failed")


def test_stop_leaves_ended_runs_alone(lab: Lab, root: Path) -> None:
    directory = recorded_run(root, "epochs", "done", epochs=4)
    outcome = lab("stop", directory.id)
    assert outcome.code == 0
    assert "done" in outcome.err
    assert not control.stop_requested(directory.control)


def test_stop_asks_a_running_worker(lab: Lab, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = recorded_run(root, "epochs", "running", epochs=4)
    monkeypatch.setattr(runs, "STOP_SECONDS", 0.0)
    outcome = lab("stop", "last")
    assert outcome.code == 0
    assert control.stop_requested(directory.control)
    assert "asked to stop" in outcome.err


def test_stop_says_why_it_cannot_ask(lab: Lab, root: Path) -> None:
    directory = recorded_run(root, "epochs", "running", epochs=4)
    directory.control.rmdir()
    directory.control.write_text("")
    outcome = lab("stop", "last")
    assert outcome.code == 1
    assert str(directory.control) in outcome.err


def test_delete_refuses_a_running_run(lab: Lab, root: Path) -> None:
    directory = recorded_run(root, "epochs", "running", epochs=4)
    outcome = lab("delete", directory.id, "--yes")
    assert outcome.code == 75
    assert "iml-lab stop" in outcome.err
    assert directory.path.is_dir()


def test_delete_removes_with_yes(lab: Lab, root: Path) -> None:
    directory = recorded_run(root, "epochs", "done", epochs=4)
    assert lab("delete", directory.id, "--yes").code == 0
    assert not directory.path.exists()


def test_delete_does_not_guess_without_a_terminal(lab: Lab, root: Path) -> None:
    directory = recorded_run(root, "epochs", "done", epochs=4)
    outcome = lab("delete", directory.id)
    assert outcome.code == 2
    assert "--yes" in outcome.err
    assert directory.path.is_dir()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("yes\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_delete_asks_on_a_terminal(
    lab: Lab, root: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    directory = recorded_run(root, "epochs", "done", epochs=4)
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    outcome = lab("delete", directory.id)
    assert outcome.code == code
    assert directory.path.exists() == (code == 1)
    assert outcome.out == ""


@pytest.mark.parametrize("command", [["show"], ["attach"], ["stop"], ["delete", "--yes"]])
def test_an_ambiguous_or_unknown_run_is_refused(lab: Lab, root: Path, command: list[str]) -> None:
    recorded_run(root, "epochs", "done", epochs=2)
    recorded_run(root, "batch-norm", "done", epochs=2)
    for reference, named in (
        ("2025", "could be any of 2 runs"),
        ("2031", "no run"),
        ("../runs", "no run"),
        ("", "no run"),
    ):
        outcome = lab(*command, reference)
        assert outcome.code == 2
        assert named in outcome.err
    assert len(list(root.iterdir())) == 2
