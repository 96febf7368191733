"""Several seeds of every model: means, deviations, verdicts, and whether the best is better than noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from statistics import fmean, stdev

import numpy as np
import pytest

from iml_tui.experiments.base import Experiment
from iml_tui.experiments.charts import Chart, curves
from iml_tui.experiments.hyperparameters import with_present_names
from iml_tui.experiments.registry import EXPERIMENTS, find
from iml_tui.experiments.reporting import best_finding, difference, from_range
from iml_tui.experiments.results import EpochMetrics, Results, TrialProgress
from iml_tui.experiments.seeds import ModelResult, deviation_of, label_with_seeds, over_seeds, spread
from iml_tui.experiments.tables import Column, Spread, Table, format_value, parts, with_deviations
from iml_tui.experiments.verdicts import verdict_of
from tests.experiments.factory import batch_losses, healthy, results

SEEDS = (1, 2, 3)


def made(experiment: Experiment, seeds: tuple[int, ...] = SEEDS, floor: float = 0.25) -> Results:
    """Every seed with a floor of its own, every trial with batch losses."""
    trials = experiment.trials(experiment.hyperparameters(seeds=seeds))
    found = results(
        experiment,
        [healthy(trial.epochs, floor + 0.01 * (i % 7)) for i, trial in enumerate(trials)],
        seeds=seeds,
    )
    for trial in found.trials:
        trial.series["batch_loss"] = partial(batch_losses, 500, 0.1, trial.index)
    return found


def cells(table: Table) -> list[object]:
    return [value for row in table.rows for value in row]


def test_the_mean_of_a_model_is_that_of_its_seeds() -> None:
    found = made(find("learning-rate"))
    assert len(found.trials) == 12
    model = found.models[1]
    members = found.trials[3:6]
    assert isinstance(model, ModelResult)
    assert (model.name, model.label) == ("learning rate 0.01", "lr 0.01")
    assert label_with_seeds(model) == "lr 0.01 · 3 seeds"
    losses = [trial.at(7, "validation_loss") for trial in members]
    assert model.at(7, "validation_loss") == pytest.approx(fmean(losses))
    assert deviation_of(model, 7, "validation_loss") == pytest.approx(stdev(losses))


def test_one_seed_is_the_trial_itself() -> None:
    found = made(find("learning-rate"), seeds=(7,))
    assert all(model is trial for model, trial in zip(found.models, found.trials, strict=True))
    assert math.isnan(deviation_of(found.models[0], 1, "train_loss"))
    assert label_with_seeds(found.models[0]) == "lr 1"


def test_means_follow_as_trials_get_further() -> None:
    experiment = find("epochs")
    found = results(experiment, [[2.0], [4.0]], epochs=3, seeds=(1, 2))
    assert found.models[0].values("train_loss") == [3.0]
    assert found.models is found.models  # Kept while nothing new is measured.
    found.trials[1].progress = TrialProgress(2, 5, 10)
    found.trials[0].progress = TrialProgress(2, 7, 10)
    assert found.models[0].progress.step == 5
    for trial, loss in zip(found.trials, (1.0, 2.0), strict=True):
        trial.epochs.append(EpochMetrics(2, {"train_loss": loss}))
    assert found.models[0].values("train_loss") == [3.0, 1.5]
    found.trials[0].state = found.trials[1].state = "done"
    assert found.models[0].state == "done"


def test_epochs_that_not_all_seeds_have_finished_do_not_count() -> None:
    found = results(find("epochs"), [[2.0, 1.0, 0.5], [4.0]], epochs=3, seeds=(1, 2))
    assert found.models[0].values("train_loss") == [3.0]


def test_gradient_norms_are_means_and_zeros_are_counted() -> None:
    found = results(find("epochs"), [[1.0], [1.0]], epochs=1, seeds=(1, 2))
    for trial, norms in zip(found.trials, ([1.0, 0.0], [3.0, 2.0]), strict=True):
        trial.epochs[0].gradient_norms, trial.epochs[0].zero_gradients = norms, [0, 4]
    (model,) = found.models
    assert model.epochs[0].gradient_norms == [2.0, 1.0]
    assert model.epochs[0].zero_gradients == [0, 8]
    assert model.last("gradient_norm.1") == 1.0


@pytest.mark.parametrize(
    ("values", "mean", "deviation", "count"),
    [([1.0, 3.0], 2.0, math.sqrt(2), 2), ([1, 3, None], 2.0, math.sqrt(2), 2), ([1, None], 1.0, math.nan, 1)],
)
def test_a_spread_is_over_the_seeds_that_have_a_figure(
    values: Sequence[float | None], mean: float, deviation: float, count: int
) -> None:
    found = spread(values)
    assert isinstance(found, Spread)
    assert (found, found.count) == (mean, count)
    assert found.deviation == pytest.approx(deviation, nan_ok=True)


def test_what_is_no_figure_is_no_spread() -> None:
    assert spread([None, None]) is None
    assert spread(["a", "b"]) == "a"
    assert spread([3]) == 3
    assert not isinstance(spread([3.0]), Spread)
    broken = spread([1.0, math.nan])
    assert isinstance(broken, Spread)
    assert math.isnan(broken)


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        (Spread(0.93124, 0.00213, 5), Column("a", "A"), "0.9312 ± 0.0021"),
        (Spread(0.93124, math.nan, 1), Column("a", "A"), "0.9312"),
        (Spread(math.nan, math.nan, 5), Column("a", "A"), "not finite"),
        (Spread(41.2, 3.16, 5), Column("a", "A", decimals=1), "41.2 ± 3.2"),
        (Spread(0.002, 0.001, 5), Column("a", "A", signed=True), "+0.0020 ± 0.0010"),
        (Spread(-0.002, 0.001, 5), Column("a", "A", signed=True), "−0.0020 ± 0.0010"),
        (-26_897, Column("a", "A", signed=True), "−26,897"),
        (12, Column("a", "A", signed=True), "+12"),
        (0, Column("a", "A", signed=True), "0"),
        (-1.5e-5, Column("a", "A", decimals=None), "−1.5e-05"),
    ],
)
def test_figures_read_as_a_report_prints_them(value: float, column: Column, text: str) -> None:
    assert format_value(value, column) == text


def test_files_for_programs_have_deviation_and_count_in_columns_of_their_own() -> None:
    table = Table("t", "T", (Column("a", "A", unit="s"), Column("b", "B")), ((Spread(0.5, 0.1, 5), 1), (None, 2)))
    found = with_deviations(table)
    assert [column.key for column in found.columns] == ["a", "a_sd", "a_n", "b"]
    assert found.columns[1].heading == "A, standard deviation (s)"
    assert found.rows == ((0.5, 0.1, 5, 1), (None, None, None, 2))
    assert type(found.rows[0][0]) is float
    plain = Table("t", "T", table.columns, ())
    assert with_deviations(plain) == plain
    assert parts("p", Spread(1.0, math.nan, 1)) == {"p": 1.0, "p_sd": None, "p_n": 1}


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.slug)
def test_every_experiment_tells_of_several_seeds(experiment: Experiment) -> None:
    found = made(experiment)
    tables = experiment.tables(found)
    measured = [table for table in tables if not table.timing and any(isinstance(v, Spread) for v in cells(table))]
    assert measured
    assert all("mean ± standard deviation over 3 seeds" in table.note for table in measured)
    one = made(experiment, seeds=(1,))
    for table, of_one in zip(tables, experiment.tables(one), strict=True):
        assert (table.columns, len(table.rows)) == (of_one.columns, len(of_one.rows))
        assert "over" not in of_one.note or "standard deviation over" not in of_one.note
        assert not any(isinstance(value, Spread) for value in cells(of_one))
    assert [finding.title for finding in experiment.findings(found)]
    for chart in experiment.charts_for(found):
        if isinstance(chart, Chart) and chart.x == "epoch":
            assert all(
                curve.low is not None
                for curve in curves(chart, found)
                if len(curve.y) and "gradient" not in chart.metrics[0]
            )


@pytest.mark.parametrize("slug", ["learning-rate", "batch-norm", "batch-size", "depth-width", "sine-features"])
def test_the_best_is_tested_against_the_noise_between_seeds(slug: str) -> None:
    experiment = find(slug)
    (several,) = (f for f in experiment.findings(made(experiment)) if "at the end" in f.title and "p" in f.evidence)
    assert "Paired over 3 seeds" in several.text
    assert several.evidence["seeds"] == 3
    (one,) = (f for f in experiment.findings(made(experiment, (1,))) if "at the end" in f.title and "p" in f.evidence)
    assert "Seeds were not varied" in one.text
    assert one.evidence["p"] is None


def two_models(first: Sequence[float], second: Sequence[float]) -> Results:
    """Batch norm's two models, which end at these losses, one a seed."""
    curves = [[2.0, loss] for loss in (*first, *second)]
    return results(find("batch-norm"), curves, epochs=2, seeds=tuple(range(len(first))))


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([0.30, 0.31, 0.32], [0.20, 0.212, 0.221], "It exceeds the noise between seeds (p < 0.05)"),
        ([0.30, 0.20, 0.25], [0.20, 0.29, 0.24], "It does not exceed the noise between seeds (p ≥ 0.05)"),
        ([0.30, 0.30], [0.30, 0.30], "so there is no noise to compare it with"),
        ([0.30], [0.29], "Seeds were not varied"),
    ],
)
def test_the_words_follow_the_test(first: list[float], second: list[float], words: str) -> None:
    (finding,) = best_finding(two_models(first, second))
    assert words in finding.text
    assert "Holm" not in finding.text


