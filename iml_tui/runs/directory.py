"""The layout of a run directory, and how one comes into being."""

from __future__ import annotations

import itertools
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from iml_tui.errors import LabError, UsageError
from iml_tui.experiments.base import Experiment
from iml_tui.experiments.hyperparameters import Hyperparameters
from iml_tui.experiments.results import DataSummary
from iml_tui.runs.atomic import write_atomically
from iml_tui.runs.record import FORMAT, DataRecord, DeviceRecord, RecordFormat, RunRecord, TrialRecord


@dataclass(frozen=True)
class RunDirectory:
    """Paths below one run directory, and its record."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id, which is the directory's name."""
        return self.path.name

    @property
    def record_file(self) -> Path:
        """`run.json`."""
        return self.path / "run.json"

    @property
    def events_file(self) -> Path:
        """`events.jsonl`."""
        return self.path / "events.jsonl"

    @property
    def lock_file(self) -> Path:
        """`lock`, held by the worker."""
        return self.path / "lock"

    @property
    def log_file(self) -> Path:
        """`log.txt`: what the worker wrote to stdout and stderr."""
        return self.path / "log.txt"

    @property
    def control(self) -> Path:
        """`control/`: requests to the worker."""
        return self.path / "control"

    @property
    def tables(self) -> Path:
        """`tables/`."""
        return self.path / "tables"

    @property
    def figures(self) -> Path:
        """`figures/`."""
        return self.path / "figures"

    @property
    def maps(self) -> Path:
        """`maps/`: what networks decide over the whole of the map, after some epochs."""
        return self.path / "maps"

    @property
    def pictures(self) -> Path:
        """`pictures/`: the test pictures, and the probabilities that trials give to them."""
        return self.path / "pictures"

    def series_file(self, trial: int, name: str) -> Path:
        """The file of one trial's step-level series."""
        return self.path / "series" / f"{trial:03d}.{name}.f32"

    def read_record(self) -> RunRecord:
        """The record.

        Raises:
            LabError: `run.json` is missing, damaged, or of a newer lab.
        """
        try:
            content = self.record_file.read_bytes()
        except OSError as error:
            raise LabError(f"{self.record_file} cannot be read: {error.strerror}") from error
        try:
            # The format first: what a newer lab wrote may have other fields, and is not damaged for that.
            if RecordFormat.model_validate_json(content).format > FORMAT:
                raise LabError(f"{self.path} was written by a newer iml-lab; upgrade with pip install -U iml-lab")
            return RunRecord.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            problem = f"{where}: {first['msg']}" if where else first["msg"]
            raise LabError(f"{self.record_file} is damaged ({problem})") from error

    def write_record(self, record: RunRecord) -> None:
        """Replace `run.json`. Only the owner of the run does so."""
        # Non-finite reference losses cannot occur; pydantic writes any as null.
        write_atomically(self.record_file, record.model_dump_json(indent=2) + "\n")

    def result_files(self) -> tuple[list[Path], list[Path]]:
        """The table files and the figure files that exist, sorted."""
        return _files(self.tables), _files(self.figures)


def _files(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if not path.name.startswith("."))


def create_run(
    root: Path,
    experiment: Experiment,
    hyperparameters: Hyperparameters,
    data: DataSummary,
    data_directory: Path | None,
    device: str,
) -> RunDirectory:
    """Make the directory of a new run in state `starting`; a worker is started on it next.

    Raises:
        UsageError: the name of the data's directory cannot be recorded.
        LabError: the directory cannot be written.
    """
    trials = experiment.trials(hyperparameters)
    folder = _recordable(data_directory) if data_directory is not None else None
    try:
        directory = _new_directory(root, experiment.slug)
    except OSError as error:
        raise _not_writable(root, error) from error
    record = RunRecord(
        id=directory.id,
        experiment=experiment.slug,
        title=experiment.title,
        hyperparameters=hyperparameters.model_dump(mode="json"),
        trials=trials,
        data=DataRecord.of(data, folder),
        device=DeviceRecord(requested=device),
        host=socket.gethostname(),
        created=time.time(),
        trial_records=[TrialRecord() for _ in trials],
    )
    try:
        for name in ("series", "maps", "tables", "figures", "control"):
            (directory.path / name).mkdir()
        directory.write_record(record)
    except OSError as error:
        # Half a directory would stand in the history as a damaged run.
        shutil.rmtree(directory.path, ignore_errors=True)
        raise _not_writable(root, error) from error
    return directory


def _recordable(folder: Path) -> str:
    path = str(folder.absolute())
    if any("\ud800" <= character <= "\udfff" for character in path):
        shown = path.encode(errors="backslashreplace").decode()
        raise UsageError(f"the name of the data's directory {shown} is not valid UTF-8; rename it")
    return path


def _not_writable(root: Path, error: OSError) -> LabError:
    return LabError(f"no run can be kept in {root}: {error.strerror}; set IML_LAB_HOME to a directory you can write")


def _new_directory(root: Path, slug: str) -> RunDirectory:
    root.mkdir(parents=True, exist_ok=True)
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{slug}"
    for attempt in itertools.count(1):
        path = root / (stem if attempt == 1 else f"{stem}-{attempt}")
        try:
            # Runs may hold paths and logs: readable by their user only.
            path.mkdir(0o700)
        except FileExistsError:
            continue
        return RunDirectory(path)
    raise AssertionError("unreachable")
