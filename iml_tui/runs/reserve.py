"""Room on the disk that a run keeps for its last words: on a full disk it could not even tell that it failed."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Final

RESERVED_BYTES: Final = 1 << 18
"""More than the last events and the last `run.json` take."""

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What a write raises where there is no room: on the disk, in the user's quota, in a file."""


class Reserve:
    """A file that takes up room until it is given up.

    Where there is no room for it, the run goes on without.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / ".reserve"
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                # Zeros that are written, not a hole.
                os.write(descriptor, bytes(RESERVED_BYTES))
            finally:
                os.close(descriptor)

    def release(self) -> None:
        """Give the room up."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def is_full(error: BaseException) -> bool:
    """Whether the error says that there is no room."""
    return isinstance(error, OSError) and error.errno in FULL
