from __future__ import annotations

import pytest

from iml_tui.experiments.charts import Chart, curves
from iml_tui.experiments.hyperparameters import parse, parse_or_raise
from iml_tui.experiments.maps import MapChoice
from iml_tui.experiments.registry import find
from iml_tui.experiments.results import Results
from iml_tui.experiments.tables import Spread, Table, Value
from tests.experiments.factory import epoch_metrics, healthy, results

EXPERIMENT = find("depth-width")
SHAPES = [(1, 16), (2, 16), (6, 16), (10, 16), (6, 8), (6, 32), (6, 64)]
FLOORS = (0.5, 0.3, 0.2, 0.1, 0.4, 0.15, 0.25)


def made(epochs: int = 50, **settings: object) -> Results:
    return results(EXPERIMENT, [healthy(epochs, floor) for floor in FLOORS], **settings)


def table(found: Results, table_id: str = "depth-width") -> Table:
    (chosen,) = (t for t in EXPERIMENT.tables(found) if t.id == table_id)
    return chosen


def column(chosen: Table, key: str) -> list[Value]:
    position = [c.key for c in chosen.columns].index(key)
    return [row[position] for row in chosen.rows]


def chart(found: Results, chart_id: str) -> Chart:
    (chosen,) = (c for c in EXPERIMENT.charts_for(found) if c.id == chart_id)
    assert isinstance(chosen, Chart)
    return chosen


def test_the_reports_seven_models_with_batch_norm() -> None:
    trials = EXPERIMENT.trials(EXPERIMENT.hyperparameters())
    assert [(t.hidden_layers, t.hidden_width) for t in trials] == SHAPES
    assert {(t.batch_norm, t.epochs, t.learning_rate, t.batch_size) for t in trials} == {(True, 50, 0.001, 256)}
    assert trials[3].label == "10x16"


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"hidden_layers": "1,2,3"}, "hidden_layers has 3 numbers and hidden_widths 7"),
        ({"hidden_layers": "1,2,1", "hidden_widths": "8,8,8"}, "depth 1 with width 8 is named twice"),
        ({"hidden_widths": "16"}, "depth 6 with width 16 is named twice"),
        ({"hidden_layers": ""}, "needs at least one number"),
        ({"hidden_layers": "0,1", "hidden_widths": "8"}, "at least 1"),
        ({"hidden_layers": ",".join(map(str, range(1, 14))), "hidden_widths": "8"}, "at most 12 models"),
        ({"batch_size": "1"}, "variance of one sample is 0"),
    ],
)
def test_bad_pairs_are_refused_in_one_sentence(texts: dict[str, str], words: str) -> None:
    hyperparameters, errors = parse(EXPERIMENT.hyperparameters, texts)
    assert hyperparameters is None
    assert len(errors) == 1
    assert words in errors[0].message


def test_one_width_serves_every_depth() -> None:
    asked = parse_or_raise(EXPERIMENT.hyperparameters, {"hidden_layers": "1,2,3", "hidden_widths": "8"})
    assert [(t.hidden_layers, t.hidden_width) for t in EXPERIMENT.trials(asked)] == [(1, 8), (2, 8), (3, 8)]


def test_best_and_worst_are_chosen_by_validation_accuracy() -> None:
    found = made()
    assert chart(found, "best-losses").trials == (3,)
    assert chart(found, "worst-losses").trials == (0,)
    assert chart(found, "best-losses").title == "Best model: 10x16"
    assert EXPERIMENT.maps(found) == [MapChoice(3, "best"), MapChoice(0, "worst")]


def test_before_the_first_epoch_the_first_two_models_are_shown() -> None:
    found = made(0)
    assert (chart(found, "best-losses").trials, chart(found, "worst-losses").trials) == ((0,), (1,))
    assert chart(found, "worst-losses").title == "Losses of 2x16"


