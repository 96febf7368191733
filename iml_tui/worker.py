"""The process that owns a run: `python -m iml_tui.worker RUN_DIR`.

It takes the run's lock, trains, and records what became of it. Nothing else writes to the directory but requests in
`control/`. Exit codes: 0 done, 1 failed, 75 owned by another worker, 130 stopped.
"""

from __future__ import annotations

import logging
import platform
import signal
import socket
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from iml_tui import __version__
from iml_tui.data.loading import load, refuse_changed
from iml_tui.errors import LabError, RunBusyError
from iml_tui.experiments.registry import find
from iml_tui.experiments.trials import ClassifierTrial, FaceTrial, MLPTrial, SourceTrial
from iml_tui.runs import control
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.figure_map import write_map_figures
from iml_tui.runs.figures import write_figures
from iml_tui.runs.lock import RunLock
from iml_tui.runs.places import cache_root
from iml_tui.runs.process import own_identity
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import DataRecord, DeviceRecord, RunRecord, State, TrialRecord, WeightsRecord
from iml_tui.runs.table_files import write_tables

if TYPE_CHECKING:
    from iml_tui.data.dataset import Dataset
    from iml_tui.experiments.data_kinds import DataKind
    from iml_tui.training.run_context import RunContext

EXIT_CODES: dict[State, int] = {"done": 0, "failed": 1, "stopped": 130}

ENDED_STATES: frozenset[State] = frozenset({"done", "stopped", "failed"})


class StopSignal:
    """Whether the run is to stop: SIGTERM and SIGINT ask for it, and so does a request in `control/`.

    A closed terminal (SIGHUP) does not.
    """

    def __init__(self, directory: Path) -> None:
        self._control = directory
        self._asked = False
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def __call__(self) -> bool:
        """Whether anyone has asked."""
        return self._asked or control.stop_requested(self._control)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True


