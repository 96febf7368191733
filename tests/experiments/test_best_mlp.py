from __future__ import annotations

import math

import pytest

from iml_tui.errors import UsageError
from iml_tui.experiments.base import Finding
from iml_tui.experiments.best_mlp import BestMLPExperiment, BestMLPHyperparameters, parameter_count
from iml_tui.experiments.best_mlp_tables import COMPACT, LIMIT, error_of_difference, standard_error
from iml_tui.experiments.charts import Chart, curves
from iml_tui.experiments.hyperparameters import parse_or_raise
from iml_tui.experiments.results import METRICS, EpochMetrics, Results, TrialResult
from iml_tui.experiments.tables import Spread, Table
from iml_tui.experiments.trials import ClassifierTrial, MLPTrial
from tests.experiments.factory import data

EXPERIMENT = BestMLPExperiment()
ROWS = 13_363
NEAREST, XGBOOST = 0.9915, 0.9879


def measured(trial: TrialResult, accuracy: float, seconds: float = 2.0) -> None:
    """All epochs of a trial, each with this accuracy on every split."""
    metrics = {name: accuracy if name.endswith("accuracy") else 1 - accuracy for name in METRICS}
    if isinstance(trial.trial, ClassifierTrial) and trial.trial.kind == "nearest-neighbour":
        metrics |= {name: math.nan for name in METRICS if name.endswith("loss")}
    epochs = range(1, trial.trial.epochs + 1)
    trial.epochs = [EpochMetrics(epoch, dict(metrics), seconds=seconds, samples_per_second=5e4) for epoch in epochs]
    trial.state, trial.parameters = "done", 91_905


def results(compact: float | None = 0.9935, other: float = 0.95, **hyperparameters: object) -> Results:
    """A run whose compact network has this accuracy (None: it has not begun)."""
    asked = EXPERIMENT.trials(BestMLPHyperparameters.model_validate(hyperparameters))
    found = Results(EXPERIMENT.id, data(), [TrialResult(i, trial) for i, trial in enumerate(asked)])
    for trial in found.trials:
        if isinstance(trial.trial, ClassifierTrial):
            measured(trial, NEAREST if trial.trial.kind == "nearest-neighbour" else XGBOOST)
        elif trial.trial.model_name != COMPACT:
            measured(trial, other)
        elif compact is not None:
            measured(trial, compact + 0.001 * (trial.trial.seed - 2 if len(found.trials) > len(found.models) else 0))
    return found


def table(found: Results, name: str) -> Table:
    return next(table for table in EXPERIMENT.tables(found) if table.id == name)


def finding(found: Results, part: str) -> Finding:
    return next(finding for finding in EXPERIMENT.findings(found) if part in finding.title)


def test_the_networks_and_the_classifiers_stand_beside_each_other() -> None:
    models = EXPERIMENT.models(BestMLPHyperparameters())
    assert [model.label for model in models[:3]] == [COMPACT, "1-NN", "XGBoost"]
    shapes = [(m.hidden_layers, m.hidden_width, len(m.sine_frequencies)) for m in models[3:] if isinstance(m, MLPTrial)]
    assert len(shapes) == len(set(shapes)) == 8
    assert (6, 16, 0) in shapes
    assert (6, 16, 10) in shapes
    assert len({model.name for model in models}) == len({model.label for model in models}) == len(models)


def test_what_stands_beside_it_can_be_left_out() -> None:
    assert len(EXPERIMENT.models(BestMLPHyperparameters(classifiers=False, others=False))) == 1
    assert len(EXPERIMENT.models(BestMLPHyperparameters(others=False))) == 3


def test_classifiers_are_fitted_once_whatever_the_seeds() -> None:
    trials = EXPERIMENT.trials(BestMLPHyperparameters(seeds=(5, 6)))
    assert [trial.seed for trial in trials if isinstance(trial, ClassifierTrial)] == [5, 5]
    assert len(trials) == 2 + 2 * 9
    assert len({trial.name for trial in trials}) == len(trials)


