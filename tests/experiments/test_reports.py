"""Tables, findings and summaries on synthetic results: normal, diverged, partial and empty."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from iml_tui.experiments.base import Experiment
from iml_tui.experiments.charts import Chart, curves, heat_map_cells
from iml_tui.experiments.registry import EXPERIMENTS, find
from iml_tui.experiments.results import Results
from iml_tui.experiments.tables import Table, Value, format_value
from tests.experiments.factory import batch_losses, healthy, results

NAN = math.nan
Shape = Callable[[int], list[float]]
PARTIAL: dict[str, Shape] = {
    "complete": lambda epochs: healthy(epochs),
    "empty": lambda epochs: [],
    "one epoch": lambda epochs: healthy(1),
    "two epochs": lambda epochs: healthy(min(2, epochs)),
    "all not finite": lambda epochs: [NAN] * epochs,
    "diverged later": lambda epochs: [2.0, NAN][:epochs],
    "stuck at the frequencies": lambda epochs: [2.9] * epochs,
    "zero loss": lambda epochs: [0.0] * epochs,
}


def made(experiment: Experiment, shape: Shape) -> Results:
    trials = experiment.trials(experiment.hyperparameters())
    return results(experiment, [shape(trial.epochs) for trial in trials])


def table(experiment: Experiment, found: Results, table_id: str) -> Table:
    (chosen,) = (t for t in experiment.tables(found) if t.id == table_id)
    return chosen


def column(chosen: Table, key: str) -> list[Value]:
    position = [c.key for c in chosen.columns].index(key)
    return [row[position] for row in chosen.rows]


@pytest.mark.parametrize("shape", PARTIAL.values(), ids=PARTIAL.keys())
@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.slug)
def test_every_state_has_sound_tables_findings_and_charts(experiment: Experiment, shape: Shape) -> None:
    found = made(experiment, shape)
    tables = experiment.tables(found)
    assert len({t.id for t in tables}) == len(tables)
    for each in tables:
        keys = [c.key for c in each.columns]
        assert len(set(keys)) == len(keys)
        assert all(len(row) == len(keys) for row in each.rows)
        for row in each.rows:
            assert all(isinstance(format_value(v, c), str) for v, c in zip(row, each.columns, strict=True))
    for finding in experiment.findings(found):
        assert finding.text.endswith(".")
        assert "\n" not in finding.text
        assert any(character.isdigit() for character in finding.text)
        assert finding.evidence
    drawn = experiment.charts_for(found)
    assert [(c.id, c.panel) for c in drawn] == [(c.id, c.panel) for c in experiment.charts]
    for chart in drawn:
        if isinstance(chart, Chart):
            assert all(len(curve.x) == len(curve.y) for curve in curves(chart, found))
        else:
            assert heat_map_cells(chart, found).values.ndim == 2
    assert "\n" not in experiment.summary(found)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.slug)
def test_nothing_is_found_before_the_first_epoch(experiment: Experiment) -> None:
    found = made(experiment, PARTIAL["empty"])
    assert experiment.findings(found) == []
    assert experiment.summary(found) == ""
    for each in experiment.tables(found):
        for row in each.rows:
            assert not any(isinstance(value, float) and math.isnan(value) for value in row)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.slug)
def test_no_findings_or_tables_fail_with_the_other_trials_waiting(experiment: Experiment) -> None:
    trials = experiment.trials(experiment.hyperparameters())
    found = results(experiment, [healthy(t.epochs) if i == 0 else [] for i, t in enumerate(trials)])
    assert experiment.tables(found)
    assert experiment.findings(found)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.slug)
def test_only_the_timing_table_depends_on_the_clock(experiment: Experiment) -> None:
    found = made(experiment, PARTIAL["complete"])
    slower = made(experiment, PARTIAL["complete"])
    for trial in slower.trials:
        trial.epochs = [dataclasses.replace(e, seconds=9.0, samples_per_second=1.0) for e in trial.epochs]
    assert experiment.findings(found) == experiment.findings(slower)
    for one, other in zip(experiment.tables(found), experiment.tables(slower), strict=True):
        assert one.timing == (one.id == "timing")
        assert (one == other) != one.timing


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.slug)
def test_report_figures_stand_only_in_reference_columns(experiment: Experiment) -> None:
    for each in experiment.tables(made(experiment, PARTIAL["all not finite"])):
        references = [c for c in each.columns if c.key.startswith("reference")]
        assert all("Report" in c.title for c in references)
        assert ("The report's figures are on the course's files" in each.note) == bool(references)
        for row in each.rows:
            for value, c in zip(row, each.columns, strict=True):
                assert c in references or value not in (0.764, "about 0.25", "0.25 to 0.4"), c.key


def test_report_figures_are_not_beside_other_settings() -> None:
    experiment = find("epochs")
    for width, shown in ((16, True), (8, False)):
        chosen = table(experiment, results(experiment, [healthy(100)], hidden_width=width), "epochs")
        assert any(column(chosen, "reference_train_loss")) == shown


def test_learning_rate_table_tells_what_happened() -> None:
    experiment = find("learning-rate")
    slow = [3.5 * 0.992**i for i in range(50)]
    found = results(experiment, [[3.0, *[2.9] * 49], healthy(50, 0.3), healthy(50), slow])
    chosen = table(experiment, found, "learning-rates")
    assert column(chosen, "outcome") == ["diverged", "converged", "converged", "too slow"]
    assert column(chosen, "validation_loss")[2] == pytest.approx(0.25, abs=1e-4)
    best = experiment.findings(found)[0]
    assert best.text.startswith("Learning rate 0.001 reached the lowest validation loss, 0.2500 at epoch 50")
    assert best.evidence["learning_rate"] == 0.001
    assert experiment.summary(found) == "validation accuracy 0.779, best: lr 0.001"


def test_epochs_table_lists_the_milestones_and_the_lowest() -> None:
    experiment = find("epochs")
    validation = healthy(100)
    validation[69] = 0.2
    chosen = table(experiment, results(experiment, [healthy(100)], [validation]), "epochs")
    assert column(chosen, "epoch") == [1, 5, 10, 20, 50, 70, 100]
    assert column(chosen, "remark") == ["", "", "", "", "", "lowest validation loss", "last"]
    assert column(chosen, "validation_loss")[5] == 0.2
    stopped = table(experiment, results(experiment, [healthy(7)]), "epochs")
    assert column(stopped, "epoch") == [1, 5, 7]
    assert column(stopped, "remark")[-1] == "last and lowest validation loss"


def test_batch_norm_counts_the_epochs_to_a_common_loss() -> None:
    experiment = find("batch-norm")
    slow, fast = [1.0 - 0.01 * i for i in range(50)], [0.5] * 50
    found = results(experiment, [slow, fast])
    chosen = table(experiment, found, "common-loss")
    # 1.05 · 0.51 = 0.5355, and 0.53 is the first value below.
    assert column(chosen, "epochs_to_common_loss") == [48, 1]
    assert "0.5355 nats" in chosen.note
    assert "48.0 times as many epochs" in experiment.findings(found)[0].text


def test_iterations_are_the_reports_on_the_courses_number_of_rows() -> None:
    experiment = find("batch-size")
    chosen = table(experiment, made(experiment, PARTIAL["empty"]), "batch-sizes")
    assert column(chosen, "iterations_per_epoch") == [106_897, 6_682, 836, 105]
    assert column(chosen, "reference_iterations_per_epoch") == [106_897, 6_682, 836, 105]
    assert column(chosen, "reference_validation_accuracy") == [0.764, None, None, None]


def test_noise_falls_with_the_batch_size() -> None:
    experiment = find("batch-size")
    found = made(experiment, PARTIAL["complete"])
    for trial in found.trials:
        losses = batch_losses(5_000, 0.8 / math.sqrt(trial.trial.batch_size), seed=trial.index)
        trial.series["batch_loss"] = partial(np.asarray, losses)
    chosen = table(experiment, found, "noise")
    noise = [float(value or 0) for value in column(chosen, "noise")]
    assert noise == sorted(noise, reverse=True)
    assert column(chosen, "noise_of_one_sample") == pytest.approx([0.8] * 4, rel=0.1)
    (finding,) = (f for f in experiment.findings(found) if f.title == "Noise")
    assert finding.evidence["factor"] == pytest.approx(32, rel=0.1)
    assert finding.evidence["expected_factor"] == 32
    (drawn,) = (c for c in experiment.charts if c.id == "batch-loss")
    assert [len(curve.y) for curve in curves(drawn, found)] == [5_000] * 4


def test_the_single_epoch_of_batch_size_one_is_a_point_of_its_curve() -> None:
    experiment = find("batch-size")
    accuracy = experiment.charts[0]
    drawn = curves(accuracy, made(experiment, PARTIAL["complete"]))
    assert [len(curve.y) for curve in drawn] == [1, 10, 50, 50]
    assert (drawn[0].label, drawn[0].x[0]) == ("batch 1", 1)


def test_timing_is_the_median_over_the_epochs() -> None:
    experiment = find("epochs")
    found = results(experiment, [healthy(3)])
    for epoch, speed in zip(found.trials[0].epochs, (1.0, 500.0, 700.0), strict=True):
        epoch.samples_per_second = speed
    chosen = table(experiment, found, "timing")
    assert chosen.rows == (("100 epochs", 418, 500.0, 2.0, 6.0),)
