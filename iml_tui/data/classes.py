"""From what stands in the column `country` to the classes 0…C−1."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iml_tui.data.csv_values import Values
from iml_tui.data.messages import malformed
from iml_tui.text import quoted

LONGEST_NAME: Final = 100

Key = int | str


class Classes:
    """The classes of the training file: whole numbers in ascending order, or else names in alphabetical order.

    Raises UsageError where a value of the training file is no class, or all rows have the same.
    """

    def __init__(self, train: Values) -> None:
        # The majority decides, so that one slip in a column of numbers is reported at its own line.
        counts = np.bincount(train.codes, minlength=len(train.texts))
        numeric = sum(int(n) for n, text in zip(counts, train.texts, strict=True) if _number(text) is not None)
        self._numeric = 2 * numeric >= len(train.codes)
        self._train = train.file.path.name
        keys = {self._key(train, text) for text in train.texts}
        if len(keys) < 2:
            only = quoted(str(keys.pop()))
            what = f"every row has the class {only}, and at least two classes are needed"
            raise malformed(train.file.path, what, column="country")
        # All are of one type.
        ordered = sorted(keys, key=lambda key: (key, "") if isinstance(key, int) else (0, key))
        self._labels = {key: label for label, key in enumerate(ordered)}

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every class."""
        return tuple(str(key) for key in self._labels)

    def labels(self, values: Values) -> NDArray[np.int64]:
        """The class of every row, int64 of shape (n,). Raises UsageError for a class that training lacks."""
        of_text = np.empty(len(values.texts), dtype=np.int64)
        for code, text in enumerate(values.texts):
            key = self._key(values, text)
            if key not in self._labels:
                what = f"the class {quoted(str(key))} does not occur in {self._train}"
                raise values.wrong_country(text, what)
            of_text[code] = self._labels[key]
        return of_text[values.codes]

    def _key(self, values: Values, text: str) -> Key:
        return _integer(values, text) if self._numeric else _name(values, text)


def _number(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _integer(values: Values, text: str) -> int:
    number = _number(text)
    if number is None:
        raise values.wrong_country(text, f"{quoted(text)} is not a whole number")
    if not math.isfinite(number):
        raise values.wrong_country(text, f"{quoted(text)} is not a finite number")
    try:
        return int(text)
    except ValueError:
        # Spreadsheets like to write 3 as 3.0.
        if number.is_integer():
            return int(number)
    raise values.wrong_country(text, f"{quoted(text)} is not a whole number")


def _name(values: Values, text: str) -> str:
    name = " ".join(text.split())
    if _number(text) is not None:
        raise values.wrong_country(text, f"{quoted(text)} is a number among names")
    if len(name) > LONGEST_NAME:
        raise values.wrong_country(text, f"{quoted(text)} is longer than {LONGEST_NAME} characters")
    if not name.isprintable():
        raise values.wrong_country(text, f"{quoted(text)} holds characters that cannot be shown")
    return name
