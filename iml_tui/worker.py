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
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from iml_tui import __version__
from iml_tui.errors import LabError, RunBusyError
from iml_tui.experiments.change_tables import tables_of
from iml_tui.experiments.registry import find
from iml_tui.runs import control
from iml_tui.runs.directory import RunDirectory, make_folders
from iml_tui.runs.events import EventWriter
from iml_tui.runs.explaining import explain
from iml_tui.runs.figure_map import write_map_figures
from iml_tui.runs.figures import write_figures
from iml_tui.runs.lock import RunLock
from iml_tui.runs.opening import refuse_links
from iml_tui.runs.process import own_identity
from iml_tui.runs.reading import RunReader
from iml_tui.runs.rebuilding import mend_record
from iml_tui.runs.record import DataRecord, ResumeRecord, RunRecord, State, TrialRecord, WeightsRecord
from iml_tui.runs.reserve import Reserve
from iml_tui.runs.table_files import write_tables

if TYPE_CHECKING:
    from iml_tui.experiments.results import WeightsSummary
    from iml_tui.training.devices import DeviceChoice
    from iml_tui.training.earlier import Earlier

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
    """Owns one run from taking it over to its last record.

    With `resume` it goes on where an earlier worker left off.
    """

    def __init__(self, directory: RunDirectory, record: RunRecord, *, resume: bool = False) -> None:
        self._directory = directory
        self._record = record
        self._resume = resume
        self._stop = StopSignal(directory.control)
        self._reserve = Reserve(directory.path)
        self._events = EventWriter(directory.events_file)
        self._reader: RunReader | None = None
        self._told_resumed = False

    def run(self, note: str = "") -> State:
        """Train, and record what became of it. `note` is a sentence on what had to be mended first."""
        try:
            self._take_over(note)
            state, message = self._train(), ""
        except Exception as error:  # Whatever it is, the record must say that the run failed.
            # A `LabError` says all that there is to say; the last line of the log is its sentence.
            if not isinstance(error, LabError):
                logging.exception("the run failed")
            state, message = "failed", explain(error, self._directory)
        try:
            self._save_results(state)
        except Exception as error:
            logging.exception("the results cannot be saved")
            state, message = "failed", message or explain(error, self._directory)
        # From here on little is written, for which there is room even on a full disk.
        self._reserve.release()
        try:
            self._events.append("finished", state=state, message=message, durable=True)
        except OSError as error:
            logging.exception("the event log cannot be written")
            state, message = "failed", message or explain(error, self._directory)
        control.clear(self._directory.control)
        self._end(state, message)
        self._events.close()
        logging.info("%s%s", state, f": {message}" if message else "")
        return state

    def _take_over(self, note: str) -> None:
        """Record who owns the run; the log gets all of the record, so that it can be rebuilt from here on."""
        if note:
            self._events.append("warning", message=f"{note}.")
        self._update(worker=own_identity(), host=socket.gethostname(), state="starting", message="")
        self._append_record(RunRecord.model_fields)

    def _end(self, state: State, message: str) -> None:
        """The last record."""
        now = time.time()
        changes: dict[str, object] = {"state": state, "message": message, "finished": now}
        if self._reader is not None:
            changes["idle_seconds"] = self._reader.idle_seconds(now)
        self._record = self._record.model_copy(update=changes)
        self._directory.write_record(self._record)
        with suppress(OSError):
            self._append_record(changes)

    def _train(self) -> State:
        # Importing torch takes seconds; by now every viewer knows that a worker is at it.
        from iml_tui.training.devices import all_cores, choose_device, make_deterministic, set_threads
        from iml_tui.training.pausing import Pause
        from iml_tui.training.preparation import Preparation
        from iml_tui.training.run_context import RunContext
        from iml_tui.training.sessions import train_run

        before = self._record
        # As many threads as before: sums over other parts of a tensor differ in their last bits.
        threads = before.device.threads if self._resume else 0
        cities = find(before.experiment).data == "cities"
        threads = set_threads(threads or (None if cities else all_cores()))
        device = choose_device(before.device.requested, before.device.slot)
        make_deterministic(device.device)
        earlier = self._earlier(device.name, threads, on_gpu=device.device.type == "cuda") if self._resume else None
        self._begin(device, threads, earlier)
        requests = self._directory.control
        pause = Pause(lambda: control.pause_requested(requests), self._stop, self._events, self._paused)
        context = RunContext(
            directory=self._directory,
            settings=self._record.hyperparameters,
            device=device,
            events=self._events,
            stop=self._stop,
            preparation=Preparation(self._events, self._stop, pause),
            trial_ended=self._trial_ended,
            found_data=lambda data: self._update(data=DataRecord.of(data, self._record.data.directory)),
            found_weights=self._found_weights,
            pause=pause,
            earlier=earlier,
            fork=self._record.fork,
            resumed=lambda: self._resumed(earlier),
        )
        return train_run(context, self._record)

    def _earlier(self, device: str, threads: int, *, on_gpu: bool) -> Earlier:
        """What the run has from earlier workers, and whether going on is exact."""
        from iml_tui.training.earlier import earlier_work, what_differs

        reason = what_differs(self._record, versions(), device, threads, on_gpu)
        return replace(earlier_work(self._directory, self._record), exact=not reason, reason=reason)

    def _begin(self, device: DeviceChoice, threads: int, earlier: Earlier | None) -> None:
        """Record on what the run trains from now on."""
        record, now = self._record, time.time()
        changes: dict[str, object] = {
            "state": "running",
            "started": record.started or now,
            "finished": None,
            "versions": versions(),
            "device": record.device.model_copy(
                update={
                    "chosen": str(device.device),
                    "name": device.name,
                    "reason": device.reason,
                    "threads": threads,
                }
            ),
        }
        if earlier is not None:
            changes["summary"] = ""  # It told how the run stood when it ended before.
        self._update(**changes)
        self._events.append("started", device=device.name, versions=self._record.versions, durable=True)
        logging.info("device: %s (%s); data: %s", device.name, device.reason, record.data.name)

    def _resumed(self, earlier: Earlier | None) -> None:
        """Trials go on; of several groups the first tells."""
        if earlier is None or self._told_resumed:
            return
        self._told_resumed = True
        if not earlier.exact:
            logging.warning("the resumed run is not exact: %s", earlier.reason)
        resumed = ResumeRecord(time=time.time(), host=self._record.host, exact=earlier.exact, reason=earlier.reason)
        self._update(resumes=[*self._record.resumes, resumed])

    def _found_weights(self, weights: WeightsSummary) -> None:
        before = self._record.weights
        if before is not None and before.sha256 != weights.sha256:
            raise LabError(
                f"the run started from the weights {before.name} ({before.sha256[:12]}…), and those found now are "
                f"{weights.name} ({weights.sha256[:12]}…); it can go on only with its own"
            )
        self._update(weights=WeightsRecord.of(weights))

    def _paused(self, paused: bool) -> None:
        self._update(state="paused" if paused else "running")

    def _trial_ended(self, position: int, state: str, epochs_done: int) -> None:
        trials = list(self._record.trial_records)
        trials[position] = TrialRecord(state=state, epochs_done=epochs_done)
        self._update(trial_records=trials)

    def _end_trials(self, reader: RunReader, state: State) -> None:
        """Trials in training end with the run, also those of an earlier worker that this one never came to."""
        for trial in reader.results.trials:
            if trial.state == "running":
                end = "failed" if state == "failed" else "stopped"
                self._events.append("trial_finished", trial=trial.index, state=end, parameters=trial.parameters or 0)
                self._trial_ended(trial.index, end, len(trial.epochs))
        reader.poll()

    def _save_results(self, state: State) -> None:
        """Write the tables and figures of what was measured, read back from the event log as any viewer does."""
        self._reader = RunReader(self._directory)
        self._end_trials(self._reader, state)
        results = self._reader.results
        if not any(trial.epochs for trial in results.trials):
            return
        experiment = find(self._record.experiment)
        write_tables(self._directory.tables, tables_of(experiment, results))
        write_figures(self._directory.figures, experiment.charts_for(results), results)
        if experiment.shows == "maps":
            write_map_figures(self._directory, experiment, results)
        elif experiment.shows == "pictures":
            from iml_tui.runs.contact_sheet import write_contact_sheet  # Needs a library that few runs need.

            write_contact_sheet(self._directory, results)
        self._update(summary=experiment.summary(results))

    def _update(self, **changes: object) -> None:
        """Replace `run.json`, and tell the event log, from which it can be made again."""
        self._record = self._record.model_copy(update=changes)
        self._directory.write_record(self._record)
        self._append_record(changes)

    def _append_record(self, changed: Iterable[str]) -> None:
        self._events.append("recorded", changes=self._record.model_dump(mode="json", include=set(changed)))


