"""How far a run is, and how long it will still take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.seeds import seeds_of
from iml_tui.experiments.trials import Baseline, FaceTrial, MLPTrial, SourceTrial, Trial

_BATCH_OF_DOUBLE_COST = 700
"""A step's cost is a fixed part plus one that grows with the batch; at about this batch size they are equal (6x16 net
on one core). Only the weights of trials of different batch sizes in one bar depend on it."""

_USUAL_LAYERS = 7
"""Linear layers of the 6x16 net; the time of a step grows with their number."""

_COST_OF_A_PICTURE: Mapping[Baseline, float] = {
    "xgboost-pixels": 3.3,
    "from-scratch": 1.0,
    "linear-probing": 0.002,
    "sklearn-probing": 0.05,
    "fine-tuning": 1.0,
}
"""What a training picture costs in an epoch, in steps of the whole ResNet18 forwards and backwards.

Of 1,000 pictures of 64x64 pixels on two cores such an epoch took 23 s, the boosted trees 76 s, a linear probe 0.03 s
and a logistic regression 1 s, on features that were extracted beforehand. Networks and trees grow with the pixels."""

_FROZEN_NETWORK = 0.3
"""The same of a probe whose pictures are moved about, so that the frozen network runs forwards at every step."""


@dataclass(frozen=True)
class Progress:
    """`fraction` of the work is done, 0…1; `remaining` seconds are left, None where that cannot be told yet."""

    fraction: float
    remaining: float | None


def trial_fraction(trial: TrialResult) -> float:
    """The done part of one trial, 0…1; of a model with several seeds that of all of them."""
    seeds = seeds_of(trial)
    return fmean(map(_fraction, seeds))


def _fraction(trial: TrialResult) -> float:
    if trial.state in ("done", "diverged"):
        return 1.0
    progress = trial.progress
    whole = len(trial.epochs)
    inside = progress.step / progress.steps if progress.steps and progress.epoch > whole else 0.0
    return min(1.0, (whole + inside) / trial.trial.epochs)


def listed(results: Results, room: int) -> Sequence[TrialResult]:
    """What a list of `room` lines has a line for: every trial, or where they are too many, every model."""
    return results.trials if len(results.trials) <= room else results.models


def most_telling(trials: Sequence[TrialResult], room: int) -> Sequence[TrialResult]:
    """At most `room` of the trials, in their order: the running ones, what failed, and what is nearest to those."""
    if len(trials) <= room:
        return trials
    running = [i for i, trial in enumerate(trials) if trial.state == "running"] or [0]

    def rank(position: int) -> tuple[int, int]:
        first = {"running": 0, "failed": 1}.get(trials[position].state, 2)
        return first, min(abs(position - other) for other in running)

    chosen = sorted(range(len(trials)), key=rank)[: max(0, room)]
    return [trials[position] for position in sorted(chosen)]


def run_progress(results: Results, seconds: float) -> Progress:
    """The progress of all trials after `seconds` of training, those of preparations left out."""
    rows = results.data.rows.get("train", 1)
    costs = [_cost(trial.trial, rows) for trial in results.trials]
    total = sum(costs)
    done = sum(cost * trial_fraction(trial) for cost, trial in zip(costs, results.trials, strict=True))
    # What a fork has of its parent took none of its own time.
    before = sum(
        cost * trial.fork.position / trial.trial.epochs
        for cost, trial in zip(costs, results.trials, strict=True)
        if trial.fork is not None
    )
    own = (done - before) / (total - before) if total > before else 0.0
    return Progress(done / total if total else 0.0, remaining_seconds([own], seconds))


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


def _cost(trial: Trial, rows: int) -> float:
    """The work of a trial in units of its kind; a run has trials on pictures, or others."""
    if isinstance(trial, SourceTrial):
        return float(trial.epochs * rows)
    if isinstance(trial, FaceTrial):
        moved = trial.kind == "linear-probing" and trial.shift > 0
        return trial.epochs * rows * (_FROZEN_NETWORK if moved else _COST_OF_A_PICTURE[trial.kind])
    layers = trial.hidden_layers + 1 if isinstance(trial, MLPTrial) else _USUAL_LAYERS
    step = layers / _USUAL_LAYERS * (1 + trial.samples_per_step(rows) / _BATCH_OF_DOUBLE_COST)
    return trial.epochs * trial.batches_per_epoch(rows) * step
