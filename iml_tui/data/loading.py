"""The one way to a data set, for the command line, the screen and the worker."""

from __future__ import annotations

import contextlib
from pathlib import Path

from iml_tui.data import cache
from iml_tui.data.csv_folder import open_folder, parse_folder
from iml_tui.data.dataset import Dataset
from iml_tui.data.embedded_europe import load_embedded


def load(folder: Path | None, cache_directory: Path) -> Dataset:
    """The data set in a folder of CSV files, or the embedded European cities for None.

    A folder's files are read and hashed every time, but parsed only if the cache does not know their content. Safe to
    call from any thread.

    Raises UsageError, with one sentence that names file, line and column, for anything that is wrong with the folder.
    """
    if folder is None:
        return load_embedded()
    # A home directory that cannot be found leaves the path as it is, to be reported as missing.
    with contextlib.suppress(RuntimeError):
        folder = folder.expanduser()
    files = open_folder(folder)
    sha256 = files.sha256()
    cached = cache.read(cache_directory, sha256, name=files.name, source=files.source)
    if cached is not None:
        return cached
    dataset = parse_folder(files, sha256)
    cache.write(cache_directory, dataset)
    return dataset
