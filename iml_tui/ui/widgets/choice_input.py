"""A value out of a few words, chosen with the arrow keys, the space bar, its first letter or the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, Key
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

BEFORE, AFTER = "‹", "›"


class ChoiceInput(Widget, can_focus=True):
    """Shows `‹ cosine ›` on one line.

    Args:
        value: the word that is chosen at first; one that is not among `choices` stays until another is chosen.
        choices: all words, in the order in which the keys go through them.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    ChoiceInput { height: 1; width: 24; }
    ChoiceInput:focus { text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "step(1)", "Next choice", key_display="←→"),
        Binding("left", "step(-1)", "Choice before", show=False),
        Binding("enter", "submit", "Next field", show=False),
    ]

    value: reactive[str] = reactive("", init=False)

    @dataclass
    class Changed(Message):
        """Another word is chosen."""

        choice: ChoiceInput

    @dataclass
    class Submitted(Message):
        """Enter was pressed."""

        choice: ChoiceInput

    def __init__(self, value: str, choices: Sequence[str], *, classes: str | None = None, tooltip: str = "") -> None:
        super().__init__(classes=classes)
        self.choices = tuple(choices)
        self.tooltip = tooltip or None
        self.set_reactive(ChoiceInput.value, value)

    def render(self) -> Content:
        """The word between the signs that a click on goes backwards and forwards."""
        return Content(f"{BEFORE} {self.value} {AFTER}")

    def watch_value(self) -> None:
        """Tell the field."""
        self.post_message(self.Changed(self))

    def action_step(self, step: int) -> None:
        """Choose the next (1) or the previous (−1) word, round and round."""
        at = self.choices.index(self.value) + step if self.value in self.choices else 0
        self.value = self.choices[at % len(self.choices)]

    def action_submit(self) -> None:
        """Be done with this field."""
        self.post_message(self.Submitted(self))

    def on_key(self, event: Key) -> None:
        """Choose the next word that begins with the letter typed."""
        letter = (event.character or "").lower()
        if not letter.isalpha():
            return
        event.stop()
        after = self.choices.index(self.value) + 1 if self.value in self.choices else 0
        others = self.choices[after:] + self.choices[:after]
        self.value = next((word for word in others if word.lower().startswith(letter)), self.value)

    def on_click(self, event: Click) -> None:
        """Go backwards where the first sign is, else forwards; beyond the text nothing happens."""
        if event.x < cell_len(f"{BEFORE} {self.value} {AFTER}"):
            self.action_step(-1 if event.x <= 1 else 1)
