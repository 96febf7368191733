"""Turning the rows of one CSV file into arrays: fast for good rows, exact about the first bad one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iml_tui.data.csv_file import COLUMNS, CSVFile
from iml_tui.data.csv_plain import Columns, plain_blocks
from iml_tui.data.messages import malformed
from iml_tui.errors import UsageError
from iml_tui.text import quoted

# Rows are converted in blocks, so that a large file never stands in memory as Python strings.
BLOCK_ROWS: Final = 20_000
MOST_CLASSES: Final = 1_000
BOUNDS: Final = {"long": 180.0, "lat": 90.0}

# The fields of long, lat and country of some consecutive rows.
Block = tuple[Sequence[str], Sequence[str], Sequence[str]] | Columns


@dataclass(frozen=True, eq=False)
class Values:
    """One parsed file: coordinates (float32, (n, 2), degrees), and `texts[codes[i]]`, the country of row i as written.

    `texts` are the different countries in order of appearance; `codes` is int64 of shape (n,).
    """

    file: CSVFile
    coordinates: NDArray[np.float32]
    codes: NDArray[np.int64]
    texts: tuple[str, ...]

    def wrong_country(self, text: str, what: str) -> UsageError:
        """The error for a country, at the first line that has it."""
        row = int(np.flatnonzero(self.codes == self.texts.index(text))[0])
        line = next(islice(self.file.numbered_rows(), row, None))[0]
        return malformed(self.file.path, what, line=line, column="country")


def parse(file: CSVFile) -> Values:
    """Parse every row. Raises UsageError naming line and column of the first value that is wrong."""
    for read in (plain_blocks, _careful_blocks):
        values = _gather(file, read(file))
        if values is not None:
            return values
    raise _first_problem(file)


def _gather(file: CSVFile, blocks: Iterable[Block | None]) -> Values | None:
    """Convert and join the blocks; None if anything in them is wrong."""
    coordinates: list[NDArray[np.float32]] = []
    codes: list[NDArray[np.int64]] = []
    known: dict[str | bytes, int] = {}
    for block in blocks:
        if block is None:
            return None
        longitude = _numbers(block[0], BOUNDS["long"])
        latitude = _numbers(block[1], BOUNDS["lat"])
        if longitude is None or latitude is None:
            return None
        coordinates.append(np.column_stack((longitude, latitude)).astype(np.float32))
        codes.append(np.array([known.setdefault(text, len(known)) for text in block[2]], dtype=np.int64))
        if len(known) > MOST_CLASSES:
            raise malformed(file.path, f"there are more than {MOST_CLASSES:,} different values", column="country")
    if not codes:
        raise malformed(file.path, "the file has a header but no rows")
    texts = tuple(text.decode() if isinstance(text, bytes) else text for text in known)
    if any(not text.strip() for text in texts):
        return None
    return Values(file, np.concatenate(coordinates), np.concatenate(codes), texts)


def _careful_blocks(file: CSVFile) -> Iterator[Block | None]:
    """The wanted columns as text, block by block; None, as the last item, where a row has another length."""
    rows = file.rows()
    while block := list(islice(rows, BLOCK_ROWS)):
        try:
            columns = list(zip(*block, strict=True))
        except ValueError:
            columns = []
        if len(columns) != file.fields:
            yield None
            return
        longitude, latitude, country = (columns[position] for position in file.positions)
        # float() reads 1_0 as 10, which no CSV file means.
        if "_" in "".join(longitude) or "_" in "".join(latitude):
            yield None
            return
        yield longitude, latitude, country


def _numbers(texts: Sequence[str] | Sequence[bytes], bound: float) -> NDArray[np.float64] | None:
    """The texts as numbers from −bound to bound; None if one of them is not."""
    try:
        numbers = np.fromiter(map(float, texts), dtype=np.float64, count=len(texts))
    except ValueError:
        return None
    # NaN fails the comparison.
    return numbers if bool((np.abs(numbers) <= bound).all()) else None


def _first_problem(file: CSVFile) -> UsageError:
    for line, row in file.numbered_rows():
        if len(row) != file.fields:
            return malformed(file.path, _wrong_length(row, file.fields), line=line)
        for name, position in zip(COLUMNS, file.positions, strict=True):
            what = _problem(name, row[position])
            if what:
                return malformed(file.path, what, line=line, column=name)
    raise AssertionError("a block was refused although every row of the file is right")


def _wrong_length(row: list[str], fields: int) -> str:
    count = f"{len(row)} field" + ("" if len(row) == 1 else "s")
    return f"the row has {count}, and the header has {fields}"


def _problem(name: str, text: str) -> str | None:
    """What is wrong with a value; None if nothing is."""
    if not text.strip():
        return "the value is missing"
    if name not in BOUNDS:
        return None
    try:
        number = float(text.replace("_", "?"))
    except ValueError:
        return f"{quoted(text)} is not a number"
    if not math.isfinite(number):
        return f"{quoted(text)} is not a finite number"
    if abs(number) > BOUNDS[name]:
        return f"{quoted(text)} is outside −{BOUNDS[name]:g}…{BOUNDS[name]:g} degrees"
    return None