def test_settings_reach_the_network() -> None:
    asked = BestMLPHyperparameters(fourier_frequencies=32, fourier_scale=2.0, averaging=0.99, scheduler="cosine")
    network = EXPERIMENT.models(asked)[0]
    assert isinstance(network, MLPTrial)
    assert (network.fourier_frequencies, network.fourier_scale) == (32, 2.0)
    assert (network.averaging, network.scheduler, network.optimizer) == (0.99, "cosine", "adamw")


def test_parameters_are_weights_biases_and_two_a_neuron_of_batch_norm() -> None:
    assert parameter_count(2, 1, 16, 33, batch_norm=True) == (2 * 16 + 16) + (16 * 33 + 33) + 2 * 16
    assert parameter_count(128, 3, 144, 33, batch_norm=True) == 65_985
    assert parameter_count(128, 3, 144, 33, batch_norm=False) == 65_985 - 2 * 3 * 144


def test_the_defaults_keep_to_the_limit() -> None:
    asked = BestMLPHyperparameters()
    count = parameter_count(2 * asked.fourier_frequencies, asked.hidden_layers, asked.hidden_width, 33, True)
    assert 0.9 * LIMIT < count <= LIMIT


def test_a_network_above_the_limit_is_refused_with_its_size() -> None:
    with pytest.raises(UsageError, match="would have 231,033 parameters with 33 classes, and may have 100,000"):
        parse_or_raise(BestMLPHyperparameters, {"hidden_width": "300"})


def test_raw_inputs_count_as_two_features() -> None:
    asked = parse_or_raise(BestMLPHyperparameters, {"fourier_frequencies": "0", "hidden_width": "208"})
    assert isinstance(asked, BestMLPHyperparameters)
    with pytest.raises(UsageError, match="would have"):
        parse_or_raise(BestMLPHyperparameters, {"hidden_width": "208"})


def test_features_of_frequency_0_are_refused() -> None:
    with pytest.raises(UsageError, match="fourier_scale must be above 0"):
        parse_or_raise(BestMLPHyperparameters, {"fourier_scale": "0"})


def test_batch_norm_of_one_sample_is_refused() -> None:
    with pytest.raises(UsageError, match="batch norm needs a batch size"):
        parse_or_raise(BestMLPHyperparameters, {"batch_size": "1"})


def test_the_standard_error_is_that_of_a_binomial_share() -> None:
    assert standard_error(0.9, 900) == pytest.approx(0.01)
    assert error_of_difference(0.9, 0.9, 900) == pytest.approx(0.01 * math.sqrt(2))
    assert math.isnan(standard_error(0.9, 0))
    assert math.isnan(standard_error(math.nan, 900))


def test_a_lead_of_two_standard_errors_is_called_clear() -> None:
    found = finding(results(0.9940), "beats 1-NN")
    error = error_of_difference(0.9940, NEAREST, ROWS)
    assert found.evidence["standard_error test"] == pytest.approx(error)
    assert 0.0025 / error > 2
    assert f"0.0025 more accurate, {0.0025 / error:.1f} standard errors of {error:.4f}" in found.text
    assert "chance seldom makes as much" in found.text


def test_a_small_lead_is_put_down_to_chance() -> None:
    found = finding(results(0.9920), "is ahead of 1-NN")
    assert "less than 2, so chance alone may make as much" in found.text


def test_falling_behind_and_a_tie_are_said_so() -> None:
    behind = finding(results(0.9800), "does not beat 1-NN")
    assert "0.0115 less accurate" in behind.text
    tie = finding(results(NEAREST), "does not beat 1-NN")
    assert "equally accurate" in tie.text


def test_xgboost_the_other_networks_and_the_report_are_compared() -> None:
    found = results(0.9935, other=0.95)
    assert "beats XGBoost" in finding(found, "XGBoost").title
    assert "gets 5.00% of the test split wrong, the compact network 0.65%" in finding(found, "other networks").text
    assert "0.0462 above the 0.9473" in finding(found, "report").text
    assert finding(found, "Size").text == "The compact network has 91,905 parameters, within the limit of 100,000."


