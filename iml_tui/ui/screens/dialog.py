"""What dialogs with fields have in common: a box with choices and values, an error, and buttons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Label

from iml_tui.text import printable
from iml_tui.ui.widgets.choice_input import ChoiceInput

Result = TypeVar("Result")


class Dialog(ModalScreen[Result]):
    """Escape closes it without a result; the arrow keys go from field to field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", key_display="Esc", id="dialog.cancel"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def show_error(self, message: str) -> None:
        """Say what is wrong; "" clears it."""
        self.query_one("#dialog-error", Label).update(f"▲ {printable(message)}" if message else "")


class ChoiceRow(Widget):
    """A title, and a choice out of a few texts."""

    def __init__(self, title: str, choices: Sequence[str], id: str) -> None:
        super().__init__(id=id)
        self._title = title
        self._choices = tuple(choices)

    def compose(self) -> ComposeResult:
        """One line."""
        with Horizontal(classes="field-line"):
            yield Label(Content(f"  {self._title}"), classes="field-title")
            yield ChoiceInput(self._choices[0] if self._choices else "", self._choices, classes="field-value")

    @property
    def index(self) -> int:
        """Which one is chosen."""
        choice = self.query_one(ChoiceInput)
        return choice.choices.index(choice.value)

    def offer(self, choices: Sequence[str]) -> None:
        """Offer other texts; the chosen one stays if it is among them, else the first is."""
        choice = self.query_one(ChoiceInput)
        choice.choices = tuple(choices)
        if choice.value not in choice.choices:
            choice.value = choice.choices[0]

    def on_choice_input_submitted(self, event: ChoiceInput.Submitted) -> None:
        """Enter goes on to the next field."""
        event.stop()
        self.screen.focus_next(".field-value, Button")


def told_apart(texts: Iterable[str]) -> list[str]:
    """The texts on one line each, those that are the same made different by a number."""
    found: list[str] = []
    for text in map(printable, texts):
        number = 1 + sum(other == text or other.startswith(f"{text} (") for other in found)
        found.append(text if text not in found else f"{text} ({number})")
    return found
