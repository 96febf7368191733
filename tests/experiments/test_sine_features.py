from __future__ import annotations

import pytest

from iml_tui.experiments.hyperparameters import parse, parse_or_raise
from iml_tui.experiments.maps import MapChoice
from iml_tui.experiments.registry import find
from iml_tui.experiments.trials import MLPTrial
from tests.experiments.factory import healthy, results

EXPERIMENT = find("sine-features")


def networks(**texts: str) -> list[MLPTrial]:
    made = EXPERIMENT.trials(parse_or_raise(EXPERIMENT.hyperparameters, texts))
    assert all(isinstance(trial, MLPTrial) for trial in made)
    return [trial for trial in made if isinstance(trial, MLPTrial)]


def test_two_networks_that_differ_in_their_inputs_alone() -> None:
    raw, sine = networks()
    assert raw.sine_frequencies == ()
    assert sine.sine_frequencies == pytest.approx([0.1 * i for i in range(1, 11)])
    names = {"name", "label", "sine_frequencies"}
    assert raw.model_dump(exclude=names) == sine.model_dump(exclude=names)
    assert (raw.hidden_layers, raw.hidden_width, raw.epochs) == (6, 16, 50)


def test_the_frequencies_are_a_list_of_numbers() -> None:
    assert networks(frequencies="0.5, 2")[1].sine_frequencies == (0.5, 2.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "needs at least one frequency"),
        ("0.1,0.2,0.1", "names the frequency 0.1 twice"),
        ("0", "greater than 0"),
        ("a", "numbers separated by commas"),
        (",".join(f"0.{i}1" for i in range(1, 66)), "at most 64"),
    ],
)
def test_bad_frequencies_are_refused_in_one_sentence(text: str, words: str) -> None:
    hyperparameters, errors = parse(EXPERIMENT.hyperparameters, {"frequencies": text})
    assert hyperparameters is None
    assert words in errors[0].message


def test_maps_are_raw_on_the_left_and_sine_on_the_right_whichever_is_better() -> None:
    found = results(EXPERIMENT, [healthy(50, 0.1), healthy(50, 0.5)])
    assert EXPERIMENT.maps(found) == [MapChoice(0), MapChoice(1)]
    seeds = results(EXPERIMENT, [healthy(50)] * 4, seeds=(1, 2))
    assert EXPERIMENT.maps(seeds) == [MapChoice(0), MapChoice(2)]


def test_the_table_counts_the_features() -> None:
    (chosen, *_) = EXPERIMENT.tables(results(EXPERIMENT, [healthy(50), healthy(50)]))
    assert [row[:2] for row in chosen.rows] == [("raw inputs", 2), ("sine features", 20)]


def test_errors_are_compared() -> None:
    found = {f.title: f.text for f in EXPERIMENT.findings(results(EXPERIMENT, [healthy(50, 0.5), healthy(50, 0.1)]))}
    assert found["Errors"] == (
        "The network on sine features gets 9.52% of the validation samples wrong, the network on raw inputs 39.35%: "
        "4.1 times as many."
    )
    early = {f.title: f.text for f in EXPERIMENT.findings(results(EXPERIMENT, [healthy(5), healthy(4)]))}
    assert "wrong so far, the" in early["Errors"]
