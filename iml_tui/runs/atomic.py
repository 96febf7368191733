"""Replacing a file so that a reader sees the old content or the new, never a part, even after a power cut."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Write `content` (text as UTF-8) to `path`: temporary file in the same directory, fsync, rename.

    Without `durable` there is no fsync, which takes milliseconds: a power cut may then leave a damaged file, the end of
    the process does not. For what can be done without.

    Raises:
        OSError: the directory is missing, not writable or full; `path` is then unchanged.
    """
    data = content.encode() if isinstance(content, str) else content
    with replacing(path) as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    if durable:
        sync_directory(path.parent)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file, open for writing, that takes the place of `path` in the end; it is removed where anything fails.

    To be written, not mapped: on a full disk a write fails, where a store into mapped memory kills the process.

    Raises:
        OSError: the directory is missing, not writable or full; `path` is then unchanged.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sync_directory(path: Path) -> None:
    """Wait until what was renamed in a directory is on disk, which it is only once the directory is."""
    # Some network file systems cannot sync one; the new content is in place all the same.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
