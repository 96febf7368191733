"""Step-level series: raw little-endian float32, one value a batch, appended in blocks."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from iml_tui.runs.atomic import replacing
from iml_tui.runs.opening import open_file, open_regular, sync_data

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_VALUES: Final = 1 << 28
"""Values of one series beyond which none are read (1 GiB): a thousand epochs of the course's data, sample by sample,
have 1e8. A file may be sparse and claim any size."""

_DTYPE: Final = np.dtype("<f4")
_BLOCK: Final = 1 << 16


class SeriesWriter:
    """Appends blocks to one series file.

    Args:
        path: the file, which comes into being where there is none.
        keep: values of an earlier worker that stay. Later ones are dropped; where the file holds fewer, because the
            power was cut before they were on disk, NaN stands for them. None keeps all.

    Attributes:
        count: values so far.
        padded: values that were lost and are NaN.

    Raises:
        OSError: on opening or writing (disk full); whole values that were written before stay.
    """

    def __init__(self, path: Path, keep: int | None = None) -> None:
        if keep is not None:
            _shorten(path, keep)
        self.padded = 0
        self._descriptor = open_file(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            self.count = os.fstat(self._descriptor).st_size // _DTYPE.itemsize
            self._drop_part()
            while keep is not None and self.count < keep:
                block = min(_BLOCK, keep - self.count)
                self.append(np.full(block, np.nan, np.float32))
                self.padded += block
        except BaseException:
            os.close(self._descriptor)
            raise

    def append(self, values: NDArray[np.float32]) -> None:
        """Append values of shape (n,)."""
        data = memoryview(np.ascontiguousarray(values, dtype=_DTYPE).tobytes())
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            # Whole values stay: a viewer may have mapped them, and would be killed on touching what was cut off.
            with contextlib.suppress(OSError):
                self.count = os.fstat(self._descriptor).st_size // _DTYPE.itemsize
                self._drop_part()
            raise
        self.count += len(values)

    def sync(self) -> None:
        """Wait until everything is on disk. Raises OSError where it does not get there."""
        sync_data(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _drop_part(self) -> None:
        """Behind a part of a value, all later ones would be misread."""
        size = os.fstat(self._descriptor).st_size
        if size % _DTYPE.itemsize:
            os.ftruncate(self._descriptor, size - size % _DTYPE.itemsize)


def _shorten(path: Path, keep: int) -> None:
    """Leave `keep` values, in a new file: a viewer that has mapped the old one may still read all of it."""
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size <= keep * _DTYPE.itemsize:
                return
            with replacing(path) as shorter:
                left = keep * _DTYPE.itemsize
                while left and (block := file.read(min(left, 1 << 20))):
                    shorter.write(block)
                    left -= len(block)
                shorter.flush()
                sync_data(shorter.fileno())
    except FileNotFoundError:
        return


def read_series(path: Path, most: int = MOST_VALUES) -> NDArray[np.float32]:
    """All whole values so far, at most `most`, shape (n,), mapped from the file; empty where none can be read."""
    try:
        with open_regular(path) as file:
            count = min(os.fstat(file.fileno()).st_size // _DTYPE.itemsize, most, MOST_VALUES)
            if count:  # An empty file cannot be mapped.
                return np.memmap(file, dtype=_DTYPE, mode="r", shape=(count,))
    except OSError:
        pass
    return np.empty(0, dtype=np.float32)
