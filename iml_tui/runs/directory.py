"""The layout of a run directory, and how one comes into being."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import time
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from iml_tui.errors import LabError, UsageError
from iml_tui.experiments.base import Experiment
from iml_tui.experiments.hyperparameters import Hyperparameters
from iml_tui.experiments.results import DataSummary
from iml_tui.runs.atomic import sync_directory, write_atomically
from iml_tui.runs.events import EventWriter
from iml_tui.runs.opening import open_file, read_regular
from iml_tui.runs.record import (
    FORMAT,
    DataRecord,
    DeviceRecord,
    RecordFormat,
    RecordHead,
    RunRecord,
    State,
    TrialRecord,
)
from iml_tui.text import printable

LARGEST_RECORD: Final = 1 << 26
"""Bytes beyond which a file is no `run.json`: that of 1,000 trials has 1 MB."""

_HEAD_BYTES: Final = 1 << 11
_HEAD_FIELDS: Final = frozenset(RecordHead.model_fields)

_Head = TypeVar("_Head", bound=RecordHead)


class NewerRunError(LabError):
    """The run was written by a newer version of the lab: it is not damaged, and must not be mended."""


@dataclass(frozen=True)
class RunDirectory:
    """Paths below one run directory, and its record."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id, which is the directory's name."""
        return self.path.name

    @cached_property
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

    @property
    def checkpoints(self) -> Path:
        """`checkpoints/`: what resuming and forking need."""
        return self.path / "checkpoints"

    @property
    def fork_file(self) -> Path:
        """The copy of the checkpoint that a fork started from."""
        return self.path / "fork.ckpt"

    def series_file(self, trial: int, name: str) -> Path:
        """The file of one trial's step-level series."""
        return self.path / "series" / f"{trial:03d}.{name}.f32"

    def read_record(self) -> RunRecord:
        """The record.

        Raises:
            NewerRunError: it is of a newer lab.
            LabError: `run.json` is missing or damaged.
        """
        return self._read(RunRecord)

    def read_head(self) -> RecordHead:
        """The part of the record that lists need, in a tenth of the time. Raises as `read_record`.

        It stands at the beginning of the file; damage behind it is not seen, but for an end that is missing.
        """
        try:
            descriptor = open_file(self.record_file, os.O_RDONLY)
            try:
                beginning = os.pread(descriptor, _HEAD_BYTES, 0)
                end = os.pread(descriptor, 2, max(0, os.fstat(descriptor).st_size - 2))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._unreadable(error) from error
        head = _head_of(beginning) if end == b"}\n" else None
        return with_own_id(head, self) if head is not None else self._read(RecordHead)

    def _read(self, model: type[_Head]) -> _Head:
        try:
            content = read_regular(self.record_file, LARGEST_RECORD)
        except OSError as error:
            raise self._unreadable(error) from error
        return parse_record(content, model, self)

    def _unreadable(self, error: OSError) -> LabError:
        return LabError(f"{printable(str(self.record_file))} cannot be read: {error.strerror}")

    def write_record(self, record: RunRecord) -> None:
        """Replace `run.json`. Only the owner of the run does so."""
        # Non-finite reference losses cannot occur; pydantic writes any as null.
        write_atomically(self.record_file, record.model_dump_json(indent=2) + "\n")

    def result_files(self) -> tuple[list[Path], list[Path]]:
        """The table files and the figure files that exist, sorted."""
        return _files(self.tables), _files(self.figures)


def parse_record(content: bytes, model: type[_Head], directory: RunDirectory) -> _Head:
    """The record of a run out of the content of its `run.json`.

    Raises:
        NewerRunError: it is of a newer lab.
        LabError: it is damaged.
    """
    try:
        record = model.model_validate_json(content)
    except ValidationError as error:
        # What a newer lab wrote may have other fields, and is not damaged for that.
        _refuse_newer(_format_of(content), directory)
        first = error.errors(include_input=False, include_url=False)[0]
        where = printable(".".join(str(part) for part in first["loc"]))
        problem = f"{where}: {first['msg']}" if where else first["msg"]
        raise LabError(f"{printable(str(directory.record_file))} is damaged ({problem})") from error
    _refuse_newer(record.format, directory)
    return with_own_id(record, directory)


def with_own_id(record: _Head, directory: RunDirectory) -> _Head:
    """The record with the name of its directory, which may have been renamed or copied, as the run's id."""
    return record if record.id == directory.id else record.model_copy(update={"id": directory.id})


def _head_of(beginning: bytes) -> RecordHead | None:
    """The head out of the first bytes of a `run.json`; None where they do not hold all of it, or anything is amiss."""
    try:
        fields = from_json(beginning, allow_partial=True)
        # Its fields come first, and a last one may be cut off.
        if not isinstance(fields, dict) or not _HEAD_FIELDS.issubset(list(fields)[:-1]):
            return None
        head = RecordHead.model_validate(fields)
    except ValueError:
        return None
    return head if head.format <= FORMAT else None


def _format_of(content: bytes) -> int:
    try:
        return RecordFormat.model_validate_json(content).format
    except ValidationError:
        return FORMAT


def _refuse_newer(written: int, directory: RunDirectory) -> None:
    if written > FORMAT:
        raise NewerRunError(
            f"{printable(str(directory.path))} was written by a newer iml-lab; upgrade with pip install -U iml-lab"
        )


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
    *,
    state: State = "starting",
) -> RunDirectory:
    """Make the directory of a new run in `state`; a worker is started on it next, or it is queued.

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
        state=state,
        created=time.time(),
        trial_records=[TrialRecord() for _ in trials],
    )
    try:
        make_folders(directory)
        log_creation(directory, record)
        directory.write_record(record)
        sync_directory(root)
    except OSError as error:
        # Half a directory would stand in the history as a damaged run.
        shutil.rmtree(directory.path, ignore_errors=True)
        raise _not_writable(root, error) from error
    return directory


def make_folders(directory: RunDirectory) -> None:
    """Make the directories of a run that it lacks, for its user only. Raises OSError."""
    for name in ("series", "checkpoints", "maps", "tables", "figures", "control"):
        (directory.path / name).mkdir(0o700, exist_ok=True)


def log_creation(directory: RunDirectory, record: RunRecord) -> None:
    """Write the first event of a new run, from which a lost `run.json` is rebuilt, and wait until it is on disk.

    It comes before `run.json`, so that no run is without. Raises OSError.
    """
    with closing(EventWriter(directory.events_file)) as events:
        events.append("created", record=record.model_dump(mode="json"), durable=True)


def _recordable(folder: Path) -> str:
    path = str(folder.absolute())
    if any("\ud800" <= character <= "\udfff" for character in path):
        shown = path.encode(errors="backslashreplace").decode()
        raise UsageError(f"the name of the data's directory {shown} is not valid UTF-8; rename it")
    return path


def _not_writable(root: Path, error: OSError) -> LabError:
    return LabError(f"no run can be kept in {root}: {error.strerror}; set IML_LAB_HOME to a directory you can write")


def _new_directory(root: Path, slug: str) -> RunDirectory:
    root.mkdir(0o700, parents=True, exist_ok=True)
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{slug}"
    for attempt in itertools.count(1):
        path = root / (stem if attempt == 1 else f"{stem}-{attempt}")
        try:
            # Runs hold paths and logs: readable by their user only.
            path.mkdir(0o700)
        except FileExistsError:
            continue
        return RunDirectory(path)
    raise AssertionError("unreachable")
