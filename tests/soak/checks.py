"""Whether the record of a run, at which nobody is, agrees with itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from iml_tui.errors import LabError
from iml_tui.experiments.change_tables import tables_of
from iml_tui.experiments.registry import find
from iml_tui.experiments.trials import MLPTrial
from iml_tui.headless.changing import REFUSED
from iml_tui.runs.checkpoints import KEPT, CheckpointStore
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.lock import lock_holder
from iml_tui.runs.process import owner, true_state
from iml_tui.runs.reading import LOG_GRADIENT_NORMS, RunReader
from iml_tui.runs.rebuilding import rebuild_record
from iml_tui.runs.record import ACTIVE_STATES, RunRecord
from iml_tui.runs.table_files import write_tables
from tests.soak.retelling import Retelling, ToldTrial

STARTS_THAT_FAIL: Final = "the worker ended before it began (exit code -"
"""The one failure that kills and SIGTERM may bring about."""


def problems_of(directory: RunDirectory, kills: int) -> list[str]:
    """Sentences on what is not as it should be in a run at which no worker is.

    Args:
        directory: the run.
        kills: how many of its workers were ended by a signal; each may cost what was half written.
    """
    try:
        record = directory.read_record()
        reader = RunReader(directory)
    except LabError as error:
        return [f"{directory.id}: {error}"]
    told = Retelling(directory, record)
    # A worker that was killed may have been at anything: only what one that came to its end leaves is whole.
    whole = not kills or (told.ended and true_state(record, directory) != "interrupted")
    found = [
        *told.problems,
        *_state(directory, record),
        *_log(reader, told, kills),
        *_trials(reader, told),
        *_series(reader, told),
        *_checkpoints(directory, told),
    ]
    if whole:
        found += [*_rebuilt(directory, record), *_left_over(directory)]
    if told.ended:
        found += _tables(reader, told)
    return [f"{directory.id} ({record.state}): {problem}" for problem in found]


def _state(directory: RunDirectory, record: RunRecord) -> Iterator[str]:
    state = true_state(record, directory)
    if state in ACTIVE_STATES:
        yield f"it says {state}, and nobody is at it"
    if record.state == "failed" and not record.message.startswith(STARTS_THAT_FAIL):
        yield f"it failed: {record.message}"
    if record.worker is not None and owner(record.worker) == "alive":
        yield f"its worker {record.worker.pid} lives"
    if lock_holder(directory.lock_file) is not None:
        yield "its lock is held"
    log = directory.log_file.read_text(errors="replace") if directory.log_file.exists() else ""
    if "Traceback" in log:
        yield f"its log has a traceback: {log[log.index('Traceback') :][:2000]}"


def _log(reader: RunReader, told: Retelling, kills: int) -> Iterator[str]:
    torn = told.torn + bool(told.tail)
    if torn > kills:
        yield f"{torn} lines of the log are damaged, with {kills} kills"
    if told.ended and told.tail:
        yield f"the log ends with {told.tail[:100]!r}"
    if reader.damaged_events > torn:
        yield f"its reader counts {reader.damaged_events} damaged events, with {torn} torn lines"
    if reader.inexact:
        yield f"it was resumed inexactly: {reader.inexact}"
    for warning in reader.warnings:
        if not warning.startswith(REFUSED):
            yield f"it warns: {warning}"


def _trials(reader: RunReader, told: Retelling) -> Iterator[str]:
    """What readers and the record make of the trials, beside what the log tells."""
    for trial, expected, recorded in zip(reader.results.trials, told.trials, reader.record.trial_records, strict=True):
        if [epoch.epoch for epoch in trial.epochs] != list(range(1, expected.epochs + 1)):
            yield f"trial {trial.index} has epochs {[epoch.epoch for epoch in trial.epochs]}, not 1…{expected.epochs}"
        if any(not epoch.metrics for epoch in trial.epochs):
            yield f"trial {trial.index} lacks the figures of an epoch"
        if trial.state != expected.state:
            yield f"trial {trial.index} is {trial.state} to its reader and {expected.state} in the log"
        if expected.state in ("done", "diverged") and not expected.diverged and expected.epochs != trial.trial.epochs:
            yield f"trial {trial.index} is {expected.state} after {expected.epochs} of {trial.trial.epochs} epochs"
        if told.ended and (recorded.state, recorded.epochs_done) != (expected.state, expected.epochs):
            yield f"run.json says of trial {trial.index}: {recorded}; the log: {expected.state}, {expected.epochs}"
        if (trial.diverged_at is not None) != expected.diverged:
            yield f"trial {trial.index} diverged at {trial.diverged_at} to its reader; the log: {expected.diverged}"
    if reader.record.state == "done" and any(trial.state not in ("done", "diverged") for trial in told.trials):
        yield f"it is done with trials {[trial.state for trial in told.trials]}"


def _series(reader: RunReader, told: Retelling) -> Iterator[str]:
    for trial, expected in zip(reader.results.trials, told.trials, strict=True):
        steps = trial.trial.batches_per_epoch(reader.results.data.rows["train"])
        per_step = dict.fromkeys(trial.trial.step_series, 1)
        if isinstance(trial.trial, MLPTrial) and trial.trial.record_gradients:
            per_step[LOG_GRADIENT_NORMS] = trial.trial.hidden_layers + 1
        for name, values in per_step.items():
            yield from _one_series(reader.directory.series_file(trial.index, name), values, steps, expected, told.ended)


def _one_series(file: Path, per_step: int, steps: int, expected: ToldTrial, ended: bool) -> Iterator[str]:
    size = file.stat().st_size if file.exists() else 0
    epochs, step = max(expected.checkpoint, (expected.epochs, 0))
    least = (epochs * steps + step) * per_step * 4
    # One that was stopped before it went on with a trial leaves what a killed one wrote; who goes on drops it.
    if ended and expected.begun_by_last and size != least:
        yield f"{file.name} has {size} bytes, not {least} for {epochs} epochs and {step} batches"
    # A worker that was killed wrote what it had done since, and may have been killed within a value.
    elif not least <= size <= least + (steps + 1) * per_step * 4:
        yield f"{file.name} has {size} bytes, the last checkpoint {least}"


def _checkpoints(directory: RunDirectory, told: Retelling) -> Iterator[str]:
    files = CheckpointStore(directory.checkpoints).all()
    counts: dict[tuple[int, ...], int] = {}
    for file in files:
        try:
            file.read()
        except LabError as error:
            yield str(error)
            continue
        assert file.header is not None
        if not file.good:
            trials = tuple(file.header.trials)
            counts[trials] = counts.get(trials, 0) + 1
    if told.checkpoints and not files:
        yield "its checkpoints are gone"
    for trials, count in counts.items():
        ended = all(told.trials[position].state in ("done", "diverged") for position in trials)
        # A worker that is killed between its last checkpoint and its tidying leaves those before.
        most = 1 if ended and told.ended and told.resumed == 0 else KEPT + 2
        if count > most:
            yield f"{count} checkpoints of trials {trials} are kept"


def _rebuilt(directory: RunDirectory, record: RunRecord) -> Iterator[str]:
    """What a lost `run.json` would be made of."""
    rebuilt = rebuild_record(directory)
    if rebuilt is None:
        yield "run.json could not be rebuilt from the log"
        return
    found, expected = rebuilt.model_dump(mode="json"), record.model_dump(mode="json")
    differing = {name: (found[name], expected[name]) for name in expected if found[name] != expected[name]}
    if differing:
        yield f"run.json differs from what the log rebuilds (log, run.json): {str(differing)[:600]}"


def _left_over(directory: RunDirectory) -> Iterator[str]:
    yield from (f"{path.relative_to(directory.path)} is left over" for path in directory.path.rglob(".*"))
    asked = [path.name for path in directory.control.iterdir()] if directory.control.is_dir() else []
    if asked:
        yield f"control/ holds {asked}"


def _tables(reader: RunReader, told: Retelling) -> Iterator[str]:
    """The saved tables are those of the log, and no others."""
    experiment = find(reader.record.experiment)
    with tempfile.TemporaryDirectory() as made:
        if any(trial.epochs for trial in told.trials):
            write_tables(Path(made), tables_of(experiment, reader.results))
        fresh = {path.name: path.read_bytes() for path in Path(made).iterdir()}
    saved = {path.name: path.read_bytes() for path in reader.directory.result_files()[0]}
    for name in sorted({*fresh, *saved}):
        if fresh.get(name) != saved.get(name):
            both = name in fresh and name in saved
            yield f"table {name} is not {'as' if both else 'among those that'} the log gives"
