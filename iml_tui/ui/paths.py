"""Where the style sheets are."""

from __future__ import annotations

from pathlib import Path


def styles_directory() -> Path:
    """The directory of the style sheets: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "styles"
    return installed if installed.is_dir() else package.parent / "styles"
