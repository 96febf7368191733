"""One line of a form: title, value, unit, default, reset, and what is wrong with the value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Checkbox, Input, Label

from iml_tui.text import printable
from iml_tui.ui.widgets.choice_input import ChoiceInput
from iml_tui.ui.widgets.value_input import ValueInput


class ResetButton(Button, can_focus=False):
    """For the mouse; the keyboard has F9, and Tab goes from value to value."""


class YesNo(Checkbox):
    """A check box that is empty when it is off; Textual's differs by colour alone."""

    @property
    def _button(self) -> Content:
        self.BUTTON_INNER = "X" if self.value else " "
        return super()._button


class FieldHeading(Horizontal):
    """The heads of a form's columns."""

    def compose(self) -> ComposeResult:
        """One label for each column."""
        yield Label("", classes="field-title")
        yield Label("Value", classes="field-value")
        yield Label("Unit", classes="field-unit")
        yield Label("Default", classes="field-default")


class FormField(Widget):
    """A labelled value that knows its default.

    Args:
        name: the key, as `--set` takes it.
        title, unit, help: for people.
        default: the default as it is typed.
        value: what the field holds at first.
        switch: whether the value is yes or no.
        choices: all values, where they are a few words.
        placeholder: shown while the value is empty.
    """

    @dataclass
    class Changed(Message):
        """The value changed."""

        field: FormField

    def __init__(
        self,
        name: str,
        title: str,
        default: str,
        value: str,
        *,
        unit: str = "",
        help: str = "",
        switch: bool = False,
        choices: Sequence[str] = (),
        placeholder: str = "",
    ) -> None:
        super().__init__(id=f"field-{name}")
        self.key = name
        self.title = title
        self.default = default
        self.help = help
        self._unit = unit
        self._switch = switch
        self._choices = tuple(choices)
        self._initial = value
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """The line, and below it the place of an error."""
        with Horizontal(classes="field-line"):
            yield Label(classes="field-title")
            if self._switch:
                on = self._initial == "yes"
                yield YesNo(self._initial, value=on, compact=True, classes="field-value", tooltip=self.help)
            elif self._choices:
                yield ChoiceInput(self._initial, self._choices, classes="field-value", tooltip=self.help)
            else:
                yield ValueInput(
                    self._initial,
                    compact=True,
                    classes="field-value",
                    placeholder=self._placeholder,
                    tooltip=self.help,
                    select_on_focus=False,
                )
            yield Label(self._unit, classes="field-unit", markup=False)
            yield Label(self.default, classes="field-default", markup=False)
            yield ResetButton("↺", compact=True, classes="field-reset", tooltip="Back to the default (F9)")
        yield Label(classes="field-error", markup=False)

    def on_mount(self) -> None:
        """Show the mark of a changed value."""
        self._show_mark()

    @property
    def value(self) -> str:
        """The value as it is typed."""
        if self._switch:
            return "yes" if self.query_one(Checkbox).value else "no"
        if self._choices:
            return self.query_one(ChoiceInput).value
        return self.query_one(Input).value

    @property
    def changed(self) -> bool:
        """Whether the value differs from the default in more than white space."""
        return self.value.replace(" ", "") != self.default.replace(" ", "")

    def reset(self) -> None:
        """Go back to the default."""
        self.set_value(self.default)

    def set_value(self, value: str) -> None:
        """Put another value in, as it is typed."""
        if self._switch:
            self.query_one(Checkbox).value = value == "yes"
        elif self._choices:
            self.query_one(ChoiceInput).value = value
        else:
            self.query_one(Input).value = value

    def show_error(self, message: str) -> None:
        """Say what is wrong; "" clears it."""
        self.set_class(bool(message), "-invalid")
        self.query_one(".field-error", Label).update(f"▲ {printable(message)}" if message else "")

    def focus_value(self) -> None:
        """Put the cursor into the value."""
        self.query_one(".field-value").focus()

    def _show_mark(self) -> None:
        changed = self.changed
        self.set_class(changed, "-changed")
        mark = "●" if changed else " "
        self.query_one(".field-title", Label).update(Content(f"{mark} {self.title}"))
        reset = self.query_one(".field-reset", Button)
        reset.disabled = not changed

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the form."""
        event.stop()
        self._show_mark()
        self.post_message(self.Changed(self))

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        """Tell the form."""
        event.stop()
        event.checkbox.label = self.value
        self._show_mark()
        self.post_message(self.Changed(self))

    def on_choice_input_changed(self, event: ChoiceInput.Changed) -> None:
        """Tell the form."""
        event.stop()
        self._show_mark()
        self.post_message(self.Changed(self))

    def on_choice_input_submitted(self, event: ChoiceInput.Submitted) -> None:
        """Enter goes on to the next field."""
        event.stop()
        self.screen.focus_next(".field-value, #start")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes on to the next field."""
        event.stop()
        self.screen.focus_next(".field-value, #start")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The only button of a field resets it."""
        event.stop()
        self.reset()
        self.focus_value()
