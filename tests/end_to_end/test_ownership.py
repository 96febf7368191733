"""Who owns a run, and what happens to it when commands and workers end in all the ways they can."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import DEADLINE, LONG, Home, finish, wait_for_state

pytestmark = pytest.mark.end_to_end


def test_the_worker_goes_on_when_the_command_is_killed(home: Home) -> None:
    # Long enough to be killed at work, short enough to be waited for.
    command = home.start_run("--set", "epochs=300", "--set", "learning_rates=0.01,0.001")
    directory = home.training()
    command.kill()
    command.communicate(timeout=DEADLINE)
    code, out, err = home.call("attach", directory.id, "--plain")
    assert code == 0, err
    assert str(directory.path) in out
    assert directory.read_record().state == "done"
    assert [trial.epochs_done for trial in directory.read_record().trial_records] == [300, 300]
    assert list(directory.tables.glob("*.csv"))


def test_a_stopped_run_keeps_what_was_there(home: Home) -> None:
    command = home.start_run(*LONG, "--json")
    directory = home.training()

    second = subprocess.run(
        [sys.executable, "-P", "-m", "iml_tui.worker", str(directory.path)],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert second.returncode == 75
    assert "another worker" in second.stderr
    assert home.call("delete", directory.id, "--yes")[0] == 75

    code, _, err = home.call("stop", "last")
    assert code == 0, err
    code, out, err = finish(command)
    assert code == 130, err
    document = json.loads(out)
    assert document["state"] == "stopped"
    assert all(trial["state"] == "stopped" and trial["epochs"] for trial in document["trials"])
    assert {Path(path).suffix for path in document["tables"]} == {".csv", ".md", ".tex", ".json"}
    assert not list(directory.control.iterdir())

    assert home.call("delete", directory.id, "--yes")[0] == 0
    assert not directory.path.exists()


def test_ctrl_c_stops_the_run(home: Home) -> None:
    command = home.start_run(*LONG)
    directory = home.training()
    command.send_signal(signal.SIGINT)
    code, out, err = finish(command)
    assert code == 130, err
    assert "Stopping" in err
    assert str(directory.path) in out
    assert directory.read_record().state == "stopped"


def test_sigterm_leaves_the_run_to_its_worker_which_may_then_die(home: Home) -> None:
    command = home.start_run(*LONG)
    directory = home.training()
    viewer = home.start("attach", directory.id, "--plain")
    command.terminate()
    code, _, err = finish(command)
    assert code == 143, err
    assert f"iml-lab attach {directory.id}" in err
    assert directory.read_record().state == "running"

    worker = directory.read_record().worker
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    code, out, err = finish(viewer)
    assert code == 1, err
    assert str(directory.path) in out
    assert "interrupted" in err
    assert "log.txt" in err


def test_a_viewer_that_leaves_stops_nothing(home: Home) -> None:
    home.start_run(*LONG)
    directory = home.training()
    viewer = home.start("attach", directory.id, "--plain")
    assert viewer.stderr is not None
    assert "running" in viewer.stderr.readline()
    viewer.send_signal(signal.SIGINT)
    code, _, err = finish(viewer)
    assert code == 130, err
    assert "goes on" in err
    assert directory.read_record().state == "running"
    assert home.call("stop", directory.id)[0] == 0
    wait_for_state(directory, "stopped")
