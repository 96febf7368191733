"""How states look: a sign, a word and a colour of the theme, so that colour is never the only difference."""

from __future__ import annotations

from dataclasses import dataclass


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
    "paused": Look("‖", "paused", "$text-warning"),
    "stopped": Look("■", "stopped", "$text-warning"),
    "interrupted": Look("!", "interrupted", "$text-error"),
    "failed": Look("✗", "failed", "$text-error"),
    "done": Look("✓", "done", "$text-success"),
}

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
