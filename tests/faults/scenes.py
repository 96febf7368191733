"""Fewer scenes than the source task has."""

from typing import Final

HELD_OUT: Final = 16
"""Scenes in the validation and the test split."""
