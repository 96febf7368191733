"""What kinds of data experiments train on."""

from __future__ import annotations

from typing import Literal

DataKind = Literal["cities", "faces", "scenes"]
"""Cities with coordinates and countries; pictures of real and generated faces; rendered scenes for the source task."""
