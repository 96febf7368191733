"""What a fork takes over of its parent: the figures, series and maps of the epochs that they have in common."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from iml_tui.experiments.results import Change, EpochMetrics, TrialResult
from iml_tui.experiments.trials import MLPTrial, Trial
from iml_tui.runs.checkpoints import Header
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.maps import map_data_file, map_file
from iml_tui.runs.opening import open_regular
from iml_tui.runs.reading import LOG_GRADIENT_NORMS
from iml_tui.runs.record import RunRecord
from iml_tui.runs.series import SeriesWriter, read_series

_BLOCK = 1 << 20


def copy_series(source: RunDirectory, target: RunDirectory, results: Sequence[TrialResult], header: Header) -> None:
    """Copy the step-level series of the parent's trials `results` up to the checkpoint.

    Raises:
        OSError: they cannot be written.
    """
    steps = header.epochs * header.steps + header.step
    for position, result in enumerate(results):
        for name, per_step in _series_of(result.trial):
            values = read_series(source.series_file(result.index, name), most=steps * per_step)
            with closing(SeriesWriter(target.series_file(position, name))) as writer:
                for start in range(0, len(values), _BLOCK):
                    writer.append(values[start : start + _BLOCK])


def copy_maps(
    source: RunDirectory, target: RunDirectory, results: Sequence[TrialResult], header: Header
) -> list[list[int]]:
    """Copy the decision maps of the parent's trials up to the checkpoint; returns the epochs of each trial's.

    A map that cannot be read is left out.

    Raises:
        OSError: they cannot be written.
    """
    copied: list[list[int]] = []
    for position, result in enumerate(results):
        epochs = [epoch for epoch in result.maps if epoch <= header.epochs]
        copied.append(
            [
                epoch
                for epoch in epochs
                if _copy_file(map_file(source, result.index, epoch), map_file(target, position, epoch))
            ]
        )
    if any(copied):
        _copy_file(map_data_file(source), map_data_file(target))
    return copied


def write_history(
    directory: RunDirectory,
    record: RunRecord,
    header: Header,
    results: Sequence[TrialResult],
    before: Sequence[Trial],
    maps: Sequence[Sequence[int]],
) -> None:
    """Begin the event log of a fork with what the parent's trials tell up to the checkpoint.

    Args:
        directory: the fork's.
        record: the fork's, with its trials.
        header: where it leaves its parent.
        results: the parent's trials, in the order of the fork's.
        before: the same trials with the hyperparameters that were in force there.
        maps: epochs of the maps that were copied, of each.

    Raises:
        OSError: it cannot be written.
    """
    told = [("created", {"record": record.model_dump(mode="json")})]
    for position, result in enumerate(results):
        told += _events_of(position, record, header, result, before[position], maps[position])
    with closing(EventWriter(directory.events_file)) as events:
        for number, (kind, fields) in enumerate(told, start=1):
            events.append(kind, **fields, durable=number == len(told))


def made_before(change: Change, header: Header) -> bool:
    """Whether a checkpoint holds a change: of those at its very batch, it holds what came before it was written."""
    return (change.epoch - 1, change.step, change.time) <= (header.epochs, header.step, header.time)


def _events_of(
    position: int, record: RunRecord, header: Header, result: TrialResult, before: Trial, maps: Sequence[int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is told of one trial: its type and fields, in order."""
    fork = record.fork
    assert fork is not None
    yield (
        "forked",
        {
            "trial": position,
            "run": fork.run,
            "name": result.name,
            "epochs": header.epochs,
            "step": header.step,
            "steps": header.steps,
            "changes": _changes(before, record.trials[position]),
        },
    )
    for change in result.changes:
        if made_before(change, header):
            yield "changed", {"trial": position, **asdict(change)}
    for epoch in result.epochs[: header.epochs]:
        if epoch.metrics:  # One that was lost to damage has none.
            yield "epoch", {"trial": position, **_epoch_fields(epoch)}
    for number in maps:
        yield "map", {"trial": position, "epoch": number}


def _series_of(trial: Trial) -> list[tuple[str, int]]:
    """The step-level series of a trial, each with its number of values a step."""
    series = [(name, 1) for name in trial.step_series]
    if isinstance(trial, MLPTrial) and trial.record_gradients:
        series.append((LOG_GRADIENT_NORMS, trial.hidden_layers + 1))
    return series


def _changes(before: Trial, after: Trial) -> list[list[Any]]:
    """What differs between a trial and its fork but for names: [hyperparameter, old, new]."""
    old, new = before.hyperparameters, after.hyperparameters
    return [[name, old[name], new[name]] for name in old if old[name] != new[name]]


def _epoch_fields(epoch: EpochMetrics) -> dict[str, Any]:
    """As the worker wrote them."""
    gradients = {
        "gradient_norms": list(epoch.gradient_norms),
        "zero_gradients": list(epoch.zero_gradients),
    }
    return {
        "epoch": epoch.epoch,
        "metrics": epoch.metrics,
        "seconds": epoch.seconds,
        "samples_per_second": epoch.samples_per_second,
        **(gradients if epoch.gradient_norms else {}),
    }


def _copy_file(source: Path, target: Path) -> bool:
    """Whether the file could be read. Raises OSError where it cannot be written."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        file = open_regular(source)
    except OSError:
        return False
    with file, target.open("xb") as copy:
        target.chmod(0o600)
        shutil.copyfileobj(file, copy, _BLOCK)
    return True
