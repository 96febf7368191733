"""Files of several arrays (NumPy's npz format), read without trust: they may come from someone else, or be damaged."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iml_tui.errors import LabError
from iml_tui.text import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COMPRESSION: Final = 1  # Level 6 takes 3 ms a map instead of 2, and saves a tenth.
# What a damaged or hostile archive raises, besides LabError: a bad header, checksum, compression or size.
_DAMAGE: Final = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    KeyError,
    OverflowError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    zipfile.BadZipFile,
    struct.error,
    zlib.error,
)


def packed(**arrays: NDArray[Any]) -> bytes:
    """The arrays as an npz archive; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # Its date is fixed.
            entry.compress_type = zipfile.ZIP_DEFLATED
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            archive.writestr(entry, content.getvalue(), compresslevel=_COMPRESSION)
    return buffer.getvalue()


class ArrayFile:
    """The arrays of one file, each checked when it is asked for.

    `what` is what the file holds, for messages ("decision map").

    Raises:
        LabError: on opening or asking; there is no such file, or it is damaged.
    """

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        self._arrays: dict[str, NDArray[Any]] = {}
        try:
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    with archive.open(name) as file:
                        # Files may come from someone else: pickled objects in them are never loaded.
                        array = np.lib.format.read_array(file, allow_pickle=False)
                    self._arrays[name.removesuffix(".npy")] = array
        except FileNotFoundError as error:
            raise LabError(f"there is no {what} {printable(str(path))}") from error
        except _DAMAGE as error:
            raise self.damaged(str(error) or type(error).__name__) from error

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._arrays:
            raise self.damaged(f"it lacks {name}")
        return self._arrays[name]

    def array(self, name: str, kinds: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """The named array, whose dtype is of one of NumPy's `kinds`; −1 in the shape stands for any length."""
        array = self[name]
        fits = array.ndim == len(shape) and all(a in (b, -1) for a, b in zip(shape, array.shape, strict=True))
        if array.dtype.kind not in kinds or not fits:
            raise self.damaged(f"{name} is {array.dtype} of shape {array.shape}")
        return array

    def real(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """An array of finite numbers."""
        array = self.array(name, "f", shape).astype(np.float32)
        if not np.isfinite(array).all():
            raise self.damaged(f"{name} is not finite")
        return array

    def classes(self, name: str, shape: tuple[int, ...], count: int) -> NDArray[np.int64]:
        """An array of classes 0…count−1."""
        array = self.array(name, "iu", shape).astype(np.int64)
        if array.size and not (array.min() >= 0 and array.max() < count):
            raise self.damaged(f"{name} holds classes that the data lack")
        return array

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, as they are: not made safe for a terminal."""
        try:
            return tuple(self.array(name, "U", (-1,)).tolist())
        except (ValueError, SystemError) as error:  # Which one, depends on the number that is no character.
            raise self.damaged(f"{name} holds what is no text") from error

    def damaged(self, why: str) -> LabError:
        """The error that says so and names the file."""
        return LabError(f"the {self._what} {printable(str(self._path))} is damaged: {printable(why)}")
