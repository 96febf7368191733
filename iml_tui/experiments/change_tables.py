"""Tables on what happened to a run's hyperparameters after it was asked for: changes while it trained, and forks.

They stand behind the tables of the experiment, which name trials by the hyperparameters that were asked for.
"""

from __future__ import annotations

from iml_tui.experiments.base import Experiment
from iml_tui.experiments.changes import words_of
from iml_tui.experiments.hyperparameters import format_setting
from iml_tui.experiments.results import Results
from iml_tui.experiments.tables import Column, Table, Value

CHANGES = "changes"
FORKED_FROM = "forked-from"

_TRIAL = Column("trial", "Trial")
_HYPERPARAMETER = Column("hyperparameter", "Hyperparameter")


def tables_of(experiment: Experiment, results: Results) -> list[Table]:
    """The tables of the experiment, and those of changes and forks where there are any."""
    return [*experiment.tables(results), *filter(None, (forks_table(results), changes_table(results)))]


def changes_table(results: Results) -> Table | None:
    """What was changed while trials trained; None where nothing was."""
    rows: list[tuple[Value, ...]] = [
        (trial.name, change.epoch, change.step, words_of(change.field), change.old, change.new)
        for trial in results.trials
        for change in trial.changes
    ]
    if not rows:
        return None
    return Table(
        CHANGES,
        "Changes while training",
        (
            _TRIAL,
            Column("epoch", "Epoch"),
            Column("batch", "After batch"),
            _HYPERPARAMETER,
            Column("old", "Old", decimals=None),
            Column("new", "New", decimals=None),
        ),
        tuple(rows),
        "The names of trials and the other tables tell what was asked for at the start.",
    )


def forks_table(results: Results) -> Table | None:
    """Where trials left those of another run, and what differs from there on; None where none did.

    A row for every hyperparameter that differs, and one for a trial that goes on with all as it was.
    """
    rows: list[tuple[Value, ...]] = []
    for trial in results.trials:
        fork = trial.fork
        if fork is None:
            continue
        place = (trial.name, fork.run, fork.name, fork.epochs, fork.step)
        rows += [
            (*place, words_of(field), format_setting(old), format_setting(new)) for field, old, new in fork.changes
        ] or [(*place, None, None, None)]
    if not rows:
        return None
    return Table(
        FORKED_FROM,
        "Forked from",
        (
            _TRIAL,
            Column("run", "Run"),
            Column("forked_trial", "Its trial"),
            Column("epochs", "Epochs in common"),
            Column("batches", "And batches"),
            _HYPERPARAMETER,
            Column("old", "Before"),
            Column("new", "From there on"),
        ),
        tuple(rows),
        "Figures of the epochs in common are those of the other run.",
    )