def test_best_so_far_is_called_so_and_alone_has_no_worst() -> None:
    found = results(EXPERIMENT, [healthy(3), *[[]] * 6])
    assert chart(found, "best-losses").title == "Best so far: 1x16"
    assert chart(found, "worst-losses").trials == ()


def test_depth_and_width_are_seen_on_the_models_that_share_the_other() -> None:
    found = made()
    depth, width = chart(found, "depth"), chart(found, "width")
    assert (depth.title, width.title) == ("Accuracy against depth, width 16", "Accuracy against width, depth 6")
    assert [list(curve.x) for curve in curves(depth, found)] == [[1, 2, 6, 10]] * 3
    assert [list(curve.x) for curve in curves(width, found)] == [[8, 16, 32, 64]] * 3


def test_the_commonest_width_is_the_one_with_the_most_depths() -> None:
    shapes = {"hidden_layers": (3, 1, 2, 5), "hidden_widths": (4, 8, 8, 4)}
    found = results(EXPERIMENT, [healthy(50)] * 4, **shapes)
    assert chart(found, "depth").trials == (0, 3)


def test_the_reports_accuracies_stand_beside_ours_with_the_difference() -> None:
    chosen = table(made())
    ours, report = column(chosen, "validation_accuracy"), column(chosen, "reference_validation_accuracy")
    assert report == [0.71997, 0.85893, 0.93257, 0.94731, 0.89036, 0.93945, 0.83446]
    expected = [float(a or 0) - float(b or 0) for a, b in zip(ours, report, strict=True)]
    assert column(chosen, "difference") == pytest.approx(expected)


def test_the_report_says_nothing_of_other_settings() -> None:
    other = results(EXPERIMENT, [healthy(20)] * 7, epochs=20)
    assert column(table(other), "reference_validation_accuracy") == [None] * 7


def test_the_gap_is_train_minus_test_accuracy() -> None:
    found = made()
    found.trials[6].epochs = epoch_metrics(healthy(50, 0.05), healthy(50, 0.3))
    chosen = table(found)
    train, test = (float(column(chosen, f"{split}_accuracy")[6] or 0) for split in ("train", "test"))
    assert column(chosen, "generalisation_gap")[6] == pytest.approx(train - test)
    (finding,) = (f for f in EXPERIMENT.findings(found) if f.title == "Generalisation")
    assert finding.text.startswith("The largest generalisation gap is that of depth 6, width 64: 0.2104")


def test_findings_say_what_depth_and_width_did() -> None:
    texts = {finding.title: finding.text for finding in EXPERIMENT.findings(made())}
    assert texts["Depth"].endswith("0.8187 with 6 and 0.9048 with 10: more was better at every step.")
    assert texts["Width"].startswith("With 6 hidden layers the validation accuracy was 0.6703 with 8 neurons in each")
    assert texts["Width"].endswith(": highest with 32.")
    assert "depth 1, width 16" in texts["Lowest validation accuracy"].lower()


def test_parameters_are_those_of_the_run() -> None:
    found = made()
    found.trials[0].parameters = 641
    assert column(table(found), "parameters")[:2] == [641, None]


def test_several_seeds_are_means_with_deviations() -> None:
    seeds = (1, 2)
    asked = EXPERIMENT.hyperparameters.model_validate({"seeds": seeds})
    floors = [floor + 0.01 * (i % 2) for i, floor in enumerate(sorted(FLOORS * 2))]
    assert len(EXPERIMENT.trials(asked)) == len(floors)
    found = results(EXPERIMENT, [healthy(50, floor) for floor in floors], seeds=seeds)
    for key in ("train_accuracy", "validation_accuracy", "generalisation_gap", "difference"):
        cells = column(table(found), key)
        assert all(isinstance(cell, Spread) and cell.count == 2 for cell in cells), key
    assert chart(found, "best-losses").trials == (0,)
    assert EXPERIMENT.maps(found)[1] == MapChoice(12, "worst")
    assert any("means over 2 seeds" in finding.text for finding in EXPERIMENT.findings(found))
