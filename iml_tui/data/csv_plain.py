"""The fast way through a CSV file without quotes, blank lines or mistakes; every other file takes the careful way.

`csv_values.parse` reads any file, row by row. This module reads a plain one several times faster and never decides
that something is wrong: it gives up, and leaves the judgement and the message to the careful way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iml_tui.data.csv_file import LONGEST_LINE, CSVFile

BLOCK_BYTES: Final = 2**20
COMMA: Final = ord(",")
NEWLINE: Final = ord("\n")

Columns = tuple[Sequence[bytes], Sequence[bytes], Sequence[bytes]]


def plain_blocks(file: CSVFile) -> Iterator[Columns | None]:
    """The fields of `long`, `lat` and `country`, block by block; None, as the last item, where a row is not plain."""
    content = file.content
    start = content.find(b"\n") + 1
    if start == 0 or content.find(b'"', start) >= 0:
        yield None
        return
    while start < len(content):
        end = content.find(b"\n", start + BLOCK_BYTES) + 1 or len(content)
        is_sane = end - start <= BLOCK_BYTES + LONGEST_LINE
        columns = _split(content[start:end], file) if is_sane else None
        yield columns
        if columns is None:
            return
        start = end


def _split(block: bytes, file: CSVFile) -> Columns | None:
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    if not block.endswith(b"\n"):
        block += b"\n"
    # An underscore, which float() would skip, and a lone carriage return need a closer look.
    if b"\r" in block or b"_" in block or not _is_regular(block, file):
        return None
    fields = block.replace(b"\n", b",").split(b",")
    # The last separator ends the last row, so an empty piece follows it.
    del fields[-1]
    longitude, latitude, country = (fields[position :: file.fields] for position in file.positions)
    return longitude, latitude, country


def _is_regular(block: bytes, file: CSVFile) -> bool:
    """Whether every line of the block has as many fields as the header, and none is too long."""
    signs: NDArray[np.uint8] = np.frombuffer(block, dtype=np.uint8)
    places = np.flatnonzero((signs == COMMA) | (signs == NEWLINE))
    if len(places) % file.fields:
        return False
    ends_line = (signs[places] == NEWLINE).reshape(-1, file.fields)
    if not ends_line[:, -1].all() or ends_line[:, :-1].any():
        return False
    ends = places[file.fields - 1 :: file.fields]
    return int(np.diff(ends, prepend=-1).max()) <= LONGEST_LINE
