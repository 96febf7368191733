"""`compare`: models of any runs beside one another."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from iml_tui.runs.directory import RunDirectory
from tests.recorded import CREATED, recorded_run

from .conftest import Lab


@pytest.fixture
def rates(root: Path) -> RunDirectory:
    return recorded_run(root, "learning-rate", epochs=3, learning_rates=(0.01, 0.001))


@pytest.fixture
def norms(root: Path) -> RunDirectory:
    return recorded_run(root, "batch-norm", epochs=4, seeds=(1, 7), created=CREATED + 60)


def test_tables_are_printed_and_nothing_else(lab: Lab, rates: RunDirectory, norms: RunDirectory) -> None:
    outcome = lab("compare", rates.id, "last")
    assert outcome.code == 0
    assert outcome.err == ""
    for text in ("Results", "What differs", "lr 0.01", "with batch norm", f"{rates.id}:2", "±", "The same in all: "):
        assert text in outcome.out


def test_models_and_seeds_are_named_by_their_numbers(lab: Lab, rates: RunDirectory, norms: RunDirectory) -> None:
    out = lab("compare", f"{rates.id}:2", "last:1", "last:2:7", "--json").out
    models = json.loads(out)["models"]
    assert [model["label"] for model in models] == ["lr 0.001", "without batch norm", "with batch norm · seed 7"]
    assert [model["reference"] for model in models] == [f"{rates.id}:2", f"{norms.id}:1", f"{norms.id}:2:7"]
    assert [model["seeds"] for model in models] == [[42], [1, 7], [7]]
    # The only seed of a model is the model.
    assert json.loads(lab("compare", f"{rates.id}:1:42", f"{rates.id}:2", "--json").out)["models"][0]["number"] == 1


def test_the_document_has_all_figures(lab: Lab, rates: RunDirectory, norms: RunDirectory) -> None:
    outcome = lab("compare", rates.id, norms.id, "--json")
    document = json.loads(outcome.out)
    assert outcome.err == ""
    assert document["metric"] == "validation_accuracy"
    assert document["notices"] == []
    assert [len(model["epochs"]) for model in document["models"]] == [3, 3, 4, 4]
    assert document["models"][0]["data"]["sha256"] == "5f" * 32
    assert document["models"][0]["hyperparameters"]["learning_rate"] == 0.01
    results = document["results"]
    assert results[0]["validation_accuracy"] == document["models"][0]["epochs"][-1]["validation_accuracy"]
    assert max(row["difference"] for row in results) == 0
    assert {row["property"] for row in document["differences"]} >= {"Epochs", "Learning rate", "Batch norm", "Seeds"}
    assert document["tables"] == document["figures"] == []


def test_tables_and_the_chart_are_written(lab: Lab, rates: RunDirectory, tmp_path: Path) -> None:
    folder = tmp_path / "report" / "comparison"
    outcome = lab("compare", rates.id, "--to", str(folder), "--metric", "validation_loss", "--json")
    document = json.loads(outcome.out)
    assert document["figures"] == [str(folder / "validation-loss.svg")]
    expected = {
        f"{stem}.{kind}" for stem in ("results", "differences", "models") for kind in ("csv", "md", "tex", "json")
    }
    assert {path.name for path in folder.iterdir()} == expected | {"validation-loss.svg"}
    assert {Path(path).name for path in document["tables"]} == expected
    drawing = "".join(ElementTree.parse(folder / "validation-loss.svg").getroot().itertext())
    assert "lr 0.01" in drawing
    assert "lr 0.001" in drawing
    outcome = lab("compare", rates.id, "--to", str(folder))
    assert "the chart validation-accuracy.svg are in" in outcome.err


def test_a_folder_that_cannot_be_written_is_one_sentence(lab: Lab, rates: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = lab("compare", rates.id, "--to", str(tmp_path / "file" / "below"))
    assert (outcome.code, outcome.out) == (1, "")
    assert "cannot be written" in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["compare"], "Missing argument"),
        (["compare", "last:1"], "nothing to compare"),
        (["compare", "last:1", "last:1"], "nothing to compare"),
        (["compare", "last", "nowhere"], "no run 'nowhere'"),
        (["compare", "last", "last:3"], "'last:3' names nothing"),
        (["compare", "last", "last:0"], "has models RUN:1 to RUN:2"),
        (["compare", "last:1:9", "last:2"], "was trained with seed 42"),
        (["compare", "last:x", "last:2"], "no run 'last:x'"),
        (["compare", "", "last"], "no run ''"),
        (["compare", ":1", "last"], "no run ''"),
        (["compare", "last", "--metric", "speed"], "'speed' is not a metric; there are validation_accuracy"),
        (["compare", "last", "--metric", "gradient_norms"], "gradient_norms was not recorded"),
    ],
)
def test_what_names_nothing_is_refused_in_one_sentence(
    lab: Lab, rates: RunDirectory, arguments: list[str], sentence: str
) -> None:
    outcome = lab(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert sentence in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_run_named_twice_counts_once(lab: Lab, rates: RunDirectory) -> None:
    document = json.loads(lab("compare", rates.id, "last", f"{rates.id}:1", "--json").out)
    assert [model["label"] for model in document["models"]] == ["lr 0.01", "lr 0.001"]


def test_other_data_is_warned_of(lab: Lab, rates: RunDirectory, norms: RunDirectory) -> None:
    record = norms.read_record()
    data = record.data.model_copy(update={"name": "\x1b[2Jmine", "sha256": "ab" * 32})
    norms.write_record(record.model_copy(update={"data": data}))
    outcome = lab("compare", rates.id, norms.id)
    assert outcome.code == 0
    assert "different data" in outcome.err
    assert "\x1b" not in outcome.out + outcome.err
    notices = json.loads(lab("compare", rates.id, norms.id, "--json").out)["notices"]
    assert "different data" in notices[0]


def test_of_too_many_models_the_best_of_each_run_are_taken(lab: Lab, root: Path) -> None:
    for attempt in range(4):
        recorded_run(root, "learning-rate", epochs=2, hidden_width=8 + attempt)
    runs = sorted(path.name for path in root.iterdir())
    document = json.loads(lab("compare", *runs, f"{runs[0]}:1", "--json").out)
    assert [model["number"] for model in document["models"]] == [3, 3, 3, 3, 1]
    assert "too many curves" in document["notices"][0]


def test_a_damaged_run_is_one_sentence(lab: Lab, rates: RunDirectory, norms: RunDirectory) -> None:
    norms.record_file.write_text("{")
    norms.events_file.unlink()  # From which it could be rebuilt.
    outcome = lab("compare", rates.id, norms.id)
    assert (outcome.code, outcome.out) == (1, "")
    assert "is damaged" in outcome.err


def test_running_runs_and_those_without_epochs_are_compared(lab: Lab, root: Path, rates: RunDirectory) -> None:
    recorded_run(root, "epochs", "queued", epochs=4, created=CREATED + 60)
    outcome = lab("compare", rates.id, "last", "--json")
    document = json.loads(outcome.out)
    assert [notice.split()[0] for notice in document["notices"]] == ["Still", "Without"]
    assert document["results"][-1]["validation_accuracy"] is None
