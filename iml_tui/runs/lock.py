"""The lock that says who owns a run: held by its worker for as long as it lives, freed by the kernel when it dies."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import sys
import threading
from pathlib import Path
from typing import Final

from iml_tui.errors import LabError, RunBusyError
from iml_tui.runs.opening import open_file

# The fields of `struct flock` as the C library has them, and which of them are the type and the process.
_LAYOUTS: Final = {"linux": ("hhqqi4x", 0, 4), "darwin": ("qqihh", 3, 2)}

_held: set[tuple[int, int, int]] = set()
"""Process, device and inode of the lock files that are held. Closing any descriptor of such a file would free it, as
POSIX has it, so a process must not even look at its own."""

_looking = threading.Lock()
"""Held while a lock file is opened to be locked or asked for, so that no thread closes what another just locked."""


class RunLock:
    """An exclusive lock on a run directory (`fcntl.lockf`, which also works across hosts on NFS).

    Raises:
        RunBusyError: another process owns the run, or this one does already; nothing was written.
        LabError: the file cannot be opened, or its file system has no locks.
    """

    def __init__(self, path: Path) -> None:
        with _looking:
            self._take(path)

    def _take(self, path: Path) -> None:
        if _is_own(path):
            raise _busy(path)
        try:
            self._descriptor = open_file(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise LabError(f"{path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise _busy(path) from error
            raise LabError(f"{path} cannot be locked: {error.strerror}") from error
        status = os.fstat(self._descriptor)
        self._key = os.getpid(), status.st_dev, status.st_ino
        _held.add(self._key)

    def release(self) -> None:
        """Give the run up."""
        _held.discard(self._key)
        os.close(self._descriptor)


def lock_holder(path: Path) -> int | None:
    """The process that holds a lock file, by its id; None where nobody does. Takes nothing.

    The id is 0 or less where the process is on another host or in another container.

    Raises:
        OSError: that cannot be told: the file may not be read, or its file system has no locks.
    """
    with _looking:
        return os.getpid() if _is_own(path) else _ask(path)


def _ask(path: Path) -> int | None:
    if sys.platform not in _LAYOUTS:
        raise OSError(errno.ENOSYS, "the holder of a lock cannot be asked for", str(path))
    layout, type_field, process_field = _LAYOUTS[sys.platform]
    fields = [0] * 5
    fields[type_field] = fcntl.F_WRLCK  # From the start of the file (0) to its end (0), as lockf locks it.
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        found = struct.unpack(layout, fcntl.fcntl(descriptor, fcntl.F_GETLK, struct.pack(layout, *fields)))
    finally:
        os.close(descriptor)
    return None if found[type_field] == fcntl.F_UNLCK else int(found[process_field])


def _is_own(path: Path) -> bool:
    with contextlib.suppress(OSError):
        status = path.stat()
        return (os.getpid(), status.st_dev, status.st_ino) in _held
    return False


def _busy(path: Path) -> RunBusyError:
    return RunBusyError(f"{path.parent.name} is owned by another worker; attach to it instead")
