"""The pictures of one class, listed in the order of torchvision's `ImageFolder`, without opening any of them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from iml_tui.data.messages import malformed, unreadable

# torchvision.datasets.folder.IMG_EXTENSIONS, in any case.
EXTENSIONS: Final = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
# Symbolic links that lead from folder to folder can make any number of paths out of a few files.
MOST_ENTRIES: Final = 5_000_000

DEAD_LINK: Final = "it is a symbolic link that leads nowhere"
KINDS: Final = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}

Identity = tuple[int, int]
"""Device and inode, which two paths to the same folder have in common."""


class PictureFile(NamedTuple):
    """A file that has the name of a picture; sorting such tuples gives the order of `ImageFolder`.

    `folder` is relative to the folder of the split ("real" or "real/more"). `size` is in bytes, `modified` in
    nanoseconds. `problem` says why the file cannot even be opened, "" where nothing speaks against it.
    """

    folder: str
    name: str
    size: int
    modified: int
    problem: str

    @property
    def path(self) -> str:
        """The path relative to the folder of the split."""
        return f"{self.folder}/{self.name}"


@dataclass(frozen=True)
class ClassListing:
    """The pictures of one class in one split, and the folders that are not entered: they hold themselves."""

    files: list[PictureFile]
    loops: list[str]


def list_class(split: Path, class_name: str) -> ClassListing:
    """List the pictures below the folder of a class, and below the folders in it.

    Links to folders are followed, as `ImageFolder` does, but not back into a folder around them. Unlike there, hidden
    files and folders (".ipynb_checkpoints", "._face.jpg") are no pictures.

    Raises UsageError for a folder that cannot be read, or with more than 5,000,000 entries.
    """
    files: list[PictureFile] = []
    loops: list[str] = []
    pending: list[tuple[str, tuple[Identity, ...]]] = [(class_name, (_identity(split.parent), _identity(split)))]
    seen = 0
    while pending:
        folder, around = pending.pop()
        path = split / folder
        identity = _identity(path)
        if identity in around:
            loops.append(folder)
            continue
        for entry in visible_entries(path):
            seen += 1
            if is_folder(entry):
                pending.append((f"{folder}/{entry.name}", (*around, identity)))
            elif entry.name.lower().endswith(EXTENSIONS):
                files.append(_file(folder, entry))
        if seen > MOST_ENTRIES:
            raise malformed(split / class_name, f"there are more than {MOST_ENTRIES:,} files and folders in it")
    return ClassListing(sorted(files), sorted(loops))


def visible_entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder and not hidden, in no particular order. Raises UsageError if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise unreadable(folder, error) from None


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether this is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # A link to itself.
        return False


def _identity(folder: Path) -> Identity:
    try:
        status = folder.stat()
    except OSError as error:
        raise unreadable(folder, error) from None
    return status.st_dev, status.st_ino


def _file(folder: str, entry: os.DirEntry[str]) -> PictureFile:
    try:
        status = entry.stat()
    except OSError as error:
        problem = DEAD_LINK if entry.is_symlink() else f"it cannot be read ({os.strerror(error.errno or 0)})"
        return PictureFile(folder, entry.name, 0, 0, problem)
    problem = "" if stat.S_ISREG(status.st_mode) else wrong_kind(status.st_mode)
    return PictureFile(folder, entry.name, status.st_size, status.st_mtime_ns, problem)


def wrong_kind(mode: int) -> str:
    """Why something that is no regular file cannot be used. `mode` is `st_mode`."""
    return f"it is {KINDS.get(stat.S_IFMT(mode), 'something else')}, not a regular file"
