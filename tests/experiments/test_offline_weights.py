"""The offline source task's tables and findings, on made-up figures."""

from __future__ import annotations

import math

import pytest

from iml_tui.errors import UsageError
from iml_tui.experiments.charts import Chart, curves
from iml_tui.experiments.hyperparameters import parse_or_raise
from iml_tui.experiments.offline_weights import (
    OFFLINE_CAVEAT,
    OfflineWeightsExperiment,
    OfflineWeightsHyperparameters,
)
from iml_tui.experiments.results import DataSummary, EpochMetrics, Results, TrialResult
from iml_tui.experiments.scene_heads import HEADS, OVERLAPPING, accuracy_metric
from iml_tui.experiments.tables import Spread, Table
from iml_tui.experiments.trials import BATCH_LOSS, RUNNING_ACCURACY

EXPERIMENT = OfflineWeightsExperiment()
SPLITS = ("train", "validation", "test")

SCENES = DataSummary(
    name="rendered scenes",
    rows={"train": 9600, "validation": 480, "test": 480},
    classes=26,
    sha256="0" * 64,
    frequency_loss=dict.fromkeys(SPLITS, 1.17),
    majority_accuracy=dict.fromkeys(SPLITS, 0.31),
)
LEARNED = {"noise": 0.95, "symmetry": 0.34}


def metrics(shift: float = 0.0) -> dict[str, float]:
    """One epoch: every head at 0.6 but for those of `LEARNED`."""
    heads = {accuracy_metric(split, head): LEARNED.get(head, 0.6) + shift for split in SPLITS[1:] for head in HEADS}
    return {f"{split}_{what}": 0.7 for split in SPLITS for what in ("loss", "accuracy")} | heads


def results(epochs: int = 1, seeds: tuple[int, ...] = (42,)) -> Results:
    trials = EXPERIMENT.trials(OfflineWeightsHyperparameters(seeds=seeds))
    measured = [
        TrialResult(
            index,
            trial,
            "running",
            [EpochMetrics(epoch, metrics(0.01 * index), 60.0, 160.0) for epoch in range(1, epochs + 1)],
        )
        for index, trial in enumerate(trials)
    ]
    return Results(EXPERIMENT.slug, SCENES, measured)


def table(name: str, measured: Results) -> Table:
    return next(table for table in EXPERIMENT.tables(measured) if table.id == name)


def test_the_defaults_are_those_that_take_minutes_on_two_cores() -> None:
    [trial] = EXPERIMENT.trials(OfflineWeightsHyperparameters())
    assert trial.epochs == 3
    assert trial.step_series == (BATCH_LOSS, RUNNING_ACCURACY)
    assert trial.batches_per_epoch(9600) == 300


def test_every_head_stands_beside_chance() -> None:
    rows = {row[0]: row[1:] for row in table("heads", results()).rows}
    assert list(rows) == list(HEADS)
    classes, chance, validation, test, learned = rows["noise"]
    assert (classes, validation, test) == (3, 0.95, 0.95)
    assert chance == pytest.approx(1 / 3)
    assert learned == pytest.approx(100 * (0.95 - 1 / 3) / (2 / 3))
    assert OFFLINE_CAVEAT in table("heads", results()).note


def test_several_seeds_are_means_with_deviations() -> None:
    row = next(row for row in table("heads", results(seeds=(1, 2))).rows if row[0] == "noise")
    assert isinstance(row[4], Spread)
    assert float(row[4]) == pytest.approx(0.955)


def test_means_stand_beside_what_needs_no_network() -> None:
    assert table("means", results()).rows[2] == ("test", 0.7, 1.17, 0.7, 0.31)


def test_tables_and_charts_are_there_before_the_first_epoch() -> None:
    waiting = results(epochs=0)
    assert all(row[3] is None and row[5] is None for row in table("heads", waiting).rows)
    assert EXPERIMENT.findings(waiting) == []
    assert EXPERIMENT.summary(waiting) == ""
    for chart in EXPERIMENT.charts:
        assert isinstance(chart, Chart)
        assert all(len(curve.y) == 0 for curve in curves(chart, waiting))


def test_findings_name_the_best_the_worst_and_what_is_guessed() -> None:
    heads, caveat = EXPERIMENT.findings(results())
    assert "Best read off is noise, right for 0.950" in heads.text
    assert "worst is symmetry, 0.340" in heads.text
    assert heads.text.endswith("Not told from guessing by 2 standard errors: symmetry.")
    assert heads.evidence["noise"] == 0.95
    assert OFFLINE_CAVEAT in caveat.text
    assert all(head in caveat.text for head in OVERLAPPING)


def test_heads_without_figures_are_no_finding_of_their_own() -> None:
    lost = results()
    lost.trials[0].epochs[0].metrics = dict.fromkeys(metrics(), math.nan)
    assert EXPERIMENT.findings(lost)[0].text == "None of the 8 heads has a finite accuracy."


def test_a_training_that_diverged_is_told() -> None:
    diverged = results()
    diverged.trials[0].diverged_at = (1, 17)
    assert "batch 17 of epoch 1, so no weights were kept" in EXPERIMENT.findings(diverged)[1].text


@pytest.mark.parametrize(("key", "value"), [("pictures", "10"), ("batch_size", "1"), ("image_size", "32")])
def test_settings_that_cannot_train_are_refused(key: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{key} = '{value}'"):
        parse_or_raise(OfflineWeightsHyperparameters, {key: value})
