"""Which pictures are chosen, in which order, and which models stand beside one another."""

from __future__ import annotations

import numpy as np
import pytest

from iml_tui.experiments.picture_choice import (
    COMBINATIONS,
    accuracy,
    best_and_worst,
    choose,
    choose_cell,
    confusion,
    neighbour,
)
from iml_tui.experiments.results import DataSummary, EpochMetrics, Results, TrialResult
from iml_tui.experiments.trials import FaceTrial

LABELS = np.array([1, 1, 1, 0, 0, 0, 1])
A = np.array([0.9, 0.6, 0.2, 0.1, 0.8, 0.4, 0.9], dtype=np.float32)
B = np.array([0.2, 0.1, 0.9, 0.7, 0.9, 0.3, np.nan], dtype=np.float32)


def test_combinations_share_out_all_pictures() -> None:
    chosen = [choose(LABELS, A, B, combination).tolist() for combination in COMBINATIONS]
    assert sorted(position for part in chosen for position in part) == list(range(7))
    assert [sorted(part) for part in chosen] == [[0, 1, 3, 6], [2], [5], [4]]


def test_the_surest_come_first() -> None:
    # 0: 0.9 · 0.8; 1: 0.6 · 0.9; 3: 0.9 · 0.7; what is not a number is sure of nothing.
    assert choose(LABELS, A, B, "A right, B wrong").tolist() == [0, 3, 1, 6]
    equal = np.full(7, 0.75, dtype=np.float32)
    assert choose(np.ones(7, dtype=np.int64), equal, equal, "both right").tolist() == list(range(7))


def test_confusion_counts_rows_of_true_classes() -> None:
    assert confusion(LABELS, A).tolist() == [[2, 1], [1, 3]]
    assert confusion(LABELS, B).tolist() == [[1, 2], [3, 1]]
    assert accuracy(LABELS, A) == pytest.approx(5 / 7)
    for true in (0, 1):
        for predicted in (0, 1):
            assert len(choose_cell(LABELS, B, true, predicted)) == confusion(LABELS, B)[true, predicted]
    assert choose_cell(LABELS, A, 1, 1).tolist() == [0, 6, 1]
    assert choose_cell(LABELS, B, 1, 0).tolist() == [1, 0, 6]
    assert np.isnan(accuracy(LABELS[:0], A[:0]))


def results_of(*accuracies: float, kept: tuple[int, ...] = (0, 1, 2, 3)) -> Results:
    trials = [
        TrialResult(
            i,
            FaceTrial(name=f"m{i}", label=f"m{i}", seed=1, epochs=1, kind="from-scratch", batch_size=8),
            epochs=[EpochMetrics(1, {"test_accuracy": value, "validation_accuracy": 1 - value})],
            has_predictions=i in kept,
        )
        for i, value in enumerate(accuracies)
    ]
    nothing = dict.fromkeys(("train", "validation", "test"), 0.5)
    return Results("face-baselines", DataSummary("", {}, 2, "", nothing, nothing), trials)


def test_best_and_worst_are_measured() -> None:
    assert best_and_worst(results_of(0.6, 0.9, 0.5, 0.7)) == (1, 2)
    assert best_and_worst(results_of(0.6, 0.9, 0.5, 0.7, kept=(0, 3))) == (3, 0)
    assert best_and_worst(results_of(0.5, 0.5, 0.5)) == (0, 2)
    assert best_and_worst(results_of(0.6, 0.9, kept=(1,))) == (1,)
    assert best_and_worst(results_of(0.6, kept=())) == ()


def test_neighbours_are_never_beside_themselves() -> None:
    assert neighbour([0, 1, 2], (0, 1), "A", 1) == (2, 1)
    assert neighbour([0, 1, 2], (0, 1), "A", -1) == (2, 1)
    assert neighbour([0, 1, 2], (0, 1), "B", 1) == (0, 2)
    assert neighbour([0, 1, 2], (0, 2), "B", 1) == (0, 1)
    assert neighbour([4, 7], (4, 7), "B", 1) == (7, 4)
    assert neighbour([4], (4, 7), "A", 1) == (4, 7)
