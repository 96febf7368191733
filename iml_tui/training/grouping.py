"""Which trials can be trained together."""

from __future__ import annotations

from collections.abc import Sequence

from iml_tui.experiments.trials import MLPTrial

MEMBERS_LIMIT = 32
"""The largest ensemble. Beyond it a step takes longer in proportion on a CPU, and stopping or charting takes longer."""


def group_trials(trials: Sequence[MLPTrial], limit: int = MEMBERS_LIMIT) -> list[list[int]]:
    """Positions of the trials that share a step: those that agree in all but learning rate, seed and names.

    Groups stand in the order of their first trial, trials of a group in their own order; none exceeds `limit`.
    """
    groups: list[list[int]] = []
    open_group: dict[tuple[tuple[str, object], ...], list[int]] = {}
    for position, trial in enumerate(trials):
        alike = tuple(trial.model_dump(exclude={"name", "label", "seed", "learning_rate"}).items())
        group = open_group.get(alike)
        if group is None or len(group) >= limit:
            group = open_group[alike] = []
            groups.append(group)
        group.append(position)
    return groups
