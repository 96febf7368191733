"""The experiments on gradients: settings, charts, tables and findings on synthetic norms."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from iml_tui.experiments.base import Experiment
from iml_tui.experiments.charts import Chart, HeatMap, curves, heat_map_cells
from iml_tui.experiments.hyperparameters import parse, parse_or_raise
from iml_tui.experiments.registry import find
from iml_tui.experiments.results import Results
from iml_tui.experiments.tables import Table, Value
from iml_tui.experiments.trials import MLPTrial
from tests.experiments.factory import healthy, results
from tests.experiments.gradient_factory import decaying, record, record_all

GRADIENTS, HEALTHY = find("gradients"), find("healthy-gradients")


def vanished(epochs: int = 10, **settings: object) -> Results:
    """The plain network: 11 of its 100 hidden layers have a gradient, a factor of 50 apart."""
    return record_all(results(GRADIENTS, [healthy(epochs)], **settings), decaying(101, 50, alive=11))


def cured() -> Results:
    found = results(HEALTHY, [healthy(50), [2.85] * 10])
    record(found.trials[0], lambda epoch: [8.0 if epoch > 1 else 4e4, *[0.3] * 99, 20.0], steps=209)
    record(found.trials[1], lambda _: decaying(101, 50, alive=11))
    return found


def table(experiment: Experiment, found: Results, table_id: str) -> Table:
    (chosen,) = (t for t in experiment.tables(found) if t.id == table_id)
    return chosen


def column(chosen: Table, key: str) -> list[Value]:
    position = [c.key for c in chosen.columns].index(key)
    return [row[position] for row in chosen.rows]


def texts(experiment: Experiment, found: Results) -> dict[str, str]:
    return {finding.title: finding.text for finding in experiment.findings(found)}


def test_the_reports_networks() -> None:
    (plain,) = GRADIENTS.trials(GRADIENTS.hyperparameters())
    assert isinstance(plain, MLPTrial)
    assert (plain.hidden_layers, plain.hidden_width, plain.epochs, plain.record_gradients) == (100, 4, 10, True)
    deep, beside = HEALTHY.trials(HEALTHY.hyperparameters())
    assert isinstance(deep, MLPTrial)
    assert (deep.hidden_layers, deep.hidden_width, deep.residual, deep.clip_norm) == (100, 40, True, 8)
    assert (deep.learning_rate, deep.batch_size, deep.epochs, deep.weight_decay) == (5e-4, 512, 50, 1e-4)
    assert deep.scheduler != "none"
    names = {"name", "label", "model"}
    assert beside.model_dump(exclude=names) == plain.model_dump(exclude=names)


def test_every_cure_can_be_switched_off() -> None:
    off = {"residual": "no", "clip_norm": "0", "scheduler": "none", "weight_decay": "0", "batch_norm": "no"}
    (deep,) = HEALTHY.trials(parse_or_raise(HEALTHY.hyperparameters, {**off, "plain_net": "no"}))
    assert isinstance(deep, MLPTrial)
    assert not any((deep.residual, deep.clip_norm, deep.weight_decay, deep.batch_norm))
    assert deep.scheduler == "none"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"layers": "0,101"}, "layers names layer 101, but a network with 100 hidden layers has layers 0 to 100"),
        ({"layers": "0,3", "hidden_layers": "1"}, "a network with 1 hidden layer has layers 0 to 1"),
        ({"layers": "3,0,3"}, "names layer 3 twice"),
        ({"layers": "-1"}, "at least 0"),
        ({"layers": ",".join(map(str, range(13)))}, "a chart shows at most 12"),
        ({"batch_norm": "yes", "batch_size": "1"}, "variance of one sample is 0"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(values: dict[str, str], words: str) -> None:
    hyperparameters, errors = parse(GRADIENTS.hyperparameters, values)
    assert hyperparameters is None
    assert len(errors) == 1
    assert words in errors[0].message


@pytest.mark.parametrize(
    ("asked", "depth", "layers"),
    [
        (None, 100, [0, 30, 60, 90, 95, 99]),
        ([0, 30, 60, 90, 95, 99], 20, [0, 6, 12, 18, 19]),
        ([], 200, [0, 60, 120, 180, 190, 198]),
        ([5, 0, 20], 20, [5, 0, 20]),
    ],
)
def test_the_chart_and_the_table_show_the_chosen_layers(asked: list[int] | None, depth: int, layers: list[int]) -> None:
    found = record_all(results(GRADIENTS, [healthy(10)], hidden_layers=depth), decaying(depth + 1, 2))
    if asked is not None:
        found = replace(found, hyperparameters={"layers": asked})
    first = GRADIENTS.charts_for(found)[0]
    assert isinstance(first, Chart)
    assert [curve.label for curve in curves(first, found)] == [f"layer {layer}" for layer in layers]
    assert column(table(GRADIENTS, found, "layers"), "layer") == layers


def test_the_layers_table_beside_the_reports_words() -> None:
    chosen = table(GRADIENTS, vanished(), "layers")
    assert column(chosen, "first_epoch") == [0, 0, 0, pytest.approx(0.01 / 50**9), pytest.approx(0.01 / 50**4), 0.01]
    assert column(chosen, "zero_steps") == [100, 100, 100, 0, 0, 0]
    assert column(chosen, "verdict") == [*["vanishing"] * 5, "healthy"]
    assert column(chosen, "reference") == [*["vanishes"] * 5, "large in the first epochs"]
    assert column(chosen, "difference") == [*["none"] * 5, None]
    other = table(GRADIENTS, vanished(learning_rate=0.01), "layers")
    assert column(other, "reference") == [None] * 6


def test_all_layers_ten_to_a_row() -> None:
    chosen = table(GRADIENTS, vanished(), "all-layers")
    assert column(chosen, "layers")[-3:] == ["80 to 89", "90 to 99", "100"]
    assert column(chosen, "zero") == [*[10] * 8, 9, 0, 0]
    assert sum(int(v or 0) for key in ("vanishing", "exploding", "healthy") for v in column(chosen, key)) == 101
    assert column(chosen, "largest")[-2:] == [0.01, 0.02]


def test_zeros_are_on_the_heat_map_and_in_the_finding() -> None:
    found = vanished()
    (heat_map,) = (c for c in GRADIENTS.charts if isinstance(c, HeatMap))
    assert (heat_map_cells(heat_map, found).values == 0).sum() == 89 * 10
    verdict = texts(GRADIENTS, found)["Depth 100, width 4: vanishing"]
    assert "those of 97 of 101 layers vanished (layers 0 to 96)" in verdict
    assert "in 89 of them the gradient was exactly 0 at every step" in verdict


def test_the_decay_from_layer_to_layer_is_measured_down_to_the_last_gradient() -> None:
    decay = texts(GRADIENTS, vanished())["Depth 100, width 4: from layer to layer"]
    assert "fell by a factor of 50 from each layer to the one before it, from 0.01 in layer 99 to 1e-19" in decay
    grown = record_all(results(GRADIENTS, [healthy(10)], hidden_layers=5), [32, 16, 8, 4, 2, 1])
    assert "grew by a factor of 2 " in texts(GRADIENTS, grown)["Depth 5, width 4: from layer to layer"]


@pytest.mark.parametrize("norms", [[0.0] * 101, [math.nan] * 101, [math.inf] * 101, [*[0.0] * 99, 1.0, 1.0]])
def test_what_has_no_decay_gets_no_sentence_on_it(norms: list[float]) -> None:
    found = record_all(results(GRADIENTS, [healthy(10)]), norms)
    assert not any("layer to layer" in title for title in texts(GRADIENTS, found))
    assert GRADIENTS.tables(found)


def test_a_network_that_learned_nothing_is_said_to_be_no_better_than_the_commonest_class() -> None:
    found = record_all(results(GRADIENTS, [[-math.log(0.17)] * 10]), decaying(101, 50, alive=11))
    learned = texts(GRADIENTS, found)["Depth 100, width 4: what it learned"]
    assert learned.endswith(
        "accuracy of 0.1700, no better than the 0.1700 of always predicting the most frequent class."
    )


def test_both_networks_are_on_one_axis() -> None:
    found = cured()
    (by_layer,) = (c for c in HEALTHY.charts_for(found) if isinstance(c, Chart) and c.x == "layer")
    assert [(curve.label, len(curve.y)) for curve in curves(by_layer, found)] == [("100x40", 101), ("plain 100x4", 101)]


def test_the_healthy_table_measures_the_distance_to_the_reports_range() -> None:
    chosen = table(HEALTHY, cured(), "layers")
    assert column(chosen, "reference")[:2] == ["high, not exploding", "0.1 to 0.5"]
    assert column(chosen, "difference")[:6] == ["none", *["within"] * 5]
    assert column(chosen, "verdict")[6:10] == ["vanishing"] * 4


def test_healthy_findings() -> None:
    found = texts(HEALTHY, cured())
    assert "squared norms of the hidden layers lay between 0.3 and 8." in found["Depth 100, width 40: healthy"]
    assert "Plain, depth 100, width 4: vanishing" in found
    # √(4e4 + 99·0.3 + 20) and √(8 + 99·0.3 + 20)
    assert "was 200 in the first epoch and 7.6 in epoch 50" in found["Clipping"]
    assert found["Clipping"].endswith("clipped at 8, which matters at the start.")
    assert found["Which one cures"].startswith("To see which of the 4 cures")


def test_what_is_switched_off_is_said() -> None:
    off = {"clip_norm": 0, "scheduler": "none", "plain_net": False}
    found = record_all(results(HEALTHY, [healthy(50)], **off), [0.3] * 101)
    cures = texts(HEALTHY, found)["Which one cures"]
    assert cures.startswith("Switched off in this run: clip_norm, scheduler. To see which of the 2 cures")
    assert "Clipping" not in texts(HEALTHY, found)


def test_several_seeds_have_spreads_and_one_verdict() -> None:
    found = results(GRADIENTS, [healthy(10)] * 2, seeds=(1, 2), hidden_layers=10)
    for trial, last in zip(found.trials, (0.01, 0.03), strict=True):
        record(trial, lambda _, last=last: decaying(11, 10, last))
    chosen = table(GRADIENTS, found, "layers")
    assert column(chosen, "last_epoch")[-1] == pytest.approx(0.02)
    assert "2 seeds" in chosen.note
    assert texts(GRADIENTS, found)["Depth 10, width 4: vanishing"].endswith("so it was with 2 of 2 seeds.")


def test_a_run_in_its_first_epochs() -> None:
    found = vanished(1)
    assert found.trials[0].state == "running"
    assert "vanish after 1 of 10 epochs: in the last epoch" in texts(GRADIENTS, found)["Depth 100, width 4: vanishing"]
