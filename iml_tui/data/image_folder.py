"""A folder of pictures in the layout of torchvision's `ImageFolder`: `train`, `val` (or `validation`) and `test`, each
with one folder for each of two classes. Only names, sizes and times are looked at here; no picture is opened.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from iml_tui.data.folders import check_folder, folder_name
from iml_tui.data.image_files import EXTENSIONS, ClassListing, is_folder, list_class, visible_entries
from iml_tui.data.messages import malformed
from iml_tui.data.picture_summary import summarise_counts
from iml_tui.errors import UsageError
from iml_tui.experiments.results import SPLITS, DataSummary
from iml_tui.text import printable

# Which folders may hold a split.
FOLDERS: Final = {"train": ("train",), "validation": ("val", "validation"), "test": ("test",)}
CLASSES: Final = 2
MOST_NAMED: Final = 6


@dataclass(frozen=True, eq=False)
class SplitListing:
    """The pictures of a split in the order of `ImageFolder`: all of class 0, then all of class 1.

    `files` are paths relative to `folder`, as the file system spells them. `counts[c]` is the number of pictures of
    class c. `problems` gives, by position in `files`, why a file cannot even be opened. `loops` are folders that are
    not entered, because a link leads from them back to a folder around them.
    """

    folder: Path
    files: tuple[str, ...]
    counts: tuple[int, int]
    problems: Mapping[int, str]
    loops: tuple[str, ...]

    def shown(self, file: str) -> str:
        """A file of this split for people, with the folder of the split ("train/real/00012.jpg")."""
        return printable(f"{self.folder.name}/{file}")


@dataclass(frozen=True, eq=False)
class ImageFolderScan:
    """What is in a folder of pictures, by name.

    `class_names[c]` is the name of class c, in alphabetical order. `splits` stand in the order train, validation,
    test. `sha256` (64 hex digits) is over path, size and time of modification of every picture.
    """

    path: Path
    class_names: tuple[str, str]
    splits: Mapping[str, SplitListing]
    sha256: str

    @property
    def name(self) -> str:
        """The folder's own name."""
        return folder_name(self.path)

    @property
    def source(self) -> str:
        """Where the data come from, for people."""
        return f"pictures in {printable(str(self.path))}"

    @property
    def counts(self) -> Mapping[str, tuple[int, int]]:
        """The number of pictures in each split, of class 0 and of class 1; damaged ones are among them."""
        return {name: split.counts for name, split in self.splits.items()}

    def summary(self) -> DataSummary:
        """What a run records; the counts still include pictures that turn out to be damaged."""
        return summarise_counts(self.name, self.class_names, self.counts, self.sha256, embedded=False)


def scan_folder(path: Path) -> ImageFolderScan:
    """List the pictures of a folder: about 10 µs a picture, no picture is opened.

    Raises UsageError, in one sentence, if the folder, a split or a class is missing, ambiguous, unreadable or empty, or
    if there are not exactly two classes, the same in every split.
    """
    check_folder(path, "train, val and test")
    folders = _split_folders(path)
    class_names = _class_names(folders)
    digest = hashlib.sha256()
    splits = {}
    for split, folder in folders.items():
        listings = [_listed(folder, class_name) for class_name in class_names]
        for listing in listings:
            for file in listing.files:
                # No path holds a NUL, so that two listings cannot give the same bytes.
                what = f"\0{file.size}\0{file.modified}\0{file.problem}\0"
                digest.update(os.fsencode(f"{split}/{file.path}") + what.encode())
        splits[split] = _joined(folder, listings)
    first, second = (printable(name) for name in class_names)
    return ImageFolderScan(path, (first, second), splits, digest.hexdigest())


def looks_like_image_folder(path: Path) -> bool:
    """Whether this seems to be a folder of pictures, and not one of CSV files."""
    try:
        return (path / "train").is_dir() and not _csv_files(path)
    except (OSError, ValueError):
        return False


def _split_folders(path: Path) -> dict[str, Path]:
    """The folder of each split."""
    names = {entry.name for entry in visible_entries(path) if is_folder(entry)}
    there = {split: [name for name in spellings if name in names] for split, spellings in FOLDERS.items()}
    if not any(there.values()) and (files := _csv_files(path)):
        what = f"this folder has the CSV files of the experiments on cities ({_enumerated(files)})"
        raise malformed(path, f"{what}, where one with pictures in train, val and test is needed")
    for split, found in there.items():
        if not found:
            spellings = " or ".join(FOLDERS[split])
            has = f"it has {_enumerated(names)}" if names else "it has no folders"
            raise malformed(path, f"there is no folder {spellings} in it ({has})")
        if len(found) > 1:
            raise malformed(path, f"it has both {' and '.join(found)}, and only one of them can be the {split} split")
    return {split: path / found[0] for split, found in there.items()}


def _csv_files(path: Path) -> list[str]:
    return [name for name in (f"{split}.csv" for split in SPLITS) if (path / name).is_file()]


def _class_names(folders: Mapping[str, Path]) -> tuple[str, str]:
    """The names of the two class folders, which every split must have."""
    classes = {
        folder: sorted(entry.name for entry in visible_entries(folder) if is_folder(entry))
        for folder in folders.values()
    }
    pairs = [tuple(names) for names in classes.values() if len(names) == CLASSES]
    if not pairs:
        folder, names = next(iter(classes.items()))
        raise malformed(folder, f"two folders, one for each class, are needed, and it has {_count_of(names)}")
    # What most splits have is meant; of equals, the first.
    usual = max(pairs, key=pairs.count)
    for folder, names in classes.items():
        problem = _difference(names, usual)
        if problem:
            raise malformed(folder, problem)
    return usual[0], usual[1]


def _difference(names: list[str], usual: tuple[str, ...]) -> str:
    """How the class folders of a split differ from those of the others; "" if they do not."""
    missing = [name for name in usual if name not in names]
    extra = [name for name in names if name not in usual]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        what = f"it lacks the class folder{plural} {_enumerated(missing)}, which other splits have"
        return f"{what} (it has {_count_of(names)})"
    if extra:
        return (
            f"besides the two classes {_enumerated(usual)} it has {_enumerated(extra)}, which other splits do not have"
        )
    return ""


def _listed(folder: Path, class_name: str) -> ClassListing:
    listing = list_class(folder, class_name)
    if not listing.files:
        what = f"the class has no pictures here (files that end in {', '.join(EXTENSIONS)})"
        raise malformed(folder / class_name, what)
    return listing


def _joined(folder: Path, listings: list[ClassListing]) -> SplitListing:
    files = [file for listing in listings for file in listing.files]
    return SplitListing(
        folder=folder,
        files=tuple(file.path for file in files),
        counts=(len(listings[0].files), len(listings[1].files)),
        problems={position: file.problem for position, file in enumerate(files) if file.problem},
        loops=tuple(loop for listing in listings for loop in listing.loops),
    )


def _count_of(names: list[str]) -> str:
    if not names:
        return "none"
    return f"{len(names)}: {_enumerated(names)}"


def _enumerated(names: Iterable[str]) -> str:
    ordered = sorted(printable(name) for name in names)
    return ", ".join(ordered[:MOST_NAMED]) + (", …" if len(ordered) > MOST_NAMED else "")


def changed_meanwhile(path: Path) -> UsageError:
    """The error for a folder whose pictures changed while they were read."""
    what = "the pictures changed while they were being decoded; start again when nothing writes to the folder"
    return malformed(path, what)
