"""The pictures in a folder as arrays: decoded once by several threads, then mapped from the cache."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iml_tui.data import picture_cache
from iml_tui.data.image_decoding import (
    UnreadablePictureError,
    UnusablePictureError,
    VanishedPictureError,
    decode,
    prepare_pillow,
)
from iml_tui.data.image_folder import ImageFolderScan, SplitListing, changed_meanwhile, scan_folder
from iml_tui.data.messages import malformed
from iml_tui.data.picture_cache import LeftOut, PictureSet
from iml_tui.data.pictures import OnPreparation, PictureData, PictureSplit, PictureTransform
from iml_tui.errors import LabError
from iml_tui.text import printable

DECODING: Final = "decoding pictures"
MOST_THREADS: Final = 16
# Pictures in memory, for each thread: decoded but not yet written, or waiting to be decoded.
AHEAD: Final = 4
# Seconds between two reports of progress; a report is also the chance to stop.
REPORT_INTERVAL: Final = 0.1
MOST_NOTES: Final = 20
MOST_REASONS: Final = 3

Pixels = NDArray[np.uint8]


def load_image_folder(
    folder: Path, cache_directory: Path, transform: PictureTransform, on_preparation: OnPreparation
) -> PictureData:
    """The pictures of a folder in the layout of `ImageFolder`, each as a square of `transform.crop` pixels.

    They are decoded only if the cache does not have them. Pictures that cannot be used are left out, and `notes` name
    them. `on_preparation` is told "decoding pictures" about ten times a second, in this thread; what it raises ends the
    work, and nothing half-made stays.

    Raises:
        UsageError: see `scan_folder`; or a class has no usable picture in a split, more than half of a split cannot be
            used, or the folder changed meanwhile.
        LabError: the cache cannot be written.
    """
    scan = scan_folder(folder)
    key = picture_cache.key_of(folder, scan.sha256, transform)
    listed = {name: len(split.files) for name, split in scan.splits.items()}
    stored = picture_cache.read(cache_directory, key, listed, transform.crop)
    if stored is not None and stored.lasting:
        how = f"The decoded pictures come from the cache ({printable(str(cache_directory))})."
    else:
        started = time.monotonic()
        with picture_cache.writing(cache_directory, key, sum(listed.values()), transform.crop) as new:
            _decode(scan, transform, new, on_preparation)
            # What was decoded must be what the hash of the listing stands for.
            if scan_folder(folder).sha256 != scan.sha256:
                raise changed_meanwhile(folder)
        stored = picture_cache.read(cache_directory, key, listed, transform.crop)
        if stored is None:
            place = printable(str(cache_directory))
            raise LabError(f"{place}: the decoded pictures were written there, but cannot be read back.")
        how = (
            f"The pictures were decoded in {time.monotonic() - started:,.1f} s and are kept in the cache "
            f"({printable(str(cache_directory))})."
        )
    return _joined(scan, stored, how)


def _decode(
    scan: ImageFolderScan, transform: PictureTransform, new: picture_cache.NewSet, on_preparation: OnPreparation
) -> None:
    """Decode all splits into a new set of the cache."""
    prepare_pillow()
    progress = _Progress(on_preparation, sum(len(split.files) for split in scan.splits.values()))
    for name, split in scan.splits.items():
        left_out = dict(split.problems)
        lasting = True
        positions = [position for position in range(len(split.files)) if position not in left_out]
        progress.advance(len(left_out))
        paths = [split.folder / split.files[position] for position in positions]
        with new.split(name) as append, contextlib.closing(_decoded(paths, transform, progress.tell)) as decoded:
            for position, result in zip(positions, decoded, strict=True):
                if isinstance(result, UnusablePictureError):
                    left_out[position] = str(result)
                    lasting = lasting and not isinstance(result, UnreadablePictureError)
                else:
                    append(result)
                progress.advance(1)
        _check_left_out(scan, split, left_out)
        new.leave_out(name, left_out, lasting=lasting)
    progress.finish()


class _Progress:
    """Tells how many pictures are done, but not more often than is of use."""

    def __init__(self, on_preparation: OnPreparation, total: int) -> None:
        self._on_preparation = on_preparation
        self._total = total
        self._done = 0
        self._told = -1.0
        self.finish()

    def advance(self, count: int) -> None:
        self._done += count
        self.tell()

    def tell(self) -> None:
        if time.monotonic() - self._told >= REPORT_INTERVAL:
            self.finish()

    def finish(self) -> None:
        self._told = time.monotonic()
        self._on_preparation(DECODING, self._done, self._total)


def _decoded(
    paths: Sequence[Path], transform: PictureTransform, while_waiting: Callable[[], None]
) -> Generator[Pixels | UnusablePictureError, None, None]:
    """The pixels of every picture in order, or why it cannot be used; `while_waiting` is called while one takes long.

    Pillow decodes and scales without holding the interpreter's lock, so threads share the work.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = min(MOST_THREADS, cores)
    executor = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    try:
        waiting = iter(paths)
        pending: deque[Future[Pixels]] = deque()
        for path in islice(waiting, threads * AHEAD):
            pending.append(executor.submit(decode, path, transform))
        while pending:
            yield _result(pending.popleft(), while_waiting)
            for path in islice(waiting, 1):
                pending.append(executor.submit(decode, path, transform))
    finally:
        # Who stops need not wait for the pictures that threads are at.
        executor.shutdown(wait=False, cancel_futures=True)


