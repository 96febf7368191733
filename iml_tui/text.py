"""Text from outside (files, names, labels) made safe for a terminal."""

from __future__ import annotations

LONGEST_QUOTE = 40


def printable(text: str) -> str:
    """The text on one line, with control, format and unassigned characters written as escapes (`\\x1b`, `\\n`).

    Escape sequences and bidirectional overrides would otherwise reach the terminal.
    """
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape", "surrogatepass").decode("ascii") for sign in text
    )


def quoted(text: str) -> str:
    """The text in quotation marks, printable, and cut after 40 characters."""
    short = printable(text[: LONGEST_QUOTE + 1])
    return f"'{short}'" if len(short) <= LONGEST_QUOTE else f"'{short[:LONGEST_QUOTE]}…'"