def test_a_network_that_the_data_make_too_large_is_named() -> None:
    found = results()
    found.trials[0].parameters = 100_500
    assert "100,500 parameters, above the limit of 100,000" in finding(found, "Size").text


def test_a_nearest_neighbour_without_a_loss_has_not_diverged() -> None:
    assert not [found for found in EXPERIMENT.findings(results()) if "diverged" in found.title]


def test_a_network_that_diverged_is_named() -> None:
    found = results()
    found.trials[0].diverged_at = (3, 4)
    assert "epoch 3, batch 4" in finding(found, "Compact network: diverged").text


def test_tables_compare_with_the_nearest_neighbour_and_the_report() -> None:
    found = results(0.9935)
    columns = [column.key for column in table(found, "nearest-neighbour").columns]
    row = dict(zip(columns, table(found, "nearest-neighbour").rows[0], strict=True))
    assert row["model"] == COMPACT
    assert row["test_error"] == pytest.approx(0.65)
    assert row["difference_test"] == pytest.approx(0.0020)
    assert row["test_standard_error"] == pytest.approx(error_of_difference(0.9935, NEAREST, ROWS))
    accuracies = table(found, "accuracies")
    references = {row[0]: row[5] for row in accuracies.rows}
    assert references[COMPACT] == references["depth 10, width 16"] == 0.94731
    assert references["nearest neighbour"] is references["network on sine features"] is None


def test_of_several_seeds_there_are_means_and_deviations() -> None:
    found = results(0.9935, seeds=(1, 2, 3))
    cell = table(found, "nearest-neighbour").rows[0][2]
    assert isinstance(cell, Spread)
    assert (float(cell), cell.deviation) == (pytest.approx(0.0020), pytest.approx(0.001))
    assert "means over 3 seeds" in finding(found, "1-NN").text
    assert "0.9935 ± 0.0010 against 0.9915 on test" in finding(found, "1-NN").text


def test_without_classifiers_there_is_nothing_to_compare_with() -> None:
    found = results(classifiers=False, others=False)
    assert [table.id for table in EXPERIMENT.tables(found)] == ["accuracies", "timing"]
    assert [finding.title for finding in EXPERIMENT.findings(found)] == ["Against the report", "Size"]
    assert [choice.trial for choice in EXPERIMENT.maps(found)] == [0]


def test_before_the_first_epoch_nothing_is_claimed() -> None:
    asked = EXPERIMENT.trials(BestMLPHyperparameters())
    nothing = Results(EXPERIMENT.id, data(), [TrialResult(i, trial) for i, trial in enumerate(asked)])
    assert EXPERIMENT.findings(nothing) == []
    assert EXPERIMENT.summary(nothing) == ""
    assert [table.id for table in EXPERIMENT.tables(nothing)] == ["accuracies", "timing"]
    waiting = results(compact=None)
    assert EXPERIMENT.findings(waiting) == []
    assert table(waiting, "nearest-neighbour").rows[0][1:] == (None,) * 6


def test_a_network_that_is_half_way_says_so() -> None:
    found = results(0.99)
    del found.trials[0].epochs[12:]
    assert "after 12 of 40 epochs" in finding(found, "1-NN").text


def test_charts_have_a_point_for_every_model_that_was_measured() -> None:
    found = results(compact=None)
    for name in ("parameters", "seconds"):
        chart = next(chart for chart in EXPERIMENT.charts_for(found) if chart.id == name)
        assert isinstance(chart, Chart)
        drawn = curves(chart, found)
        assert [len(curve.x) for curve in drawn] == [1] * 10
        assert [curve.label for curve in drawn[:2]] == ["1-NN", "XGBoost"]


def test_maps_show_the_compact_network_beside_the_nearest_neighbour() -> None:
    assert [choice.trial for choice in EXPERIMENT.maps(results())] == [0, 1]
    seeds = EXPERIMENT.maps(results(seeds=(1, 2)))
    assert [choice.trial for choice in seeds] == [0, 2]
