"""`run` around the worker: what happens when it cannot start, and what the streams hold."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from iml_tui.headless import runs
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.process import own_identity

from .conftest import Lab


def worker_that(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Replace the worker by a small program, which is given the run directory."""

    def start(directory: RunDirectory) -> subprocess.Popen[bytes]:
        with directory.log_file.open("wb") as log:
            return subprocess.Popen([sys.executable, "-c", program, str(directory.path)], stdout=log, stderr=log)

    monkeypatch.setattr(runs, "start_worker", start)


@pytest.mark.parametrize("options", [[], ["--detach"]])
def test_a_worker_that_cannot_start_fails_the_run(
    lab: Lab, root: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    worker_that(monkeypatch, "raise SystemExit('no module named torch')")
    outcome = lab("run", "learning-rate", "--set", "epochs=1", *options)
    assert outcome.code == 1
    assert "no module named torch" in outcome.err
    assert "Traceback" not in outcome.err
    assert json.loads(lab("show", "last", "--json").out)["state"] == "failed"


def test_json_stays_json_when_the_run_fails(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    worker_that(monkeypatch, "raise SystemExit('no module named torch')")
    outcome = lab("run", "learning-rate", "--set", "epochs=1", "--seed", "7", "--json")
    assert outcome.code == 1
    document = json.loads(outcome.out)
    assert document["state"] == "failed"
    assert "no module named torch" in document["message"]
    assert document["hyperparameters"]["seeds"] == [7]


@pytest.mark.parametrize(
    ("options", "seeds"),
    [
        (["--seeds", "1,2,3"], [1, 2, 3]),
        (["--seed", "7"], [7]),
        (["--set", "seed=7"], [7]),
        (["--set", "seeds=7, 8"], [7, 8]),
        ([], [42]),
    ],
)
def test_every_model_is_asked_for_once_for_each_seed(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, options: list[str], seeds: list[int]
) -> None:
    worker_that(monkeypatch, "raise SystemExit(3)")
    outcome = lab("run", "learning-rate", "--set", "learning_rates=0.1,0.01", "--json", *options)
    document = json.loads(outcome.out)
    assert document["hyperparameters"]["seeds"] == seeds
    assert [trial["seed"] for trial in document["trials"]] == 2 * seeds
    assert len({trial["model"] for trial in document["trials"]}) == 2
    assert len({trial["name"] for trial in document["trials"]}) == 2 * len(seeds)


def test_a_worker_that_dies_at_work_is_noticed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    program = """
import os, sys
from pathlib import Path
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.process import own_identity
from iml_tui.runs.process import own_identity
directory = RunDirectory(Path(sys.argv[1]))
update = {"worker": own_identity(), "state": "running"}
print("about to die", flush=True)
directory.write_record(directory.read_record().model_copy(update=update))
os.kill(os.getpid(), 9)
"""
    worker_that(monkeypatch, program)
    outcome = lab("run", "learning-rate", "--set", "epochs=1")
    assert outcome.code == 1
    assert "interrupted" in outcome.err
    assert "about to die" in outcome.err
    assert "log.txt" in outcome.err


def test_the_folder_is_found_from_anywhere(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker has another current directory and no `~` of its own to expand."""
    worker_that(monkeypatch, "raise SystemExit(3)")
    folder = tmp_path / "cities"
    folder.mkdir()
    for split in ("train", "validation", "test"):
        (folder / f"{split}.csv").write_text(",long,lat,country\n0,13.4,52.5,Germany\n1,2.3,48.8,France\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for typed in ("cities", "~/cities", str(folder)):
        document = json.loads(lab("run", "learning-rate", "--data", typed, "--json").out)
        assert document["data"]["directory"] == str(folder)
        assert document["data"]["rows"]["train"] == 2


@pytest.mark.parametrize("warning", ["", "Logging out would end this run: logind does so."])
def test_a_detached_run_that_logging_out_would_end_is_warned_of(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, warning: str
) -> None:
    def start(directory: RunDirectory) -> subprocess.Popen[bytes]:
        update = {"worker": own_identity(), "state": "running"}
        directory.write_record(directory.read_record().model_copy(update=update))
        return subprocess.Popen([sys.executable, "-c", ""])

    monkeypatch.setattr(runs, "start_worker", start)
    monkeypatch.setattr(runs, "logout_kills", lambda: warning)
    outcome = lab("run", "learning-rate", "--detach")
    assert outcome.code == 0
    assert outcome.out.count("\n") == 1
    assert ("Warning: Logging out would end this run" in outcome.err) == bool(warning)
