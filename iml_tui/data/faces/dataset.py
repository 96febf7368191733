"""The embedded faces of section 7: 1,600 rendered pictures, half of them with the giveaways of generated ones."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iml_tui.data.faces.canvas import SIZE
from iml_tui.data.faces.difficulty import signal_at
from iml_tui.data.faces.giveaways import GIVEAWAYS
from iml_tui.data.faces.rendering import render_face
from iml_tui.data.faces.store import read_faces, write_faces
from iml_tui.data.parallel import in_processes
from iml_tui.data.picture_summary import summarise_counts
from iml_tui.data.pictures import OnPreparation, PictureData, PictureSplit
from iml_tui.experiments.results import DataSummary

# To be raised when any pixel of any face changes.
VERSION: Final = 1
SIZES: Final[Mapping[str, int]] = MappingProxyType({"train": 1000, "validation": 200, "test": 400})
BASE_SEED: Final = 70_000
"""The seed of the first face of `train`; the others follow, then those of `validation` and of `test`."""
CLASS_NAMES: Final = ("generated", "real")
NAME: Final = "rendered faces"
RENDERING: Final = "rendering faces"
RESIZING: Final = "resizing faces"


class Task(NamedTuple):
    """One face to be rendered; see `render_face`."""

    seed: int
    generated: bool
    difficulty: float


def describe_faces(difficulty: float) -> DataSummary:
    """What a run on the faces of this difficulty (0…1) records; nothing is rendered."""
    counts = {split: (size // 2, size // 2) for split, size in SIZES.items()}
    return summarise_counts(NAME, CLASS_NAMES, counts, identity(difficulty), embedded=True)


def load_faces(cache_directory: Path, difficulty: float, size: int, on_preparation: OnPreparation) -> PictureData:
    """The faces of this difficulty (0…1), from the cache, or rendered into it on all cores.

    The classes alternate, real first; each picture shows somebody else. They are rendered at 64 pixels, and scaled
    (bilinear, antialiased) where `size` is another; `details` are their giveaways in words. An exception of
    `on_preparation` breaks the work off and leaves nothing half-made.

    Raises:
        LabError: a process that renders was ended from outside.
    """
    sha256, count = identity(difficulty), sum(SIZES.values())
    found = read_faces(cache_directory, sha256, count)
    if found is None:
        began = time.monotonic()
        found = render_faces(BASE_SEED, difficulty, on_preparation)
        seconds = time.monotonic() - began
        note = f"The {count:,} faces were rendered in {seconds:.0f} s"
        kept = write_faces(cache_directory, sha256, *found)
        note += "." if kept else ", and could not be kept for the next time."
    else:
        note = "The rendered faces come from the cache."
    pixels, masks = found
    if size != SIZE:
        pixels = _resized(pixels, size, on_preparation)
    details = tuple(", ".join(_words(int(mask))) for mask in masks)
    train, validation, test = _split(pixels, details)
    return PictureData(
        name=NAME,
        source=f"faces rendered by this lab, of difficulty {difficulty:g}",
        train=train,
        validation=validation,
        test=test,
        class_names=CLASS_NAMES,
        sha256=sha256,
        embedded=True,
        notes=(note,),
    )


def identity(difficulty: float) -> str:
    """The SHA-256 of what determines the faces: the renderer's version, seeds, sizes, and how strong the signal is."""
    sizes = ", ".join(f"{split} {size}" for split, size in SIZES.items())
    signal = signal_at(difficulty)
    text = f"faces {VERSION}; first seed {BASE_SEED}; {sizes}; difficulty {float(difficulty)!r}; {signal!r}"
    return hashlib.sha256(text.encode()).hexdigest()


def render_faces(
    first_seed: int, difficulty: float, on_preparation: OnPreparation
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """A whole set from other seeds than its own: pixels, uint8 (1600, 64, 64, 3), and a bit mask of giveaways each."""
    count = sum(SIZES.values())
    tasks = [Task(first_seed + i, _is_generated(i), difficulty) for i in range(count)]
    pixels = np.empty((count, SIZE, SIZE, 3), dtype=np.uint8)
    masks = np.zeros(count, dtype=np.uint16)
    on_preparation(RENDERING, 0, count)
    rendered = in_processes(render_task, tasks, lambda done: on_preparation(RENDERING, done, count))
    for i, (face, mask) in enumerate(rendered):
        pixels[i], masks[i] = face, mask
    return pixels, masks


def render_task(task: Task) -> tuple[NDArray[np.uint8], int]:
    """Pixels and giveaways: bit i of the mask is that of the i-th of `GIVEAWAYS`."""
    face = render_face(*task)
    return face.pixels, sum(1 << i for i, key in enumerate(GIVEAWAYS) if key in face.giveaways)


def _is_generated(position: int) -> bool:
    return position % 2 == 1


def _words(mask: int) -> list[str]:
    return [words for i, words in enumerate(GIVEAWAYS.values()) if mask >> i & 1]


def _split(pixels: NDArray[np.uint8], details: tuple[str, ...]) -> list[PictureSplit]:
    splits, start = [], 0
    for size in SIZES.values():
        # Sizes are even: classes alternate in the same manner in each split.
        labels = np.array([CLASS_NAMES.index("generated" if _is_generated(i) else "real") for i in range(size)])
        names = tuple(f"{CLASS_NAMES[label]}/{i:04d}" for i, label in enumerate(labels))
        stop = start + size
        splits.append(PictureSplit(pixels[start:stop], labels.astype(np.int64), names, details[start:stop]))
        start = stop
    return splits


def _resized(pixels: NDArray[np.uint8], size: int, on_preparation: OnPreparation) -> NDArray[np.uint8]:
    from PIL import Image

    resized = np.empty((len(pixels), size, size, 3), dtype=np.uint8)
    for i, picture in enumerate(pixels):
        if i % 100 == 0:
            on_preparation(RESIZING, i, len(pixels))
        scaled = Image.fromarray(np.asarray(picture)).resize((size, size), Image.Resampling.BILINEAR)
        resized[i] = np.asarray(scaled)
    on_preparation(RESIZING, len(pixels), len(pixels))
    return resized
