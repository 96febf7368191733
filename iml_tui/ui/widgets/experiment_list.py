"""The list of experiments, grouped by section of the course."""

from __future__ import annotations

from itertools import groupby

from textual.binding import Binding
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from iml_tui.experiments.registry import EXPERIMENTS, find
from iml_tui.ui.messages import ExperimentChosen
from iml_tui.ui.widgets.safe_option_list import SafeOptionList


class ExperimentList(SafeOptionList):
    """Choosing one shows its form."""

    BORDER_TITLE = "Experiments"
    BINDINGS = [Binding("enter", "select", "Set up", id="experiments.select", tooltip="Show the experiment's form")]

    def __init__(self) -> None:
        options: list[Option] = []
        for section, experiments in groupby(EXPERIMENTS, key=lambda experiment: experiment.section):
            options.append(Option(Content.from_markup("[b]$section[/b]", section=section), disabled=True))
            options += [
                Option(
                    Content.from_markup(" [dim]$number[/dim] $title", number=item.id, title=item.title), id=item.slug
                )
                for item in experiments
            ]
        super().__init__(*options, id="experiments")

    def on_mount(self) -> None:
        """Begin on the first experiment; the first option is a heading."""
        self.highlighted = 1

    def choose(self, slug: str) -> None:
        """Move the highlight to an experiment."""
        self.highlighted = self.get_option_index(slug)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tell the screen."""
        event.stop()
        if event.option.id is not None:
            self.post_message(ExperimentChosen(find(event.option.id)))
