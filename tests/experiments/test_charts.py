"""What charts draw, from made-up results: one curve for each model, with bands over seeds."""

from __future__ import annotations

import numpy as np
import pytest

from iml_tui.experiments.charts import Chart, HeatMap, curves, heat_map_cells
from iml_tui.experiments.results import EpochMetrics, Results, TrialResult
from iml_tui.experiments.trials import ClassifierTrial
from tests.experiments.faces_factory import USUAL, face_results
from tests.experiments.gradient_results import DATA, gradient_results, healthy, vanishing

BOTH = {"plain": vanishing, "healthy": healthy}
SEEDS = (1, 2, 3)


def test_one_seed_has_no_band_and_several_have_mean_and_deviation() -> None:
    chart = Chart("loss", "Loss", ("validation_loss",))
    (alone,) = curves(chart, gradient_results({"plain": vanishing}))
    assert alone.low is None
    (mean,) = curves(chart, gradient_results({"plain": vanishing}, seeds=SEEDS))
    assert mean.label == "plain"
    np.testing.assert_allclose(mean.y, [0.4 + 2 / epoch for epoch in range(1, 11)])
    assert mean.low is not None
    assert mean.high is not None
    np.testing.assert_allclose(mean.high - mean.y, 0.1)  # Of 0, 0.1 and 0.2, with n − 1.
    np.testing.assert_allclose(mean.y - mean.low, 0.1)


def test_gradient_norms_of_single_layers_are_metrics() -> None:
    chart = Chart("norms", "Norms", ("gradient_norm.0", "gradient_norm.100"), log_y=True)
    first, last = curves(chart, gradient_results({"plain": vanishing}))
    assert (first.label, last.label) == ("layer 0", "layer 100")
    assert (first.y == 0).all()
    np.testing.assert_allclose(last.y, 1.0)


def test_a_layer_chart_has_a_curve_for_every_model_with_a_point_for_every_layer() -> None:
    chart = Chart("layers", "Layers", (), x="layer", log_y=True)
    plain, well = curves(chart, gradient_results(BOTH))
    assert plain.x.tolist() == list(range(101))
    np.testing.assert_allclose(well.y, np.mean([healthy(101, epoch, 0) for epoch in range(7, 11)], axis=0))
    assert plain.low is None
    assert all(curve.low is not None for curve in curves(chart, gradient_results(BOTH, seeds=SEEDS)))
    assert [len(curve.y) for curve in curves(chart, gradient_results(BOTH, done=0))] == [0, 0]


def test_norms_that_are_not_finite_do_not_hide_the_others() -> None:
    results = gradient_results({"plain": healthy}, layers=3, done=2)
    results.trials[0].epochs[0].gradient_norms = [np.nan, 1.0, np.nan]
    results.trials[0].epochs[1].gradient_norms = [4.0, 3.0, np.nan]
    (curve,) = curves(Chart("layers", "Layers", (), x="layer"), results)
    np.testing.assert_array_equal(curve.y, [4.0, 2.0, np.nan])


def test_depth_has_a_curve_for_every_metric_with_a_point_for_every_network() -> None:
    results = Results(
        "6.2.1.3",
        DATA,
        [
            *gradient_results({"deep": healthy}, layers=11, seeds=SEEDS).trials,
            *gradient_results({"flat": healthy}, layers=2, seeds=SEEDS).trials,
            *gradient_results({"late": healthy}, layers=7, done=0, seeds=SEEDS).trials,
            neighbour(),
        ],
    )
    chart = Chart("depth", "Depth", ("validation_accuracy", "validation_loss"), x="hidden_layers")
    accuracy, loss = curves(chart, results)
    assert accuracy.x.tolist() == [1, 10]
    assert (accuracy.label, loss.label) == ("validation accuracy", "validation loss")
    assert accuracy.high is not None
    np.testing.assert_allclose(accuracy.high - accuracy.y, 0.01)


