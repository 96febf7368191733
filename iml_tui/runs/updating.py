"""Changing `run.json` where no worker is at the run, under its lock: the queue does, and whoever asks for a worker."""

from __future__ import annotations

from typing import Any

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.record import RunRecord


def update_record(directory: RunDirectory, record: RunRecord, **changes: Any) -> RunRecord:
    """Replace `run.json` with these fields changed, and write the change to the event log; returns the new record.

    Only whoever holds the run's lock calls this. The log is what a lost `run.json` is rebuilt from.

    Raises:
        OSError: one of the files cannot be written.
    """
    updated = record.model_copy(update=changes)
    directory.write_record(updated)
    events = EventWriter(directory.events_file)
    try:
        events.append("recorded", changes=updated.model_dump(mode="json", include=set(changes)))
    finally:
        events.close()
    return updated