def _result(future: Future[Pixels], while_waiting: Callable[[], None]) -> Pixels | UnusablePictureError:
    while not wait([future], timeout=REPORT_INTERVAL).done:
        while_waiting()
    try:
        return future.result()
    except UnusablePictureError as error:
        return error
    except VanishedPictureError as error:
        raise malformed(Path(str(error)), "this picture disappeared before it was decoded") from None


def _check_left_out(scan: ImageFolderScan, split: SplitListing, left_out: LeftOut) -> None:
    """Refuse a split of which too little can be used."""
    first = split.counts[0]
    lost = (sum(position < first for position in left_out), sum(position >= first for position in left_out))
    examples = "; ".join(f"{split.shown(split.files[p])}: {left_out[p]}" for p in sorted(left_out)[:MOST_REASONS])
    for class_name, count, gone in zip(scan.class_names, split.counts, lost, strict=True):
        if count == gone:
            what = f"none of the {count:,} pictures of the class {class_name} can be used ({examples})"
            raise malformed(split.folder, what)
    if 2 * len(left_out) > len(split.files):
        what = f"{len(left_out):,} of {len(split.files):,} pictures, more than half, cannot be used ({examples})"
        raise malformed(split.folder, what)


def _joined(scan: ImageFolderScan, stored: PictureSet, how: str) -> PictureData:
    train, validation, test = (
        _split(split, stored.pixels[name], stored.left_out[name]) for name, split in scan.splits.items()
    )
    return PictureData(
        name=scan.name,
        source=scan.source,
        train=train,
        validation=validation,
        test=test,
        class_names=scan.class_names,
        sha256=scan.sha256,
        embedded=False,
        notes=(how, *_notes(scan, stored.left_out)),
    )


def _split(listing: SplitListing, pixels: Pixels, left_out: LeftOut) -> PictureSplit:
    kept = np.ones(len(listing.files), dtype=np.bool_)
    kept[list(left_out)] = False
    names = tuple(printable(listing.files[position]) for position in np.flatnonzero(kept).tolist())
    labels = np.repeat(np.arange(len(listing.counts), dtype=np.int64), listing.counts)[kept]
    return PictureSplit(pixels, labels, names, ("",) * len(names))


def _notes(scan: ImageFolderScan, left_out: Mapping[str, LeftOut]) -> list[str]:
    """How many pictures are left out, then a sentence for each of the first ones."""
    sentences = [
        f"{split.shown(split.files[position])} is left out: {left_out[name][position]}."
        for name, split in scan.splits.items()
        for position in sorted(left_out[name])
    ]
    notes = []
    if sentences:
        total = sum(len(split.files) for split in scan.splits.values())
        named = f"; the first {MOST_NOTES} are named" if len(sentences) > MOST_NOTES else ""
        verb = "is" if len(sentences) == 1 else "are"
        notes.append(f"{len(sentences):,} of {total:,} pictures {verb} left out{named}.")
    loops = [
        f"{split.shown(loop)} is not entered: a link leads from it back to a folder around it."
        for split in scan.splits.values()
        for loop in split.loops
    ]
    return notes + sentences[:MOST_NOTES] + loops[:MOST_NOTES]
