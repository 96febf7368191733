"""Malformed folders: one sentence that names file, line and column, and never another exception."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iml_tui.data.loading import load
from iml_tui.errors import UsageError

GOOD = ",long,lat,country\n0,13.4,52.5,7\n1,2.35,48.85,3\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "cities"
    path.mkdir()
    for name in ("train", "validation", "test"):
        (path / f"{name}.csv").write_text(GOOD)
    return path


def message(folder: Path) -> str:
    with pytest.raises(UsageError) as caught:
        load(folder, folder.parent / "cache")
    text = str(caught.value)
    assert text.isprintable()
    assert text.endswith(".")
    assert len(text) < 300 + len(str(folder))
    return text


CONTENTS: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "empty": ("", ("the file is empty",)),
    "blank": (" \n\n", ("the file is empty",)),
    "byte order mark only": (b"\xef\xbb\xbf", ("line 1", "no column long")),
    "header only": (",long,lat,country\n", ("header but no rows",)),
    "missing column": (",long,country\n0,1,2\n", ("line 1", "no column lat", "'long', 'country'")),
    "no names": (",,\n1,2,3\n", ("line 1", "no column long", "names no columns")),
    "no header": ("0,13.4,52.5,7\n", ("line 1", "no column long", "'13.4'")),
    "semicolons": (";long;lat;country\n0;1;2;3\n", ("line 1", "separated by commas")),
    "column twice": ("long,lat,lat,country\n1,2,2,3\n", ("line 1", "column lat", "2 times")),
    "text": (GOOD + "2,abc,48,3\n", ("line 4", "column long", "'abc' is not a number")),
    "underscore": (GOOD + "2,1_0,48,3\n", ("line 4", "column long", "'1_0' is not a number")),
    "NaN": (GOOD + "2,1,nan,3\n", ("line 4", "column lat", "'nan' is not a finite number")),
    "infinite": (GOOD + "2,-inf,1,3\n", ("line 4", "column long", "'-inf' is not a finite number")),
    "overflow": (GOOD + "2,1e999,1,3\n", ("line 4", "column long", "finite")),
    "latitude": (GOOD + "2,1,90.5,3\n", ("line 4", "column lat", "'90.5'", "−90…90 degrees")),
    "longitude": (GOOD + "2,-181,1,3\n", ("line 4", "column long", "'-181'", "−180…180 degrees")),
    "missing value": (GOOD + "2,,1,3\n", ("line 4", "column long", "missing")),
    "missing class": (GOOD + "2,1,1, \n", ("line 4", "column country", "missing")),
    "missing fields": (GOOD + "2,1\n", ("line 4", "2 fields", "header has 4")),
    "one field": (GOOD + "2\n", ("line 4", "1 field,", "header has 4")),
    "additional field": (GOOD + "2,1,1,3,4\n", ("line 4", "5 fields", "header has 4")),
    "decimal commas": (",long,lat,country\n0,13,4,52,5,7\n", ("line 2", "6 fields")),
    "after blank lines": (GOOD + "\n\n2,x,1,3\n", ("line 6", "column long")),
    "after CRLF": (GOOD.replace("\n", "\r\n") + "2,x,1,3\r\n", ("line 4", "column long")),
    "after a quoted line break": (
        'a,long,lat,country\n"1\n2",1,1,7\n,x,1,3\n',
        ("line 4", "column long", "'x'"),
    ),
    "the first of several": (GOOD + "2,1,x,3\n3,y,1,3\n", ("line 4", "column lat", "'x'")),
    "fractional class": (GOOD + "2,1,1,3.5\n", ("line 4", "column country", "'3.5' is not a whole number")),
    "text among classes": (GOOD + "2,1,1,Spain\n", ("line 4", "column country", "'Spain' is not a whole")),
    "class NaN": (GOOD + "2,1,1,NaN\n", ("line 4", "column country", "'NaN' is not a finite number")),
    "class with underscore": (GOOD + "2,1,1,1_0\n", ("line 4", "column country", "'1_0'")),
    "endless class": (GOOD + f"2,1,1,{'9' * 5000}\n", ("line 4", "column country", "9…'")),
    "number among names": (
        "long,lat,country\n1,1,France\n1,1,Spain\n1,1,7\n",
        ("line 4", "column country", "'7' is a number among names"),
    ),
    "long name": (
        f"long,lat,country\n1,1,France\n1,1,{'x' * 200}\n",
        ("line 3", "column country", "longer than 100"),
    ),
    "control characters in a name": (
        "long,lat,country\n1,1,France\n1,1,\x1b[31mred\n",
        ("line 3", "column country", r"\x1b[31mred"),
    ),
    "control characters in a number": (GOOD + "2,\x1b]0;hi\x07,1,3\n", ("line 4", r"'\x1b]0;hi\x07'")),
    "control characters in the header": ("\x1b[2Ja,lat,country\n1,2,3\n", (r"\x1b[2ja",)),
    "long text": (GOOD + f"2,{'z' * 5000},1,3\n", ("line 4", "column long", f"'{'z' * 40}…'")),
    "one class": ("long,lat,country\n1,1,5\n2,2,5\n", ("column country", "class '5'", "at least two")),
    "too many classes": (
        "long,lat,country\n" + "".join(f"1,1,{i}\n" for i in range(1001)),
        ("column country", "more than 1,000"),
    ),
    "zero bytes": (GOOD.encode() + b"2,1\x00,1,3\n", ("line 4", "binary")),
    "rubbish": (bytes(range(256)) * 100, ("binary",)),
    "picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", ("binary",)),
    "UTF-16": (GOOD.encode("utf-16"), ("UTF-16", "UTF-8")),
    "Latin-1": ("n,long,lat,country\na,1,1,7\n\xe9,1,1,3\n".encode("latin-1"), ("line 3", "0xe9", "UTF-8")),
    "long header": ("x" * 70_000, ("line 1", "header is longer than 65,536")),
    "long line": (GOOD + "x" * 200_000 + "\n", ("line 4", "longer than 65,536")),
    "endless quote": (GOOD + '2,"1,1,3\n' + "2,1,1,3\n" * 20_000, ("line 4",)),
    "too many lines": (",long,lat,country\n" + "\n" * 5_000_001, ("more than 5,000,000 lines",)),
    "two wrongs": (GOOD + "2,1,1,1,3\n2,1,3\n", ("line 4", "5 fields")),
    "spaces only": (GOOD + "   \n", ("line 4", "1 field,")),
    "class missing in every row": ("long,lat,country\n1,1,\n", ("line 2", "column country", "missing")),
    "unclosed quote": (GOOD + '2,"1,1,3\n2,1,1,3\n', ("line 4", "2 fields")),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_content(folder: Path, case: str) -> None:
    content, parts = CONTENTS[case]
    file = folder / "train.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    text = message(folder)
    assert text.startswith(str(file))
    for part in parts:
        assert part in text


@pytest.mark.parametrize("split", ["validation", "test"])
def test_problems_in_the_other_files(folder: Path, split: str) -> None:
    file = folder / f"{split}.csv"
    file.write_text(GOOD + "2,1,1,40\n3,1,1,40\n")
    text = message(folder)
    assert text == f"{file}, line 4, column country: the class '40' does not occur in train.csv."
    file.write_text(GOOD + "2,1,1,Spain\n")
    assert "line 4, column country: 'Spain' is not a whole number" in message(folder)


def test_bad_row_far_down(folder: Path) -> None:
    (folder / "test.csv").write_text(GOOD + "2,1,1,3\n" * 50_000 + "2,1,?,3\n")
    assert "test.csv, line 50,004, column lat: '?' is not a number" in message(folder)


def test_no_folder(tmp_path: Path) -> None:
    assert "nowhere: there is no such folder" in message(tmp_path / "nowhere")
    assert "there is no such folder" in message(Path("~no-such-user-at-all/data"))


def test_a_file_for_the_folder(folder: Path) -> None:
    assert "train.csv: this is a file, where the folder" in message(folder / "train.csv")
    assert "cannot be read" in message(folder / "train.csv" / "deeper")


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_missing_file(folder: Path, name: str) -> None:
    (folder / f"{name}.csv").rename(folder / "other.csv")
    text = message(folder)
    assert f"{name}.csv: there is no such file (the folder has " in text
    assert "other.csv" in text


def test_empty_folder(tmp_path: Path) -> None:
    assert "train.csv: there is no such file (the folder has no CSV files)" in message(tmp_path)


def replace(folder: Path, make: Callable[[Path], object]) -> str:
    file = folder / "validation.csv"
    file.unlink()
    make(file)
    text = message(folder)
    assert text.startswith(f"{file}: ")
    return text


def test_a_directory_for_a_file(folder: Path) -> None:
    assert "this is a directory" in replace(folder, Path.mkdir)


def test_a_pipe_for_a_file(folder: Path) -> None:
    assert "not a regular file" in replace(folder, lambda file: os.mkfifo(file))


def test_links(folder: Path) -> None:
    assert "not a regular file" in replace(folder, lambda file: file.symlink_to("/dev/zero"))
    assert "no such file" in replace(folder, lambda file: file.symlink_to("nowhere"))
    assert "cannot be read" in replace(folder, lambda file: file.symlink_to(file))


def test_no_permission(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "train.csv: this cannot be read (Permission denied)" in message(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_no_permission_for_real(folder: Path) -> None:
    (folder / "test.csv").chmod(0)
    assert "test.csv: this cannot be read (Permission denied)" in message(folder)


def test_strange_paths(tmp_path: Path) -> None:
    assert r"a\x1b[31mb" in message(tmp_path / "a\x1b[31mb")
    assert "cannot be read" in message(Path("a\0b"))
    assert "cannot be read" in message(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("head", "part"), [(b"", "binary"), (GOOD.encode(), "1,024 MiB, and at most 256"), (b"x" * 70_000, "header")]
)
def test_a_gigabyte_of_rubbish_is_not_read(folder: Path, head: bytes, part: str) -> None:
    file = folder / "train.csv"
    with file.open("wb") as stream:
        stream.write(head)
        # A sparse file takes no space on the disk, and has 1 GiB for whoever reads it.
        stream.truncate(2**30)
    started = time.perf_counter()
    # Zero bytes follow the good header only after the part that is looked at first.
    if head.startswith(b","):
        with file.open("r+b") as stream:
            stream.write(head + b"2,1,1,3\n" * 10_000)
    assert part in message(folder)
    assert time.perf_counter() - started < 1
