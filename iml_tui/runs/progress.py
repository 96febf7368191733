"""How far a run is, and how long it will still take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from iml_tui.experiments.results import Results, TrialResult

_BATCH_OF_DOUBLE_COST = 700
"""A step's cost is a fixed part plus one that grows with the batch; at about this batch size they are equal (6x16 net
on one core). Only the weights of trials of different batch sizes in one bar depend on it."""


@dataclass(frozen=True)
class Progress:
    """`fraction` of the work is done, 0…1; `remaining` seconds are left, None where that cannot be told yet."""

    fraction: float
    remaining: float | None


def trial_fraction(trial: TrialResult) -> float:
    """The done part of one trial, 0…1."""
    if trial.state in ("done", "diverged"):
        return 1.0
    progress = trial.progress
    whole = len(trial.epochs)
    inside = progress.step / progress.steps if progress.steps and progress.epoch > whole else 0.0
    return min(1.0, (whole + inside) / trial.trial.epochs)


def run_progress(results: Results, seconds: float) -> Progress:
    """The progress of all trials after `seconds` of training."""
    rows = results.data.rows.get("train", 1)
    total = sum(_cost(trial, rows) for trial in results.trials)
    done = sum(_cost(trial, rows) * trial_fraction(trial) for trial in results.trials)
    fraction = done / total if total else 0.0
    return Progress(fraction, remaining_seconds([fraction], seconds))


def remaining_seconds(fractions: Sequence[float], seconds: float) -> float | None:
    """What is left at the speed so far of work whose parts stand at `fractions`."""
    done = sum(fractions) / len(fractions) if fractions else 0.0
    if done <= 0.001 or seconds <= 0:
        return None
    return seconds * (1 - done) / done


def duration(seconds: float | None) -> str:
    """A length of time as a person reads it: 7 s, 3 min 20 s, 2 h 05 min; "–" where it is not known."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def _cost(trial: TrialResult, rows: int) -> float:
    size = trial.trial.batch_size
    steps = trial.trial.batches_per_epoch(rows)
    return trial.trial.epochs * steps * (1 + min(size, rows) / _BATCH_OF_DOUBLE_COST)
