"""The models of the runs that are compared, each taken in, with the mark of its curve, or left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from iml_tui.runs.comparison import Compared
from iml_tui.text import printable
from iml_tui.ui.plotting import DARK, LIGHT
from iml_tui.ui.plotting.palette import marker
from iml_tui.ui.states import RUN_LOOKS
from iml_tui.ui.widgets.safe_option_list import SafeOptionList

LEFT_OUT = " · "


class ComparedList(SafeOptionList):
    """Models below the runs that they are of; with several seeds, the seeds below their model.

    A model that is taken in has the mark of its curve in front, as the chart's legend has, where labels may be cut.
    """

    BORDER_TITLE = "Models"
    BINDINGS = [
        Binding(
            "space,enter",
            "select",
            "In/out",
            key_display="Space",
            id="compare.toggle",
            tooltip="Take the model in, or leave it out",
        ),
    ]

    @dataclass
    class Toggled(Message):
        """A model is to be taken in or left out, by its reference."""

        reference: str

    def __init__(self) -> None:
        super().__init__(id="compared")
        self._shown: list[tuple[str | None, Content]] = []

    def show(self, items: Sequence[Compared], chosen: Sequence[str]) -> None:
        """Show these models; those whose references are in `chosen` are taken in, and have the curves in that order.

        The highlight stays.
        """
        palette = DARK if self.app.current_theme.dark else LIGHT
        signs = {
            reference: Content.styled(f"━{marker(index)}━", palette.colour(index))
            for index, reference in enumerate(chosen)
        }
        shown: list[tuple[str | None, Content]] = []
        run = None
        for item in items:
            if item.run != run:
                run = item.run
                shown.append((None, _heading(item)))
            shown.append((item.reference, _line(item, signs.get(item.reference))))
        if [reference for reference, _ in shown] == [reference for reference, _ in self._shown]:
            for index, ((_, content), (_, before)) in enumerate(zip(shown, self._shown, strict=True)):
                if content != before:
                    self.replace_option_prompt_at_index(index, content)
        else:
            self.clear_options()
            self.add_options(Option(content, id=reference, disabled=reference is None) for reference, content in shown)
        self._shown = shown

    def on_focus(self) -> None:
        """Space takes something in or out at once."""
        if self.highlighted is None:
            self.action_first()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tell the screen."""
        event.stop()
        if event.option.id is not None:
            self.post_message(self.Toggled(event.option.id))


def _heading(item: Compared) -> Content:
    look = RUN_LOOKS[item.reader.state]
    return Content.from_markup(
        f"[{look.style}]{look.sign}[/] [b]$title[/b] [dim]$run[/dim]",
        title=printable(item.reader.record.title),
        run=printable(item.run),
    )


def _line(item: Compared, sign: Content | None) -> Content:
    accuracy = item.result.last("validation_accuracy")
    label = f"{item.number} {printable(item.result.label)}" if item.seed is None else f"  seed {item.seed}"
    text = Content.from_markup(
        "$label [dim]$accuracy[/dim]" if sign else "[dim]$label $accuracy[/dim]",
        label=label,
        accuracy=f"{accuracy:.4f}" if math.isfinite(accuracy) else "–",
    )
    return Content.assemble(sign or LEFT_OUT, " ", text)
