"""The offline source task's weights: from the store, or made now by a run of its own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from iml_tui.data.scenes.labels import describe_scenes
from iml_tui.errors import LabError, RunBusyError
from iml_tui.experiments.offline_weights import OfflineWeightsExperiment, OfflineWeightsHyperparameters
from iml_tui.experiments.trials import SourceTrial
from iml_tui.runs import control
from iml_tui.runs.directory import RunDirectory, create_run
from iml_tui.runs.history import list_runs
from iml_tui.runs.lock import RunLock
from iml_tui.runs.places import weights_root
from iml_tui.runs.process import record_failed_start, start_worker
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import ACTIVE_STATES, RecordHead
from iml_tui.runs.resuming import resume_run
from iml_tui.text import printable
from iml_tui.training.preparation import Preparation, StoppedError
from iml_tui.training.run_context import RunContext
from iml_tui.training.weights_store import SourceSettings, StoredWeights, read_offline

POLL_SECONDS: Final = 0.3
STOP_SECONDS: Final = 20.0
"""How long a run that this one started is waited for after it was asked to stop; it needs no one to stop."""


def default_settings() -> SourceSettings:
    """Those of the weights that other runs start from."""
    hyperparameters = OfflineWeightsHyperparameters()
    [trial] = OfflineWeightsExperiment().models(hyperparameters)
    assert isinstance(trial, SourceTrial)
    return SourceSettings.of(trial, hyperparameters.model_dump())


def find_offline(context: RunContext, settings: SourceSettings | None = None) -> StoredWeights:
    """The stored weights of the default settings; where there are none, a run is made that makes them.

    That run stands in the history like any other. Where one is at it already, that one is waited for.

    Args:
        context: the run that wants them.
        settings: those of the weights, the default ones for None.

    Raises:
        LabError: the run failed or was stopped.
        StoppedError: the run that wants them was asked to stop; a run that it started is asked to stop as well.
    """
    settings = settings or default_settings()
    preparation = context.preparation
    try:
        stored = read_offline(weights_root(), settings)
    except LabError as error:
        preparation.warn(f"{error}; they are made again.")
        stored = None
    if stored is not None:
        preparation.note(f"The offline weights come from the store (made by run {printable(stored.run)}).")
        return stored
    run, process = _run_at_it(context, settings)
    if process is None:
        preparation.note(f"The offline weights are being made by run {run.id}, which this run waits for.")
    else:
        preparation.note(f"The offline weights are made first, once, by run {run.id}; it stays in the history.")
    _follow(run, process, preparation)
    stored = read_offline(weights_root(), settings)
    if stored is None:
        raise LabError(f"run {run.id} kept no offline weights; {run.log_file} may tell why")
    return stored


def _run_at_it(context: RunContext, settings: SourceSettings) -> tuple[RunDirectory, subprocess.Popen[bytes] | None]:
    """The run that makes the weights, and its process where this one started it."""
    root = context.directory.path.parent
    hyperparameters = _hyperparameters(settings)
    lock = _lock(context.preparation)  # Of two runs that want the weights, one starts the run and the other finds it.
    try:
        asked = hyperparameters.model_dump(mode="json")
        same = [e for e in list_runs(root) if e.record is not None and _asks_for(e.record, asked)]
        for entry in same:
            if entry.active:
                return entry.directory, None
        for entry in same:  # One that was broken off has done a part of the work. A failed one may fail again.
            if entry.state in ("stopped", "interrupted"):
                return entry.directory, resume_run(entry.directory)
        device = context.directory.read_record().device.requested
        data = describe_scenes(settings.pictures)
        run = create_run(root, OfflineWeightsExperiment(), hyperparameters, data, None, device)
        return run, start_worker(run)
    finally:
        lock.release()


def _asks_for(record: RecordHead, hyperparameters: Mapping[str, Any]) -> bool:
    return record.experiment == OfflineWeightsExperiment.slug and record.hyperparameters == hyperparameters


def _hyperparameters(settings: SourceSettings) -> OfflineWeightsHyperparameters:
    return OfflineWeightsHyperparameters(
        pictures=settings.pictures,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        image_size=settings.image_size,
        seeds=(settings.seed,),
    )


def _lock(preparation: Preparation) -> RunLock:
    root = weights_root()
    root.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            return RunLock(root / "lock")
        except RunBusyError:  # For as long as another run is looking for one or starting it.
            preparation("waiting for the offline weights", 0, 1)
            time.sleep(POLL_SECONDS)


def _follow(run: RunDirectory, process: subprocess.Popen[bytes] | None, preparation: Preparation) -> None:
    """Wait for the end of the run and tell how far it is."""
    reader = RunReader(run)
    try:
        while reader.state in ACTIVE_STATES:
            preparation(*_progress(reader))
            time.sleep(POLL_SECONDS)
            reader.poll()
            if process is not None and reader.record.worker is None and (code := process.poll()) is not None:
                record_failed_start(run, code)
                reader.poll()
    except StoppedError:
        if process is not None:
            _stop(reader)
        raise
    if process is not None:
        process.wait()  # It has written its last record; unwaited for, it would stay as a zombie.
    if reader.state != "done":
        why = f": {reader.record.message}" if reader.record.message else ""
        raise LabError(
            f"the offline weights could not be made, for run {run.id} {_ended(reader)}{why}; see {_log(run)}"
        )


def _ended(reader: RunReader) -> str:
    return {"failed": "failed", "stopped": "was stopped", "interrupted": "was interrupted"}.get(
        reader.state, f"is {reader.state}"
    )


def _log(run: RunDirectory) -> str:
    path: Path = run.log_file
    return printable(str(path))


def _progress(reader: RunReader) -> tuple[str, int, int]:
    """What the run is doing, how much of it is done, and of how much."""
    what = f"making the offline weights (run {reader.directory.id})"
    if reader.preparing is not None and reader.preparing.total:
        return f"{what}: {reader.preparing.what}", reader.preparing.done, reader.preparing.total
    [result] = reader.results.trials
    steps = result.trial.batches_per_epoch(reader.results.data.rows.get("train", 0))
    inside = result.progress.step if result.progress.epoch > len(result.epochs) else 0
    return what, len(result.epochs) * steps + inside, result.trial.epochs * steps


def _stop(reader: RunReader) -> None:
    """Ask the run to stop, and wait a little: it ends after its batch."""
    control.request_stop(reader.directory.control)
    deadline = time.monotonic() + STOP_SECONDS
    while reader.state in ACTIVE_STATES and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        reader.poll()
