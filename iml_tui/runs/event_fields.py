"""The fields of events, checked: the checksum of a line tells that it is as it was written, not that it makes sense."""

from __future__ import annotations

import math
from typing import Any, Final

from iml_tui.runs.events import Event

MOST: Final = 1 << 53
"""The largest number of anything that is counted."""

_LONGEST_TEXT: Final = 10_000
_LONGEST_LIST: Final = 10_000


class MalformedError(ValueError):
    """An event that cannot be taken in."""


def count(event: Event, name: str, least: int = 0, most: int = MOST) -> int:
    """The whole number `name`, from `least` to `most`.

    Raises:
        MalformedError: it is missing or something else.
    """
    return whole(event.get(name), least, most)


def whole(value: Any, least: int = 0, most: int = MOST) -> int:
    """A whole number from `least` to `most`. Raises MalformedError; true and false are none."""
    if type(value) is not int or not least <= value <= most:
        raise MalformedError
    return value


def place(event: Event, most_epochs: int = MOST) -> tuple[int, int, int]:
    """`epoch` (at most `most_epochs`), `step` and `steps`: so many batches of so many in an epoch.

    Raises:
        MalformedError: one is missing or something else.
    """
    steps = count(event, "steps")
    return count(event, "epoch", most=most_epochs), count(event, "step", most=steps), steps


def number(value: Any) -> float:
    """A number; NaN where it was not finite, which is null in JSON.

    Raises:
        MalformedError: it is something else, or too large.
    """
    if value is None:
        return math.nan
    if type(value) not in (int, float):
        raise MalformedError
    try:
        found = float(value)
    except OverflowError as error:
        raise MalformedError from error
    return found if math.isfinite(found) else math.nan


def finite(event: Event, name: str) -> float:
    """The finite number `name`. Raises MalformedError where it is missing or something else."""
    found = number(event.get(name))
    if math.isnan(found):
        raise MalformedError
    return found


def text(event: Event, name: str) -> str:
    """The text `name`, as it is: not made safe for a terminal; what is far too long is cut.

    Raises:
        MalformedError: it is missing or something else.
    """
    found = event.get(name)
    if not isinstance(found, str):
        raise MalformedError
    return found if len(found) <= _LONGEST_TEXT else f"{found[:_LONGEST_TEXT]}…"


def items(event: Event, name: str) -> list[Any]:
    """The list `name`; an empty one where it is missing. Raises MalformedError where it is something else."""
    found = event.get(name, [])
    if not isinstance(found, list) or len(found) > _LONGEST_LIST:
        raise MalformedError
    return found


def time_of(event: Event) -> float | None:
    """When it happened, seconds since the epoch; None where the event does not tell."""
    found = event.get("time")
    if not isinstance(found, int | float) or isinstance(found, bool):
        return None
    return float(found) if 0 < found < 1e12 else None
