"""The runs that are there: listing, finding by id or prefix, deleting."""

from __future__ import annotations

import difflib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from iml_tui.errors import LabError, RunBusyError, UsageError
from iml_tui.runs.directory import NewerRunError, RunDirectory
from iml_tui.runs.lock import RunLock
from iml_tui.runs.process import host_elsewhere, true_state
from iml_tui.runs.rebuilding import REBUILT, rebuild_record
from iml_tui.runs.record import ACTIVE_STATES, RecordHead, State
from iml_tui.text import printable


@dataclass(frozen=True)
class HistoryEntry:
    """One run in the history.

    Attributes:
        directory: the run.
        record: what lists show of it; None where neither `run.json` nor the event log tells.
        state: the true one.
        problem: why there is no record; "" where there is one.
        note: that the record was rebuilt from the event log; "" where `run.json` is fine.
        elsewhere: the other host whose worker is at the run by its record, which cannot be told from here; "" for none.
        last_sign: of a run that is elsewhere or interrupted, when its worker last wrote to its event log, seconds since
            the epoch; 0 where unknown.
    """

    directory: RunDirectory
    record: RecordHead | None
    state: State
    problem: str = ""
    note: str = ""
    elsewhere: str = ""
    last_sign: float = 0.0

    @property
    def created(self) -> float:
        """When the run was asked for, seconds since the epoch; 0 where unknown."""
        return self.record.created if self.record is not None else 0.0

    @property
    def active(self) -> bool:
        """Whether a worker is at it or about to be."""
        return self.state in ACTIVE_STATES


class History:
    """The runs below one directory, for whoever lists them over and over: a record is read again once it changed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, _Found] = {}

    def entries(self) -> list[HistoryEntry]:
        """All runs, newest first. Reads only `run.json` files; damaged ones are rebuilt or listed as such.

        Raises:
            LabError: the directory is there but cannot be read.
        """
        known = {}
        for name in _run_names(self._root):
            found = self._known.get(name)
            if found is None or found.stamp != _stamp(found.directory):
                found = _read(RunDirectory(self._root / name))
            known[name] = found
        self._known = known
        entries = [_entry(found) for found in known.values()]
        return sorted(entries, key=lambda entry: (entry.created, entry.directory.id), reverse=True)


def list_runs(root: Path) -> list[HistoryEntry]:
    """All runs, newest first, as `History.entries`.

    Raises:
        LabError: the directory is there but cannot be read.
    """
    return History(root).entries()


def entry_of(directory: RunDirectory) -> HistoryEntry:
    """The history's view of one run directory."""
    return _entry(_read(directory))


_Stamp = tuple[tuple[int, int, int] | None, tuple[int, int, int] | None]
"""Of `run.json`, which is replaced as a whole; and where it cannot be the record, of the event log."""


@dataclass(frozen=True)
class _Found:
    """What was found of a record; `problem` and `note` as those of an entry."""

    directory: RunDirectory
    stamp: _Stamp
    record: RecordHead | None
    problem: str = ""
    note: str = ""


def _run_names(root: Path) -> list[str]:
    try:
        with os.scandir(root) as found:
            return [entry.name for entry in found if not entry.name.startswith(".") and entry.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LabError(f"{root} cannot be listed: {error.strerror}") from error


def _read(directory: RunDirectory) -> _Found:
    stamp = _stamp(directory)  # Before it is read: what is replaced meanwhile is read again.
    try:
        return _Found(directory, stamp, directory.read_head())
    except NewerRunError as error:
        return _Found(directory, stamp, None, str(error))
    except LabError as error:
        problem = str(error)
    try:
        record = rebuild_record(directory)
    except LabError as error:
        return _Found(directory, stamp, None, str(error))
    if record is None:
        return _Found(directory, stamp, None, problem)
    return _Found(directory, stamp, record, note=REBUILT)


def _entry(found: _Found) -> HistoryEntry:
    directory, record = found.directory, found.record
    if record is None:
        return HistoryEntry(directory, None, "failed", found.problem)
    state = true_state(record, directory)
    if state != record.state and found.stamp != _stamp(directory):
        # The worker wrote its last record and ended between the two looks.
        return _entry(_read(directory))
    elsewhere = host_elsewhere(record, state)
    last_sign = _last_sign(directory) if elsewhere or state == "interrupted" else 0.0
    return HistoryEntry(directory, record, state, note=found.note, elsewhere=elsewhere, last_sign=last_sign)


def _stamp(directory: RunDirectory) -> _Stamp:
    record = _status(directory.record_file)
    return record, _status(directory.events_file) if record is None else None


def _status(path: Path) -> tuple[int, int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def _last_sign(directory: RunDirectory) -> float:
    try:
        return directory.events_file.stat().st_mtime
    except OSError:
        return 0.0


def find_run(root: Path, reference: str) -> RunDirectory:
    """The run that `reference` names: an id, a unique prefix of one, or "last".

    Raises:
        UsageError: none or several fit.
    """
    ids = sorted(_run_names(root), reverse=True)  # They begin with the date.
    if not ids:
        raise UsageError(f"there are no runs in {root} yet; start one with: iml-lab run learning-rate")
    if reference == "last":
        return list_runs(root)[0].directory
    matches = [run for run in ids if run == reference] or [run for run in ids if run.startswith(reference)]
    if not reference:  # Everything begins with nothing; a run to delete must be named.
        matches = []
    if len(matches) == 1:
        return RunDirectory(root / matches[0])
    if matches:
        raise UsageError(f"{reference!r} could be any of {len(matches)} runs: {printable(', '.join(matches[:5]))}")
    close = difflib.get_close_matches(reference, ids, n=1)
    hint = f"; did you mean {printable(close[0])}?" if close else "; iml-lab runs lists them"
    raise UsageError(f"there is no run {reference!r}{hint}")


def delete_run(directory: RunDirectory) -> None:
    """Remove a run and all its files for good.

    Raises:
        RunBusyError: its worker is still at it.
        LabError: it cannot be removed.
    """
    entry = entry_of(directory)
    if entry.state == "queued":
        raise RunBusyError(
            f"{directory.id} is queued; take it out of the queue first with: iml-lab queue cancel {directory.id}"
        )
    if entry.active:
        raise RunBusyError(f"{directory.id} is still running; stop it first with: iml-lab stop {directory.id}")
    # The record may be damaged while the worker is well: the lock knows. It is let go at once, for a file that is open
    # cannot be removed on NFS.
    RunLock(directory.lock_file).release()
    try:
        shutil.rmtree(directory.path)
    except OSError as error:
        raise LabError(f"{directory.path} cannot be removed: {error.strerror or error}") from error
