"""What a run does before it trains, in words, and how long that will still take."""

from __future__ import annotations

from iml_tui.runs.progress import duration, remaining_seconds
from iml_tui.runs.reading import Preparing, RunReader
from iml_tui.runs.record import ACTIVE_STATES
from iml_tui.text import printable


class PreparationClock:
    """Tells how long a preparation will still take, from what one viewer saw of it."""

    def __init__(self) -> None:
        self._what = ""
        self._since = 0.0
        self._already = 0

    def remaining(self, preparing: Preparing, now: float) -> float | None:
        """Seconds left at the speed since this preparation was first seen; None where that cannot be told.

        `now` is the time in seconds, of any clock.
        """
        if preparing.what != self._what or preparing.done < self._already:
            self._what, self._since, self._already = preparing.what, now, preparing.done
        left = preparing.total - self._already
        if left <= 0:
            return None
        return remaining_seconds([(preparing.done - self._already) / left], now - self._since)


def preparation_of(reader: RunReader) -> Preparing | None:
    """What the run is preparing by now; None where it trains, or where nothing goes on any more."""
    return reader.preparing if reader.state in ACTIVE_STATES else None


def preparation_text(preparing: Preparing, remaining: float | None, width: int | None = None) -> str:
    """ "decoding pictures 430 of 1,600 · 12 s left"; what is not counted, such as one long step, has no numbers.

    Where it is longer than `width` letters, what is prepared is cut, and not the numbers.
    """
    counted = f" {preparing.done:,} of {preparing.total:,}" if preparing.total > 1 else ""
    left = f" · {duration(remaining)} left" if remaining is not None else ""
    what = printable(preparing.what)
    room = width - len(counted) - len(left) if width is not None else len(what)
    return f"{what if len(what) <= room else f'{what[: max(0, room - 1)]}…'}{counted}{left}"
