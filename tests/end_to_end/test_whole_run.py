"""One experiment from the command line through the worker to the saved tables."""

import json
from pathlib import Path

import pytest

from iml_tui.experiments.results import METRICS
from iml_tui.runs.directory import RunDirectory

from .conftest import Home, finish

pytestmark = pytest.mark.end_to_end

SETTINGS = ("--set", "epochs=2", "--set", "learning_rates=0.1,0.001", "--json")


def test_a_run_to_its_end_and_another_just_like_it(home: Home) -> None:
    first, second = home.start_run(*SETTINGS), home.start_run(*SETTINGS)
    code, out, err = finish(first)
    assert code == 0, err
    document = json.loads(out)
    check_document(document, home)

    code, out, err = finish(second)
    assert code == 0, err
    assert tables_of(document) == tables_of(json.loads(out))

    code, out, err = home.call("show", document["run"], "--json")
    assert code == 0, err
    assert json.loads(out) == document


def check_document(document: dict[str, object], home: Home) -> None:
    assert document["state"] == "done"
    assert document["experiment"] == "learning-rate"
    directory = Path(str(document["directory"]))
    assert directory.parent == home.root
    trials = document["trials"]
    assert isinstance(trials, list)
    assert [trial["hyperparameters"]["learning_rate"] for trial in trials] == [0.1, 0.001]
    for trial in trials:
        assert trial["state"] == "done"
        assert [epoch["epoch"] for epoch in trial["epochs"]] == [1, 2]
        assert all(isinstance(epoch[metric], float) for epoch in trial["epochs"] for metric in METRICS)
        assert trial["timing"]["train_seconds"] > 0
    names = {path.name for path in RunDirectory(directory).tables.iterdir()}
    tables = document["tables"]
    assert isinstance(tables, list)
    assert {Path(path).name for path in tables} == names
    stems = {Path(name).stem for name in names}
    assert names == {f"{stem}.{extension}" for stem in stems for extension in ("csv", "md", "tex", "json")}


def tables_of(document: dict[str, object]) -> dict[str, bytes]:
    """The contents of the tables that do not depend on the clock."""
    tables = document["tables"]
    assert isinstance(tables, list)
    found = {path.name: path.read_bytes() for path in map(Path, tables) if not path.name.startswith("timing")}
    assert found
    return found


def test_a_device_that_is_not_there_fails_the_run_in_one_sentence(home: Home) -> None:
    code, out, err = finish(home.start_run("--device", "cuda:99", "--json"))
    assert code == 1
    document = json.loads(out)
    assert document["state"] == "failed"
    assert "cuda:99" in document["message"]
    assert "cuda:99" in err
    assert "Traceback" not in err
    log = RunDirectory(Path(document["directory"])).log_file.read_text()
    assert "cuda:99" in log
    assert "Traceback" not in log, "the log is a tab of the screen"


def test_detached_runs_end_when_asked(home: Home) -> None:
    code, out, err = finish(home.start_run("--set", "epochs=100000", "--detach"))
    assert code == 0, err
    run = out.strip()
    assert f"iml-lab attach {run}" in err
    directory = home.training()
    assert directory.id == run
    assert directory.read_record().worker is not None

    code, out, err = home.call("stop", run)
    assert code == 0, err
    assert directory.read_record().state == "stopped"
