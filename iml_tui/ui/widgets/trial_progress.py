"""The trials of a run, a line each: state, bar, epoch, loss, speed, time left. Many seeds share a model's line."""

from __future__ import annotations

import math

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.seeds import label_with_seeds
from iml_tui.experiments.trials import MLPTrial
from iml_tui.runs.progress import duration, listed, remaining_seconds, trial_fraction
from iml_tui.text import printable
from iml_tui.ui.states import NOT_TRAINED, RUN_LOOKS, TRIAL_LOOKS, Look

_WIDE, _VERY_WIDE = 70, 92
"""Columns from which on the speed, and the accuracy as well, are shown."""


class TrialProgressView(VerticalScroll):
    """Progress of every trial."""

    BORDER_TITLE = "Trials"

    def __init__(self) -> None:
        super().__init__(Static(id="trial-lines"), id="trials")
        self._results: Results | None = None
        self._ended = False
        self._in_view: int | None = None

    def show(self, results: Results, *, ended: bool) -> None:
        """Show where the trials stand; of a run that has `ended` none goes on, whatever was last heard of it."""
        if results is not self._results:
            self._in_view = None
        self._results, self._ended = results, ended
        self._draw()

    def on_resize(self) -> None:
        """Fewer columns where there is less room."""
        self._draw()

    def _draw(self) -> None:
        if self._results is None:
            return
        variables = self.app.theme_variables
        trials = listed(self._results, self._room)
        rows = [_cells(trial, _look(trial, ended=self._ended), variables, self.size.width) for trial in trials]
        self.query_one("#trial-lines", Static).update(_aligned(rows))
        running = [line for line, trial in enumerate(trials) if trial.state == "running"]
        if running and running[0] != self._in_view:
            # Once, when others begin: whoever scrolls away meanwhile is left there.
            self._in_view = running[0]
            self.call_after_refresh(self.scroll_to, y=max(0, running[0] - 1), animate=False)

    @property
    def _room(self) -> int:
        """Lines that are seen without scrolling: the style sheet says how high the widget may grow."""
        limit = self.styles.max_height
        height = int(limit.value) if limit is not None and limit.cells is not None else self.size.height
        return max(1, height - self.gutter.height)


def _aligned(rows: list[list[Text]]) -> Text:
    """The cells in columns, a space apart. A Rich table would squeeze all columns where the last is too long."""
    widths = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        for cell, width in zip(row, widths, strict=True):
            cell.pad_right(width - cell.cell_len)
    return Text("\n", no_wrap=True).join(Text(" ").join(row) for row in rows)


def _look(trial: TrialResult, *, ended: bool) -> Look:
    if ended and trial.state == "waiting":
        return NOT_TRAINED
    return RUN_LOOKS["interrupted"] if ended and trial.state == "running" else TRIAL_LOOKS[trial.state]


def _cells(trial: TrialResult, look: Look, variables: dict[str, str], width: int) -> list[Text]:
    colour = variables.get(look.style.removeprefix("$"), "")
    style = colour if colour.startswith("#") else ""
    epoch = max(len(trial.epochs), trial.progress.epoch)
    loss = trial.last("validation_loss")
    cells = [
        Text(f"{look.sign} {printable(label_with_seeds(trial))}", style=style),
        Text(bar(trial_fraction(trial), 10 if width >= _WIDE else 6), style=style),
        Text(f"epoch {epoch}/{trial.trial.epochs}"),
        Text(_loss(trial, loss)),
    ]
    if width >= _VERY_WIDE:
        accuracy = trial.last("validation_accuracy")
        cells.append(Text(f"accuracy {accuracy:.3f}" if math.isfinite(accuracy) else ""))
    if width >= _WIDE:
        speed = trial.progress.samples_per_second
        cells.append(Text(f"{speed:>9,.0f} samples/s" if math.isfinite(speed) else ""))
    cells.append(Text(_ending(trial, look)))
    return cells


def _loss(trial: TrialResult, loss: float) -> str:
    if not trial.epochs:
        return ""
    if not math.isfinite(loss) and not isinstance(trial.trial, MLPTrial):
        return ""  # The nearest neighbour has no loss.
    return f"loss {loss:.4g}" if math.isfinite(loss) else "loss not finite"


def _ending(trial: TrialResult, look: Look) -> str:
    if trial.state == "diverged" and trial.diverged_at is not None:
        return f"diverged: epoch {trial.diverged_at[0]}, batch {trial.diverged_at[1]:,}"
    if look is not TRIAL_LOOKS["running"]:
        return look.word
    seconds = _seconds(trial)
    left = remaining_seconds([trial_fraction(trial)], seconds)
    return f"{duration(left)} left" if left is not None else "running"


def _seconds(trial: TrialResult) -> float:
    """Time spent in training so far, from the speed where an epoch is not over yet."""
    whole = math.fsum(epoch.seconds for epoch in trial.epochs if math.isfinite(epoch.seconds))
    progress = trial.progress
    inside = isinstance(trial.trial, MLPTrial) and progress.epoch > len(trial.epochs)
    if inside and progress.samples_per_second > 0:
        whole += progress.step * trial.mlp.batch_size / progress.samples_per_second
    return whole


def bar(fraction: float, width: int) -> str:
    """A bar of `width` cells with a resolution of an eighth of a cell."""
    eighths = round(max(0.0, min(1.0, fraction)) * width * 8)
    whole, rest = divmod(eighths, 8)
    text = "█" * whole + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
    return text.ljust(width, "░")
