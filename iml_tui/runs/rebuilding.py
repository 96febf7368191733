"""Making a lost or garbled `run.json` again from the event log, whose `created` and `recorded` events hold it all."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import Any, Final

from iml_tui.errors import LabError
from iml_tui.runs.directory import NewerRunError, RunDirectory, parse_record
from iml_tui.runs.event_fields import time_of
from iml_tui.runs.events import Event, EventReader
from iml_tui.runs.record import RunRecord
from iml_tui.text import printable

REBUILT: Final = "run.json was damaged or missing and is rebuilt from the event log"

_ENDS: Final = ("done", "stopped", "failed")


class RecordLog:
    """The fields of `run.json` as the events taken so far tell them."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}

    def take(self, event: Event) -> bool:
        """Take an event in; whether it told anything."""
        match event:
            case {"type": "created", "record": dict(record)}:
                self._fields = dict(record)
            case {"type": "recorded", "changes": dict(changes)}:
                self._fields |= changes
            case {"type": "finished", "state": str(state)} if state in _ENDS:
                message = event.get("message")
                self._fields |= {"state": state, "message": message if isinstance(message, str) else ""}
                self._fields["finished"] = time_of(event)
            case _:
                return False
        return True

    def __bool__(self) -> bool:
        """Whether anything was told."""
        return bool(self._fields)

    def record(self, directory: RunDirectory, before: RunRecord | None = None) -> RunRecord | None:
        """The record of the run in `directory`; None where the events do not tell all of it.

        Args:
            directory: the run.
            before: the record as it was before these events, if it is known.

        Raises:
            NewerRunError: it is of a newer lab.
        """
        known = before.model_dump(mode="json") if before is not None else {}
        try:
            return parse_record(json.dumps(known | self._fields).encode("ascii"), RunRecord, directory)
        except NewerRunError:
            raise
        except (LabError, RecursionError):
            return None


def rebuild_record(directory: RunDirectory) -> RunRecord | None:
    """What the event log says `run.json` held last; None where it does not tell.

    Raises:
        NewerRunError: it is of a newer lab.
    """
    log = RecordLog()
    try:
        for event in EventReader(directory.events_file).new_events():
            log.take(event)
    except OSError:
        return None
    return log.record(directory)


def find_record(directory: RunDirectory) -> tuple[RunRecord, str]:
    """The record, and a sentence where it had to be rebuilt, "" where `run.json` is fine. Writes nothing.

    Raises:
        NewerRunError: it is of a newer lab.
        LabError: `run.json` is missing or damaged, and the log does not tell what it held.
    """
    try:
        return directory.read_record(), ""
    except NewerRunError:
        raise
    except LabError:
        record = rebuild_record(directory)
        if record is None:
            raise
        return record, REBUILT


def mend_record(directory: RunDirectory) -> str:
    """Write a `run.json` that is missing or damaged anew; a sentence on that, "" where it is fine.

    Only whoever holds the run's lock calls this. A damaged one is kept beside it; what somebody left who was killed
    while writing it is removed.

    Raises:
        NewerRunError: it is of a newer lab.
        LabError: the log does not tell what it held, or it cannot be written.
    """
    for unfinished in directory.path.glob(f".{directory.record_file.name}.*"):
        with suppress(OSError):
            unfinished.unlink()
    record, note = find_record(directory)
    if not note:
        return ""
    try:
        if os.path.lexists(directory.record_file):
            directory.record_file.rename(directory.path / f"run.json.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        directory.write_record(record)
    except OSError as error:
        file = printable(str(directory.record_file))
        raise LabError(f"{file} is damaged and cannot be written anew: {error.strerror}") from error
    return note
