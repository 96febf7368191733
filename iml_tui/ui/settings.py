"""What the interface remembers between sessions."""

from __future__ import annotations

import contextlib
from pathlib import Path

from pydantic import BaseModel, ValidationError

from iml_tui.runs.atomic import write_atomically


class Settings(BaseModel):
    """`theme` is the name of a Textual theme."""

    theme: str = "textual-dark"


def load_settings(path: Path) -> Settings:
    """The settings; the defaults where there are none or they cannot be read."""
    try:
        return Settings.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return Settings()


def save_settings(path: Path, settings: Settings) -> None:
    """Keep the settings; a directory that cannot be written costs only the memory of them."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, settings.model_dump_json(indent=2) + "\n")
