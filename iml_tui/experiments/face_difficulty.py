"""How hard it is to tell the rendered faces from the generated ones, where nothing else is asked for."""

from __future__ import annotations

from typing import Final

FACE_DIFFICULTY: Final = 0.5
"""The default of `difficulty`, which the renderer takes: 0 is the easiest, 1 the hardest."""
