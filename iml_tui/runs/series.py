"""Step-level series: raw little-endian float32, one value a batch, appended in blocks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DTYPE = np.dtype("<f4")


class SeriesWriter:
    """Appends blocks to one series file. Raises OSError where the disk is full."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        size = os.fstat(self._descriptor).st_size
        if size % _DTYPE.itemsize:  # Behind a part of a value, all later ones would be misread.
            os.ftruncate(self._descriptor, size - size % _DTYPE.itemsize)

    def append(self, values: NDArray[np.float32]) -> None:
        """Append values of shape (n,)."""
        data = memoryview(np.ascontiguousarray(values, dtype=_DTYPE).tobytes())
        while data:
            data = data[os.write(self._descriptor, data) :]

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_series(path: Path) -> NDArray[np.float32]:
    """All whole values so far, shape (n,), mapped from the file; empty where there is none yet."""
    try:
        count = path.stat().st_size // _DTYPE.itemsize
        if count:  # An empty file cannot be mapped.
            return np.memmap(path, dtype=_DTYPE, mode="r", shape=(count,))
    except FileNotFoundError:
        pass
    return np.empty(0, dtype=np.float32)
