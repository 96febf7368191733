"""The JSON documents of `--json`. Pure functions; figures that are not finite become null."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from iml_tui.experiments.base import Experiment, Finding
from iml_tui.experiments.hyperparameters import fields
from iml_tui.experiments.results import METRICS, EpochMetrics, Results, TrialResult
from iml_tui.experiments.tables import parts
from iml_tui.runs.events import without_non_finite
from iml_tui.runs.history import HistoryEntry
from iml_tui.runs.record import RunRecord, State


def run_document(
    directory: Path,
    record: RunRecord,
    state: State,
    message: str,
    results: Results,
    notes: Sequence[str],
    files: tuple[Sequence[Path], Sequence[Path]],
    findings: Iterable[Finding],
) -> dict[str, Any]:
    """One run with everything that was measured; the document of `run --json` and `show --json`.

    Losses are in nats per sample, accuracies fractions in 0…1, times UTC in ISO 8601. `notes` are sentences on how data
    and weights came about, `files` the table files and the figure files. `weights` are the pretrained ones that were
    found, null where there are none or none were found yet.
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
        "created": iso_time(record.created),
        "started": iso_time(record.started),
        "finished": iso_time(record.finished),
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
    """
    diverged = trial.diverged_at
    return {
        "name": trial.name,
        "model": trial.trial.model_name,
        "hyperparameters": trial.trial.hyperparameters,
        "seed": trial.trial.seed,
        "parameters": trial.parameters,
        "state": trial.state,
        "diverged_at": None if diverged is None else {"epoch": diverged[0], "batch": diverged[1]},
        "epochs": [epoch_document(epoch) for epoch in trial.epochs],
        "maps": trial.maps,
        "predictions": trial.has_predictions,
        "timing": timing_document(trial),
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
    """One line of `runs`. `progress` is the done part of a run that is still at it, 0…1, else null."""
    record = entry.record
    return {
        "run": entry.directory.id,
        "directory": str(entry.directory.path),
        "experiment": record.experiment if record else None,
        "state": entry.state,
        "message": record.message if record else entry.problem,
        "hyperparameters": record.hyperparameters if record else None,
        "created": iso_time(record.created) if record else None,
        "started": iso_time(record.started) if record else None,
        "finished": iso_time(record.finished) if record else None,
        "host": record.host if record else None,
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
