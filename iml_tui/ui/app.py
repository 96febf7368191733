"""The application: themes, keys that work everywhere, the way out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.text import Text
from textual import work
from textual.actions import parse
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widget import Widget

from iml_tui.experiments.registry import EXPERIMENTS
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.failures import record_failure
from iml_tui.runs.places import settings_file
from iml_tui.text import printable
from iml_tui.ui.laboratory import Laboratory
from iml_tui.ui.paths import styles_directory
from iml_tui.ui.screens.lab import LabScreen
from iml_tui.ui.screens.question import Answer, Question
from iml_tui.ui.settings import Settings, load_settings, save_settings
from iml_tui.ui.terminal import leave_when_terminal_is_gone


class LabApp(App[None]):
    """The lab in the terminal.

    Args:
        data_directory: folder of the CSV files that the form begins with; None for the embedded data.
        device: what the form's device field begins with.
        attach: a run to show at once.
        laboratory: what starts, stops and lists runs; tests hand in their own.
        settings: where the theme is remembered.
    """

    TITLE = "iml-lab"
    CSS_PATH = styles_directory() / "lab.tcss"
    ENABLE_COMMAND_PALETTE = True

    BINDINGS = [
        Binding(
            "f1,question_mark", "help", "Help", key_display="F1", id="app.help", tooltip="Keys and how to use the lab"
        ),
        Binding(
            "q,ctrl+q", "quit", "Quit", key_display="q", id="app.quit", tooltip="Leave; runs may go on", priority=False
        ),
    ]

    def __init__(
        self,
        *,
        data_directory: Path | None = None,
        device: str = "auto",
        attach: RunDirectory | None = None,
        laboratory: Laboratory | None = None,
        settings: Path | None = None,
    ) -> None:
        super().__init__()
        self._settings_file = settings if settings is not None else settings_file()
        self.lab = LabScreen(laboratory or Laboratory(), data_directory, device, attach)

    def on_mount(self) -> None:
        """Bring the theme back, and remember the next. The end of the terminal ends the lab."""
        if not self.is_headless:
            leave_when_terminal_is_gone()
        theme = load_settings(self._settings_file).theme
        if theme in self.available_themes:
            self.theme = theme
        self.theme_changed_signal.subscribe(self, lambda theme: self._keep_theme(theme.name))

    def get_default_screen(self) -> Screen[None]:
        """The lab lies below all other screens."""
        return self.lab

    def _keep_theme(self, theme: str) -> None:
        save_settings(self._settings_file, Settings(theme=theme))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action of the lab is in the palette as well."""
        from iml_tui.ui.screens.compare import CompareScreen  # The first paint does not wait for it.

        yield from super().get_system_commands(screen)
        if isinstance(screen, CompareScreen):
            yield from _commands(screen)
        if screen is not self.lab:
            return
        for experiment in EXPERIMENTS:
            yield SystemCommand(
                f"Set up: {experiment.title}",
                experiment.question,
                lambda experiment=experiment: self.call_later(self.lab.show_experiment, experiment),
            )
        yield SystemCommand(
            "Compare the marked runs",
            "Key: v in the list of runs, where Space marks one",
            lambda: self.call_later(self.lab.action_compare),
        )
        yield from _commands(self.lab)
        if self.lab.viewer is not None:
            yield from _commands(self.lab.viewer)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a notice. Errors quote file names and messages of runs, which may hold anything."""
        super().notify(printable(message), title=title, severity=severity, timeout=timeout, markup=markup)

    def action_help(self) -> None:
        """Show the keys."""
        from iml_tui.ui.screens.help import HelpScreen

        self.push_screen(HelpScreen(self.BINDINGS))

    async def action_quit(self) -> None:
        """Leave; while something trains, ask what becomes of it."""
        self._leave()

    @work(exclusive=True, name="ask to quit")
    async def _leave(self) -> None:
        active = self.lab.active_runs()
        if not active:
            self.exit()
            return
        queued = sum(entry.state == "queued" for entry in active)
        going = len(active) - queued
        many = " and ".join(
            f"{count} {'run is' if count == 1 else 'runs are'} {what}"
            for count, what in ((going, "going on"), (queued, "queued"))
            if count
        )
        answer = await self.push_screen_wait(
            Question(
                "Leave the lab?",
                f"{many}. Detached, training continues; iml-lab shows it again."
                + (" The queue is worked off without the lab as well." if queued else ""),
                (
                    Answer("detach", "Detach", "d", "primary"),
                    *([Answer("stop", "Stop and leave", "s", "warning")] if going else []),
                    Answer("cancel", "Cancel", "c"),
                ),
            )
        )
        if answer == "stop":
            for entry in active:
                if entry.state != "queued":
                    self.lab.ask_to_stop(entry.directory)
        if answer in ("detach", "stop"):
            self.exit()

    def _fatal_error(self) -> None:
        # Called while the exception is handled. The traceback goes to the log, the user gets a sentence.
        error = sys.exception()
        sentence = record_failure(error) if error is not None else "Something unforeseen went wrong."
        self.panic(Text(f"{sentence}\nRuns that were going on still are; iml-lab shows them again."))


def _commands(owner: Widget) -> Iterator[SystemCommand]:
    """The keys of a screen or a widget as commands of the palette."""
    for binding in owner.BINDINGS:
        if isinstance(binding, Binding) and binding.tooltip and _makes_sense(owner, binding):
            yield SystemCommand(
                binding.tooltip,
                f"Key: {binding.key_display or binding.key}",
                lambda action=binding.action: owner.call_later(owner.run_action, action),
            )


def _makes_sense(owner: Widget, binding: Binding) -> bool:
    _, name, parameters = parse(binding.action)
    return owner.check_action(name, parameters) is not False
