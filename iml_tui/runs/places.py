"""Where the lab keeps things. `IML_LAB_HOME` moves all of them below one directory."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

APPLICATION = "iml-lab"


def data_root() -> Path:
    """The user's data directory; runs lie below it."""
    home = os.environ.get("IML_LAB_HOME")
    return Path(home).expanduser().absolute() if home else platformdirs.user_data_path(APPLICATION)


def runs_root() -> Path:
    """The directory that holds one directory a run."""
    return data_root() / "runs"


def weights_root() -> Path:
    """The directory that holds the weights of the offline source task, which take minutes to make."""
    return data_root() / "weights"


def cache_root() -> Path:
    """What can be made again: parsed CSV files."""
    home = os.environ.get("IML_LAB_HOME")
    return data_root() / "cache" if home else platformdirs.user_cache_path(APPLICATION)


def log_file() -> Path:
    """Where the interface and the command line write tracebacks."""
    home = os.environ.get("IML_LAB_HOME")
    root = data_root() if home else platformdirs.user_log_path(APPLICATION)
    return root / "iml-lab.log"


def settings_file() -> Path:
    """The interface's settings (theme)."""
    home = os.environ.get("IML_LAB_HOME")
    root = data_root() if home else platformdirs.user_config_path(APPLICATION)
    return root / "settings.json"
