"""The test pictures of a run, and what its models make of each of them.

The worker writes them; whoever shows a run reads them, so that no viewer needs the data or a network.

    pictures/test.npy               the test pictures, at most 128 pixels wide and high
    pictures/test.json              their labels, where they come from, what is known about them, the classes
    pictures/predictions-003.npy    of trial 3: the probability of class 1 for every test picture
"""

from __future__ import annotations

import io
import math
import os
import tokenize
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from iml_tui.errors import LabError
from iml_tui.runs.atomic import replacing, write_atomically
from iml_tui.runs.opening import open_regular
from iml_tui.runs.picture_scaling import reduce_pictures
from iml_tui.text import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.runs.directory import RunDirectory

LARGEST_SIDE: Final = 128
"""Pixels of a kept picture's side, at most: what a terminal of 256 columns shows of two."""
MOST_BYTES: Final = 128 * 2**20
"""Of all kept pictures together; of more than 2,730 the sides are smaller."""
_MOST_TEXT: Final = 64 * 2**20
"""Bytes of `test.json` beyond which it is not read."""
_CHUNK: Final = 64
# What a damaged or hostile array file raises: NumPy reads its header as Python's own literals.
_DAMAGE: Final = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    OverflowError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    tokenize.TokenError,
)


class LabelledPictures(Protocol):
    """What is written of a split of pictures, as `iml_tui.data.pictures.PictureSplit` has it."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """uint8 [n, S, S, 3], RGB."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """int64 [n], 0 or 1."""

    @property
    def names(self) -> tuple[str, ...]:
        """Where each comes from."""

    @property
    def details(self) -> tuple[str, ...]:
        """What else is known about each."""


@dataclass(frozen=True, eq=False)
class TestPictures:
    """The test pictures of a run.

    Attributes:
        pixels: uint8 [n, s, s, 3], RGB, a read-only memory map; s is at most `LARGEST_SIDE`.
        labels: int64 [n], 0 or 1.
        names: where each comes from ("real/00012.jpg"); safe for a terminal.
        details: what else is known about each, "" where nothing is; safe for a terminal.
        class_names: the names of classes 0 and 1; safe for a terminal.
    """

    __test__ = False  # No class of tests, whatever its name.

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    details: tuple[str, ...]
    class_names: tuple[str, str]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def size(self) -> int:
        """The side of every picture, in pixels."""
        return int(self.pixels.shape[1])

    @cached_property
    def counts(self) -> tuple[int, int]:
        """How many pictures are of class 0 and of class 1."""
        ones = int(self.labels.sum())
        return len(self) - ones, ones


class _Texts(BaseModel):
    model_config = ConfigDict(strict=True)

    class_names: tuple[str, str]
    labels: list[int]
    names: list[str]
    details: list[str]


def write_test_pictures(directory: RunDirectory, split: LabelledPictures, class_names: tuple[str, str]) -> None:
    """Keep the test pictures of a run, reduced where they are larger than a viewer needs.

    Raises:
        OSError: they cannot be written.
    """
    directory.pictures.mkdir(0o700, exist_ok=True)
    count, side = len(split.labels), kept_side(len(split.labels), split.pixels.shape[1])
    # The texts last: where they are, all is there.
    _texts_file(directory).unlink(missing_ok=True)
    with replacing(_pixels_file(directory)) as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, side, side, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, count, _CHUNK):
            kept = reduce_pictures(split.pixels[start : start + _CHUNK], side, side)
            file.write(np.ascontiguousarray(kept, np.uint8).data)
    texts = _Texts(
        class_names=(printable(class_names[0]), printable(class_names[1])),
        labels=split.labels.tolist(),
        names=[printable(name) for name in split.names],
        details=[printable(detail) for detail in split.details],
    )
    write_atomically(_texts_file(directory), texts.model_dump_json())


def kept_side(count: int, side: int) -> int:
    """The side, in pixels, that `count` pictures of the given side are kept with."""
    return max(1, min(side, LARGEST_SIDE, math.isqrt(MOST_BYTES // (3 * max(count, 1)))))


def has_test_pictures(directory: RunDirectory) -> bool:
    """Whether the test pictures of the run are kept."""
    return _texts_file(directory).is_file()


def read_test_pictures(directory: RunDirectory) -> TestPictures:
    """The test pictures of a run.

    Raises:
        LabError: the run has none, or a file is damaged.
    """
    texts_file, pixels_file = _texts_file(directory), _pixels_file(directory)
    texts = _read_texts(texts_file)
    pixels = _mapped(pixels_file, "test pictures")
    side = pixels.shape[1] if pixels.ndim == 4 else 0
    if pixels.dtype != np.uint8 or pixels.shape != (len(texts.labels), side, side, 3) or not 1 <= side <= LARGEST_SIDE:
        raise _damaged("test pictures", pixels_file, f"they are {pixels.dtype} of shape {pixels.shape}")
    return TestPictures(
        pixels=pixels,
        labels=np.array(texts.labels, np.int64),
        names=tuple(printable(name) for name in texts.names),
        details=tuple(printable(detail) for detail in texts.details),
        class_names=(printable(texts.class_names[0]), printable(texts.class_names[1])),
    )


def write_predictions(directory: RunDirectory, trial: int, probabilities: NDArray[np.float32]) -> None:
    """Keep the probabilities of class 1 (float32 [n]) that a trial gives to the test pictures.

    Raises:
        OSError: they cannot be written.
    """
    directory.pictures.mkdir(0o700, exist_ok=True)
    content = io.BytesIO()
    np.lib.format.write_array(content, np.ascontiguousarray(probabilities, dtype="<f4"), allow_pickle=False)
    write_atomically(_predictions_file(directory, trial), content.getvalue())


def read_predictions(directory: RunDirectory, trial: int, count: int) -> NDArray[np.float32]:
    """The probabilities of class 1 that a trial gives to the `count` test pictures, float32 [count], 0…1 or NaN.

    Raises:
        LabError: there are none, the file is damaged, or it does not fit.
    """
    path, what = _predictions_file(directory, trial), "predictions"
    found = _mapped(path, what)
    if found.dtype != np.float32 or found.shape != (count,):
        raise _damaged(what, path, f"they are {found.dtype} of shape {found.shape} for {count} pictures")
    probabilities = np.array(found)
    if ((probabilities < 0) | (probabilities > 1)).any():
        raise _damaged(what, path, "they are not between 0 and 1")
    return probabilities


def _read_texts(path: Path) -> _Texts:
    what = "list of test pictures"
    try:
        with open_regular(path) as file:
            content = file.read(_MOST_TEXT + 1)
    except FileNotFoundError as error:
        raise LabError(f"there is no {what} {printable(str(path))}") from error
    except OSError as error:
        raise LabError(f"the {what} {printable(str(path))} cannot be read: {error.strerror}") from error
    if len(content) > _MOST_TEXT:
        raise _damaged(what, path, f"it is longer than {_MOST_TEXT // 2**20} MiB")
    try:
        texts = _Texts.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _damaged(what, path, f"{where}: {first['msg']}" if where else first["msg"]) from error
    if not len(texts.labels) == len(texts.names) == len(texts.details):
        raise _damaged(what, path, "labels, names and details are not equally many")
    if not set(texts.labels) <= {0, 1}:
        raise _damaged(what, path, "it holds classes other than 0 and 1")
    return texts


def _mapped(path: Path, what: str) -> NDArray[Any]:
    """The array of a file in NumPy's npy format as a read-only memory map; an empty one as an array."""
    try:
        with open_regular(path) as file:
            version = np.lib.format.read_magic(file)
            if version != (1, 0):
                raise _damaged(what, path, "its format is not that of the lab")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
            offset = file.tell()
            if fortran or dtype.hasobject or not all(0 <= length < 2**31 for length in shape):
                raise _damaged(what, path, "its header is not that of the lab")
            # In whole numbers of any size: a hostile header may name shapes that overflow.
            if os.fstat(file.fileno()).st_size != offset + math.prod(shape) * dtype.itemsize:
                raise _damaged(what, path, f"it is not as long as {dtype} of shape {shape}")
            if not math.prod(shape):
                return np.zeros(shape, dtype)
            return np.memmap(file, dtype=dtype, mode="r", offset=offset, shape=shape)
    except FileNotFoundError as error:
        raise LabError(f"there are no {what} {printable(str(path))}") from error
    except _DAMAGE as error:
        raise _damaged(what, path, str(error) or type(error).__name__) from error


def _damaged(what: str, path: Path, why: str) -> LabError:
    verb = "is" if what.startswith("list") else "are"
    return LabError(f"the {what} {printable(str(path))} {verb} damaged: {printable(why)}")


def _pixels_file(directory: RunDirectory) -> Path:
    return directory.pictures / "test.npy"


def _texts_file(directory: RunDirectory) -> Path:
    return directory.pictures / "test.json"


def _predictions_file(directory: RunDirectory, trial: int) -> Path:
    return directory.pictures / f"predictions-{trial:03d}.npy"
