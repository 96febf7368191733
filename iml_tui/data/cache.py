"""Parsed data sets on disk, found by the content of the files they came from.

A cache is a convenience: whatever is wrong with it, the data are parsed again and nobody is told.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from iml_tui.data.dataset import Dataset, Split
from iml_tui.experiments.results import SPLITS
from iml_tui.runs.atomic import replacing

# To be raised when the layout of the files or the meaning of what is parsed changes.
VERSION: Final = 1


def read(directory: Path, sha256: str, *, name: str, source: str) -> Dataset | None:
    """The data set with this content; None if it is not in the cache, or not intact there."""
    path = _path(directory, sha256)
    try:
        with np.load(path, allow_pickle=False) as stored:
            if stored["sha256"].item() != sha256:
                return None
            names = tuple(str(text) for text in stored["class_names"].tolist())
            train, validation, test = (_split(stored, split, len(names)) for split in SPLITS)
    except Exception:
        # A damaged archive can fail in a dozen ways (zip, zlib, header, memory); each means: parse again.
        return None
    return Dataset(name, source, train, validation, test, names, sha256, embedded=False)


def write(directory: Path, dataset: Dataset) -> None:
    """Keep a data set under its content's hash, all or nothing; does nothing where that is impossible."""
    arrays: dict[str, NDArray[Any]] = {
        "sha256": np.array(dataset.sha256),
        "class_names": np.array(dataset.class_names),
    }
    for name, split in dataset.splits.items():
        arrays[f"{name}_coordinates"] = split.coordinates
        arrays[f"{name}_labels"] = split.labels.astype(np.uint16)
    with contextlib.suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True)
        with replacing(_path(directory, dataset.sha256)) as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]


def _path(directory: Path, sha256: str) -> Path:
    return directory / f"data-{VERSION}-{sha256}.npz"


def _split(stored: Any, name: str, classes: int) -> Split:
    coordinates, labels = stored[f"{name}_coordinates"], stored[f"{name}_labels"]
    right = (
        coordinates.dtype == np.float32
        and labels.dtype == np.uint16
        and labels.ndim == 1
        and len(labels) > 0
        and coordinates.shape == (len(labels), 2)
        and int(labels.max()) < classes
        and bool(np.isfinite(coordinates).all())
    )
    if not right:
        raise ValueError("the stored split is not what was written")
    return Split(coordinates, labels.astype(np.int64))
