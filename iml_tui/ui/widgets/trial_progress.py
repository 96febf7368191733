"""The trials of a run, a line each: state, bar, epoch, loss, speed, time left. Many seeds share a model's line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.seeds import label_with_seeds
from iml_tui.experiments.trials import ClassifierTrial
from iml_tui.runs.progress import duration, listed, remaining_seconds, trial_fraction
from iml_tui.text import printable
from iml_tui.ui.states import NOT_TRAINED, RUN_LOOKS, TRIAL_LOOKS, Look

_WIDE, _VERY_WIDE = 70, 92
"""Columns from which on the speed, and the accuracy as well, are shown."""

_LONG_BAR, _SHORT_BAR = 10, 6


@dataclass(frozen=True)
class _Layout:
    """What a line has beside label, epoch, loss and state: `bar` cells of a bar, and these if there is room."""

    bar: int
    accuracy: bool = False
    speed: bool = False
    where: bool = True  # A trial diverged.

    def narrower(self) -> _Layout | None:
        """The layout with the least telling part left out; None where nothing is left to leave out."""
        if self.accuracy:
            return replace(self, accuracy=False)
        if self.speed:
            return replace(self, speed=False)
        if self.bar > _SHORT_BAR:
            return replace(self, bar=_SHORT_BAR)
        return replace(self, where=False) if self.where else None


class TrialProgressView(VerticalScroll):
    """Progress of every trial."""

    BORDER_TITLE = "Trials"

    def __init__(self) -> None:
        super().__init__(Static(id="trial-lines"), id="trials")
        self._results: Results | None = None
        self._ended = False
        self._paused = False
        self._in_view: int | None = None

    def show(self, results: Results, *, ended: bool, paused: bool = False) -> None:
        """Show where the trials stand.

        Of a run that has `ended` none goes on, whatever was last heard of it; one that is `paused` has no time left.
        """
        if results is not self._results:
            self._in_view = None
        self._results, self._ended, self._paused = results, ended, paused
        self._draw()

    def on_resize(self) -> None:
        """Fewer columns where there is less room."""
        self._draw()

    def _draw(self) -> None:
        if self._results is None:
            return
        variables = self.app.theme_variables
        trials = listed(self._results, self._room)
        rows = self._results.data.rows.get("train", 1)
        looks = [_look(trial, ended=self._ended, paused=self._paused) for trial in trials]
        styles = [_style(look, variables) for look in looks]
        layout: _Layout | None = _layout(self.size.width)
        while layout is not None:
            cells = [_cells(*each, layout, rows) for each in zip(trials, looks, styles, strict=True)]
            widths = [max(cell.cell_len for cell in column) for column in zip(*cells, strict=True)]
            room = self.scrollable_content_region.width
            layout = layout.narrower() if room and sum(widths) + len(widths) - 1 > room else None
        self.query_one("#trial-lines", Static).update(_aligned(cells, widths))
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


def _layout(width: int) -> _Layout:
    """What is shown at this width, if it fits."""
    wide = width >= _WIDE
    return _Layout(_LONG_BAR if wide else _SHORT_BAR, accuracy=width >= _VERY_WIDE, speed=wide)


def _aligned(rows: list[list[Text]], widths: Sequence[int]) -> Text:
    """The cells in columns, a space apart. A Rich table would squeeze all columns where the last is too long."""
    for row in rows:
        for cell, width in zip(row, widths, strict=True):
            cell.pad_right(width - cell.cell_len)
    return Text("\n", no_wrap=True).join(Text(" ").join(row) for row in rows)


def _look(trial: TrialResult, *, ended: bool, paused: bool) -> Look:
    if ended and trial.state == "waiting":
        return NOT_TRAINED
    if trial.state == "running" and (ended or paused):
        return RUN_LOOKS["interrupted" if ended else "paused"]
    return TRIAL_LOOKS[trial.state]


def _style(look: Look, variables: dict[str, str]) -> str:
    colour = variables.get(look.style.removeprefix("$"), "")
    return colour if colour.startswith("#") else ""


def _cells(trial: TrialResult, look: Look, style: str, layout: _Layout, rows: int) -> list[Text]:
    epoch = max(len(trial.epochs), trial.progress.epoch)
    loss = trial.last("validation_loss")
    cells = [
        Text(f"{look.sign} {printable(label_with_seeds(trial))}", style=style),
        Text(bar(trial_fraction(trial), layout.bar), style=style),
        Text(f"epoch {epoch}/{trial.trial.epochs}"),
        Text(_loss(trial, loss)),
    ]
    if layout.accuracy:
        accuracy = trial.last("validation_accuracy")
        cells.append(Text(f"accuracy {accuracy:.3f}" if math.isfinite(accuracy) else ""))
    if layout.speed:
        speed = trial.progress.samples_per_second
        cells.append(Text(f"{speed:>9,.0f} samples/s" if math.isfinite(speed) else ""))
    cells.append(Text(_ending(trial, look, rows, where=layout.where)))
    return cells


def _loss(trial: TrialResult, loss: float) -> str:
    if not trial.epochs:
        return ""
    if not math.isfinite(loss) and isinstance(trial.trial, ClassifierTrial):
        return ""  # The nearest neighbour has none.
    return f"loss {loss:.4g}" if math.isfinite(loss) else "loss not finite"


def _ending(trial: TrialResult, look: Look, rows: int, *, where: bool) -> str:
    if where and trial.state == "diverged" and trial.diverged_at is not None:
        epoch, batch = trial.diverged_at
        return f"diverged: epoch {epoch}, batch {batch:,}" if trial.trial.epochs > 1 else f"diverged in batch {batch:,}"
    if look is not TRIAL_LOOKS["running"]:
        return look.word
    seconds = _seconds(trial, rows)
    left = remaining_seconds([trial_fraction(trial)], seconds)
    return f"{duration(left)} left" if left is not None else "running"


def _seconds(trial: TrialResult, rows: int) -> float:
    """Time spent in training on `rows` samples so far, from the speed where an epoch is not over yet."""
    whole = math.fsum(epoch.seconds for epoch in trial.epochs if math.isfinite(epoch.seconds))
    progress = trial.progress
    # Only what is trained batch by batch has steps of samples; others tell of other steps.
    inside = trial.trial.step_series and progress.epoch > len(trial.epochs)
    if inside and progress.samples_per_second > 0:
        whole += progress.step * trial.trial.samples_per_step(rows) / progress.samples_per_second
    return whole


def bar(fraction: float, width: int) -> str:
    """A bar of `width` cells with a resolution of an eighth of a cell."""
    eighths = round(max(0.0, min(1.0, fraction)) * width * 8)
    whole, rest = divmod(eighths, 8)
    text = "█" * whole + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
    return text.ljust(width, "░")
