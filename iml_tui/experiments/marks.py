"""What happened to a model while it trained, as marks on the x axis of its curves: changes, and where it was forked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from iml_tui.experiments.seeds import seeds_of

if TYPE_CHECKING:
    from iml_tui.experiments.results import TrialResult

FORK = "fork"

# As the experiments' own labels have them.
_SHORT = {"learning_rate": "lr", "clip_norm": "clip"}


@dataclass(frozen=True)
class Mark:
    """A place on an x axis where something changed. `label` is short: "lr 0.0005", "fork, lr 0.0005"."""

    x: float
    label: str


def marks_of(model: TrialResult, over: Literal["epoch", "batch"]) -> tuple[Mark, ...]:
    """The marks of a model by increasing x, on an axis of epochs or of batches; what its seeds share stands there once.

    On an axis of epochs, which begins with the figures after the first, what changed before those stands at 1.
    """
    labels: dict[float, dict[str, None]] = {}

    def note(position: float, steps: int, label: str) -> None:
        x = max(1.0, position) if over == "epoch" else position * steps
        labels.setdefault(x, {})[label] = None

    for trial in seeds_of(model):
        if trial.fork is not None:
            texts = [change_label(field, new) for field, _, new in trial.fork.changes]
            note(trial.fork.position, trial.fork.steps, ", ".join([FORK, *texts]))
        for change in trial.changes:
            note(change.position, change.steps, change_label(change.field, change.new))
    return tuple(Mark(x, ", ".join(found)) for x, found in sorted(labels.items()))


def change_label(field: str, value: Any) -> str:
    """A hyperparameter's value in a few letters: "lr 0.0005"."""
    text = f"{value:g}" if isinstance(value, int | float) else str(value)
    return f"{_SHORT.get(field, field.replace('_', ' '))} {text}"