def test_of_a_loss_the_lowest_is_the_best() -> None:
    (finding,) = best_finding(two_models([0.3, 0.31], [0.2, 0.22]), metric="validation_loss")
    assert finding.text.startswith("With batch norm has the lowest validation loss at the end, 0.2100 ± 0.0141")
    assert finding.evidence["difference"] == pytest.approx(0.095)


def test_of_many_models_the_test_is_corrected() -> None:
    found = made(find("learning-rate"))
    (finding,) = best_finding(found)
    assert "Holm's correction for 3 comparisons" in finding.text
    assert sum(key.startswith("corrected p") for key in finding.evidence) == 3


def test_there_is_no_best_of_one() -> None:
    assert best_finding(made(find("epochs"))) == []
    assert best_finding(two_models([math.nan, math.nan], [0.2, 0.2])) == []


def test_verdicts_are_those_of_the_single_seeds() -> None:
    random = np.random.default_rng(0)
    noisy = [[2.0, *(0.25 * (1 + random.normal(0, 0.25, 29)))] for _ in range(2)]
    quiet = healthy(30)
    found = results(find("epochs"), [quiet] * 3, [*noisy, quiet], epochs=30, seeds=SEEDS)
    judged = verdict_of(found.models[0], found.data)
    assert judged is not None
    assert judged.kind == "unstable"
    assert judged.figure.endswith(", in 2 of 3 seeds")
    assert judged.reason.endswith("with seed 1, and so in 2 of 3 seeds (1 converged)")
    assert (judged.evidence["seeds"], judged.evidence["seeds_so_judged"]) == (3, 2)
    assert isinstance(judged.evidence["fluctuation"], Spread)


