"""`events.jsonl`: an append-only log, one line an event, written by the worker and read by everyone.

A line is the CRC-32 of the JSON text in eight hexadecimal digits, a space, the JSON text and a line feed. Every event
has `seq` (0, 1, 2, …), `time` (seconds since the epoch) and `type`. A figure that is not finite is null. A reader
drops lines whose checksum does not fit and waits for the rest of a line without line feed, so a torn tail or flipped
bits cost the damaged lines and nothing before or after them. Gaps in `seq` tell of lines that are gone altogether.

A whole line may still hold anything, for the log may come from someone else: whoever takes an event checks its fields.
"""

from __future__ import annotations

import errno
import json
import math
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from iml_tui.runs.opening import open_file, open_regular, sync_data

Event = dict[str, Any]

LONGEST_LINE: Final = 1 << 24
"""Bytes of one line beyond which it is no event: one that holds the record of a run of 1,000 trials has 1 MB."""

_CHUNK: Final = 1 << 20
_MOST_SEQUENCE: Final = 1 << 53


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
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("type"), str) else None


def sequence_of(event: Event) -> int | None:
    """The number of the event in its log; None where it has none."""
    number = event.get("seq")
    return number if type(number) is int and 0 <= number < _MOST_SEQUENCE else None


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
        last = max((sequence_of(event) or 0 for event in reader.new_events()), default=-1)
        self._descriptor = open_file(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            if reader.has_torn_tail:
                os.write(self._descriptor, b"\n")
                # The tail may have lacked nothing but its line feed.
                last = max((sequence_of(event) or 0 for event in reader.new_events()), default=last)
        except BaseException:
            os.close(self._descriptor)
            raise
        self._sequence = 1 + last
        self._inside_line = False

    def append(self, type: str, *, durable: bool = False, **fields: Any) -> None:
        """Write one event with one write(2); `durable` also waits until it is on disk."""
        line = encode({"seq": self._sequence, "time": time.time(), "type": type, **fields})
        if self._inside_line:
            line = b"\n" + line
        written = os.write(self._descriptor, line)
        self._inside_line = written != len(line)
        if self._inside_line:
            raise OSError(
                errno.ENOSPC, f"only {written} of {len(line)} bytes of an event were written: the disk is full"
            )
        self._sequence += 1
        if durable:
            sync_data(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class EventReader:
    """Reads what was appended since the last call.

    A log that became shorter, or that another file took the place of (one copied back, say), is read from its start
    again. Memory is bounded whatever the file holds.

    Attributes:
        has_torn_tail: the file ends inside a line.
        restarts: how often the log was begun anew, so that what was read of it before counts no more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.restarts = 0
        self._begin()

    def _begin(self) -> None:
        self._offset = 0
        self._stamp: tuple[int, int] | None = None
        self._last = -1  # The highest number of an event.
        self._lost = 0
        self._damaged_lines = 0  # Since the last whole event.
        self._inside_long_line = False
        self.has_torn_tail = False

    @property
    def damaged(self) -> int:
        """Events that are lost: their lines are damaged, or are gone, which their numbers tell."""
        return self._lost + self._damaged_lines

    def read_new(self) -> list[Event]:
        """The new whole events, oldest first; none where there is no file yet."""
        return list(self.new_events())

    def new_events(self) -> Iterator[Event]:
        """As `read_new`, one after the other. Raises OSError where the file cannot be read, or is not a regular one."""
        try:
            file = open_regular(self._path)
        except FileNotFoundError:
            return
        with file:
            status = os.fstat(file.fileno())
            stamp = (status.st_ino, status.st_size)
            if stamp == self._stamp:
                return
            if self._stamp is not None and (status.st_ino != self._stamp[0] or not self._continues(file)):
                self._begin()
                self.restarts += 1
            self._stamp = stamp
            for line in self._lines(file):
                event = self._event(line)
                if event is not None:
                    yield event

    def _continues(self, file: BinaryIO) -> bool:
        """Whether the file still holds, up to here, what was read of it: it then has a line feed there."""
        if not self._offset:
            return True
        file.seek(self._offset - 1)
        before = file.read(1)
        return before == b"\n" or (self._inside_long_line and bool(before))

    def _lines(self, file: BinaryIO) -> Iterator[bytes]:
        """The lines from where the last call ended, without their line feeds; what follows the last one is kept."""
        file.seek(self._offset)
        tail = b""
        while chunk := file.read(_CHUNK):
            *lines, tail = (tail + chunk).split(b"\n") if b"\n" in chunk else (tail + chunk,)
            for line in lines:
                self._offset += len(line) + 1
                if self._inside_long_line:
                    self._inside_long_line = False  # That was the rest of it.
                else:
                    yield line
            if len(tail) > LONGEST_LINE or self._inside_long_line:
                if not self._inside_long_line:
                    self._damaged_lines += 1
                self._inside_long_line = True
                self._offset += len(tail)
                tail = b""
        self.has_torn_tail = bool(tail) or self._inside_long_line

    def _event(self, line: bytes) -> Event | None:
        event = decode(line)
        if event is None:
            self._damaged_lines += bool(line)
            return None
        number = sequence_of(event)
        if number is None:
            return event
        if number <= self._last:
            return None  # It was there before: two copies of a log in one file.
        # Damaged lines leave a gap as well, unless they were torn off while they were written.
        self._lost += (number - self._last - 1) or self._damaged_lines
        self._damaged_lines = 0
        self._last = number
        return event
