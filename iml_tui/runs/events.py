"""`events.jsonl`: an append-only log, one line an event, written by the worker and read by everyone.

A line is the CRC-32 of the JSON text in eight hexadecimal digits, a space, the JSON text and a line feed. Every event
has `seq` (0, 1, 2, …), `time` (seconds since the epoch) and `type`. A figure that is not finite is null. A reader
drops lines whose checksum does not fit and waits for the rest of a line without line feed, so a torn tail or flipped
bits cost the damaged lines and nothing before or after them.
"""

from __future__ import annotations

import json
import math
import os
import time
import zlib
from pathlib import Path
from typing import Any

Event = dict[str, Any]


def encode(event: Event) -> bytes:
    """The event as one line."""
    # As ASCII, for a path in a message may hold bytes that are no UTF-8.
    text = json.dumps(without_non_finite(event), separators=(",", ":"), allow_nan=False).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode(line: bytes) -> Event | None:
    """The event of a line without its line feed; None where the line is damaged."""
    checksum, separator, text = line.partition(b" ")
    try:
        if not separator or int(checksum, 16) != zlib.crc32(text):
            return None
        event = json.loads(text)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "type" in event else None


def without_non_finite(value: Any) -> Any:
    """The value with NaN and infinities, which JSON cannot hold, as None, which it writes as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: without_non_finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_non_finite(item) for item in value]
    return value


class EventWriter:
    """Appends events. Only the owner of the run's lock may hold one.

    Raises:
        OSError: on opening or writing (disk full); what was written before stays readable.
    """

    def __init__(self, path: Path) -> None:
        reader = EventReader(path)
        existing = reader.read_new()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if reader.has_torn_tail:
            os.write(self._descriptor, b"\n")
            existing += reader.read_new()  # The tail may have lacked nothing but its line feed.
        self._sequence = 1 + max((event["seq"] for event in existing), default=-1)
        self._inside_line = False

    def append(self, type: str, *, durable: bool = False, **fields: Any) -> None:
        """Write one event with one write(2); `durable` also waits until it is on disk."""
        line = encode({"seq": self._sequence, "time": time.time(), "type": type, **fields})
        if self._inside_line:
            line = b"\n" + line
        written = os.write(self._descriptor, line)
        self._inside_line = written != len(line)
        if self._inside_line:
            raise OSError(f"only {written} of {len(line)} bytes of an event were written: the disk is full")
        self._sequence += 1
        if durable:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class EventReader:
    """Reads what was appended since the last call.

    Attributes:
        damaged: lines that were dropped because their checksum did not fit.
        has_torn_tail: the file ends inside a line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.damaged = 0
        self.has_torn_tail = False

    def read_new(self) -> list[Event]:
        """The new whole events, oldest first; none where there is no file yet."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        end = data.rfind(b"\n") + 1
        self.has_torn_tail = end != len(data)
        self._offset += end
        events = []
        for line in data[:end].split(b"\n")[:-1]:
            event = decode(line)
            if event is not None:
                events.append(event)
            elif line:
                self.damaged += 1
        return events
