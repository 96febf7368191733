"""How states look: a sign, a word and a colour of the theme, so that colour is never the only difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iml_tui.runs import control

if TYPE_CHECKING:
    from iml_tui.runs.reading import RunReader


@dataclass(frozen=True)
class Look:
    """`sign` is one cell wide; `style` a Textual colour variable."""

    sign: str
    word: str
    style: str


RUN_LOOKS: dict[str, Look] = {
    "queued": Look("…", "queued", "$text-muted"),
    "starting": Look("◌", "starting", "$text-accent"),
    "running": Look("▶", "running", "$text-primary"),
    "stopping": Look("◍", "stopping", "$text-warning"),
    "pausing": Look("‖", "pausing …", "$text-warning"),
    "paused": Look("‖", "paused", "$text-warning"),
    "continuing": Look("◌", "going on …", "$text-accent"),
    "stopped": Look("■", "stopped", "$text-warning"),
    "interrupted": Look("!", "interrupted", "$text-error"),
    "failed": Look("✗", "failed", "$text-error"),
    "done": Look("✓", "done", "$text-success"),
    "gone": Look("?", "gone", "$text-error"),
    "unreadable": Look("?", "unreadable", "$text-error"),
}
"""The states of runs, and what they are on their way to."""

NOT_TRAINED = Look("·", "not trained", "$text-muted")
"""A trial that waited when its run ended."""

TRIAL_LOOKS: dict[str, Look] = {
    "waiting": Look("·", "waiting", "$text-muted"),
    "running": RUN_LOOKS["running"],
    "done": RUN_LOOKS["done"],
    "stopped": RUN_LOOKS["stopped"],
    "failed": RUN_LOOKS["failed"],
    "diverged": Look("✗", "diverged", "$text-error"),
}


def on_its_way(reader: RunReader) -> str:
    """The state of a run as a key of `RUN_LOOKS`, with what was asked of its worker, by whomever, and not done yet."""
    asked = reader.directory.control
    if reader.state in ("starting", "running", "paused") and control.stop_requested(asked):
        return "stopping"
    if reader.state == "running" and control.pause_requested(asked):
        return "pausing"
    return "continuing" if reader.state == "paused" and not control.pause_requested(asked) else reader.state