@pytest.mark.parametrize(("x", "at"), [("parameters", 2020.0), ("seconds", 20.0)])
def test_sizes_and_times_are_a_point_for_every_model(x: str, at: float) -> None:
    chart = Chart("size", "Size", ("validation_accuracy",), x=x, log_x=True)  # type: ignore[arg-type]
    plain, well = curves(chart, gradient_results(BOTH, seeds=SEEDS))
    assert (plain.label, well.label) == ("plain", "healthy")
    assert plain.x.tolist() == [at]
    assert plain.high is not None
    results = gradient_results(BOTH)
    results.trials.append(neighbour())
    assert len(curves(chart, results)) == 3


def test_a_baseline_is_a_curve_over_its_learning_rates_or_a_level_line() -> None:
    chart = Chart("rates", "Rates", ("test_accuracy",), x="learning_rate", log_x=True)
    xgboost, scratch, probing, sklearn, tuned = curves(chart, face_results())
    assert [curve.label for curve in (xgboost, scratch, probing, sklearn, tuned)] == [
        "XGBoost",
        "from scratch",
        "linear probing",
        "sklearn probing",
        "fine-tuning",
    ]
    assert tuned.x.tolist() == [1e-05, 0.0001, 0.001, 0.01, 0.1]
    assert tuned.y.tolist() == [0.75, 0.825, 0.70, 0.49, 0.5]
    assert (xgboost.x.tolist(), xgboost.y.tolist()) == ([1e-05, 0.1], [0.69, 0.69])
    assert tuned.low is None


def test_learning_rates_that_are_not_trained_yet_leave_level_lines_as_long_as_they_will_be() -> None:
    chart = Chart("rates", "Rates", ("test_accuracy",), x="learning_rate", log_x=True)
    begun = {name: USUAL[name] for name in ("XGBoost", "from scratch at 0.1")}
    xgboost, scratch, *others = curves(chart, face_results(begun))
    assert xgboost.x.tolist() == [1e-05, 0.1]
    assert scratch.x.tolist() == [0.1]
    assert [len(curve.x) for curve in others] == [0, 0, 0]
    assert [len(curve.x) for curve in curves(chart, face_results({}))] == [0] * 5
    assert curves(chart, face_results(learning_rates=(0.1,)))[0].x.tolist() == [0.1]


def test_seeds_are_a_band_around_the_accuracies_at_each_learning_rate() -> None:
    chart = Chart("rates", "Rates", ("test_accuracy",), x="learning_rate", log_x=True)
    xgboost, *_, tuned = curves(chart, face_results(seeds=SEEDS))
    assert tuned.high is not None
    np.testing.assert_allclose(tuned.high - tuned.y, 0.01)
    assert xgboost.high is None  # It is fitted once.


def test_cells_are_layers_by_epochs_of_the_first_seed() -> None:
    heat_map = HeatMap("heat", "All layers", trial=1)
    cells = heat_map_cells(heat_map, gradient_results(BOTH, done=4, seeds=SEEDS))
    assert cells.values.shape == (101, 4)
    assert (cells.epochs, cells.note) == (10, "seed 1")
    np.testing.assert_allclose(cells.values[:, 2], healthy(101, 3, 0))
    assert heat_map_cells(heat_map, gradient_results(BOTH)).note == ""


def test_cells_that_are_not_there_are_none() -> None:
    assert heat_map_cells(HeatMap("heat", "All layers", trial=5), gradient_results(BOTH)).values.size == 0
    results = gradient_results({"plain": healthy}, layers=3, done=2)
    results.trials[0].epochs[0].gradient_norms = ()
    cells = heat_map_cells(HeatMap("heat", "All layers"), results)
    assert np.isnan(cells.values[:, 0]).all()
    assert np.isfinite(cells.values[:, 1]).all()


def neighbour() -> TrialResult:
    trial = ClassifierTrial(name="1-nearest neighbour", label="1-NN", seed=42, kind="nearest-neighbour")
    epoch = EpochMetrics(1, {"validation_accuracy": 0.99}, seconds=0.1)
    return TrialResult(9, trial, "done", [epoch], parameters=0)
