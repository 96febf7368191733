"""Checks of the data and of the directories that the lab writes to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from iml_tui.data.loading import load
from iml_tui.errors import LabError
from iml_tui.headless.doctor_checks import Check, problem, warning
from iml_tui.runs.history import list_runs
from iml_tui.runs.places import cache_root, log_file, runs_root

_MIB = 1 << 20
_LEAST_FREE = 500 * _MIB


def check_data(folder: Path | None) -> Iterator[Check]:
    """The data that a run would train on."""
    try:
        data = load(folder, cache_root())
    except LabError as error:
        yield problem("Data", str(error), "mend the files, or leave --data out for the embedded cities")
        return
    rows = ", ".join(f"{len(split):,} {name}" for name, split in data.splits.items())
    yield Check("Data", data.source)
    yield Check("Rows", f"{rows}; {data.classes} classes")
    yield Check("SHA-256", data.sha256)


def check_places() -> Iterator[Check]:
    """Whether runs, parsed data and logs can be kept."""
    yield from _check_runs(runs_root())
    for name, path in (("Cache", cache_root()), ("Log", log_file().parent)):
        if _writable(path):
            yield Check(name, str(path))
        else:
            yield warning(name, f"{path} cannot be written", "set IML_LAB_HOME to a directory you can write")


def _check_runs(root: Path) -> Iterator[Check]:
    if not _writable(root):
        yield problem("Runs", f"{root} cannot be written", "set IML_LAB_HOME to a directory you can write")
        return
    try:
        count = len(list_runs(root))
    except LabError as error:
        yield problem("Runs", str(error), "set IML_LAB_HOME to a directory you can read")
        return
    yield Check("Runs", f"{root} ({count} run{'' if count == 1 else 's'})")
    free = shutil.disk_usage(_existing(root)).free
    text = f"{free / (1 << 30):.1f} GiB free"
    if free < _LEAST_FREE:
        yield warning("Disk", text, "delete runs with iml-lab delete, or set IML_LAB_HOME to another disk")
    else:
        yield Check("Disk", text)


def _existing(path: Path) -> Path:
    """The path itself, or the nearest directory above it that is there."""
    return next(place for place in (path, *path.parents) if place.exists())


def _writable(path: Path) -> bool:
    """Whether files can be made in the directory, which need not be there yet. Makes nothing."""
    try:
        place = _existing(path)
    except (OSError, StopIteration):
        return False
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)
