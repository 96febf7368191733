"""The dialog that changes a hyperparameter of trials while they train."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Label

from iml_tui.experiments.changes import changeable_fields, check_change, read_change, value_in_force, words_of
from iml_tui.experiments.hyperparameters import format_setting
from iml_tui.experiments.results import Results, TrialResult
from iml_tui.runs.control import ChangeRequest
from iml_tui.ui.screens.dialog import ChoiceRow, Dialog, told_apart
from iml_tui.ui.widgets.choice_input import ChoiceInput
from iml_tui.ui.widgets.form_field import FormField

VALUE = "new-value"


def changeable_now(results: Results) -> list[TrialResult]:
    """The trials in training that have anything to be changed."""
    return [trial for trial in results.trials if trial.state == "running" and changeable_fields(trial.trial)]


class ChangedValue(FormField):
    """A value that Enter submits."""

    class Submitted(FormField.Changed):
        """Enter was pressed."""

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Be done, and do not go on to the next field."""
        event.stop()
        event.prevent_default()
        self.post_message(self.Submitted(self))


class ChangeDialog(Dialog[list[ChangeRequest] | None]):
    """Returns what to ask the worker for, or None.

    Args:
        trials: those of `changeable_now`, at least one.
    """

    def __init__(self, trials: Sequence[TrialResult]) -> None:
        super().__init__()
        self._trials = trials
        self._fields = changeable_fields(trials[0].trial)
        self._whole = [[trial] for trial in trials] + ([list(trials)] if len(trials) > 1 else [])

    def compose(self) -> ComposeResult:
        """Whose, which, and the value."""
        models = told_apart(trial.name for trial in self._trials)
        if len(models) > 1:
            models.append(f"all {len(models)} in training")
        with Vertical(id="change-dialog", classes="dialog") as box:
            box.border_title = "Change while it trains"
            yield ChoiceRow("Model", models, id="change-model")
            yield ChoiceRow("Hyperparameter", [words_of(field) for field in self._fields], id="change-field")
            with Vertical(id="change-value"):
                yield self._value_field()
            yield Label(id="dialog-error", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Change (Enter)", id="change", variant="primary", compact=True)
                yield Button("Cancel (Esc)", id="cancel", compact=True)

    def on_mount(self) -> None:
        """The value is what one came for."""
        self.query_one(FormField).focus_value()

    def _value_field(self, field: str = "", chosen: Sequence[TrialResult] = ()) -> FormField:
        field, chosen = field or self._fields[0], chosen or self._whole[0]
        values = list(dict.fromkeys(format_setting(value_in_force(trial, field)) for trial in chosen))
        now = values[0] if len(values) == 1 else ""
        placeholder = "" if now else "now " + ", ".join(values)
        return ChangedValue(VALUE, "New value", now, now, placeholder=placeholder)

    @property
    def _chosen(self) -> list[TrialResult]:
        return self._whole[self.query_one("#change-model", ChoiceRow).index]

    @property
    def _field(self) -> str:
        return self._fields[self.query_one("#change-field", ChoiceRow).index]

    async def on_choice_input_changed(self, event: ChoiceInput.Changed) -> None:
        """Another model or hyperparameter has another value now."""
        event.stop()
        box = self.query_one("#change-value", Vertical)
        await box.remove_children()
        await box.mount(self._value_field(self._field, self._chosen))
        self.show_error("")

    def on_form_field_changed(self, event: FormField.Changed) -> None:
        """Validate as the user types."""
        event.stop()
        self._read()

    def on_changed_value_submitted(self, event: ChangedValue.Submitted) -> None:
        """Enter in the value is all that is needed."""
        event.stop()
        self._change()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """So is the button."""
        event.stop()
        if event.button.id == "change":
            self._change()
        else:
            self.dismiss(None)

    def _read(self) -> float | None:
        """The value, None where it cannot be had; the reason is shown."""
        text, problem, value = self.query_one(FormField).value, "", None
        try:
            value = read_change(self._field, text)
        except ValueError as error:
            problem = str(error)
        if value is not None:
            problems = (check_change(trial.trial, self._field, value) for trial in self._chosen)
            problem = next(filter(None, problems), "")
        self.show_error(problem)
        return None if problem else value

    def _change(self) -> None:
        value = self._read()
        if value is None:
            return
        field = self._field
        wanted = [trial for trial in self._chosen if value_in_force(trial, field) != value]
        if not wanted:
            self.show_error(f"{words_of(field)} is {format_setting(value)} already")
            return
        self.dismiss([ChangeRequest(trial=trial.index, field=field, value=value) for trial in wanted])
