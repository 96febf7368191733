"""A choice in a form: keys, mouse, reset, and the mark of a changed value."""

from __future__ import annotations

from textual.app import App, ComposeResult

from iml_tui.ui.widgets.choice_input import ChoiceInput
from iml_tui.ui.widgets.form_field import FormField

WORDS = ("none", "step", "cosine", "one-cycle")


class FormApp(App[None]):
    def __init__(self, value: str = "cosine") -> None:
        super().__init__()
        self.initial = value

    def compose(self) -> ComposeResult:
        yield FormField("scheduler", "Scheduler", "cosine", self.initial, choices=WORDS)
        yield FormField("epochs", "Epochs", "50", "50")

    @property
    def field(self) -> FormField:
        return self.query_one("#field-scheduler", FormField)


async def test_keys_go_round() -> None:
    app = FormApp()
    async with app.run_test() as pilot:
        app.field.focus_value()
        seen = []
        for key in ("right", "space", "left", "n", "o", "x"):
            await pilot.press(key)
            seen.append(app.field.value)
        assert seen == ["one-cycle", "none", "one-cycle", "none", "one-cycle", "one-cycle"]


async def test_it_shows_the_word_and_marks_a_change_until_it_is_reset() -> None:
    app = FormApp()
    async with app.run_test() as pilot:
        choice = app.query_one(ChoiceInput)
        assert str(choice.render()) == "‹ cosine ›"
        await pilot.click(choice, offset=(0, 0))
        assert (app.field.value, app.field.changed) == ("step", True)
        await pilot.pause()
        assert app.field.has_class("-changed")
        app.field.reset()
        await pilot.pause()
        assert app.field.value == "cosine"
        assert not app.field.has_class("-changed")


async def test_enter_goes_on_and_a_click_beside_the_word_does_nothing() -> None:
    app = FormApp()
    async with app.run_test() as pilot:
        await pilot.click(ChoiceInput, offset=(20, 0))
        assert app.field.value == "cosine"
        app.field.focus_value()
        await pilot.press("enter")
        assert app.focused is app.query_one("#field-epochs .field-value")


async def test_a_word_that_is_no_choice_any_more_stays_until_another_is_chosen() -> None:
    app = FormApp("linear")
    async with app.run_test() as pilot:
        app.field.focus_value()
        assert app.field.value == "linear"
        await pilot.press("right")
        assert app.field.value == "none"
