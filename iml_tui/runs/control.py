"""Asking the worker for something through `control/`: a request is a file, so any process or shell can ask."""

from __future__ import annotations

from pathlib import Path

STOP = "stop"


def request_stop(control: Path) -> None:
    """Ask the worker to stop at the next batch, keeping what is there."""
    control.mkdir(parents=True, exist_ok=True)
    (control / STOP).touch()


def stop_requested(control: Path) -> bool:
    """Whether somebody asked for a stop."""
    return (control / STOP).exists()


def clear(control: Path) -> None:
    """Forget requests that were served."""
    (control / STOP).unlink(missing_ok=True)
