"""Which hyperparameters can be changed while a trial trains, or where a run is forked, and to what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import get_args

from iml_tui.experiments.fields import read_value
from iml_tui.experiments.hyperparameters import format_setting
from iml_tui.experiments.results import Change, TrialResult
from iml_tui.experiments.trials import FaceTrial, MLPTrial, Scheduler, SourceTrial, Trial
from iml_tui.text import quoted

MOST_EPOCHS = 100_000
"""As many as an experiment can ask for."""

_SCHEDULERS: tuple[str, ...] = get_args(Scheduler)

ForkValue = float | int | str
"""A value of a forkable hyperparameter: a number, a number of epochs, or a scheduler."""


def changeable_fields(trial: Trial) -> tuple[str, ...]:
    """The hyperparameters of a trial that can be changed while it trains; none of a classifier that is fitted."""
    if isinstance(trial, MLPTrial):
        return ("learning_rate", "weight_decay", "clip_norm")
    if isinstance(trial, SourceTrial) or (isinstance(trial, FaceTrial) and trial.is_trained):
        return ("learning_rate",)
    return ()


def forkable_fields(trial: Trial) -> tuple[str, ...]:
    """The hyperparameters that may differ in a fork; none where the trial cannot be forked."""
    if isinstance(trial, MLPTrial):
        return ("learning_rate", "epochs", "weight_decay", "clip_norm", "scheduler")
    if isinstance(trial, FaceTrial) and trial.is_trained:
        return ("learning_rate", "epochs")
    return ()


def value_in_force(trial: TrialResult, field: str) -> float:
    """A hyperparameter as it is by now: it may have been changed before."""
    changes = [change.new for change in trial.changes if change.field == field]
    return changes[-1] if changes else float(getattr(trial.trial, field))


def check_change(trial: Trial, field: str, value: float) -> str:
    """Why a running trial cannot have this value from now on; "" where it can."""
    allowed = changeable_fields(trial)
    if not allowed:
        return f"{trial.name} is fitted at once and has nothing to be changed while it trains"
    if field not in allowed:
        return f"{quoted(field)} cannot be changed while {trial.name} trains; what can: {', '.join(allowed)}"
    return check_value(field, value)


def check_value(field: str, value: float) -> str:
    """Why no trial can have this value of a changeable hyperparameter; "" where one can."""
    if not math.isfinite(value):
        return f"{field} must be a number, not {value}"
    if field == "learning_rate" and not 0 < value <= 100:
        return f"learning_rate must be above 0 and at most 100, not {value:g}"
    if field in ("weight_decay", "clip_norm") and value < 0:
        return f"{field} must not be negative, as {value:g} is"
    return ""


def check_fork(trial: Trial, field: str, value: ForkValue, epochs_done: int) -> str:
    """Why a fork of the trial after `epochs_done` whole epochs cannot have this value; "" where it can."""
    allowed = forkable_fields(trial)
    if not allowed:
        return f"{trial.name} cannot be forked: it is fitted at once, or makes weights for others"
    if field not in allowed:
        return f"{quoted(field)} cannot differ in a fork of {trial.name}; what can: {', '.join(allowed)}"
    if field == "scheduler":
        known = value in _SCHEDULERS
        return "" if known else f"scheduler must be one of {', '.join(_SCHEDULERS)}, not {quoted(str(value))}"
    if isinstance(value, bool | str):
        return f"{field} must be a number, not {quoted(str(value))}"
    if field != "epochs":
        return check_value(field, value)
    if not isinstance(value, int) or not epochs_done < value <= MOST_EPOCHS:
        return (
            f"epochs must be a whole number above {epochs_done}, for so many are done there, and at most "
            f"{MOST_EPOCHS:,}, not {value}"
        )
    return ""


def read_change(field: str, text: str) -> float:
    """The value that was typed for a changeable hyperparameter; `check_change` tells whether it can be had.

    Raises:
        ValueError: with a sentence on what is no number.
    """
    try:
        return float(read_value(text, "number"))
    except ValueError:
        raise ValueError(f"{field} must be a number, not {quoted(text)}") from None


def read_fork_value(field: str, text: str) -> ForkValue:
    """The value that was typed for a forkable hyperparameter; `check_fork` tells whether it can be had.

    Raises:
        ValueError: with a sentence on what is not as it must be.
    """
    if field == "scheduler":
        return text.strip().lower()
    if field != "epochs":
        return read_change(field, text)
    try:
        return int(read_value(text, "integer"))
    except ValueError:
        raise ValueError(f"epochs must be a whole number, not {quoted(text)}") from None


def with_changes(trial: Trial, changes: Mapping[str, ForkValue], epochs_done: int = 0) -> Trial:
    """The trial with other values of forkable hyperparameters, `epochs_done` whole epochs being done.

    Raises:
        ValueError: with a sentence on a value that cannot be.
    """
    for field, value in changes.items():
        problem = check_fork(trial, field, value, epochs_done)
        if problem:
            raise ValueError(problem)
    numbers = {name: float(value) for name, value in changes.items() if name not in ("epochs", "scheduler")}
    return trial.model_copy(update={**changes, **numbers})


def words_of(field: str) -> str:
    """A hyperparameter's name in a sentence: "learning rate"."""
    return field.replace("_", " ")


def change_text(field: str, old: ForkValue, new: ForkValue) -> str:
    """What became of a hyperparameter: "learning rate 0.001 → 0.0005"."""
    return f"{words_of(field)} {format_setting(old)} → {format_setting(new)}"


def told(change: Change) -> str:
    """A change with where it was made: "learning rate 0.001 → 0.0005 at epoch 3, batch 120"."""
    where = f"epoch {change.epoch}, batch {change.step}" if change.step else f"the start of epoch {change.epoch}"
    return f"{change_text(change.field, change.old, change.new)} at {where}"


def position_text(epochs: int, step: int, steps: int) -> str:
    """A place in a training: "after epoch 5", "in epoch 6, after batch 120 of 625", "before the first batch"."""
    if step:
        return f"in epoch {epochs + 1}, after batch {step:,} of {steps:,}"
    return f"after epoch {epochs}" if epochs else "before the first batch"
