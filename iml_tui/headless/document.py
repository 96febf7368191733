"""The JSON documents of `--json`. Pure functions; figures that are not finite become null."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from iml_tui.experiments.base import Experiment, Finding
from iml_tui.experiments.hyperparameters import fields
from iml_tui.experiments.results import METRICS, EpochMetrics, Results, TrialResult
from iml_tui.experiments.tables import parts
from iml_tui.runs.events import without_non_finite
from iml_tui.runs.fork import ForkChoice
from iml_tui.runs.history import HistoryEntry
from iml_tui.runs.record import ForkRecord, RunRecord, State


def run_document(
    directory: Path,
    record: RunRecord,
    state: State,
    message: str,
    results: Results,
    notes: Sequence[str],
    files: tuple[Sequence[Path], Sequence[Path]],
    findings: Iterable[Finding],
    checkpoints: Iterable[ForkChoice] = (),
) -> dict[str, Any]:
    """One run with everything that was measured; the document of `run --json` and `show --json`.

    Losses are in nats per sample, accuracies fractions in 0…1, times UTC in ISO 8601. `notes` are sentences on how data
    and weights came about, `files` the table files and the figure files, `checkpoints` those that can be forked.
    `weights` are the pretrained ones that were found, null where there are none or none were found yet; `fork` is null
    where the run did not start from a checkpoint of another.
    """
    tables, figures = files
    document = {
        "run": directory.name,
        "directory": str(directory),
        "experiment": record.experiment,
        "state": state,
        "message": message,
        "hyperparameters": record.hyperparameters,
        "data": record.data.model_dump(),
        "weights": record.weights.model_dump() if record.weights is not None else None,
        "device": record.device.model_dump(),
        "versions": record.versions,
        "host": record.host,
        "created": iso_time(record.created),
        "started": iso_time(record.started),
        "finished": iso_time(record.finished),
        "resumes": [{**each.model_dump(), "time": iso_time(each.time)} for each in record.resumes],
        "fork": fork_document(record.fork),
        "checkpoints": [checkpoint_document(each) for each in checkpoints],
        "summary": record.summary,
        "notes": list(notes),
        "trials": [trial_document(trial) for trial in results.trials],
        "tables": [str(path) for path in tables],
        "figures": [str(path) for path in figures],
        "findings": [finding_document(finding) for finding in findings],
    }
    finite: dict[str, Any] = without_non_finite(document)
    return finite


def trial_document(trial: TrialResult) -> dict[str, Any]:
    """One trial. `model` is its name without the seed, `parameters` the number of trainable ones, null where unknown.

    `diverged_at` is the first batch whose loss was not finite, both counted from 1; `maps` are the epochs after which a
    decision map was kept; `predictions` tells whether the probabilities that it gives to the test pictures were.
    `changes` were made while it trained, after `step` batches of the epoch; `fork` tells of the trial of another run
    that it goes on with, null where there is none.
    """
    diverged, fork = trial.diverged_at, trial.fork
    return {
        "name": trial.name,
        "model": trial.trial.model_name,
        "hyperparameters": trial.trial.hyperparameters,
        "seed": trial.trial.seed,
        "parameters": trial.parameters,
        "state": trial.state,
        "diverged_at": None if diverged is None else {"epoch": diverged[0], "batch": diverged[1]},
        "changes": [{**asdict(change), "time": iso_time(change.time)} for change in trial.changes],
        "fork": None if fork is None else {**asdict(fork), "changes": [list(change) for change in fork.changes]},
        "epochs": [epoch_document(epoch) for epoch in trial.epochs],
        "maps": trial.maps,
        "predictions": trial.has_predictions,
        "timing": timing_document(trial),
    }


def fork_document(fork: ForkRecord | None) -> dict[str, Any] | None:
    """Where a run left another, after `epochs` whole epochs and `step` batches of the next."""
    if fork is None:
        return None
    return fork.model_dump(include={"run", "checkpoint", "epochs", "step", "steps"})


def checkpoint_document(choice: ForkChoice) -> dict[str, Any]:
    """A checkpoint that can be forked: `number` names it, `trials` are positions of the trials, from 0."""
    header = choice.header
    return {
        "number": choice.number,
        "file": choice.checkpoint.path.name,
        "trials": list(choice.trials),
        "epochs": header.epochs,
        "step": header.step,
        "steps": header.steps,
        "reason": header.reason,
        "before_divergence": choice.checkpoint.good,
        "time": iso_time(header.time),
        "bytes": header.bytes,
    }


def epoch_document(epoch: EpochMetrics) -> dict[str, Any]:
    """The figures after one epoch.

    Where gradients were recorded, `gradient_norms` are the squared L2 norms of the gradients of every linear layer's
    weights, mean over the epoch's steps, and `zero_gradients` the numbers of steps at which they were exactly 0.
    """
    document: dict[str, Any] = {
        "epoch": epoch.epoch,
        **{metric: epoch[metric] for metric in dict.fromkeys((*METRICS, *epoch.metrics))},
    }
    if epoch.gradient_norms:
        document["gradient_norms"] = list(epoch.gradient_norms)
        document["zero_gradients"] = list(epoch.zero_gradients)
    return document


def timing_document(trial: TrialResult) -> dict[str, Any]:
    """What depends on the clock. Trials that train together share their time, so their seconds do not add up."""
    return {
        "train_seconds": sum(epoch.seconds for epoch in trial.epochs),
        "epoch_seconds": [epoch.seconds for epoch in trial.epochs],
        "samples_per_second": [epoch.samples_per_second for epoch in trial.epochs],
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """One finding; a mean over seeds in its evidence is followed by its deviation and the number of seeds."""
    evidence: dict[str, Any] = {}
    for key, value in finding.evidence.items():
        evidence |= parts(key, value)
    return {"title": finding.title, "text": finding.text, "evidence": evidence}


def experiment_document(experiment: Experiment) -> dict[str, Any]:
    """One experiment with everything that `--set` accepts."""
    return {
        "id": experiment.id,
        "slug": experiment.slug,
        "title": experiment.title,
        "section": experiment.section,
        "question": experiment.question,
        "data": experiment.data,
        "hyperparameters": [
            {
                "name": spec.name,
                "title": spec.title,
                "kind": spec.kind,
                "default": list(spec.default) if isinstance(spec.default, tuple) else spec.default,
                "unit": spec.unit,
                "help": spec.help,
                "allowed": spec.allowed,
            }
            for spec in fields(experiment.hyperparameters)
        ],
    }


def history_document(entry: HistoryEntry, progress: float | None) -> dict[str, Any]:
    """One line of `runs`. `progress` is the done part of a run that is still at it, 0…1, else null.

    `note` tells where the record had to be rebuilt; `last_sign` when a worker that cannot be seen from here, or is
    gone, was last heard of.
    """
    record = entry.record
    return {
        "run": entry.directory.id,
        "directory": str(entry.directory.path),
        "experiment": record.experiment if record else None,
        "state": entry.state,
        "message": record.message if record else entry.problem,
        "note": entry.note,
        "hyperparameters": record.hyperparameters if record else None,
        "created": iso_time(record.created) if record else None,
        "started": iso_time(record.started) if record else None,
        "finished": iso_time(record.finished) if record else None,
        "host": record.host if record else None,
        "last_sign": iso_time(entry.last_sign or None),
        "resumes": len(record.resumes) if record else 0,
        "forked_from": record.fork.run if record and record.fork else None,
        "progress": progress,
        "summary": record.summary if record else "",
    }


def iso_time(seconds: float | None) -> str | None:
    """Seconds since the epoch as ISO 8601 in UTC; None where unknown or outside of what a calendar has."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return None
