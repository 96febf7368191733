"""What a check of `doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is: a warning costs comfort or speed, a problem keeps runs from working."""

    OK = 0
    WARNING = 1
    PROBLEM = 2

    @property
    def word(self) -> str:
        """As it is printed."""
        return {Level.OK: "OK", Level.WARNING: "warning", Level.PROBLEM: "PROBLEM"}[self]


@dataclass(frozen=True)
class Check:
    """One line: what was found under which name, and the way out where it is not right."""

    name: str
    text: str
    level: Level = Level.OK
    way_out: str = ""


def warning(name: str, text: str, way_out: str) -> Check:
    """A check that found something to mend."""
    return Check(name, text, Level.WARNING, way_out)


def problem(name: str, text: str, way_out: str) -> Check:
    """A check that found why runs do not work."""
    return Check(name, text, Level.PROBLEM, way_out)
