"""The tables of section 7: figures beside the report's only where they belong, the weights always named."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from iml_tui.experiments.face_baselines import FaceBaselinesExperiment
from iml_tui.experiments.face_reference import TRAINED
from iml_tui.experiments.results import Results, WeightsSummary
from iml_tui.experiments.tables import Spread, Table, Value
from tests.experiments.faces_factory import FACES, IMAGENET, OFFLINE, USUAL, Fate, face_results

WITH_PRETRAINED = (
    "linear-probing",
    "fine-tuning",
    "other-baselines",
    "means",
    "best-and-worst",
    "confusion",
    "outcomes",
)


def tables(results: Results) -> dict[str, Table]:
    return {table.id: table for table in FaceBaselinesExperiment().tables(results)}


def column(table: Table, key: str) -> list[Value]:
    position = [each.key for each in table.columns].index(key)
    return [row[position] for row in table.rows]


def floats(values: Sequence[Value]) -> list[float]:
    return [float(value) for value in values if isinstance(value, int | float)]


def test_a_baseline_stands_beside_the_report_at_every_learning_rate() -> None:
    table = tables(face_results())["fine-tuning"]
    assert column(table, "learning_rate") == [0.1, 0.01, 0.001, 0.0001, 0.00001]
    assert column(table, "reference_train_loss") == [2.1280, 0.9058, 0.6324, 0.4737, 0.6394]
    assert column(table, "reference_validation_accuracy") == [0.4750, 0.5000, 0.5700, 0.7750, 0.6750]
    assert column(table, "reference_test_accuracy") == [0.4975, 0.5025, 0.6150, 0.7550, 0.7125]
    assert column(table, "test_accuracy") == [0.5, 0.49, 0.70, 0.825, 0.75]
    assert floats(column(table, "difference_test_accuracy")) == pytest.approx([0.0025, -0.0125, 0.085, 0.07, 0.0375])


@pytest.mark.parametrize(
    "other",
    [{"epochs": 2}, {"batch_size": 64}, {"horizontal_flip": True}, {"shift": 2}],
    ids=lambda other: next(iter(other)),
)
def test_the_report_s_figures_are_not_beside_other_settings(other: dict[str, Any]) -> None:
    made = tables(face_results(**other))
    for kind in TRAINED:
        assert not any(column(made[kind], "reference_test_accuracy")), kind
        assert not any(column(made[kind], "difference_test_accuracy")), kind
    # XGBoost and sklearn probing have no such settings.
    assert column(made["means"], "reference_test_accuracy") == [0.7350, None, None, 0.7175, None]


def test_the_report_s_means_are_only_beside_its_own_learning_rates() -> None:
    made = tables(face_results(learning_rates=(0.001, 0.0001)))
    assert column(made["fine-tuning"], "reference_test_accuracy") == [0.6150, 0.7550]
    assert column(made["means"], "reference_test_accuracy") == [0.7350, None, None, 0.7175, None]


def test_means_are_those_of_the_models_trained_so_far() -> None:
    table = tables(face_results())["means"]
    assert column(table, "baseline") == ["XGBoost", "from scratch", "linear probing", "sklearn probing", "fine-tuning"]
    assert floats(column(table, "test_accuracy")) == pytest.approx([0.69, 0.5445, 0.6515, 0.815, 0.653])
    assert floats(column(table, "reference_test_accuracy")) == pytest.approx([0.735, 0.5535, 0.614, 0.7175, 0.6165])
    assert column(table, "lowest_test_accuracy")[4] == 0.49
    assert column(table, "highest_test_accuracy")[4] == 0.825
    stopped = {name: fate for name, fate in USUAL.items() if name not in ("fine-tuning at 0.0001", "XGBoost")}
    table = tables(face_results(stopped))["means"]
    assert column(table, "models") == [0, 5, 5, 1, 4]
    assert floats(column(table, "test_accuracy")[4:]) == pytest.approx([(0.5 + 0.49 + 0.7 + 0.75) / 4])
    assert column(table, "difference_test_accuracy")[0] is None  # Not trained.
    assert column(table, "difference_test_accuracy")[4] is None  # Of other learning rates than the report's mean.
    assert column(table, "reference_test_accuracy")[4] == pytest.approx(0.6165)


def test_best_and_worst_are_computed_by_test_and_the_best_by_validation_too() -> None:
    table = tables(face_results())["best-and-worst"]
    assert column(table, "model") == ["fine-tuning at 0.0001", "fine-tuning at 0.01", "sklearn probing"]
    assert column(table, "reference_model") == ["fine-tuning at 0.0001", "fine-tuning at 0.1", None]
    assert column(table, "reference_test_accuracy") == [0.7550, 0.4975, None]
    assert column(table, "standard_error")[0] == pytest.approx(math.sqrt(0.825 * 0.175 / 400))
    table = tables(face_results({**USUAL, "XGBoost": Fate(validation=0.9, test=0.91)}))["best-and-worst"]
    assert column(table, "model")[0] == column(table, "model")[2] == "XGBoost"
    assert column(tables(face_results({}))["best-and-worst"], "model") == [None, None, None]


def test_the_confusion_matrix_counts_test_pictures() -> None:
    table = tables(face_results())["confusion"]
    assert [each.title for each in table.columns[1:5]] == [
        "Generated as generated",
        "Generated as real",
        "Real as generated",
        "Real as real",
    ]
    best = next(row for row in table.rows if row[0] == "fine-tuning at 0.0001")
    assert best[1:5] == (165, 35, 35, 165)
    assert all(isinstance(count, int) for count in best[1:5])
    assert best[-1] == pytest.approx(0.875)
    assert all(sum(floats(row[1:5])) == 400 for row in table.rows)
    folder = tables(face_results(data=replace(FACES, embedded=False, class_names=("fake", "true"))))["confusion"]
    assert folder.columns[2].title == "Fake as true"


def test_what_was_not_measured_is_no_figure() -> None:
    results = face_results()
    for trial in results.trials:
        for metric in [name for name in trial.epochs[0].metrics if "confusion" in name or "auc" in name]:
            del trial.epochs[0].metrics[metric]
    table = tables(results)["confusion"]
    for key in ("test_confusion_01", "validation_auc", "test_auc"):
        assert column(table, key) == [None] * 17


@pytest.mark.parametrize("weights", [IMAGENET, OFFLINE], ids=["imagenet", "offline"])
def test_every_table_with_pretrained_baselines_names_the_weights(weights: WeightsSummary) -> None:
    made = tables(face_results(weights=weights))
    for name in WITH_PRETRAINED:
        assert weights.name in made[name].title, name
        assert f"Pretrained weights: {weights.name}" in made[name].note, name
        assert ("not those of ImageNet" in made[name].note) == (weights is OFFLINE), name
        assert weights.caveat in made[name].note, name
    assert "ImageNet" not in made["from-scratch"].title + made["from-scratch"].note


def test_the_name_of_a_file_of_weights_cannot_move_the_cursor() -> None:
    weights = WeightsSummary("file", "resnet\x1b[2J.pth", "ab" * 32, "Who knows what they were trained on.")
    for table in tables(face_results(weights=weights)).values():
        assert (table.title + table.note).isprintable()


def test_weights_that_are_not_found_yet_are_not_guessed() -> None:
    made = tables(face_results({}, weights=None))
    assert "not found yet" in made["linear-probing"].title
    assert "not found yet" in made["linear-probing"].note


def test_shapes_are_compared_where_the_faces_are_rendered() -> None:
    phrase = "compare the shapes, not the digits"
    assert phrase in tables(face_results())["fine-tuning"].note
    assert phrase not in tables(face_results(data=replace(FACES, embedded=False)))["fine-tuning"].note


def test_outcomes_say_what_happened_and_why() -> None:
    table = tables(face_results())["outcomes"]
    assert column(table, "outcome") == [
        "diverged",
        "no better than chance",
        "learned",
        "learned little",
        "barely moved",
        "overshoots",
        "learned",
        "learned",
        "learned little",
        "barely moved",
        "predicts one class",
        "predicts one class",
        "learned",
        "learned",
        "learned",
    ]
    assert column(table, "largest_share")[10] == 100.0
    assert column(table, "start_loss")[0] is None
    assert column(tables(face_results({}))["outcomes"], "outcome") == [None] * 15


def test_several_seeds_are_spreads_and_what_has_no_seed_is_a_figure() -> None:
    made = tables(face_results(seeds=(1, 2, 3)))
    (best,) = (value for value in column(made["fine-tuning"], "test_accuracy") if float(value or 0) > 0.8)
    assert isinstance(best, Spread)
    assert (round(float(best), 4), round(best.deviation, 4), best.count) == (0.835, 0.01, 3)
    xgboost = column(made["means"], "test_accuracy")[0]
    assert not isinstance(xgboost, Spread)
    mean = column(made["means"], "test_accuracy")[4]
    assert isinstance(mean, Spread)
    assert (float(mean), mean.deviation) == pytest.approx((0.663, 0.01))
    assert column(made["best-and-worst"], "model")[0] == "fine-tuning at 0.0001"
