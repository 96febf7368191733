"""Opening files of a run directory, which may come from someone else: only regular files, never through a link.

Opening a pipe would wait for its other end for ever, reading a device may never end, and a symbolic link would have
the worker write to any file of its user.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from iml_tui.errors import LabError
from iml_tui.text import printable

PRIVATE: Final = 0o600
"""Mode of new files: logs and settings are their user's own."""

_CAREFUL: Final = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # O_NONBLOCK: a pipe opens at once.


def open_file(path: Path, flags: int) -> int:
    """A descriptor of a regular file, opened with `flags`; a new one is readable by its user only.

    Raises:
        OSError: there is no such file, it is not a regular one, or it may not be opened.
    """
    try:
        descriptor = os.open(path, flags | _CAREFUL, PRIVATE)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):  # As Linux and FreeBSD name a link that is not followed.
            raise OSError(errno.ELOOP, "it is a symbolic link", str(path)) from error
        if error.errno == errno.ENXIO:  # A pipe that nobody reads, a socket.
            raise _irregular(path) from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _irregular(path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_regular(path: Path) -> BinaryIO:
    """A regular file, open for reading. Raises OSError as `open_file`."""
    return os.fdopen(open_file(path, os.O_RDONLY), "rb")


def read_regular(path: Path, most: int) -> bytes:
    """The whole content of a regular file of at most `most` bytes.

    Raises:
        OSError: as `open_file`, or the file is larger.
    """
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most:,} bytes", str(path))
    return content


def refuse_links(directory: Path) -> None:
    """Make sure that nothing of a run directory lies elsewhere, before a worker of this user writes into it.

    Raises:
        LabError: a file or directory in it is a symbolic link, or it cannot be listed.
    """
    try:
        with os.scandir(directory) as entries:
            links = [entry.name for entry in entries if entry.is_symlink()]
    except OSError as error:
        raise LabError(f"{printable(str(directory))} cannot be listed: {error.strerror}") from error
    if links:
        raise LabError(
            f"{printable(str(directory / min(links)))} is a symbolic link, through which a run would write to other "
            "places; put what it points to in its place"
        )


def sync_data(descriptor: int) -> None:
    """Wait until what was written is on disk. Raises OSError where it does not get there."""
    getattr(os, "fdatasync", os.fsync)(descriptor)  # macOS has no fdatasync.


def _irregular(path: Path) -> OSError:
    return OSError(errno.EINVAL, "it is not a regular file", str(path))
