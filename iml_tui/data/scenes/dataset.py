"""The scenes as a network is trained on them: rendered once, by several processes, and kept in a memory-mapped file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iml_tui.data.parallel import in_processes
from iml_tui.data.pictures import OnPreparation
from iml_tui.data.scenes.labels import FIRST_SEEDS, draw_labels, identity, sizes
from iml_tui.data.scenes.labels import describe_scenes as describe_scenes
from iml_tui.data.scenes.rendering import as_labels, render_scene
from iml_tui.errors import LabError
from iml_tui.runs.atomic import replacing
from iml_tui.text import printable

FOLDER: Final = "scenes"
BLOCK: Final = 32
"""Scenes that a process renders at a time: a fifth of a second of 64 pixels."""

RENDERING: Final = "rendering scenes"
ABANDONED_SECONDS: Final = 3600.0
"""An unfinished file that was not touched for so long belongs to no one any more."""


@dataclass(frozen=True, eq=False)
class SceneSplit:
    """`pixels` is uint8 [n, S, S, 3], RGB, read-only; `labels` int64 [n, heads], in the order of `HEADS`."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class SceneData:
    """The splits by name; `note` is a sentence on where the pixels came from."""

    splits: Mapping[str, SceneSplit]
    note: str


@dataclass(frozen=True)
class Block:
    """Scenes that follow each other in a split: positions `start` to `stop` of `count`, rendered at `size` pixels."""

    split: str
    count: int
    start: int
    stop: int
    size: int


def load_scenes(cache_directory: Path, pictures: int, size: int, on_preparation: OnPreparation) -> SceneData:
    """The scenes, rendered or from the cache; their labels are drawn again each time.

    One set is kept: making another removes it. A damaged one is rendered again.

    Args:
        cache_directory: where the set is kept, in a folder of its own.
        pictures: scenes to train on.
        size: their side, in pixels.
        on_preparation: told how many scenes are rendered; what it raises ends the rendering and leaves nothing behind.

    Raises:
        LabError: there is no room for the pixels.
    """
    folder = cache_directory / FOLDER
    file = folder / f"{identity(pictures, size)}.npy"
    shape = (sum(sizes(pictures).values()), size, size, 3)
    pixels, note = _read(file, shape), "The rendered scenes come from the cache."
    if pixels is None:
        began = time.perf_counter()
        try:
            _render_into(file, pictures, size, shape, on_preparation)
            pixels = np.load(file, mmap_mode="r")
        except OSError as error:
            needed = np.prod(shape) / 2**20
            raise LabError(
                f"the rendered scenes cannot be kept in {printable(str(folder))}: {error.strerror or error}; "
                f"{needed:,.0f} MiB are needed there"
            ) from error
        note = f"{shape[0]:,} scenes were rendered in {time.perf_counter() - began:.0f} s and kept for the next run."
    splits, start = {}, 0
    for split, count in sizes(pictures).items():
        splits[split] = SceneSplit(pixels[start : start + count], draw_labels(split, count))
        start += count
    return SceneData(splits, note)


def render_block(block: Block) -> NDArray[np.uint8]:
    """The scenes of a block: uint8 [n, size, size, 3]."""
    labels = draw_labels(block.split, block.stop)
    first = FIRST_SEEDS[block.split]
    return np.stack([render_scene(first + i, as_labels(labels[i]), block.size) for i in range(block.start, block.stop)])


def _blocks(pictures: int, size: int) -> list[Block]:
    return [
        Block(split, count, start, min(start + BLOCK, count), size)
        for split, count in sizes(pictures).items()
        for start in range(0, count, BLOCK)
    ]


def _render_into(file: Path, pictures: int, size: int, shape: tuple[int, ...], on_preparation: OnPreparation) -> None:
    """Render all splits into one array, and write its checksum beside it; all or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _remove_others(file)
    blocks = _blocks(pictures, size)
    ends = np.cumsum([block.stop - block.start for block in blocks])
    on_preparation(RENDERING, 0, shape[0])
    checksum = hashlib.sha256()
    with replacing(file) as opened:
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(opened, header)
        rendered = in_processes(
            render_block, blocks, lambda done: on_preparation(RENDERING, int(ends[done - 1]) if done else 0, shape[0])
        )
        for block in rendered:
            opened.write(block.data)
            checksum.update(block.data)
    _index(file).write_text(json.dumps({"sha256": checksum.hexdigest()}))


def _read(file: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """The pixels, read-only; None where there are none, or not those that were written."""
    try:
        expected = json.loads(_index(file).read_bytes())["sha256"]
        pixels = np.load(file, mmap_mode="r", allow_pickle=False)
        if pixels.shape != shape or pixels.dtype != np.uint8:
            return None
        checksum = hashlib.sha256()
        for start in range(0, len(pixels), BLOCK):
            checksum.update(np.ascontiguousarray(pixels[start : start + BLOCK]).data)
        return pixels if checksum.hexdigest() == expected else None
    except Exception:
        # A damaged file can fail in a dozen ways; each means: render again.
        return None


def _remove_others(file: Path) -> None:
    """Remove other sets, which stay readable for a process that has mapped them, and what was left unfinished."""
    for path in file.parent.iterdir():
        with contextlib.suppress(OSError):
            unfinished = path.name.startswith(".")
            if not unfinished or time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink()


def _index(file: Path) -> Path:
    return file.with_suffix(".json")
