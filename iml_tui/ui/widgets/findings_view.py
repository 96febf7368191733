"""What happened, a sentence each."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from iml_tui.experiments.base import Finding
from iml_tui.text import printable


class FindingsView(VerticalScroll):
    """The findings as far as the run has got."""

    def __init__(self) -> None:
        super().__init__(Static(id="findings-content"), id="findings-view")

    def show(self, question: str, findings: list[Finding], *, final: bool) -> None:
        """Show the findings; those of an unfinished run are marked as such."""
        parts: list[RenderableType] = [Text(question, style="italic"), Text()]
        if not findings:
            parts.append(Text("Nothing to tell before the first epoch is over.", style="dim"))
        elif not final:
            parts += [Text("So far (the run did not end, or not yet):", style="dim"), Text()]
        for finding in findings:
            parts += [Text(printable(finding.title), style="bold"), Text(printable(finding.text)), Text()]
        self.query_one("#findings-content", Static).update(Group(*parts))
