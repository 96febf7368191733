"""The moving bars of `iml-lab run` on a terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from iml_tui.experiments.results import TrialResult
from iml_tui.experiments.seeds import label_with_seeds
from iml_tui.headless.displays import (
    Clock,
    Messages,
    epochs_of,
    loss_of,
    overall_progress,
    queue_place,
    speed_text,
    state_now,
)
from iml_tui.headless.streams import message_console
from iml_tui.runs.preparing import PreparationClock, preparation_of, preparation_text
from iml_tui.runs.progress import duration, listed, most_telling, trial_fraction
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import ACTIVE_STATES
from iml_tui.text import printable

# What the columns beside the bar need at most, so that one line holds all on 80 columns.
_BESIDE_THE_BAR = 64
_LABEL = 20
# The headings, the line on the whole run, and the cursor below.
_OTHER_LINES = 3


class Bars:
    """A line with a bar for every trial, or model where those are too many, and one for the whole run."""

    def __init__(self) -> None:
        self._console = message_console()
        # No thread of its own and no redirection: stdout is for the results, and may be a pipe.
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._clock = Clock()
        self._messages = Messages()
        self._preparation_clock = PreparationClock()
        self._live.start()

    def update(self, reader: RunReader, *, stopping: bool) -> None:
        """Redraw."""
        for sentence in self._messages.new(reader):
            self.note(sentence)
        room = max(1, self._console.height - _OTHER_LINES)
        lines = listed(reader.results, room)
        shown = lines if len(lines) <= room else most_telling(lines, room - 1)
        chosen = {trial.index for trial in shown}
        left_out = [trial for trial in lines if trial.index not in chosen]
        paused = reader.state == "paused"
        if paused:
            self._clock.forget()
        trials = self._trials(shown, paused=paused)
        self._live.update(Group(trials, *_rest(left_out), self._whole(reader, stopping)), refresh=True)

    def note(self, text: str) -> None:
        """Say it above the bars."""
        self._console.print(Text(printable(text)))

    def close(self) -> None:
        """Leave the bars as they stand, and the cursor below."""
        self._live.stop()

    def _trials(self, trials: Sequence[TrialResult], *, paused: bool) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        table.add_column("", no_wrap=True, max_width=_LABEL, overflow="ellipsis")
        table.add_column("")
        for heading in ("epoch", "train loss", "samples/s", "time left"):
            table.add_column(heading, justify="right", no_wrap=True)
        for trial in trials:
            table.add_row(*self._row(trial, paused=paused))
        return table

    def _row(self, trial: TrialResult, *, paused: bool) -> list[RenderableType]:
        width = min(40, max(6, self._console.width - _BESIDE_THE_BAR))
        label = Text(_shortened(printable(label_with_seeds(trial)), _LABEL))
        speed = trial.progress.samples_per_second
        state = "paused" if paused and trial.state == "running" else trial.state
        left = duration(self._clock.remaining(trial)) if state == "running" else state
        return [
            label,
            ProgressBar(total=1.0, completed=trial_fraction(trial), width=width),
            epochs_of(trial),
            loss_of(trial),
            speed_text(speed),
            Text(left, style=_STYLES.get(state, "")),
        ]

    def _whole(self, reader: RunReader, stopping: bool) -> Text:
        state = "stopping" if stopping and reader.state in ACTIVE_STATES else state_now(reader)
        shown = printable(queue_place(reader) or state)
        line = Text(shown, style=_STYLES.get(state, "bold"), no_wrap=True, overflow="ellipsis")
        preparing = preparation_of(reader)
        if preparing is not None:
            left = self._preparation_clock.remaining(preparing, time.monotonic())
            told = preparation_text(preparing, left, self._console.width - line.cell_len - 3)
            line.append(f" · {told}", style="default")
            return line
        if state == "starting":
            line.append(" · loading PyTorch", style="dim")
            return line
        progress = overall_progress(reader)
        line.append(f" · {progress.fraction:.0%}", style="default")
        if state == "running":
            line.append(f" · {duration(progress.remaining)} left · {printable(reader.record.device.name)}", style="dim")
        return line


def _rest(trials: Sequence[TrialResult]) -> list[Text]:
    """A line on the trials that have none: "… 12 done, 20 waiting"."""
    if not trials:
        return []
    counts = Counter(trial.state for trial in trials)
    return [Text(f"… {', '.join(f'{count} {state}' for state, count in counts.items())}", style="dim")]


def _shortened(label: str, width: int) -> str:
    """The label in `width` cells; what is cut is the end of the model's name, not the seed by which trials differ."""
    name, separator, seed = label.partition(" · ")
    if not separator or cell_len(label) <= width:
        return label
    room = width - cell_len(separator + seed) - 1
    return f"{set_cell_size(name, room)}…{separator}{seed}" if room > 0 else label


_STYLES = {
    "done": "green",
    "stopped": "yellow",
    "stopping": "yellow",
    "paused": "yellow",
    "pausing": "yellow",
    "failed": "bold red",
    "interrupted": "bold red",
    "diverged": "red",
    "waiting": "dim",
}
