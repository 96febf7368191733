"""The runs that are there: listing, finding by id or prefix, deleting."""

from __future__ import annotations

import difflib
import shutil
from dataclasses import dataclass
from pathlib import Path

from iml_tui.errors import LabError, RunBusyError, UsageError
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.lock import RunLock
from iml_tui.runs.process import true_state
from iml_tui.runs.record import ACTIVE_STATES, RunRecord, State


@dataclass(frozen=True)
class HistoryEntry:
    """One run in the history. `record` is None where `run.json` cannot be read; `problem` then says why."""

    directory: RunDirectory
    record: RunRecord | None
    state: State
    problem: str = ""

    @property
    def created(self) -> float:
        """When the run was asked for, seconds since the epoch; 0 where unknown."""
        return self.record.created if self.record is not None else 0.0

    @property
    def active(self) -> bool:
        """Whether a worker is at it or about to be."""
        return self.state in ACTIVE_STATES


def list_runs(root: Path) -> list[HistoryEntry]:
    """All runs, newest first. Reads only `run.json` files; damaged ones are listed as such.

    Raises:
        LabError: the directory is there but cannot be read.
    """
    try:
        paths = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LabError(f"{root} cannot be listed: {error.strerror}") from error
    entries = [entry_of(RunDirectory(path)) for path in paths]
    return sorted(entries, key=lambda entry: (entry.created, entry.directory.id), reverse=True)


def entry_of(directory: RunDirectory) -> HistoryEntry:
    """The history's view of one run directory."""
    try:
        record = directory.read_record()
        state = true_state(record)
        if state != record.state:
            # The worker may have written its last record and ended between the two looks.
            record = directory.read_record()
            state = true_state(record)
    except LabError as error:
        return HistoryEntry(directory, None, "failed", str(error))
    return HistoryEntry(directory, record, state)


def find_run(root: Path, reference: str) -> RunDirectory:
    """The run that `reference` names: an id, a unique prefix of one, or "last".

    Raises:
        UsageError: none or several fit.
    """
    entries = list_runs(root)
    if not entries:
        raise UsageError(f"there are no runs in {root} yet; start one with: iml-lab run learning-rate")
    if reference == "last":
        return entries[0].directory
    ids = [entry.directory.id for entry in entries]
    matches = [run for run in ids if run == reference] or [run for run in ids if run.startswith(reference)]
    if not reference:  # Everything begins with nothing; a run to delete must be named.
        matches = []
    if len(matches) == 1:
        return RunDirectory(root / matches[0])
    if matches:
        raise UsageError(f"{reference!r} could be any of {len(matches)} runs: {', '.join(matches[:5])}")
    close = difflib.get_close_matches(reference, ids, n=1)
    hint = f"; did you mean {close[0]}?" if close else "; iml-lab runs lists them"
    raise UsageError(f"there is no run {reference!r}{hint}")


def delete_run(directory: RunDirectory) -> None:
    """Remove a run and all its files for good.

    Raises:
        RunBusyError: its worker is still at it.
        LabError: it cannot be removed.
    """
    if entry_of(directory).active:
        raise RunBusyError(f"{directory.id} is still running; stop it first with: iml-lab stop {directory.id}")
    # The record may be damaged while the worker is well: the lock knows. It is let go at once, for a file that is open
    # cannot be removed on NFS.
    RunLock(directory.lock_file).release()
    try:
        shutil.rmtree(directory.path)
    except OSError as error:
        raise LabError(f"{directory.path} cannot be removed: {error.strerror or error}") from error
