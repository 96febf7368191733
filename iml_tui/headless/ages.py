"""Points in time, and how long ago they are, as people read them."""

from __future__ import annotations

import time


def when(seconds: float) -> str:
    """A point in time in local time, and how long ago that is."""
    try:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return "unknown"
    return f"{stamp} ({age(time.time() - seconds)} ago)"


def age(seconds: float) -> str:
    """How long ago, in one or two figures: 12 s · 5 min · 3 h · 2 d."""
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{max(0, seconds) // size:.0f} {unit}"
    return f"{seconds // 86_400:,.0f} d"
