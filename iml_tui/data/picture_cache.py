"""Decoded pictures on disk: a folder for each set, with one memory-mapped array for each split and an index.

A set is found by the key of what it was decoded from. It appears under its name complete or not at all; whatever is
wrong with one, the pictures are decoded again and nobody is told. Of all sets those used last are kept, up to 8 GiB;
the newest one always is.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from iml_tui.data.pictures import PictureTransform
from iml_tui.errors import LabError
from iml_tui.experiments.results import SPLITS
from iml_tui.text import printable

# To be raised when the layout of the files, or what is decoded from a picture, changes.
VERSION: Final = 1
FOLDER: Final = "pictures"
INDEX: Final = "index.json"
LOCK: Final = "lock"
NEW: Final = ".new-"
LARGEST_CACHE: Final = 8 * 2**30
CHANNELS: Final = 3
# Left free on the disk: room for the run's own files.
RESERVE: Final = 64 * 2**20
FULL_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

LeftOut = Mapping[int, str]
"""By position in the listing of a split: why the picture is not in the set."""


@dataclass(frozen=True, eq=False)
class PictureSet:
    """The decoded splits: read-only pixels, uint8 of shape (n, S, S, 3), and what was left out of each listing.

    `n` is the length of the listing less that of `left_out`; the order is that of the listing. The set is not `lasting`
    where something was left out for a reason that may pass without a trace in the listing (no permission to read).
    """

    pixels: Mapping[str, NDArray[np.uint8]]
    left_out: Mapping[str, LeftOut]
    lasting: bool


def key_of(folder: Path, listing_sha256: str, transform: PictureTransform) -> str:
    """What a set is found by: a hash over the folder's path, its listing, the transform and `VERSION`."""
    content = f"{VERSION}\0{listing_sha256}\0{transform.resize}\0{transform.crop}\0".encode()
    return hashlib.sha256(content + os.fsencode(folder.resolve())).hexdigest()


def read(cache_directory: Path, key: str, listed: Mapping[str, int], side: int) -> PictureSet | None:
    """The set with this key; None if it is not in the cache, or not intact there.

    `listed` is the number of pictures in the listing of each split.
    """
    folder = cache_directory / FOLDER / key
    try:
        index = json.loads((folder / INDEX).read_bytes())
        lasting = bool(index["lasting"])
        left_out = {split: _left_out(index["left_out"][split], listed[split]) for split in SPLITS}
        pixels = {
            split: _mapped(folder / f"{split}.npy", (listed[split] - len(left_out[split]), side, side, CHANNELS))
            for split in SPLITS
        }
    except Exception:
        # A damaged file can fail in a dozen ways; each means: decode again.
        return None
    # The time of last use; a cache that others have filled may be read-only.
    with contextlib.suppress(OSError):
        os.utime(folder / INDEX)
    return PictureSet(pixels, left_out, lasting)


class NewSet:
    """A set that is being decoded; `writing` gives one. What it raises is a LabError that names the cache folder."""

    def __init__(self, folder: Path, side: int, needed: int) -> None:
        self._folder = folder
        self._side = side
        self._needed = needed
        self._left_out: dict[str, dict[str, str]] = {}
        self._lasting = True

    @contextlib.contextmanager
    def split(self, name: str) -> Iterator[Callable[[NDArray[np.uint8]], None]]:
        """Gives a function that appends the pixels of one picture, uint8 of shape (S, S, 3), to a split."""
        with self._explaining():
            file = (self._folder / f"{name}.npy").open("wb")
        count = 0

        def append(pixels: NDArray[np.uint8]) -> None:
            nonlocal count
            # Written, not mapped: on a full disk a write fails, where a store into mapped memory kills the process.
            with self._explaining():
                file.write(np.ascontiguousarray(pixels).data)
            count += 1

        try:
            with self._explaining():
                self._header(file, 0)
            yield append
            with self._explaining():
                file.seek(0)
                # As long as the first one: numpy leaves room for the first axis to grow.
                self._header(file, count)
                file.flush()
                os.fsync(file.fileno())
        finally:
            with contextlib.suppress(OSError):
                file.close()

    def leave_out(self, split: str, left_out: LeftOut, *, lasting: bool = True) -> None:
        """Note which pictures of a split's listing are not in the set, and whether all the reasons will last."""
        self._lasting = self._lasting and lasting
        self._left_out[split] = {str(position): reason for position, reason in left_out.items()}

    def write_index(self) -> None:
        """Write what makes the set complete."""
        with self._explaining(), (self._folder / INDEX).open("w", encoding="utf-8") as file:
            json.dump({"left_out": self._left_out, "lasting": self._lasting}, file)
            file.flush()
            os.fsync(file.fileno())

    def _header(self, file: BinaryIO, count: int) -> None:
        shape = (count, self._side, self._side, CHANNELS)
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _unwritable(self._folder.parent, error, self._needed) from None


