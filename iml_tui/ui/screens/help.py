"""F1: every key, and how the lab is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from iml_tui.runs.places import log_file, runs_root
from iml_tui.ui.screens.compare import CompareScreen
from iml_tui.ui.screens.lab import LabScreen
from iml_tui.ui.widgets.compared_list import ComparedList
from iml_tui.ui.widgets.confusion_view import ConfusionView
from iml_tui.ui.widgets.history_list import HistoryList
from iml_tui.ui.widgets.hyperparameter_form import HyperparameterForm
from iml_tui.ui.widgets.map_view import MapView
from iml_tui.ui.widgets.picture_view import PictureView

_HOW = """\
Pick an experiment, edit its hyperparameters (● marks what differs from the default), press F5.
The run trains in a process of its own: leaving the lab or losing the connection does not stop it. \
Open it again from the list of runs.
"""


class HelpScreen(ModalScreen[None]):
    """Closed by Escape, F1 or q."""

    BINDINGS = [Binding("escape,f1,q", "dismiss(None)", "Close", key_display="Esc", id="help.close")]

    def __init__(self, app_bindings: Iterable[BindingType]) -> None:
        super().__init__()
        self._groups = (
            ("Everywhere", list(app_bindings)),
            ("The lab", LabScreen.BINDINGS),
            ("In the form", HyperparameterForm.BINDINGS),
            ("On a map", MapView.BINDINGS),
            ("On pictures", PictureView.BINDINGS),
            ("On a confusion matrix", ConfusionView.BINDINGS),
            ("In the list of runs", HistoryList.BINDINGS),
            ("In a comparison", [*CompareScreen.BINDINGS, *ComparedList.BINDINGS]),
        )

    def compose(self) -> ComposeResult:
        """How it works, the keys, and where the files are."""
        with VerticalScroll(id="help") as box:
            box.border_title = "Help"
            box.border_subtitle = "Esc closes"
            yield Static(_HOW, markup=False)
            for title, bindings in self._groups:
                yield Static(_keys(title, bindings))
            yield Static("Ctrl+P opens the palette of all commands, themes among them.\n", markup=False)
            yield Static(f"Runs are kept in {runs_root()}\nErrors are logged in {log_file()}", markup=False)


def _keys(title: str, bindings: Iterable[BindingType]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, min_width=12)
    table.add_column()
    table.add_row(Text(title, style="bold"), "")
    for binding in _described(bindings):
        table.add_row(Text(_key_names(binding)), Text(binding.tooltip or binding.description))
    table.add_row("", "")
    return table


def _described(bindings: Iterable[BindingType]) -> Iterator[Binding]:
    for binding in bindings:
        if isinstance(binding, Binding) and binding.description:
            yield binding


_NAMES = {
    "escape": "Esc",
    "enter": "Enter",
    "delete": "Del",
    "backspace": "Backspace",
    "question_mark": "?",
    "comma": ",",
    "full_stop": ".",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "home": "Home",
    "end": "End",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
}


def _key_names(binding: Binding) -> str:
    keys = [key.strip() for key in binding.key.split(",")]
    return ", ".join(_NAMES.get(key, key.upper() if key[0] == "f" and len(key) > 1 else key) for key in keys)
