"""Replacing a file so that a reader sees the old content or the new, never a part, even after a power cut."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Write `content` (text as UTF-8) to `path`: temporary file in the same directory, fsync, rename.

    Without `durable` there is no fsync, which takes milliseconds: a power cut may then leave a damaged file, the end of
    the process does not. For what can be done without.

    Raises:
        OSError: the directory is missing, not writable or full; `path` is then unchanged.
    """
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if durable:
        _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    # The rename itself is only on disk once the directory is. Some network file systems cannot sync one; the new
    # content is in place all the same.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
