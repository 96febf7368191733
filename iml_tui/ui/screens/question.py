"""A question with a few answers, the first of them the default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Button, Label
from textual.widgets.button import ButtonVariant

from iml_tui.text import printable


@dataclass(frozen=True)
class Answer:
    """One answer: what the question returns, its button, the key that gives it."""

    value: str
    label: str
    key: str
    variant: ButtonVariant = "default"


class Question(ModalScreen[str | None]):
    """Returns the value of the chosen answer, or None where the user thinks better of it."""

    BINDINGS = [
        Binding("escape", "dismiss(None)", "Cancel", id="question.cancel"),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, text: str, answers: Sequence[Answer]) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._answers = answers

    def compose(self) -> ComposeResult:
        """A box with the text above its buttons."""
        with Vertical(id="question") as box:
            box.border_title = self._title
            yield Label(printable(self._text), markup=False, id="question-text")
            with Horizontal(id="question-answers"):
                for answer in self._answers:
                    yield Button(f"{answer.label} ({answer.key})", id=f"answer-{answer.value}", compact=True)

    def on_mount(self) -> None:
        """The first answer has the focus, so that Enter gives it."""
        for answer in self._answers:
            self.query_one(f"#answer-{answer.value}", Button).variant = answer.variant
        self.query(Button).first().focus()

    def on_key(self, event: Key) -> None:
        """A letter answers."""
        for answer in self._answers:
            if event.key == answer.key:
                event.stop()
                self.dismiss(answer.value)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """So does a button."""
        self.dismiss((event.button.id or "").removeprefix("answer-"))
