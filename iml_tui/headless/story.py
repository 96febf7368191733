"""What befell a run besides its training, in words: where it was forked, resumed, changed, saved."""

from __future__ import annotations

import time

from iml_tui.experiments.changes import ForkValue, change_text, position_text, told
from iml_tui.experiments.results import ForkPoint
from iml_tui.headless.ages import age, when
from iml_tui.runs.fork import forkable
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import ForkRecord, ResumeRecord

MOST_CHANGES = 8
"""Changes that are told of one by one; all of them are in the table."""


def story(reader: RunReader) -> list[tuple[str, str]]:
    """Headings with their texts, those without anything to tell left out; texts are not yet made printable."""
    rows = [
        ("Forked from", forked_text(reader)),
        *(("Resumed", resumed_text(resume)) for resume in reader.record.resumes),
        *(("Changed", text) for text in changed_texts(reader)),
        ("Saved", saved_text(reader)),
    ]
    return [(name, text) for name, text in rows if text]


def forked_text(reader: RunReader) -> str:
    """ "20251009-085320-learning-rate after epoch 3: learning rate 0.01 → 0.001"; "" for a run of its own."""
    fork = reader.record.fork
    if fork is None:
        return ""
    points = [trial.fork for trial in reader.results.trials if trial.fork is not None]
    changes = dict.fromkeys(text for point in points for text in _changes(point))
    return f"{_place(fork)}: {', '.join(changes) or 'nothing differs from there on'}"


def resumed_text(resume: ResumeRecord) -> str:
    """ "2025-10-09 08:53:20 (3 h ago), exactly where it was"; or why not so."""
    how = "exactly where it was" if resume.exact else f"not exactly: {resume.reason or 'the reason was not recorded'}"
    return f"{when(resume.time)}, {how}"


def changed_texts(reader: RunReader) -> list[str]:
    """Each change of a hyperparameter while a trial trained, with the trial where there are several."""
    several = len(reader.results.trials) > 1
    found = [
        f"{trial.label}: {told(change)}" if several else told(change)
        for trial in reader.results.trials
        for change in trial.changes
    ]
    left_out = len(found) - MOST_CHANGES
    return found if left_out <= 0 else [*found[:MOST_CHANGES], f"and {left_out} times more; see the table of changes"]


def saved_text(reader: RunReader) -> str:
    """Where the run can go on from or be forked: "after epoch 7, 12 s ago"; "" where there is no checkpoint."""
    choices = forkable(reader)
    if not choices:
        return ""
    newest = choices[0]
    others = f", and {len(choices) - 1} more" if len(choices) > 1 else ""
    ago = age(time.time() - newest.header.time)
    return f"{newest.text}, {ago} ago{others} (iml-lab fork {reader.directory.id} --list)"


def _place(fork: ForkRecord) -> str:
    return f"{fork.run} {position_text(fork.epochs, fork.step, fork.steps)}"


def _changes(point: ForkPoint) -> list[str]:
    return [change_text(field, _value(old), _value(new)) for field, old, new in point.changes]


def _value(value: object) -> ForkValue:
    return value if isinstance(value, int | float | str) else str(value)
