"""A folder with `train.csv`, `validation.csv` and `test.csv`, each with the columns `long`, `lat` and `country`.

An index column and other columns are ignored, the order of the columns does not matter.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from iml_tui.data.classes import Classes
from iml_tui.data.csv_file import CSVFile, open_csv
from iml_tui.data.csv_values import parse
from iml_tui.data.dataset import Dataset, Split
from iml_tui.data.folders import check_folder, folder_name
from iml_tui.data.messages import malformed, unreadable
from iml_tui.experiments.results import SPLITS
from iml_tui.text import printable


@dataclass(frozen=True)
class CSVFolder:
    """The three files, read but not yet parsed: enough to know whether their content is known already."""

    path: Path
    train: CSVFile
    validation: CSVFile
    test: CSVFile

    @property
    def name(self) -> str:
        """The folder's own name."""
        return folder_name(self.path)

    @property
    def source(self) -> str:
        """Where the data come from, for people."""
        return f"CSV files in {printable(str(self.path))}"

    def sha256(self) -> str:
        """The SHA-256 over the three files' contents, as 64 hex digits."""
        digest = hashlib.sha256()
        for file in (self.train, self.validation, self.test):
            # The length keeps a row that moves from one file to the next from going unnoticed.
            digest.update(f"{len(file.content)}:".encode())
            digest.update(file.content)
        return digest.hexdigest()


def open_folder(path: Path) -> CSVFolder:
    """Read the three files and check their headers.

    Raises UsageError, in one sentence, if the folder or a file is missing, of the wrong kind, unreadable, too large
    or not a CSV file with the three columns.
    """
    check_folder(path, "train.csv, validation.csv and test.csv")
    paths = [path / f"{split}.csv" for split in SPLITS]
    for file in paths:
        _check_there(file)
    train, validation, test = (open_csv(file) for file in paths)
    return CSVFolder(path, train, validation, test)


def parse_folder(folder: CSVFolder, sha256: str) -> Dataset:
    """The data set in the three files; `sha256` is `folder.sha256()`, which is not cheap enough to compute twice.

    Raises UsageError, in one sentence, that names file, line and column of the first value that is wrong.
    """
    train, validation, test = (parse(file) for file in (folder.train, folder.validation, folder.test))
    classes = Classes(train)
    return Dataset(
        name=folder.name,
        source=folder.source,
        train=Split(train.coordinates, classes.labels(train)),
        validation=Split(validation.coordinates, classes.labels(validation)),
        test=Split(test.coordinates, classes.labels(test)),
        class_names=classes.names,
        sha256=sha256,
        embedded=False,
    )


def _check_there(path: Path) -> None:
    try:
        path.stat()
    except FileNotFoundError:
        raise malformed(path, f"there is no such file ({_files_there(path.parent)})") from None
    except OSError as error:
        raise unreadable(path, error) from None


def _files_there(folder: Path) -> str:
    """Which CSV files a folder has, to show what may be meant."""
    try:
        names = sorted(printable(file.name) for file in folder.glob("*.csv"))
    except OSError:
        names = []
    if not names:
        return "the folder has no CSV files"
    return "the folder has " + ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
