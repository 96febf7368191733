"""Which trials share an ensemble."""

from __future__ import annotations

from typing import Any

from iml_tui.experiments.trials import ClassifierTrial, MLPTrial
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


def test_whatever_changes_the_steps_separates() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"hidden_width": 17},
        {"batch_norm": True},
        {"batch_size": 16},
        {"epochs": 10},
        {"residual": True},
        {"sine_frequencies": (1.0,)},
        {"fourier_frequencies": 8, "fourier_scale": 1.0},
        {"optimizer": "adamw"},
        {"weight_decay": 0.1},
        {"clip_norm": 1.0},
        {"scheduler": "cosine"},
        {"averaging": 0.9},
        {"record_gradients": True},
        {"seed": 1},
    ]
    trials = [trial(n, **change) for n, change in enumerate(changes)]
    assert group_trials(trials) == [[0, 14], *([n] for n in range(1, 14))]


def test_depths_and_narrow_widths_train_together_deepest_first() -> None:
    shapes = [(1, 16), (2, 16), (6, 16), (10, 16), (6, 8), (6, 32), (2, 32), (6, 64)]
    trials = [trial(n, hidden_layers=depth, hidden_width=width) for n, (depth, width) in enumerate(shapes)]
    assert group_trials(trials) == [[3, 2, 4, 1, 0], [5, 6], [7]]


def test_networks_whose_gradients_are_recorded_have_one_shape() -> None:
    shapes = [(6, 16), (2, 16), (6, 8), (6, 16)]
    trials = [
        trial(n, hidden_layers=depth, hidden_width=width, record_gradients=True)
        for n, (depth, width) in enumerate(shapes)
    ]
    assert group_trials(trials) == [[0, 3], [1], [2]]


def test_wide_networks_and_other_classifiers_are_alone() -> None:
    trials = [
        trial(0, hidden_width=144),
        ClassifierTrial(name="nearest", label="1-NN", seed=42, kind="nearest-neighbour"),
        trial(2, hidden_width=144, seed=1),
        ClassifierTrial(name="nearest again", label="1-NN", seed=42, kind="nearest-neighbour"),
    ]
    assert group_trials(trials) == [[0], [1], [2], [3]]


def test_fourier_features_of_few_seeds_are_held_at_once() -> None:
    trials = [trial(n, seed=n, fourier_frequencies=8, fourier_scale=1.0) for n in range(10)]
    assert [len(group) for group in group_trials(trials)] == [8, 2]


def test_groups_have_a_limit() -> None:
    assert group_trials([trial(n, seed=n) for n in range(5)], limit=2) == [[0, 1], [2, 3], [4]]


def test_no_trials() -> None:
    assert group_trials([]) == []
