"""Checks of the data and of the directories that the lab writes to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from iml_tui.data.image_folder import looks_like_image_folder
from iml_tui.data.loading import summarise
from iml_tui.errors import LabError
from iml_tui.experiments.data_kinds import DataKind
from iml_tui.experiments.registry import EXPERIMENTS
from iml_tui.headless.doctor_checks import Check, problem, warning
from iml_tui.runs.history import list_runs
from iml_tui.runs.places import cache_root, log_file, runs_root
from iml_tui.runs.requests import DATA_FOLDERS

_MIB = 1 << 20
_LEAST_FREE = 500 * _MIB


def check_data(folder: Path | None) -> Iterator[Check]:
    """The data that a run would train on: those of the folder, or for None all that the lab brings along."""
    if folder is None:
        for kind in DATA_FOLDERS:
            yield from _check_data(kind, None)
    else:
        yield from _check_data("faces" if looks_like_image_folder(folder) else "cities", folder)


def _check_data(kind: DataKind, folder: Path | None) -> Iterator[Check]:
    experiment = next((each for each in EXPERIMENTS if each.data == kind), None)
    if experiment is None:
        return
    try:
        data = summarise(kind, folder, cache_root(), experiment.hyperparameters().model_dump())
    except LabError as error:
        yield problem("Data", str(error), f"mend the files, or leave --data out for {DATA_FOLDERS[kind].embedded}")
        return
    rows = ", ".join(f"{count:,} {split}" for split, count in data.rows.items())
    yield Check("Data", f"{data.name} in {folder}" if folder is not None else f"{data.name}, embedded")
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
