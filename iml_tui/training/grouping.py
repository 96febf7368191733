"""Which trials can be trained together."""

from __future__ import annotations

from collections.abc import Sequence

from iml_tui.experiments.trials import ClassifierTrial, MLPTrial

MEMBERS_LIMIT = 32
"""The largest ensemble. Beyond it a step takes longer in proportion on a CPU, and stopping or charting takes longer."""

FOURIER_LIMIT = 8
"""The largest ensemble with random Fourier features, of which each seed keeps its own for every sample in memory."""

NARROW = 16
"""A layer this narrow takes about as long as a narrower one: filling that up with zeros costs nothing.

Filling up to more does (`benchmarks/README.md`): what several seeds save together is lost on zeros.
"""

WIDE = 128
"""Networks wider than this train alone: the arithmetic takes their time, and together they save a tenth at most."""

_Key = tuple[tuple[str, object], ...]


def group_trials(trials: Sequence[MLPTrial | ClassifierTrial], limit: int = MEMBERS_LIMIT) -> list[list[int]]:
    """Positions of the trials that share a step.

    Networks share that agree in all but names, seed, learning rate and depth, and in width where it is more than
    `NARROW`; where gradients are recorded, also in depth and width. Wide networks and classifiers of other kinds share
    with none.

    Groups stand in the order of their first trial; none exceeds `limit`. Within a group the deepest network stands
    first, and those of one depth in their own order.
    """
    groups: list[list[int]] = []
    open_group: dict[_Key, list[int]] = {}
    for position, trial in enumerate(trials):
        if isinstance(trial, ClassifierTrial) or trial.hidden_width > WIDE:
            groups.append([position])
            continue
        key = _what_must_agree(trial)
        most = min(limit, FOURIER_LIMIT) if trial.fourier_frequencies else limit
        group = open_group.get(key)
        if group is None or len(group) >= most:
            group = open_group[key] = []
            groups.append(group)
        group.append(position)
    return [sorted(group, key=lambda position: -_depth(trials[position])) for group in groups]


def _what_must_agree(trial: MLPTrial) -> _Key:
    """What the trials of a group have in common."""
    settings = trial.model_dump(exclude={"name", "label", "model", "seed", "learning_rate"})
    if not trial.record_gradients:
        del settings["hidden_layers"]
        settings["hidden_width"] = max(NARROW, trial.hidden_width)
    return tuple(settings.items())


def _depth(trial: MLPTrial | ClassifierTrial) -> int:
    return trial.hidden_layers if isinstance(trial, MLPTrial) else 0
