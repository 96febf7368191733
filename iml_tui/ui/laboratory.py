"""What the screen does to the world: starting, stopping, queueing, listing runs and the like. Tests hand in another."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from iml_tui.errors import LabError, UsageError
from iml_tui.experiments.base import Experiment
from iml_tui.experiments.hyperparameters import Hyperparameters
from iml_tui.runs import control, queue
from iml_tui.runs.directory import RunDirectory, create_run
from iml_tui.runs.history import History, HistoryEntry, delete_run
from iml_tui.runs.logout import logout_kills
from iml_tui.runs.places import cache_root, runs_root
from iml_tui.runs.process import record_failed_start, start_worker
from iml_tui.runs.reading import RunReader
from iml_tui.runs.resuming import resume_run

if TYPE_CHECKING:
    from iml_tui.experiments.changes import ForkValue
    from iml_tui.runs.fork import ForkChoice

_FORK_ATTEMPTS = 5


class Laboratory:
    """The runs below one root directory."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root if root is not None else runs_root()
        self._history = History(self.root)
        self._reading = threading.Lock()
        self._started: dict[RunDirectory, subprocess.Popen[bytes]] = {}

    def history(self) -> list[HistoryEntry]:
        """All runs, newest first. Raises LabError where they cannot be listed. Threads may call it."""
        with self._reading:
            self._reap()
            return self._history.entries()

    def start(
        self,
        experiment: Experiment,
        hyperparameters: Hyperparameters,
        data_directory: Path | None,
        device: str,
    ) -> RunDirectory:
        """Read the data, make a run and start its worker. May take a second; not for the event loop.

        Raises:
            UsageError: the data is malformed.
            LabError: the run cannot be kept or the worker cannot be started.
        """
        directory = self._create(experiment, hyperparameters, data_directory, device)
        self._started[directory] = start_worker(directory)
        return directory

    def enqueue(
        self,
        experiment: Experiment,
        hyperparameters: Hyperparameters,
        data_directory: Path | None,
        device: str,
    ) -> RunDirectory:
        """As `start`, but the run is put at the end of the queue."""
        directory = self._create(experiment, hyperparameters, data_directory, device)
        self._queue(directory)
        return directory

    def open(self, directory: RunDirectory) -> RunReader:
        """A reader on a run. Raises LabError where it has no readable record."""
        return RunReader(directory)

    def stop(self, directory: RunDirectory) -> None:
        """Ask the worker to stop at the next batch. Raises OSError where that cannot be written."""
        control.request_stop(directory.control)

    def pause(self, directory: RunDirectory) -> None:
        """Ask the worker to pause at the next batch. Raises OSError where that cannot be written."""
        control.request_pause(directory.control)

    def go_on(self, directory: RunDirectory) -> None:
        """Let a paused run go on. Raises OSError where that cannot be written."""
        control.request_continue(directory.control)

    def change(self, directory: RunDirectory, changes: Sequence[control.ChangeRequest]) -> None:
        """Ask for other hyperparameters of running trials. Raises OSError where that cannot be written."""
        for change in changes:
            control.request_change(directory.control, change)

    def resume(self, directory: RunDirectory) -> None:
        """Start a worker that goes on where the last one left off.

        Raises:
            LabError: another is at it, or there is nothing to go on with.
        """
        self._started[directory] = resume_run(directory)

    def fork(
        self,
        parent: RunReader,
        choice: ForkChoice | None,
        trials: Sequence[int],
        changes: Mapping[str, ForkValue],
        device: str,
        *,
        queued: bool,
    ) -> RunDirectory:
        """Make a run that goes on with trials of another from a checkpoint; start its worker, or queue it.

        Without a choice it is the newest checkpoint that holds these trials.

        Raises:
            UsageError: a value cannot be had.
            LabError: the checkpoint is gone or damaged, the run cannot be kept or the worker cannot be started.
        """
        directory = self._create_fork(parent, choice, trials, changes, device)
        if queued:
            self._queue(directory)
        else:
            self._started[directory] = start_worker(directory)
        return directory

    def delete(self, directory: RunDirectory) -> None:
        """Remove a run for good. Raises RunBusyError while a worker is at it, LabError where it cannot be done."""
        delete_run(directory)

    def places(self) -> dict[str, int]:
        """Where each run that waits in the queue stands there, from 1. Raises LabError where that cannot be read."""
        return {entry.run: entry.position for entry in queue.entries(self.root)}

    def move(self, directory: RunDirectory, position: int) -> None:
        """Give a run another place in the queue. Raises UsageError where there is none, LabError where it fails."""
        queue.move(directory.id, position, self.root)

    def cancel(self, directory: RunDirectory) -> None:
        """Take a run out of the queue. Raises RunBusyError where it has begun, LabError where it cannot be done."""
        queue.cancel(directory.id, self.root)

    def work_queue_off(self) -> None:
        """See to it that somebody works the queue off, if runs wait. Raises LabError where that cannot be done."""
        queue.ensure_supervisor(self.root)

    def logout_kills(self) -> str:
        """A sentence where logging out would end runs that are started here, "" where they go on."""
        return logout_kills()

    def _create(
        self, experiment: Experiment, hyperparameters: Hyperparameters, data_directory: Path | None, device: str
    ) -> RunDirectory:
        from iml_tui.data.loading import summarise  # Imports numpy, which the first paint does not wait for.

        data = summarise(experiment.data, data_directory, cache_root(), hyperparameters.model_dump())
        return create_run(self.root, experiment, hyperparameters, data, data_directory, device)

    def _create_fork(
        self,
        parent: RunReader,
        choice: ForkChoice | None,
        trials: Sequence[int],
        changes: Mapping[str, ForkValue],
        device: str,
    ) -> RunDirectory:
        # Imports numpy, which the first paint does not wait for.
        from iml_tui.runs.fork import create_fork, forkable, newest_of

        for attempt in range(_FORK_ATTEMPTS):
            chosen = choice or newest_of(forkable(parent), trials)
            if chosen is None:
                raise LabError(f"{parent.directory.id} keeps no checkpoint of these trials; try again in a moment")
            try:
                return create_fork(self.root, parent, chosen.checkpoint, list(trials), changes, device)
            except UsageError:
                raise
            except LabError:  # A run with short epochs may have replaced it meanwhile.
                if choice is not None or attempt == _FORK_ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _queue(self, directory: RunDirectory) -> None:
        queue.enqueue(directory)
        queue.ensure_supervisor(self.root)

    def _reap(self) -> None:
        """Take note of workers started here that have ended."""
        for directory, process in list(self._started.items()):
            code = process.poll()
            if code is not None:
                del self._started[directory]
                if directory.path.is_dir():
                    record_failed_start(directory, code)
