from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

from iml_tui.experiments.registry import find
from iml_tui.experiments.verdicts import (
    MIN_EPOCHS,
    OVERFITTING_RISE,
    SLOW_REMAINING,
    STILL_FALLING,
    UNSTABLE_FLUCTUATION,
    verdict,
    verdict_of,
)
from tests.experiments.factory import FREQUENCY_LOSS, healthy, results

RANDOM = np.random.default_rng(3)
FLAT = [2.0, *[0.25] * 49]


def noisy(level: float, relative: float, count: int = 50) -> list[float]:
    return list(level * (1 + RANDOM.normal(0, relative, count)))


def falling(start: float, rate: float, count: int = 50) -> list[float]:
    return [start * (1 - rate) ** i for i in range(count)]


DEAD_ABOVE = [2080.0, *noisy(1.02 * FREQUENCY_LOSS, 0.001, 49)]
DEAD_BELOW = [9.0, *noisy(0.99 * FREQUENCY_LOSS, 0.001, 49)]
EXPLODED = [*healthy(30), *[5.0 + i % 2 for i in range(20)]]

CURVES: dict[str, tuple[list[float], list[float], str]] = {
    "not finite": ([2.0, math.nan], [2.0, math.nan], "diverged"),
    "infinite validation loss": ([2.0, 1.0], [2.0, math.inf], "diverged"),
    "dead units just above the frequencies": (DEAD_ABOVE, DEAD_ABOVE, "diverged"),
    "dead units just below the frequencies": (DEAD_BELOW, DEAD_BELOW, "diverged"),
    "exploded late": (EXPLODED, EXPLODED, "diverged"),
    "few epochs": (healthy(MIN_EPOCHS - 1), healthy(MIN_EPOCHS - 1), "too few epochs"),
    "jumping": (FLAT, noisy(0.25, 2 * UNSTABLE_FLUCTUATION), "unstable"),
    "overfitting": (falling(0.5, 0.01), [0.4 + 0.01 * i for i in range(50)], "overfitting"),
    "slow": (falling(3.5, 0.008), falling(3.5, 0.008), "too slow"),
    "very slow, still above the frequencies": (falling(3.5, 0.0005), falling(3.5, 0.0005), "too slow"),
    "still falling": (falling(1.0, 0.02), falling(1.0, 0.02), "still falling"),
    "converged": (healthy(50), healthy(50), "converged"),
}


@pytest.mark.parametrize(("train", "validation", "kind"), CURVES.values(), ids=CURVES.keys())
def test_each_kind_by_its_curve(train: list[float], validation: list[float], kind: str) -> None:
    judged = verdict(train, validation, FREQUENCY_LOSS)
    assert judged.kind == kind, judged.reason
    assert judged.figure
    assert any(character.isdigit() for character in judged.figure)
    assert any(character.isdigit() for character in judged.reason)


def test_divergence_within_an_epoch_names_the_batch() -> None:
    judged = verdict([], [], FREQUENCY_LOSS, diverged_at=(1, 17))
    assert judged.kind == "diverged"
    assert "epoch 1, batch 17" in judged.reason


def test_learned_nothing_names_both_losses() -> None:
    judged = verdict([3.0, *[2.9] * 11], [2.9] * 12, FREQUENCY_LOSS)
    assert "learned nothing" in judged.reason
    assert "2.90" in judged.reason
    assert "2.85" in judged.reason


def test_the_first_epochs_of_a_slow_learner_are_no_divergence() -> None:
    slow = falling(3.5, 0.01)
    for count in range(1, MIN_EPOCHS):
        assert verdict(slow[:count], slow[:count], FREQUENCY_LOSS).kind == "too few epochs"


def test_thresholds_part_the_kinds() -> None:
    flat = [0.25] * 30
    for train_rate, kind in ((0.9 * STILL_FALLING, "converged"), (1.1 * STILL_FALLING, "still falling")):
        assert verdict(falling(0.3, train_rate, 30), flat, FREQUENCY_LOSS).kind == kind
    for remaining, kind in ((0.95 * SLOW_REMAINING, "still falling"), (1.05 * SLOW_REMAINING, "too slow")):
        train = [value / falling(1, 0.01, 30)[-1] for value in falling(remaining * FREQUENCY_LOSS, 0.01, 30)]
        assert verdict(train, flat, FREQUENCY_LOSS).kind == kind
    for rise, kind in ((0.8 * OVERFITTING_RISE, "converged"), (1.3 * OVERFITTING_RISE, "overfitting")):
        validation = [*[0.25] * 20, *np.linspace(0.25, 0.25 * (1 + rise), 10)]
        assert verdict(falling(0.3, 0.001, 30), validation, FREQUENCY_LOSS).kind == kind


def test_a_rising_validation_loss_is_no_overfitting_while_the_train_loss_rises_too() -> None:
    rising = [0.4 + 0.01 * i for i in range(50)]
    assert verdict(rising, rising, FREQUENCY_LOSS).kind != "overfitting"


def test_the_verdict_does_not_see_the_hyperparameters() -> None:
    assert set(inspect.signature(verdict).parameters) == {"train", "validation", "frequency_loss", "diverged_at"}
    kinds = []
    for rates in ((1.0, 1e-5), (1e-5, 1.0)):
        made = results(find("learning-rate"), [CURVES["slow"][0], CURVES["converged"][0]], learning_rates=rates)
        judged = [verdict_of(trial, made.data) for trial in made.trials]
        kinds.append([each and each.kind for each in judged])
    assert kinds == [["too slow", "converged"]] * 2


def test_no_verdict_before_the_first_epoch() -> None:
    made = results(find("epochs"), [[]])
    assert verdict_of(made.trials[0], made.data) is None


@pytest.mark.parametrize("lost", [0, 10, 48])
def test_an_epoch_that_was_lost_to_damage_is_not_taken_for_one_that_was_no_number(lost: int) -> None:
    experiment = find("learning-rate")
    whole = results(experiment, [healthy(50)], learning_rates=(0.01,), epochs=50)
    damaged = results(experiment, [healthy(50)], learning_rates=(0.01,), epochs=50)
    damaged.trials[0].epochs[lost].metrics.clear()
    before, after = (verdict_of(each.trials[0], each.data) for each in (whole, damaged))
    assert before is not None
    assert after is not None
    assert after.kind == before.kind != "diverged"
