"""Opening one CSV file with care: nothing large is read before its first bytes look right."""

from __future__ import annotations

import csv
import io
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from iml_tui.data.messages import malformed, unreadable
from iml_tui.text import quoted

COLUMNS: Final = ("long", "lat", "country")
# A million rows of the course's format are about 50 MB.
LARGEST_FILE: Final = 256 * 2**20
LONGEST_LINE: Final = 2**16
MOST_LINES: Final = 5_000_000
BYTE_ORDER_MARKS_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class CSVFile:
    """A file whose header is right: its whole content, and where the wanted columns stand.

    `positions` are the positions of `long`, `lat` and `country` among the `fields` fields of every row.
    """

    path: Path
    content: bytes
    fields: int
    positions: tuple[int, int, int]

    def rows(self) -> Iterator[list[str]]:
        """The rows after the header, blank lines left out.

        Raises UsageError at a line that is too long or a quoted field that never ends.
        """
        return (row for _, row in self.numbered_rows())

    def numbered_rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows after the header, each with the number of the line it starts on; see `rows`."""
        reader = csv.reader(self._lines(), skipinitialspace=True)
        header_seen = False
        line = 1
        try:
            for row in reader:
                if row and header_seen:
                    yield line, row
                header_seen = header_seen or bool(row)
                line = reader.line_num + 1
        except csv.Error as error:
            raise malformed(self.path, f"this is not a row of a CSV file ({error})", line=line) from None

    def _lines(self) -> Iterator[str]:
        # newline="" keeps the line ends, so that csv can tell them from line breaks inside quotes.
        text = io.TextIOWrapper(io.BytesIO(self.content), encoding="utf-8-sig", newline="")
        number = 0
        while line := text.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise malformed(self.path, f"the line is longer than {LONGEST_LINE:,} characters", line=number)
            yield line


def open_csv(path: Path) -> CSVFile:
    """Read a file after checking its kind, its first bytes, its header and its size, in this order.

    Raises UsageError with one sentence that names the file (and the line and column, where there is one).
    """
    try:
        kind = path.stat()
        if stat.S_ISDIR(kind.st_mode):
            raise malformed(path, "this is a directory, where a CSV file is needed")
        # Opening a pipe or a device could block for ever.
        if not stat.S_ISREG(kind.st_mode):
            raise malformed(path, "this is not a regular file")
        with path.open("rb") as file:
            return _read(path, file, kind.st_size)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None


def _read(path: Path, file: BinaryIO, size: int) -> CSVFile:
    head = file.read(LONGEST_LINE)
    if not head.strip():
        raise malformed(path, "the file is empty")
    _check_text(path, head)
    header = _header(path, head)
    positions = _positions(path, header)
    if size > LARGEST_FILE:
        raise malformed(path, f"the file has {size / 2**20:,.0f} MiB, and at most {LARGEST_FILE // 2**20} MiB are read")
    content = head + file.read(LARGEST_FILE)
    _check_text(path, content)
    _check_encoding(path, content)
    if content.count(b"\n") > MOST_LINES:
        raise malformed(path, f"the file has more than {MOST_LINES:,} lines")
    return CSVFile(path, content, len(header), positions)


def _check_text(path: Path, content: bytes) -> None:
    if content.startswith(BYTE_ORDER_MARKS_UTF16):
        raise malformed(path, "the file is in UTF-16, and must be saved as UTF-8")
    zero = content.find(b"\0")
    if zero >= 0:
        line = content.count(b"\n", 0, zero) + 1
        raise malformed(path, "the file holds binary data, not the text of a CSV file", line=line)


def _check_encoding(path: Path, content: bytes) -> None:
    if content.isascii():
        return
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        wrong = content[error.start]
        raise malformed(path, f"the byte 0x{wrong:02x} is not text in UTF-8", line=line) from None


def _header(path: Path, head: bytes) -> list[str]:
    """The column names, stripped and in lower case, from the first bytes of a file."""
    if len(head) == LONGEST_LINE and b"\n" not in head and b"\r" not in head:
        raise malformed(path, f"the header is longer than {LONGEST_LINE:,} bytes", line=1)
    # A character cut at the end of the head is replaced and does no harm; wrong bytes are found later.
    lines = io.StringIO(head.decode("utf-8-sig", "replace"), newline="")
    try:
        row = next((row for row in csv.reader(lines, skipinitialspace=True) if row), [])
    except csv.Error as error:
        raise malformed(path, f"the header cannot be read ({error})", line=1) from None
    return [name.strip().lower() for name in row]


def _positions(path: Path, header: list[str]) -> tuple[int, int, int]:
    for name in COLUMNS:
        if name not in header:
            raise malformed(path, f"there is no column {name} ({_columns_there(header)})", line=1)
        if header.count(name) > 1:
            raise malformed(path, f"the header names the column {header.count(name)} times", line=1, column=name)
    longitude, latitude, country = (header.index(name) for name in COLUMNS)
    return longitude, latitude, country


def _columns_there(header: list[str]) -> str:
    names = [name for name in header if name]
    if len(header) == 1:
        return f"the header is {quoted(header[0])}, and the columns must be separated by commas"
    shown = ", ".join(quoted(name) for name in names[:6]) + (", …" if len(names) > 6 else "")
    return f"the header has {shown}" if names else "the header names no columns"
