"""Files of several arrays (NumPy's npz format), read without trust: they may come from someone else, or be damaged."""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iml_tui.errors import LabError
from iml_tui.runs.opening import open_regular
from iml_tui.text import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COMPRESSION: Final = 1  # Level 6 takes 3 ms a map instead of 2, and saves a tenth.
_MOST_ARRAYS: Final = 64
_MOST_BYTES: Final = 1 << 28
"""Of all arrays of a file. A thousandth of it is usual; a small hostile file may inflate to any size."""

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
    tokenize.TokenError,
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


def _array(content: bytes) -> NDArray[Any]:
    """The array of a file in NumPy's npy format. Its header is looked at first, for it may name any shape."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError("its format is not that of the lab")
    # In whole numbers of any size. Values without a size would be any number of values in no bytes.
    if not dtype.hasobject and (not dtype.itemsize or math.prod(shape) * dtype.itemsize != len(content) - file.tell()):
        raise ValueError(f"it is not as long as {dtype} of shape {shape}")
    file.seek(0)
    # Files may come from someone else: pickled objects in them are never loaded.
    array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


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
            with open_regular(path) as file, zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                # A member inflates to no more than it says.
                if len(members) > _MOST_ARRAYS or sum(member.file_size for member in members) > _MOST_BYTES:
                    raise self.damaged("it is larger than any of the lab")
                for member in members:
                    self._arrays[member.filename.removesuffix(".npy")] = _array(archive.read(member))
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
