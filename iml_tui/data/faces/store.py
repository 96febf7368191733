"""Rendered faces on disk: one file a set, which can be mapped into memory.

A cache is a convenience: whatever is wrong with it, the faces are rendered again and nobody is told.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iml_tui.data.faces.canvas import SIZE
from iml_tui.runs.atomic import replacing

# Sets of other difficulties; 20 MB each.
KEPT: Final = 4
DIGEST_BYTES: Final = 32
MASK: Final = np.dtype("<u2")


def read_faces(directory: Path, sha256: str, count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint16]] | None:
    """The set with this identity: pixels, uint8 (count, 64, 64, 3), mapped read-only, and a bit mask of giveaways each.

    None if it is not in the cache, or not intact there.
    """
    path = _path(directory, sha256)
    try:
        pixels = np.load(path, mmap_mode="r", allow_pickle=False)
        if pixels.shape != (count, SIZE, SIZE, 3) or pixels.dtype != np.uint8 or not pixels.flags.c_contiguous:
            return None
        with path.open("rb") as file:
            file.seek(pixels.offset + pixels.nbytes)
            tail = file.read(count * MASK.itemsize + DIGEST_BYTES + 1)
        masks, digest = tail[:-DIGEST_BYTES], tail[-DIGEST_BYTES:]
        if len(tail) != count * MASK.itemsize + DIGEST_BYTES or _digest(sha256, pixels, masks) != digest:
            return None
        # The set that was used last is the last to be removed.
        with contextlib.suppress(OSError):
            os.utime(path)
    except Exception:
        # A damaged file can fail in a dozen ways; each means: render again.
        return None
    return pixels, np.frombuffer(masks, dtype=MASK).astype(np.uint16)


def write_faces(directory: Path, sha256: str, pixels: NDArray[np.uint8], giveaways: NDArray[np.uint16]) -> bool:
    """Keep a set, all or nothing, and remove the sets that were not used for longest; whether that was possible."""
    masks = giveaways.astype(MASK).tobytes()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with replacing(_path(directory, sha256)) as file:
            np.lib.format.write_array(file, np.ascontiguousarray(pixels), allow_pickle=False)
            file.write(masks + _digest(sha256, pixels, masks))
        _remove_old(directory)
    except OSError:
        return False
    return True


def _remove_old(directory: Path) -> None:
    sets = sorted(directory.glob("faces-*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in sets[KEPT:]:
        # A process that has mapped it keeps reading it.
        path.unlink(missing_ok=True)


def _digest(sha256: str, pixels: NDArray[np.uint8], masks: bytes) -> bytes:
    hashed = hashlib.sha256(sha256.encode())
    for start in range(0, len(pixels), 256):
        hashed.update(np.ascontiguousarray(pixels[start : start + 256]).data)
    hashed.update(masks)
    return hashed.digest()


def _path(directory: Path, sha256: str) -> Path:
    return directory / f"faces-{sha256}.npy"
