"""What the screen does to the world: starting, stopping, deleting and listing runs. Tests hand the app another one."""

from __future__ import annotations

import subprocess
from pathlib import Path

from iml_tui.experiments.base import Experiment
from iml_tui.experiments.hyperparameters import Hyperparameters
from iml_tui.runs import control
from iml_tui.runs.directory import RunDirectory, create_run
from iml_tui.runs.history import HistoryEntry, delete_run, list_runs
from iml_tui.runs.places import cache_root, runs_root
from iml_tui.runs.process import record_failed_start, start_worker
from iml_tui.runs.reading import RunReader


class Laboratory:
    """The runs below one root directory."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root if root is not None else runs_root()
        self._started: dict[RunDirectory, subprocess.Popen[bytes]] = {}

    def history(self) -> list[HistoryEntry]:
        """All runs, newest first. Raises LabError where they cannot be listed."""
        self._reap()
        return list_runs(self.root)

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
        from iml_tui.data.loading import summarise  # Imports numpy, which the first paint does not wait for.

        data = summarise(experiment.data, data_directory, cache_root(), hyperparameters.model_dump())
        directory = create_run(self.root, experiment, hyperparameters, data, data_directory, device)
        self._started[directory] = start_worker(directory)
        return directory

    def open(self, directory: RunDirectory) -> RunReader:
        """A reader on a run. Raises LabError where it has no readable record."""
        return RunReader(directory)

    def stop(self, directory: RunDirectory) -> None:
        """Ask the worker to stop at the next batch."""
        control.request_stop(directory.control)

    def delete(self, directory: RunDirectory) -> None:
        """Remove a run for good. Raises RunBusyError while a worker is at it, LabError where it cannot be done."""
        delete_run(directory)

    def _reap(self) -> None:
        """Take note of workers started here that have ended."""
        for directory, process in list(self._started.items()):
            code = process.poll()
            if code is not None:
                del self._started[directory]
                if directory.path.is_dir():
                    record_failed_start(directory, code)
