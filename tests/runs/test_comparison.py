"""Models of different runs beside one another: what they are called, what differs, what came out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from iml_tui.experiments.charts import curves
from iml_tui.experiments.tables import Spread, Table
from iml_tui.experiments.trials import RUNNING_ACCURACY
from iml_tui.runs.comparison import (
    CHARTED,
    GRADIENT_NORMS,
    MAX_CURVES,
    Compared,
    best_of,
    candidates,
    chart_of,
    charted,
    default_choice,
    labels,
    notices,
    together,
)
from iml_tui.runs.comparison_tables import comparison_tables
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.reading import BATCH_LOSS, RunReader
from iml_tui.runs.record import State, WeightsRecord
from iml_tui.runs.table_files import write_tables
from tests.recorded import CREATED, recorded_run


def models(*runs: RunDirectory) -> list[Compared]:
    return [item for run in runs for item in candidates(RunReader(run)) if item.seed is None]


def changed(run: RunDirectory, **update: object) -> RunDirectory:
    """The run with parts of its record replaced."""
    run.write_record(run.read_record().model_copy(update=update))
    return run


def on_other_data(run: RunDirectory) -> RunDirectory:
    data = run.read_record().data.model_copy(update={"name": "my cities", "sha256": "ab" * 32})
    return changed(run, data=data)


def table(items: Sequence[Compared], name: str, metric: str = "validation_accuracy") -> Table:
    return next(table for table in comparison_tables(items, together(items), metric) if table.id == name)


def column(made: Table, key: str) -> list[object]:
    position = [column.key for column in made.columns].index(key)
    return [row[position] for row in made.rows]


def test_models_come_run_by_run_with_their_numbers_and_seeds(root: Path) -> None:
    run = recorded_run(root, "batch-norm", epochs=3, seeds=(1, 2))
    found = candidates(RunReader(run))
    assert [(item.number, item.seed) for item in found] == [(1, None), (1, 1), (1, 2), (2, None), (2, 1), (2, 2)]
    assert [item.reference for item in found[:2]] == [f"{run.id}:1", f"{run.id}:1:1"]
    assert len(candidates(RunReader(recorded_run(root, "batch-norm", epochs=3)))) == 2


def test_labels_stay_short_where_they_differ_already(root: Path) -> None:
    items = models(recorded_run(root, "batch-norm", epochs=3), recorded_run(root, "learning-rate", epochs=3))
    assert labels(items) == ["without batch norm", "with batch norm", "lr 1", "lr 0.01", "lr 0.001", "lr 1e-05"]


def test_equal_labels_are_told_apart_by_the_setting_that_differs(root: Path) -> None:
    rates = {"learning_rates": (0.01,)}
    runs = [
        recorded_run(root, "learning-rate", epochs=3, **rates),
        recorded_run(root, "learning-rate", epochs=5, **rates),
    ]
    assert labels(models(*runs)) == ["lr 0.01 · epochs 3", "lr 0.01 · epochs 5"]
    runs.append(recorded_run(root, "learning-rate", epochs=5, batch_norm=True, **rates))
    assert labels(models(*runs)) == [
        "lr 0.01 · epochs 3 · no batch norm",
        "lr 0.01 · epochs 5 · no batch norm",
        "lr 0.01 · epochs 5 · batch norm",
    ]


def test_one_setting_that_tells_all_apart_is_better_than_two(root: Path) -> None:
    runs = [
        recorded_run(root, "learning-rate", epochs=3, learning_rates=(0.01,), hidden_width=8),
        recorded_run(root, "learning-rate", epochs=3, learning_rates=(0.01,), hidden_width=16),
        recorded_run(root, "learning-rate", epochs=5, learning_rates=(0.01,), hidden_width=32),
    ]
    assert labels(models(*runs)) == [f"lr 0.01 · hidden width {width}" for width in (8, 16, 32)]


def test_equal_models_are_told_apart_by_data_seeds_or_the_time_of_their_runs(root: Path) -> None:
    rates = {"learning_rates": (0.01,)}
    run = recorded_run(root, "learning-rate", epochs=3, **rates)
    again = recorded_run(root, "learning-rate", epochs=3, **rates)
    assert labels(models(run, again)) == ["lr 0.01 · 08:53:20", "lr 0.01 · 08:53:20-2"]
    other_seed = recorded_run(root, "learning-rate", epochs=3, seeds=(7,), **rates)
    assert labels(models(run, other_seed)) == ["lr 0.01 · seed 42", "lr 0.01 · seed 7"]
    other_data = on_other_data(recorded_run(root, "learning-rate", epochs=3, **rates))
    assert labels(models(run, other_data)) == ["lr 0.01 · European cities (GeoNam…", "lr 0.01 · my cities"]
    moved = RunDirectory(again.path.rename(root / "kept"))
    assert labels(models(run, moved)) == ["lr 0.01 · 08:53:20", "lr 0.01 · kept"]


def test_labels_are_always_different(root: Path) -> None:
    runs = [recorded_run(root, "learning-rate", epochs=3, seeds=(1, 2)) for _ in range(3)]
    runs.append(recorded_run(root, "epochs", epochs=3))
    items = [item for run in runs for item in candidates(RunReader(run))]
    assert len(set(labels(items))) == len(items)
    results = together(items)
    assert [model.name for model in results.models] == labels(items)
    assert [model.label for model in results.models] == labels(items)


def test_hostile_labels_are_printable(root: Path) -> None:
    run = recorded_run(root, "batch-norm", epochs=3)
    trials = [trial.model_copy(update={"label": "\x1b[2J"}) for trial in run.read_record().trials]
    items = models(changed(run, trials=trials, title="\x1b[2J", versions={"\x1b": "\x9b"}, host="\r"))
    texts = [
        *labels(items),
        *(str(cell) for made in comparison_tables(items, together(items)) for row in made.rows for cell in row),
    ]
    assert all(text.isprintable() for text in texts)


def test_all_models_are_compared_until_they_are_too_many(root: Path) -> None:
    readers = [RunReader(recorded_run(root, "learning-rate", epochs=3)) for _ in range(4)]
    chosen, told = default_choice(readers[:3])
    assert (len(chosen), told) == (MAX_CURVES, "")
    chosen, told = default_choice(readers)
    assert [item.result.label for item in chosen] == ["lr 0.001"] * 4
    assert told.startswith("16 models are too many curves")


def test_the_best_is_that_of_the_highest_accuracy_and_any_where_there_is_none(root: Path) -> None:
    assert best_of(models(recorded_run(root, "learning-rate", epochs=3))).number == 3
    assert best_of(models(recorded_run(root, "learning-rate", "queued"))).number == 1


def test_curves_are_those_of_the_runs_under_their_new_names(root: Path) -> None:
    one, other = recorded_run(root, "epochs", epochs=4), recorded_run(root, "batch-norm", epochs=3, seeds=(1, 2))
    items = models(one, other)
    drawn = curves(chart_of("validation_loss"), together(items))
    assert [curve.label for curve in drawn] == labels(items)
    assert [len(curve.y) for curve in drawn] == [4, 3, 3]
    assert drawn[0].y.tolist() == RunReader(one).results.trials[0].values("validation_loss")
    assert drawn[0].low is None
    first, second = (trial.values("validation_loss") for trial in RunReader(other).results.trials[:2])
    assert np.allclose(drawn[1].y, np.mean([first, second], axis=0))
    assert drawn[1].low is not None
    assert (drawn[1].low < drawn[1].y).all()


def test_every_metric_can_be_charted_and_gradients_where_recorded(root: Path) -> None:
    results = together(models(recorded_run(root, "batch-norm", epochs=3)))
    assert charted(results) == [name for name in CHARTED if name not in (GRADIENT_NORMS, RUNNING_ACCURACY)]
    for name in charted(results):
        assert [len(curve.y) > 0 for curve in curves(chart_of(name), results)] == [True, True]
    trial = results.trials[1]
    trial.epochs = [replace(epoch, gradient_norms=[1e-9, 1e-3, 1.0]) for epoch in trial.epochs]
    assert charted(results)[-1] == GRADIENT_NORMS
    chart = chart_of(GRADIENT_NORMS)
    assert (chart.x, chart.log_y) == ("layer", True)
    assert curves(chart, results)[1].y.tolist() == pytest.approx([1e-9, 1e-3, 1.0])
    assert chart_of(BATCH_LOSS).x == "batch"
    assert chart_of("train_loss", log_y=True).log_y


def test_the_results_are_final_best_and_differences_to_the_best(root: Path) -> None:
    items = models(recorded_run(root, "learning-rate", epochs=5, learning_rates=(0.01, 0.001)))
    made = table(items, "results")
    trials = [item.result for item in items]
    assert column(made, "validation_accuracy") == [trial.last("validation_accuracy") for trial in trials]
    assert column(made, "best_validation_loss") == [min(trial.values("validation_loss")) for trial in trials]
    assert column(made, "test_accuracy") == [trial.last("test_accuracy") for trial in trials]
    worse, best = (trial.last("validation_accuracy") for trial in trials)
    assert column(made, "difference") == [worse - best, 0.0]
    assert worse < best
    losses = [trial.last("train_loss") for trial in trials]
    made = table(items, "results", "train_loss")
    assert column(made, "difference") == [loss - min(losses) for loss in losses]
    assert column(made, "train_loss") == losses


def test_seeds_become_means_with_deviations(root: Path) -> None:
    items = models(recorded_run(root, "batch-norm", epochs=3, seeds=(1, 2, 3)))
    made = table(items, "results")
    accuracy = column(made, "validation_accuracy")[0]
    assert isinstance(accuracy, Spread)
    assert accuracy.count == 3
    assert "3 seeds: mean ± standard deviation" in made.note
    differences = table([*items, *models(recorded_run(root, "batch-norm", epochs=3))], "differences")
    assert ("Seeds", "1, 2, 3", "1, 2, 3", "42", "42") in differences.rows


def test_only_what_differs_has_a_row_and_the_rest_a_line(root: Path) -> None:
    one = recorded_run(root, "learning-rate", epochs=3, learning_rates=(0.01,))
    other = recorded_run(root, "learning-rate", epochs=5, learning_rates=(0.01,), batch_norm=True)
    record = other.read_record()
    versions = {**record.versions, "torch": "2.10.0"}
    device = record.device.model_copy(update={"name": "NVIDIA H100"})
    changed(on_other_data(other), versions=versions, device=device, host="node7")
    made = table(models(one, other), "differences")
    assert [column.title for column in made.columns] == ["Property", "lr 0.01 · epochs 3", "lr 0.01 · epochs 5"]
    here = one.read_record().host
    assert made.rows == (
        ("Epochs", "3", "5"),
        ("Batch norm", "no", "yes"),
        ("Data", "European cities (GeoNames)", "my cities"),
        ("SHA-256 of the data", "5f5f5f5f5f5f…", "abababababab…"),
        ("Device", "CPU", "NVIDIA H100"),
        ("Version of torch", "2.9.0", "2.10.0"),
        ("Host", here, "node7"),
    )
    assert "learning rate 0.01" in made.note
    assert "version of python 3.12.0" in made.note
    assert "residual" not in made.note  # What nobody changed is not worth a word.


def test_equal_runs_are_said_to_be_equal(root: Path) -> None:
    runs = [recorded_run(root, "epochs", epochs=3) for _ in range(2)]
    made = table(models(*runs), "differences")
    assert made.rows == ()
    assert made.note.startswith("Nothing that is recorded differs.")


def test_the_models_say_where_they_come_from_and_what_they_took(root: Path) -> None:
    run = recorded_run(root, "learning-rate", "stopped", epochs=4, learning_rates=(1, 0.001))
    made = table(models(run), "models")
    assert column(made, "reference") == [f"{run.id}:1", f"{run.id}:2"]
    assert column(made, "state") == ["diverged, run stopped", "stopped, run stopped"]
    assert column(made, "epochs") == [4, 2]
    assert column(made, "training_seconds") == [pytest.approx(1.0), pytest.approx(0.5)]


def test_other_data_is_warned_of_and_has_a_best_of_its_own(root: Path) -> None:
    one = recorded_run(root, "learning-rate", epochs=3, learning_rates=(0.001, 1e-5))
    other = on_other_data(recorded_run(root, "learning-rate", epochs=3, learning_rates=(1e-5,)))
    items = models(one, other)
    assert "different data" in notices(items)[0]
    assert notices(models(one)) == []
    differences = column(table(items, "results"), "difference")
    assert differences[0] == differences[2] == 0.0
    assert differences[1] != 0.0


@pytest.mark.parametrize("state", ["queued", "starting", "running", "stopped", "interrupted", "failed"])
def test_runs_in_every_state_can_be_compared(root: Path, tmp_path: Path, state: State) -> None:
    done = recorded_run(root, "batch-norm", epochs=3)
    items = models(done, recorded_run(root, "batch-size", state))
    tables = comparison_tables(items, together(items))
    write_tables(tmp_path / "tables", tables)
    said = " ".join(notices(items))
    assert ("Still going on" in said) == (state in ("queued", "starting", "running"))
    assert "Without a whole epoch" in said
    assert column(tables[0], "validation_accuracy")[-1] is None
    assert column(tables[0], "difference")[-1] is None
    for name in charted(together(items)):
        assert len(curves(chart_of(name), together(items))) == len(items)


def test_what_is_not_finite_has_no_difference(root: Path) -> None:
    items = models(recorded_run(root, "learning-rate", epochs=3, learning_rates=(1, 0.001)))
    made = table(items, "results", "validation_loss")
    assert math.isnan(column(made, "validation_loss")[0])  # type: ignore[arg-type]
    assert column(made, "difference") == [None, 0.0]


def test_an_experiment_of_another_version_is_compared_by_what_is_recorded(root: Path) -> None:
    known = recorded_run(root, "epochs", epochs=3)
    other = changed(recorded_run(root, "epochs", epochs=3), experiment="gradient-flow", title="Gradient flow")
    made = table(models(known, other), "differences")
    assert made.rows == (("Experiment", "Epochs", "Gradient flow"),)
    assert labels(models(known, other)) == ["3 epochs · Epochs", "3 epochs · Gradient flow"]


def test_settings_that_only_one_kind_of_model_has_are_not_known_of_the_other(root: Path) -> None:
    run = recorded_run(root, "epochs", epochs=1, created=CREATED)
    trial = run.read_record().trials[0]
    neighbour = {"name": "1-NN", "label": "1-NN", "seed": 42, "epochs": 1, "kind": "nearest-neighbour"}
    record = run.read_record().model_dump()
    record["trials"] = [trial.model_dump(), neighbour]
    run.write_record(type(run.read_record()).model_validate(record))
    made = table(models(run), "differences")
    assert ("Kind of model", "mlp", "nearest-neighbour") in made.rows
    assert ("Learning rate", "0.001", "–") in made.rows


# Faces


def on_weights(run: RunDirectory, name: str, sha256: str, caveat: str = "") -> RunDirectory:
    weights = WeightsRecord(kind="file", name=name, sha256=sha256, caveat=caveat)
    return changed(run, weights=weights)


def test_runs_on_faces_are_compared_by_weights_pictures_and_settings(root: Path) -> None:
    one = on_weights(recorded_run(root, "face-baselines", learning_rates=(0.001,)), "ImageNet", "aa" * 32)
    other = recorded_run(root, "face-baselines", learning_rates=(0.001,), difficulty=0.25, image_size=32)
    other = on_weights(other, "offline source task", "bb" * 32, "Much of it overlaps.")
    items = [item for item in models(one, other) if item.result.label in ("XGBoost", "fine-tune 0.001")]
    assert len(items) == 4
    made = table(items, "differences")
    rows = {row[0]: row[1:] for row in made.rows}
    assert rows["Learning rate"] == ("–", "0.001", "–", "0.001")
    assert rows["Pretrained weights"] == ("–", "ImageNet", "–", "offline source task")
    assert rows["SHA-256 of the weights"] == ("–", "aaaaaaaaaaaa…", "–", "bbbbbbbbbbbb…")
    assert rows["Difficulty"] == ("0.5", "0.5", "0.25", "0.25")
    assert rows["Image size"] == ("0", "0", "32", "32")
    assert len(set(labels(items))) == 4
    assert "fine-tune 0.001 · offline source task" in labels(items)
    told = notices(items)
    assert told == [
        "The pretrained models start from different weights: ImageNet (aaaaaaaa…), offline source task (bbbbbbbb…).",
        "Much of it overlaps.",
    ]
    assert notices([item for item in items if item.result.label == "XGBoost"]) == []


def test_every_metric_of_faces_can_be_charted(root: Path) -> None:
    results = together(models(recorded_run(root, "face-baselines", learning_rates=(0.001,))))
    assert charted(results) == [name for name in CHARTED if name != GRADIENT_NORMS]
    for name in charted(results):
        assert len(curves(chart_of(name), results)) == 5
    assert chart_of(RUNNING_ACCURACY).x == "batch"


def test_a_run_of_the_source_task_stands_beside_others(root: Path) -> None:
    items = models(recorded_run(root, "offline-weights"), recorded_run(root, "epochs", epochs=2))
    assert len(table(items, "results").rows) == 2
    assert "Kind of model" in [row[0] for row in table(items, "differences").rows]