class Worker:
    """Owns one run from taking it over to its last record."""

    def __init__(self, directory: RunDirectory, record: RunRecord) -> None:
        self._directory = directory
        self._record = record
        self._stop = StopSignal(directory.control)

    def run(self) -> State:
        """Train, and record what became of it."""
        self._update(worker=own_identity(), host=socket.gethostname(), state="starting")
        events = EventWriter(self._directory.events_file)
        try:
            state, message = self._train(events), ""
        except Exception as error:  # Whatever it is, the record must say that the run failed.
            # A `LabError` says all that there is to say; the last line of the log is its sentence.
            if not isinstance(error, LabError):
                logging.exception("the run failed")
            state, message = "failed", explain(error, self._directory.log_file)
        try:
            self._save_results()
        except Exception as error:
            logging.exception("the results cannot be saved")
            state, message = "failed", message or explain(error, self._directory.log_file)
        try:
            events.append("finished", state=state, message=message, durable=True)
        except OSError as error:  # A full disk may still have room for run.json, which replaces one of its size.
            logging.exception("the event log cannot be written")
            state, message = "failed", message or explain(error, self._directory.log_file)
        events.close()
        control.clear(self._directory.control)
        self._update(state=state, message=message, finished=time.time())
        logging.info("%s%s", state, f": {message}" if message else "")
        return state

    def _train(self, events: EventWriter) -> State:
        # Importing torch takes seconds; by now every viewer knows that a worker is at it.
        from iml_tui.training.devices import all_cores, choose_device, set_threads
        from iml_tui.training.preparation import Preparation, StoppedError
        from iml_tui.training.run_context import RunContext

        kind = find(self._record.experiment).data
        threads = set_threads(None if kind == "cities" else all_cores())
        device = choose_device(self._record.device.requested)
        self._update(
            state="running",
            started=time.time(),
            versions=versions(),
            device=DeviceRecord(
                requested=self._record.device.requested,
                chosen=str(device.device),
                name=device.name,
                reason=device.reason,
                threads=threads,
            ),
        )
        events.append("started", device=device.name, versions=versions(), durable=True)
        logging.info("device: %s (%s); data: %s", device.name, device.reason, self._record.data.name)
        context = RunContext(
            directory=self._directory,
            settings=self._record.hyperparameters,
            device=device,
            events=events,
            stop=self._stop,
            preparation=Preparation(events, self._stop),
            trial_ended=self._trial_ended,
            found_data=lambda data: self._update(data=DataRecord.of(data, self._record.data.directory)),
            found_weights=lambda weights: self._update(weights=WeightsRecord.of(weights)),
        )
        try:
            return self._session(kind, context)
        except StoppedError:
            return "stopped"

    def _session(self, kind: DataKind, context: RunContext) -> State:
        """Train the trials on the data of their kind. Each kind has libraries of its own, which take long to import."""
        trials = self._record.trials
        if kind == "faces":
            from iml_tui.training.faces.session import train_faces

            faces = [trial for trial in trials if isinstance(trial, FaceTrial)]
            return train_faces(context, faces, self._data_folder, self._record.data.sha256)
        if kind == "scenes":
            from iml_tui.training.source.session import train_source

            return train_source(context, [trial for trial in trials if isinstance(trial, SourceTrial)])
        from iml_tui.training.session import Session

        on_cities = [trial for trial in trials if isinstance(trial, MLPTrial | ClassifierTrial)]
        return Session(context, on_cities, self._load_data()).train()

    @property
    def _data_folder(self) -> Path | None:
        directory = self._record.data.directory
        return Path(directory) if directory is not None else None

    def _load_data(self) -> Dataset:
        data = load(self._data_folder, cache_root())
        refuse_changed(self._data_folder, self._record.data.sha256, data.sha256)
        return data

    def _trial_ended(self, position: int, state: str, epochs_done: int) -> None:
        trials = list(self._record.trial_records)
        trials[position] = TrialRecord(state=state, epochs_done=epochs_done)
        self._update(trial_records=trials)

    def _save_results(self) -> None:
        """Write the tables and figures of what was measured, read back from the event log as any viewer does."""
        results = RunReader(self._directory).results
        if not any(trial.epochs for trial in results.trials):
            return
        experiment = find(self._record.experiment)
        write_tables(self._directory.tables, experiment.tables(results))
        write_figures(self._directory.figures, experiment.charts_for(results), results)
        if experiment.shows == "maps":
            write_map_figures(self._directory, experiment, results)
        elif experiment.shows == "pictures":
            from iml_tui.runs.contact_sheet import write_contact_sheet  # Needs a library that few runs need.

            write_contact_sheet(self._directory, results)
        self._update(summary=experiment.summary(results))

    def _update(self, **changes: object) -> None:
        self._record = self._record.model_copy(update=changes)
        self._directory.write_record(self._record)


def versions() -> dict[str, str]:
    """Versions that a result may depend on."""
    return {
        "iml-lab": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "torchvision", "numpy", "scikit-learn", "xgboost")},
    }


def explain(error: Exception, log: Path) -> str:
    """One sentence on why the run failed, and where more is to be read."""
    if isinstance(error, LabError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror}{where}; free space or mend the permissions and start the run again"
    if type(error).__name__ == "OutOfMemoryError":
        return "the device has too little memory; try a smaller batch size, fewer trials at once, or --device cpu"
    first_line = (str(error).strip() or "no message").splitlines()[0]
    return f"{type(error).__name__}: {first_line}; {log} has the whole traceback"


def main(arguments: list[str], say: Callable[[str], object] = sys.stderr.write) -> int:
    """Own the run whose directory is the one argument; returns the exit code."""
    if len(arguments) != 1:
        say("usage: python -m iml_tui.worker RUN_DIR\n")
        return 2
    directory = RunDirectory(Path(arguments[0]).absolute())
    try:
        record = directory.read_record()
        lock = RunLock(directory.lock_file)
    except (LabError, RunBusyError) as error:
        say(f"{error}\n")
        return error.exit_code
    try:
        record = directory.read_record()  # Again: the last owner may have written it just before it let go.
        if record.state in ENDED_STATES:
            say(f"{directory.id} has already ended ({record.state})\n")
            return EXIT_CODES[record.state]
        logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s")
        return EXIT_CODES[Worker(directory, record).run()]
    finally:
        lock.release()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