def test_of_equally_frequent_verdicts_the_worst_counts() -> None:
    broken = [2.0, *[math.nan] * 29]
    found = results(find("epochs"), [healthy(30), broken], epochs=30, seeds=(1, 2))
    judged = verdict_of(found.models[0], found.data)
    assert judged is not None
    assert judged.kind == "diverged"


def test_a_fluctuation_that_the_mean_hides_is_still_seen() -> None:
    """Opposite jumps cancel in the mean: judged by that, both seeds would have converged."""
    up = [0.25 + 0.1 * (-1) ** i for i in range(30)]
    found = results(find("epochs"), [healthy(30)] * 2, [up, [0.5 - loss for loss in up]], epochs=30, seeds=(1, 2))
    judged = verdict_of(found.models[0], found.data)
    assert judged is not None
    assert judged.kind == "unstable"


def test_measures_are_taken_of_each_seed() -> None:
    found = made(find("epochs"))
    best = over_seeds(found.models[0], lambda trial: len(trial.epochs))
    assert isinstance(best, Spread)
    assert (best, best.deviation, best.count) == (100, 0, 3)


@pytest.mark.parametrize(
    ("ours", "report", "expected"),
    [(0.5, 0.25, 0.25), (79, 105, -26), (None, 0.25, None), (0.25, None, None), (0.25, "about 0.25", None)],
)
def test_the_difference_is_ours_minus_the_reports(ours: float, report: float, expected: float) -> None:
    assert difference(ours, report) == expected


def test_a_difference_keeps_its_deviation() -> None:
    found = difference(Spread(0.5, 0.1, 5), 0.25)
    assert isinstance(found, Spread)
    assert (found, found.deviation, found.count) == (0.25, 0.1, 5)


@pytest.mark.parametrize(
    ("ours", "text"),
    [(0.3, "within"), (0.25, "within"), (0.45, "0.0500 above"), (0.2, "0.0500 below"), (None, None), (math.nan, None)],
)
def test_a_range_of_the_report_is_kept_to_or_left(ours: float | None, text: str | None) -> None:
    assert from_range(ours, 0.25, 0.4) == text


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"epochs": 3, "seed": 42}, {"epochs": 3, "seeds": [42]}),
        ({"seed": "7"}, {"seeds": "7"}),
        ({"seeds": [1, 2]}, {"seeds": [1, 2]}),
        ({}, {}),
    ],
)
def test_the_single_seed_of_former_versions_is_read(settings: dict[str, object], expected: dict[str, object]) -> None:
    assert with_present_names(settings) == expected
