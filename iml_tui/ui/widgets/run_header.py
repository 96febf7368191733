"""What is shown: the run's state, device, data, progress and time left; and what went wrong."""

from __future__ import annotations

import time

from textual.content import Content
from textual.widgets import Static

from iml_tui.experiments.base import Experiment
from iml_tui.runs.preparing import PreparationClock, preparation_of, preparation_text
from iml_tui.runs.progress import duration, run_progress
from iml_tui.runs.reading import RunReader
from iml_tui.text import printable
from iml_tui.ui.plotting.text import fit
from iml_tui.ui.states import RUN_LOOKS
from iml_tui.ui.widgets.run_story import told_of
from iml_tui.ui.widgets.trial_progress import bar

GOING_ON = ("running", "stopping", "pausing")


class RunHeader(Static):
    """Two lines on the run, a third where there is something to tell, and what its pretrained weights do not show."""

    def __init__(self) -> None:
        super().__init__(id="run-header")
        self._run: tuple[Experiment, RunReader, str, str] | None = None
        self._clock = PreparationClock()

    def on_resize(self) -> None:
        """Cut the run's second line anew."""
        if self._run is not None:
            self.show_run(*self._run)

    def _fitted(self, line: str) -> str:
        """The line cut to the width, which is not known before the first layout."""
        return fit(line, self.content_size.width) if self.content_size.width else line

    def show_experiment(self, experiment: Experiment) -> None:
        """No run is shown: which experiment would be started."""
        self._run = None
        self.set_classes("")
        self.update(
            Content.from_markup(
                "[b]$id $title[/b]\n[dim]not started: edit the hyperparameters and press F5[/dim]",
                id=experiment.id,
                title=experiment.title,
            )
        )

    def show_starting(self, experiment: Experiment) -> None:
        """The data is being read and the worker started."""
        self._run = None
        self.set_classes("-starting")
        self.update(
            Content.from_markup(
                "[b]$id $title[/b]\n[$text-accent]◌ starting[/]: reading the data",
                id=experiment.id,
                title=experiment.title,
            )
        )

    def show_run(self, experiment: Experiment, reader: RunReader, state: str, problem: str = "") -> None:
        """Show a run as it stands.

        Args:
            experiment: what it is a run of.
            reader: the run.
            state: a key of `RUN_LOOKS`: the run's state, or what it is on its way to.
            problem: a sentence on why it cannot be read any more; "" where it can.
        """
        if self._run is None or self._run[1] is not reader:
            self._clock = PreparationClock()
        self._run = (experiment, reader, state, problem)
        look = RUN_LOOKS[state]
        self.set_classes(f"-{state}")
        lines = [
            Content.from_markup(
                f"[b]$id $title[/b]  [{look.style}]{look.sign} {look.word}[/]  [dim]$run[/dim]",
                id=experiment.id,
                title=experiment.title,
                run=printable(reader.directory.id),
            ),
            Content(self._second_line(reader, state)),
        ]
        told = problem or told_of(reader, state)
        if told:
            lines.append(Content.from_markup(f"[{look.style}]$told[/]", told=printable(told)))
        weights = reader.results.weights
        if weights is not None and weights.caveat and self.screen.has_class("-tall"):
            # It takes some lines. On a screen that has few, tables, findings and log tell it.
            lines.append(Content.from_markup("[dim]$caveat[/dim]", caveat=printable(weights.caveat)))
        self.update(Content("\n").join(lines))

    def _second_line(self, reader: RunReader, state: str) -> str:
        """What is prepared, with its numbers whatever the width; else how far the run is."""
        preparing = preparation_of(reader)
        if preparing is None:
            return self._fitted(_second_line(reader, state))
        left = self._clock.remaining(preparing, time.time())
        return preparation_text(preparing, left, self.content_size.width or None)


def _second_line(reader: RunReader, state: str) -> str:
    record = reader.record
    where = printable(record.device.name or record.device.slot or record.device.requested)
    if record.weights is not None:
        where = f"{printable(record.weights.name)} · {where}"
    if record.started is None:
        return f"{where} · {printable(record.data.name)}"
    seconds = reader.seconds(time.time())
    progress = run_progress(reader.results, reader.training_seconds(time.time()))
    if state in GOING_ON:
        left = f"{duration(progress.remaining)} left" if progress.remaining is not None else "…"
        return f"{bar(progress.fraction, 10)} {progress.fraction:4.0%} · {left} · {duration(seconds)} so far · {where}"
    if state in ("paused", "continuing"):
        return f"{bar(progress.fraction, 10)} {progress.fraction:4.0%} · {duration(seconds)} so far · {where}"
    return f"{progress.fraction:.0%} in {duration(seconds)} · {where} · {printable(record.data.name)}"
