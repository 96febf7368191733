"""Asking the worker for something through `control/`: a request is a file, so any process or shell can ask.

stop                    stop at the next batch, keeping what is there
pause                   there for as long as the run is to pause
change-….json           change a hyperparameter of one trial from the next batch on
"""

from __future__ import annotations

import contextlib
import time
import uuid
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from iml_tui.runs.atomic import write_atomically
from iml_tui.runs.opening import read_regular

STOP = "stop"
PAUSE = "pause"
_CHANGES = "change-*.json"
_LONGEST = 1 << 16
"""Bytes of a request; a longer file is none."""


class ChangeRequest(BaseModel):
    """The wish that hyperparameter `field` of the trial at position `trial` in its run has `value` from now on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trial: int
    field: str
    value: float


def request_stop(control: Path) -> None:
    """Ask the worker to stop at the next batch, keeping what is there. A paused run stops as well."""
    control.mkdir(0o700, parents=True, exist_ok=True)
    (control / STOP).touch(0o600)


def stop_requested(control: Path) -> bool:
    """Whether somebody asked for a stop."""
    return (control / STOP).exists()


def request_pause(control: Path) -> None:
    """Ask the worker to pause at the next batch."""
    control.mkdir(0o700, parents=True, exist_ok=True)
    (control / PAUSE).touch(0o600)


def request_continue(control: Path) -> None:
    """Let a paused run go on; also takes back a pause that has not begun."""
    (control / PAUSE).unlink(missing_ok=True)


def pause_requested(control: Path) -> bool:
    """Whether the run is to pause."""
    return (control / PAUSE).exists()


def request_change(control: Path, change: ChangeRequest) -> None:
    """Ask for another value of a hyperparameter of a running trial. Requests are served in the order of asking."""
    control.mkdir(0o700, parents=True, exist_ok=True)
    name = f"change-{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.json"
    write_atomically(control / name, change.model_dump_json())


def pending_changes(control: Path) -> list[tuple[Path, ChangeRequest | str]]:
    """The changes asked for, oldest first, each with its file, which whoever serves it removes.

    A request that cannot be read comes as the sentence that says why.
    """
    found: list[tuple[Path, ChangeRequest | str]] = []
    for path in sorted(control.glob(_CHANGES)):
        try:
            found.append((path, ChangeRequest.model_validate_json(read_regular(path, _LONGEST))))
        except FileNotFoundError:  # Another look has served it.
            continue
        except OSError as error:
            found.append((path, f"a request to change a hyperparameter cannot be read ({error.strerror})"))
        except ValidationError as error:
            found.append((path, f"a request to change a hyperparameter is malformed ({_first(error)})"))
    return found


def clear_stop(control: Path) -> None:
    """Forget that the run was to stop or to pause, before another worker takes it over."""
    for name in (STOP, PAUSE):
        (control / name).unlink(missing_ok=True)


def clear(control: Path) -> None:
    """Forget all requests: those that were served, and those that came too late."""
    clear_stop(control)
    for path in control.glob(_CHANGES):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _first(error: ValidationError) -> str:
    problem: dict[str, Any] = dict(error.errors()[0])
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])
