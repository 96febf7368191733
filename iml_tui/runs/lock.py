"""The lock that says who owns a run: held by its worker for as long as it lives, freed by the kernel when it dies."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from iml_tui.errors import LabError, RunBusyError


class RunLock:
    """An exclusive lock on a run directory (`fcntl.lockf`, which also works across hosts on NFS).

    Raises:
        RunBusyError: another process owns the run; nothing was written.
        LabError: the file cannot be opened, or its file system has no locks.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LabError(f"{path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise RunBusyError(f"{path.parent.name} is owned by another worker; attach to it instead") from error
            raise LabError(f"{path} cannot be locked: {error.strerror}") from error

    def release(self) -> None:
        """Give the run up."""
        os.close(self._descriptor)
