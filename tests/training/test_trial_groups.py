"""Which trials share an ensemble."""

from __future__ import annotations

from typing import Any

from iml_tui.experiments.trials import MLPTrial
from iml_tui.training.grouping import group_trials


def trial(number: int, **changes: Any) -> MLPTrial:
    settings: dict[str, Any] = {
        "seed": 42,
        "hidden_layers": 6,
        "hidden_width": 16,
        "batch_norm": False,
        "learning_rate": 1e-3,
        "batch_size": 256,
        "epochs": 50,
    }
    return MLPTrial(name=f"trial {number}", label=str(number), **(settings | changes))


def test_learning_rates_and_seeds_train_together() -> None:
    trials = [trial(n, learning_rate=10.0**-n, seed=n) for n in range(4)]
    assert group_trials(trials) == [[0, 1, 2, 3]]


def test_whatever_changes_the_shape_or_the_steps_separates() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"hidden_layers": 2},
        {"hidden_width": 8},
        {"batch_norm": True},
        {"batch_size": 16},
        {"epochs": 10},
        {"seed": 1},
    ]
    trials = [trial(n, **change) for n, change in enumerate(changes)]
    assert group_trials(trials) == [[0, 6], [1], [2], [3], [4], [5]]


def test_order_is_kept() -> None:
    trials = [trial(n, hidden_layers=[6, 2, 6, 2, 6][n]) for n in range(5)]
    assert group_trials(trials) == [[0, 2, 4], [1, 3]]


def test_groups_have_a_limit() -> None:
    assert group_trials([trial(n, seed=n) for n in range(5)], limit=2) == [[0, 1], [2, 3], [4]]


def test_no_trials() -> None:
    assert group_trials([]) == []
