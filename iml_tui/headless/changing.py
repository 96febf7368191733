"""`set`: other values of hyperparameters for trials that train."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

from iml_tui.errors import UsageError
from iml_tui.experiments.changes import (
    changeable_fields,
    check_change,
    read_change,
    told,
    value_in_force,
    words_of,
)
from iml_tui.experiments.hyperparameters import format_setting
from iml_tui.experiments.results import Change, TrialResult
from iml_tui.headless.asking import ask, wait_until
from iml_tui.headless.references import Reference, named_trials, parse_reference
from iml_tui.headless.settings import split_pairs
from iml_tui.headless.streams import say
from iml_tui.runs import control
from iml_tui.runs.control import ChangeRequest
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import ACTIVE_STATES
from iml_tui.text import printable

REFUSED = "Nothing was changed"
"""How the worker's warning on a request that it cannot serve begins (`training/changes.py`)."""

_Wanted = tuple[int, str, float]
"""Position of a trial in its run, hyperparameter, value."""


def change(text: str, pairs: Iterable[str]) -> int:
    """Change hyperparameters of the trials that `text` names (RUN, RUN:N, RUN:N:SEED), and wait until that is done.

    Raises:
        UsageError: a key or a value cannot be, or nothing of what is named trains now; nothing was asked for.
    """
    reference = parse_reference(text)
    settings = split_pairs("", pairs)
    if not settings:
        raise UsageError("name what to change, such as learning_rate=0.0005")
    reader = RunReader(reference.find_run())
    trials = _trials_in_training(reader, reference)
    wanted = [(trial.index, field, value) for trial in trials for field, value in _values(trial, settings).items()]
    wanted = [each for each in wanted if not _is_so_already(reader, *each)]
    before = {trial.index: len(trial.changes) for trial in trials}
    warned = len(reader.warnings)
    for position, field, value in wanted:
        request = ChangeRequest(trial=position, field=field, value=value)
        ask(reader.directory, lambda directory, request=request: control.request_change(directory, request))  # type: ignore[misc]
    if reader.state == "paused":
        say(f"{reader.directory.id} is paused; the change is made as soon as it goes on.")
        return 0

    def left() -> list[_Wanted]:
        return _left(wanted, {trial.index: trial.changes[before[trial.index] :] for trial in trials})

    def refused() -> list[str]:
        return [warning for warning in reader.warnings[warned:] if warning.startswith(REFUSED)]

    wait_until(reader, lambda: len(left()) <= len(refused()) or reader.state not in ACTIVE_STATES)
    made = [(trial, change) for trial in trials for change in trial.changes[before[trial.index] :]]
    for trial, each in made:
        sys.stdout.write(printable(f"{trial.label}: {told(each)}" if len(trials) > 1 else told(each)) + "\n")
    return _tell_what_was_not_done(reader, left(), refused())


def _trials_in_training(reader: RunReader, reference: Reference) -> Sequence[TrialResult]:
    """Those of the trials that are named that train now and have something to be changed."""
    run, state = reader.directory.id, reader.state
    if state not in ACTIVE_STATES:
        raise UsageError(
            f"{run} is {state}: only a run that trains can be changed; iml-lab fork {run} --set … goes on from a "
            "checkpoint of it with other values"
        )
    named = named_trials(reader, reference)
    training = [trial for trial in named if trial.state == "running" and changeable_fields(trial.trial)]
    if not training:
        if len(named) == 1:
            raise UsageError(f"{printable(named[0].name)} of {run} does not train now ({named[0].state})")
        raise UsageError(f"nothing of {reference.text} trains now that can be changed ({run} is {state})")
    return training


def _is_so_already(reader: RunReader, position: int, field: str, value: float) -> bool:
    """Whether there is nothing to change, which is said."""
    trial = reader.results.trials[position]
    if value_in_force(trial, field) != value:
        return False
    say(f"{trial.name}: {words_of(field)} is {format_setting(value)} already.")
    return True


def _values(trial: TrialResult, settings: Mapping[str, str]) -> dict[str, float]:
    """The new values of a trial, by hyperparameter."""
    values = {}
    for field, text in settings.items():
        try:
            # An unknown key is worse than its value.
            problem = check_change(trial.trial, field, 1.0)
            values[field] = read_change(field, text) if not problem else 1.0
            problem = problem or check_change(trial.trial, field, values[field])
        except ValueError as error:
            problem = str(error)
        if problem:
            raise UsageError(f"{printable(field)}={printable(text)}: {problem}")
    return values


def _left(wanted: Iterable[_Wanted], made: Mapping[int, Sequence[Change]]) -> list[_Wanted]:
    """What of the wanted has not been made."""
    return [
        (position, field, value)
        for position, field, value in wanted
        if not any(change.field == field and change.new == value for change in made[position])
    ]


def _tell_what_was_not_done(reader: RunReader, left: Sequence[_Wanted], refused: Sequence[str]) -> int:
    if not left:
        return 0
    for warning in refused:
        say(warning)
    run = reader.directory.id
    if reader.state not in ACTIVE_STATES:
        say(f"{run} ended before everything was changed ({reader.state}).")
        return 1
    if refused:
        return 1
    say(f"{run} was asked for the change and will make it after the current batch.")
    return 0
