from __future__ import annotations

import math

import pytest

from iml_tui.experiments.gradient_verdicts import (
    ADAM_EPSILON,
    EXPLODING_NORM,
    VANISHING_RATIO,
    ZERO_SHARE,
    LayerVerdict,
    layer_verdict,
    layer_weights,
    network_verdict,
    ranges,
)
from iml_tui.experiments.registry import find
from iml_tui.experiments.results import Results
from tests.experiments.factory import healthy, results
from tests.experiments.gradient_factory import decaying, record, record_all

NAN, INF = math.nan, math.inf


def judge(norm: float, last_hidden: float = 1.0, weights: int = 16, zero_share: float = 0.0) -> LayerVerdict:
    return layer_verdict(3, 1.0, norm, last_hidden, weights, zero_share)


def made(depth: int = 20, epochs: int = 9, **settings: object) -> Results:
    experiment = find("gradients")
    asked = {"hidden_layers": depth, "epochs": epochs, **settings}
    count = len(experiment.trials(experiment.hyperparameters.model_validate(asked)))
    return results(experiment, [healthy(epochs)] * count, **asked)


def test_a_norm_at_a_threshold_is_healthy_and_one_beyond_is_not() -> None:
    assert judge(EXPLODING_NORM**2).kind == "healthy"
    assert judge(1.001 * EXPLODING_NORM**2).kind == "exploding"
    assert judge(1.001 * VANISHING_RATIO**2).kind == "healthy"
    assert judge(0.999 * VANISHING_RATIO**2).kind == "vanishing"
    assert judge(0.5, zero_share=ZERO_SHARE).kind == "healthy"
    assert judge(0.5, zero_share=ZERO_SHARE + 0.01).kind == "vanishing"


def test_a_gradient_below_adams_epsilon_vanishes_even_where_all_layers_are_alike() -> None:
    tiny = 16 * (0.9 * ADAM_EPSILON) ** 2
    judged = judge(tiny, last_hidden=tiny)
    assert (judged.kind, judged.reason) == ("vanishing", "9.0e-09 per weight, below Adam's ε")
    assert judge(1.3 * tiny, last_hidden=1.3 * tiny).kind == "healthy"


@pytest.mark.parametrize("norm", [NAN, INF])
def test_what_is_not_finite_explodes(norm: float) -> None:
    assert judge(norm).kind == "exploding"
    assert judge(norm).reason == "not finite"


def test_zeros_are_named_as_such() -> None:
    assert judge(0.0, zero_share=1.0).reason == "exactly 0 at every step"
    assert judge(0.3, zero_share=0.75).reason == "exactly 0 at 75% of the steps"
    assert judge(0.0, last_hidden=0.0).kind == "vanishing"


def test_a_dead_last_hidden_layer_does_not_hide_a_healthy_one() -> None:
    assert judge(0.3, last_hidden=0.0).kind == "healthy"


def test_a_network_whose_gradients_decay_vanishes() -> None:
    judged = network_verdict(record_all(made(), decaying(21, 10)).models[0], made().data)
    assert judged is not None
    # Squared norms fall by 10 a layer, and below a ratio of 1e-4 they vanish: all but the last five hidden layers.
    assert (judged.kind, judged.of_kind("vanishing"), judged.window) == ("vanishing", list(range(15)), 3)


def test_up_to_a_tenth_of_dead_layers_is_still_healthy() -> None:
    for dead, kind in ((2, "healthy"), (3, "vanishing")):
        found = record_all(made(), [*[0.0] * dead, *[0.3] * (21 - dead)])
        judged = network_verdict(found.models[0], found.data)
        assert judged is not None
        assert judged.kind == kind


def test_one_exploding_layer_makes_the_network_explode() -> None:
    found = record_all(made(), [*[0.0] * 10, 2e4, *[0.3] * 10])
    judged = network_verdict(found.models[0], found.data)
    assert judged is not None
    assert (judged.kind, judged.of_kind("exploding")) == ("exploding", [10])


def test_only_the_last_third_of_the_epochs_is_judged() -> None:
    found = made()
    record(found.trials[0], lambda epoch: [1e9 if epoch <= 6 else 0.3] * 21)
    judged = network_verdict(found.models[0], found.data)
    assert judged is not None
    assert (judged.kind, judged.layers[0].first, judged.layers[0].norm) == ("healthy", 1e9, pytest.approx(0.3))


def test_nothing_recorded_is_no_verdict() -> None:
    assert network_verdict(made().models[0], made().data) is None
    assert network_verdict(results(find("gradients"), [[]]).models[0], made().data) is None


def test_a_single_epoch_is_judged_by_itself() -> None:
    found = record_all(made(epochs=1), decaying(21, 1))
    judged = network_verdict(found.models[0], found.data)
    assert judged is not None
    assert (judged.kind, judged.window) == ("healthy", 1)


def test_norms_that_are_not_finite_in_one_epoch_explode() -> None:
    found = made()
    record(found.trials[0], lambda epoch: [NAN if epoch == 9 else 0.3] * 21)
    judged = network_verdict(found.models[0], found.data)
    assert judged is not None
    assert judged.kind == "exploding"


def test_every_seed_is_judged_by_itself_and_the_majority_counts() -> None:
    found = made(seeds=(1, 2, 3))
    for trial in found.trials:
        norms = [0.3] * 21 if trial.trial.seed == 2 else decaying(21, 10)
        record(trial, lambda _, norms=norms: norms)
    judged = network_verdict(found.models[0], found.data)
    assert judged is not None
    assert (judged.kind, judged.agreeing, judged.seeds) == ("vanishing", 2, 3)


def test_weights_are_those_of_the_network() -> None:
    (trial,) = (t.mlp for t in made(depth=3, hidden_width=4).trials)
    assert layer_weights(trial, 33) == [8, 16, 16, 132]
    assert layer_weights(trial.model_copy(update={"sine_frequencies": (0.1, 0.2)}), 33)[0] == 16
    assert layer_weights(trial.model_copy(update={"fourier_frequencies": 64}), 33)[0] == 512


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([3], "layer 3"),
        ([3, 4], "layers 3, 4"),
        ([0, 1, 2, 3], "layers 0 to 3"),
        ([0, 1, 2, 5, 7, 8, 9], "layers 0 to 2, 5 and 7 to 9"),
    ],
)
def test_layers_in_words(layers: list[int], words: str) -> None:
    assert ranges(layers) == words
