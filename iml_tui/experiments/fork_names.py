"""Names of the trials of a fork: they tell what was forked, where, and what differs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from iml_tui.experiments.changes import forkable_fields, words_of
from iml_tui.experiments.hyperparameters import format_setting
from iml_tui.experiments.trials import Trial

_SHORT = {"learning_rate": "lr"}
_SEED = " · seed "
_ARROW = " → "
_MOST_PARTS = 3
_EARLIER = re.compile(r", (again )?from (batch [\d,]+ of )?epoch \d+.*$", re.DOTALL)


def fork_names(before: Sequence[Trial], changed: Sequence[Trial], epochs: int, step: int) -> list[Trial]:
    """The changed trials under names of their own.

    "learning rate 0.01, from epoch 3 learning rate 0.001", for legends "lr 0.01 → 0.001". As in any run, trials that
    differ in nothing but their seed have one model's name.

    Args:
        before: the trials that are forked.
        changed: the same with what is to differ, the same for all.
        epochs, step: whole epochs, and batches of the next, that they have in common.
    """
    several = {trial.model_name for trial in changed if _others(trial, changed)}
    return [_named(old, new, epochs, step, new.model_name in several) for old, new in zip(before, changed, strict=True)]


def _others(trial: Trial, trials: Sequence[Trial]) -> bool:
    return sum(other.model_name == trial.model_name for other in trials) > 1


def _named(before: Trial, changed: Trial, epochs: int, step: int, several_seeds: bool) -> Trial:
    differing = [name for name in forkable_fields(before) if getattr(before, name) != getattr(changed, name)]
    place = f"epoch {epochs + 1}" if not step else f"batch {step + 1:,} of epoch {epochs + 1}"
    what = ", ".join(_words(name, getattr(changed, name)) for name in differing)
    # A fork of a fork tells of the last one only; where that started from stands in its record. Files have such names.
    model = f"{_EARLIER.sub('', before.model_name)}, from {place} {what}".rstrip()
    label = _EARLIER.sub("", before.label.partition(_SEED)[0])
    parts = [_part(label, name, getattr(changed, name)) for name in differing]
    label = _short(f"{label} → {', '.join(parts)}") if parts else f"{label}, again from {place}"
    names = {"name": model, "label": label, "model": ""}
    if several_seeds:
        names = {
            "name": f"{model}, seed {changed.seed}",
            "label": f"{label}{_SEED}{changed.seed}",
            "model": model,
        }
    return changed.model_copy(update=names)


def _words(field: str, value: object) -> str:
    return f"{format_setting(value)} epochs" if field == "epochs" else f"{words_of(field)} {format_setting(value)}"


def _short(label: str) -> str:
    """The label with what was in force first, and what came last."""
    parts = label.split(_ARROW)
    return label if len(parts) <= _MOST_PARTS else _ARROW.join([parts[0], "…", parts[-1]])


def _part(label: str, field: str, new: object) -> str:
    """The new value as it follows the label: "0.001" after one of that field, such as "lr 0.01" or "lr 0.01 → 0.1"."""
    if field == "epochs":
        return f"{format_setting(new)} epochs"
    short = _SHORT.get(field, words_of(field))
    of_this_field = re.search(rf"(^| ){short} \S+( → \S+)*$", label)
    return format_setting(new) if of_this_field else f"{short} {format_setting(new)}"