def versions() -> dict[str, str]:
    """Versions that a result may depend on."""
    return {
        "iml-lab": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "torchvision", "numpy", "scikit-learn", "xgboost")},
    }


def main(arguments: list[str], say: Callable[[str], object] = sys.stderr.write) -> int:
    """Own the run whose directory is the last argument; `--resume` goes on with it. Returns the exit code."""
    resume = arguments[:1] == ["--resume"]
    if len(arguments) != (2 if resume else 1):
        say("usage: python -m iml_tui.worker [--resume] RUN_DIR\n")
        return 2
    directory = RunDirectory(Path(arguments[-1]).absolute())
    try:
        lock = RunLock(directory.lock_file)
    except (LabError, RunBusyError) as error:
        say(f"{error}\n")
        return error.exit_code
    try:
        return _own(directory, say, resume=resume)
    except LabError as error:
        say(f"{error}\n")
        return error.exit_code
    finally:
        lock.release()


def _own(directory: RunDirectory, say: Callable[[str], object], *, resume: bool) -> int:
    """Train the run, whose lock is held."""
    refuse_links(directory.path)
    make_folders(directory)  # One that somebody removed is in the way of nothing.
    note = mend_record(directory) if resume else ""
    if resume and not directory.events_file.exists():
        note = "the event log is gone, and with it all figures of the epochs before"
    record = directory.read_record()
    if record.state == "done" or (record.state in ENDED_STATES and not resume):
        say(f"{directory.id} has already ended ({record.state})\n")
        return EXIT_CODES[record.state]
    if record.worker is not None and not resume:
        raise LabError(f"{directory.id} was interrupted; go on with: iml-lab resume {directory.id}")
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s")
    return EXIT_CODES[Worker(directory, record, resume=resume).run(note)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