@contextlib.contextmanager
def writing(cache_directory: Path, key: str, count: int, side: int) -> Iterator[NewSet]:
    """Make a set of at most `count` pictures; it is in the cache once the block is left without an exception.

    Otherwise nothing of it stays. Older sets are removed where all together are too large.

    Raises LabError, in one sentence, if the cache folder cannot be written, or if its disk is too full.
    """
    folder = cache_directory / FOLDER
    needed = count * side * side * CHANNELS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder)
        free = shutil.disk_usage(folder).free
        if free < needed + RESERVE:
            raise _too_full(folder, needed + RESERVE, free)
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix=NEW))
        lock = _lock(temporary / LOCK)
    except OSError as error:
        raise _unwritable(folder, error, needed) from None
    try:
        new = NewSet(temporary, side, needed)
        yield new
        new.write_index()
        _put_in_place(temporary, folder / key, needed)
    finally:
        os.close(lock)
        shutil.rmtree(temporary, ignore_errors=True)
    _prune(folder, keep=folder / key)


def _left_out(stored: Any, listed: int) -> LeftOut:
    left_out = {int(position): str(reason) for position, reason in stored.items()}
    if not all(0 <= position < listed for position in left_out):
        raise ValueError("a position is outside the listing")
    return left_out


def _mapped(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    if pixels.shape != shape or pixels.dtype != np.uint8 or path.stat().st_size != pixels.offset + pixels.nbytes:
        raise ValueError("the stored pixels are not what was written")
    mapped: NDArray[np.uint8] = pixels
    return mapped


def _put_in_place(temporary: Path, place: Path, needed: int) -> None:
    """Rename the folder of a new set, over a damaged one if need be."""
    for _ in range(3):
        try:
            temporary.rename(place)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise _unwritable(place.parent, error, needed) from None
        # Whoever maps the old files keeps them.
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)
    raise LabError(f"{printable(str(place))} cannot be replaced: remove it by hand.")


def _lock(path: Path) -> int:
    """A descriptor that holds a lock, which the kernel frees when this process dies."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    # Where the file system has no locks, nothing is ever taken for abandoned either.
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _remove_abandoned(folder: Path) -> None:
    """Remove what processes that were killed have left half-made."""
    for place in folder.glob(f"{NEW}*"):
        try:
            descriptor = os.open(place / LOCK, os.O_RDWR)
        except OSError:
            continue  # Just being made, or gone.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(place, ignore_errors=True)
        except OSError:
            pass  # Somebody is at work there.
        finally:
            os.close(descriptor)


def _prune(folder: Path, keep: Path) -> None:
    """Remove the sets used longest ago until all together have at most `LARGEST_CACHE` bytes."""
    with contextlib.suppress(OSError):
        others = sorted((s for s in folder.iterdir() if s != keep and not s.name.startswith(NEW)), key=_last_used)
        sizes = {place: _size(place) for place in (*others, keep)}
        total = sum(sizes.values())
        for place in others:
            if total <= LARGEST_CACHE:
                return
            shutil.rmtree(place, ignore_errors=True)
            total -= sizes[place]


def _last_used(place: Path) -> float:
    try:
        return (place / INDEX).stat().st_mtime
    except OSError:
        return 0


def _size(place: Path) -> int:
    return sum(file.stat().st_size for file in place.glob("*"))


def _unwritable(folder: Path, error: OSError, needed: int) -> LabError:
    if error.errno in FULL_DISK:
        what = f"the disk is full, and they need {_amount(needed)}: make room, or let IML_LAB_HOME name another disk"
    else:
        reason = os.strerror(error.errno) if error.errno else printable(str(error))
        what = f"it cannot be written ({reason}): let IML_LAB_HOME name a folder that can"
    return LabError(f"{printable(str(folder))}, where decoded pictures are kept: {what}.")


def _too_full(folder: Path, needed: int, free: int) -> LabError:
    what = f"the decoded pictures need {_amount(needed)} there, and {_amount(free)} are free"
    return LabError(f"{printable(str(folder))}: {what}; make room, or let IML_LAB_HOME name a folder on another disk.")


def _amount(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB" if size >= 2**30 else f"{size / 2**20:,.0f} MiB"
