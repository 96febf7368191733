"""The dialog that forks a run: whose training, from which checkpoint on, with which other hyperparameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, get_args

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Label

from iml_tui.experiments.changes import ForkValue, check_fork, forkable_fields, read_fork_value, words_of
from iml_tui.experiments.hyperparameters import format_setting
from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.trials import Scheduler
from iml_tui.runs.fork import ForkChoice
from iml_tui.runs.fork_copying import made_before
from iml_tui.runs.requests import DEVICE_HELP, device_problem
from iml_tui.text import printable
from iml_tui.ui.screens.dialog import ChoiceRow, Dialog, told_apart
from iml_tui.ui.widgets.choice_input import ChoiceInput
from iml_tui.ui.widgets.form_field import FormField

DEVICE = "device"
NEWEST = "where it stands by then"


@dataclass(frozen=True)
class ForkWanted:
    """A fork without errors: `trials` are positions in the run, `changes` what differs from `choice` on.

    Without a choice it is the newest checkpoint by then that holds the trials: a run that trains on replaces its own.
    """

    choice: ForkChoice | None
    trials: tuple[int, ...]
    changes: dict[str, ForkValue]
    device: str
    queued: bool


class ForkDialog(Dialog[ForkWanted | None]):
    """Returns the fork that is wanted, or None.

    Args:
        results: of the run.
        choices: its checkpoints that can be forked, at least one, the newest first.
        device: what the device's field begins with.
        live: whether the run may train on meanwhile.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "fork(False)", "Start", key_display="F5", id="fork.start", tooltip="Start the fork"),
        Binding("f6", "fork(True)", "Queue", key_display="F6", id="fork.queue", tooltip="Put the fork into the queue"),
    ]

    def __init__(self, results: Results, choices: Sequence[ForkChoice], device: str, *, live: bool) -> None:
        super().__init__()
        self._results = results
        self._live = live
        self._choices = sorted(choices, key=lambda one: (one.header.epochs, one.header.step, one.number), reverse=True)
        self._device = printable(device)
        self._groups = list(_groups(results, self._choices))

    def compose(self) -> ComposeResult:
        """Whose, where from, and what is to differ."""
        with Vertical(id="fork-dialog", classes="dialog") as box:
            box.border_title = "Fork: go on from a checkpoint, with other hyperparameters"
            yield ChoiceRow("Model", told_apart(text for text, _ in self._groups), id="fork-model")
            yield ChoiceRow("From", self._places(self._groups[0][1]), id="fork-from")
            with VerticalScroll(id="fork-fields", can_focus=False):
                yield from self._fields(self._groups[0][1], self._holding(self._groups[0][1])[0])
            yield FormField(DEVICE, "Device", "auto", self._device, help=DEVICE_HELP)
            yield Label(id="dialog-error", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Start (F5)", id="start", variant="primary", compact=True)
                yield Button("Queue (F6)", id="queue", compact=True)
                yield Button("Cancel (Esc)", id="cancel", compact=True)

    def on_mount(self) -> None:
        """Which model comes first."""
        self.query(ChoiceInput).first().focus()

    def _holding(self, trials: Sequence[int]) -> list[ForkChoice]:
        return [choice for choice in self._choices if set(trials) <= set(choice.trials)]

    def _places(self, trials: Sequence[int]) -> list[str]:
        return told_apart([*([NEWEST] if self._live else []), *(choice.text for choice in self._holding(trials))])

    def _fields(self, trials: Sequence[int], choice: ForkChoice) -> Iterator[FormField]:
        chosen = [self._results.trials[position] for position in trials]
        for name in forkable_fields(chosen[0].trial):
            values = list(dict.fromkeys(_text(trial, name, choice) for trial in chosen))
            before = values[0] if len(values) == 1 else ""
            value = before
            if name == "epochs" and before and int(before) <= choice.header.epochs:
                value = str(2 * int(before))  # All of them are done there.
            yield FormField(
                name,
                words_of(name).capitalize(),
                before,
                value,
                choices=get_args(Scheduler) if name == "scheduler" else (),
                placeholder="" if before else ", ".join(values),
            )

    @property
    def _trials(self) -> tuple[int, ...]:
        return self._groups[self.query_one("#fork-model", ChoiceRow).index][1]

    @property
    def _choice(self) -> ForkChoice:
        return self._holding(self._trials)[max(0, self._place)]

    @property
    def _place(self) -> int:
        """Which checkpoint is chosen; −1 for the newest by then."""
        return self.query_one("#fork-from", ChoiceRow).index - self._live

    async def on_choice_input_changed(self, event: ChoiceInput.Changed) -> None:
        """Other models have other checkpoints and values."""
        event.stop()
        row = event.choice.query_ancestor(ChoiceRow)
        if row.id == "fork-model":
            self.query_one("#fork-from", ChoiceRow).offer(self._places(self._trials))
        box = self.query_one("#fork-fields", VerticalScroll)
        typed = {field.key: field.value for field in box.query(FormField) if field.changed}
        await box.remove_children()
        fields = list(self._fields(self._trials, self._choice))
        await box.mount_all(fields)
        for field in fields:
            if field.key in typed:  # What was typed stays.
                field.set_value(typed[field.key])
        self._read()

    def on_form_field_changed(self, event: FormField.Changed) -> None:
        """Validate as the user types."""
        event.stop()
        self._read()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons do what their keys do."""
        event.stop()
        if event.button.id == "cancel":
            self.dismiss(None)
        else:
            self.action_fork(event.button.id == "queue")

    def action_fork(self, queued: bool) -> None:
        """Be done, if nothing is wrong."""
        changes = self._read()
        if changes is not None:
            device = self.query_one(f"#field-{DEVICE}", FormField).value.strip()
            choice = self._choice if self._place >= 0 else None
            self.dismiss(ForkWanted(choice, self._trials, changes, device, queued))

    def _read(self) -> dict[str, ForkValue] | None:
        """What differs; None where something cannot be, which is shown at its field."""
        choice, trials = self._choice, [self._results.trials[position] for position in self._trials]
        changes: dict[str, ForkValue] = {}
        right = True
        for field in self.query(FormField):
            problem = ""
            if field.key == DEVICE:
                problem = device_problem(field.value.strip())
            elif field.value.strip() and (field.changed or field.key == "epochs"):
                try:
                    value = read_fork_value(field.key, field.value)
                    found = (check_fork(trial.trial, field.key, value, choice.header.epochs) for trial in trials)
                    problem = next(filter(None, found), "")
                except ValueError as error:
                    problem = str(error)
                else:
                    if field.changed:
                        changes[field.key] = value
            field.show_error(problem)
            right = right and not problem
        return changes if right else None


def _text(trial: TrialResult, name: str, choice: ForkChoice) -> str:
    """A hyperparameter as it was at a checkpoint: it may have been changed before, or since."""
    changes = [change.new for change in trial.changes if change.field == name and made_before(change, choice.header)]
    return format_setting(changes[-1] if changes else getattr(trial.trial, name))


def _groups(results: Results, choices: Sequence[ForkChoice]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What can be forked together from at least one checkpoint: a trial, all seeds of a model, all of a checkpoint."""
    held = [set(choice.trials) for choice in choices]
    there = sorted(set().union(*held), key=lambda position: (results.trials[position].state != "running", position))
    models: dict[str, list[int]] = {}
    for position in there:
        models.setdefault(results.trials[position].trial.model_name, []).append(position)
    found: list[tuple[str, tuple[int, ...]]] = []
    for name, members in models.items():
        if len(members) > 1:
            found.append((f"{name}, {len(members)} seeds", tuple(members)))
        found += [(results.trials[position].name, (position,)) for position in members]
    if len(models) > 1:
        found += [(f"{len(trials)} that train together", tuple(sorted(trials))) for trials in _different(held)]
    for text, trials in found:
        if any(set(trials) <= each for each in held):
            yield text, trials


def _different(held: Sequence[set[int]]) -> list[set[int]]:
    several: list[set[int]] = []
    for trials in held:
        if len(trials) > 1 and trials not in several:
            several.append(trials)
    return several
