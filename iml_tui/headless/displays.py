"""Showing a run as it trains, on stderr: bars on a terminal, sparse lines in a log file."""

from __future__ import annotations

import math
import sys
import time
from typing import Protocol

from iml_tui.experiments.results import TrialResult, WeightsSummary
from iml_tui.experiments.seeds import label_with_seeds
from iml_tui.headless.streams import is_terminal, message_console, say
from iml_tui.runs import control
from iml_tui.runs.preparing import PreparationClock, preparation_of, preparation_text
from iml_tui.runs.progress import (
    Progress,
    duration,
    listed,
    most_telling,
    remaining_seconds,
    run_progress,
    trial_fraction,
)
from iml_tui.runs.queue import describe_place
from iml_tui.runs.reading import Preparing, RunReader

TRIALS_IN_A_LINE = 4
"""More of them than this make a line of a log that nobody reads."""

LINE_SECONDS = 10.0
"""A log gets a line after this time at the latest, and at every tenth of the run."""


class Display(Protocol):
    """Shows one run."""

    def update(self, reader: RunReader, *, stopping: bool) -> None:
        """Show how far the run is."""

    def note(self, text: str) -> None:
        """Say one sentence without disturbing what is shown."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def display_for_stderr() -> Display:
    """Bars where a person can watch them move, else lines."""
    if is_terminal(sys.stderr) and not message_console().is_dumb_terminal:
        from iml_tui.headless.bars import Bars

        return Bars()
    return Lines()


class Lines:
    """A line when something worth a line happened."""

    def __init__(self) -> None:
        self._state = ""
        self._tenths = 0
        self._said = 0.0
        self._messages = Messages()
        self._prepared = ""
        self._clock = PreparationClock()

    def update(self, reader: RunReader, *, stopping: bool) -> None:
        """Say the state when it changes, the progress at every tenth or after ten seconds."""
        for sentence in self._messages.new(reader):
            say(sentence)
        state = queue_place(reader) or state_now(reader)
        if state != self._state:
            self._state = state
            self._said = time.monotonic()
            device = reader.record.device.name
            say(f"{state} on {device}" if state == "running" and device else state)
        preparing = preparation_of(reader)
        if preparing is not None:
            self._say_preparation(preparing)
        else:
            self._prepared = ""
            self._say_progress(reader)

    def _say_preparation(self, preparing: Preparing) -> None:
        """Say what is prepared when it begins, and how far it is after ten seconds."""
        now = time.monotonic()
        text = preparation_text(preparing, self._clock.remaining(preparing, now))
        if preparing.what != self._prepared or now - self._said >= LINE_SECONDS:
            self._prepared, self._said = preparing.what, now
            say(text)

    def _say_progress(self, reader: RunReader) -> None:
        progress = overall_progress(reader)
        tenths = math.floor(progress.fraction * 10)
        late = time.monotonic() - self._said >= LINE_SECONDS
        if reader.state == "running" and (tenths > self._tenths or late):
            self._tenths = tenths
            self._said = time.monotonic()
            say(progress_line(reader, progress))

    def note(self, text: str) -> None:
        """Say it."""
        say(text)

    def close(self) -> None:
        """Nothing to leave behind."""


class Messages:
    """What a run has to say beside its progress: notes, warnings, the weights it found; each once."""

    def __init__(self) -> None:
        self._warnings = 0
        self._notes = 0
        self._weights: WeightsSummary | None = None

    def new(self, reader: RunReader) -> list[str]:
        """Those that came since the last call."""
        found = [f"Note: {note}" for note in reader.notes[self._notes :]]
        found += [f"Warning: {warning}" for warning in reader.warnings[self._warnings :]]
        self._warnings, self._notes = len(reader.warnings), len(reader.notes)
        weights = reader.results.weights
        if weights is not None and weights != self._weights:
            found.append(f"Pretrained weights: {weights.name}." + f" {weights.caveat}".rstrip())
        self._weights = weights
        return found


class Clock:
    """Tells how long one trial will still take, from what was seen of it."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[float, float]] = {}

    def forget(self) -> None:
        """Begin anew, as after a pause, in which nothing trained."""
        self._seen.clear()

    def remaining(self, trial: TrialResult) -> float | None:
        """Seconds left at the speed since the trial was first seen training; None where that cannot be told."""
        fraction = trial_fraction(trial)
        if trial.state != "running" or fraction >= 1:
            return None
        now = time.monotonic()
        since, already = self._seen.setdefault(trial.index, (now, fraction))
        return remaining_seconds([(fraction - already) / (1 - already)], now - since)


def queue_place(reader: RunReader) -> str:
    """Where a queued run stands; "" for one that is not queued."""
    return describe_place(reader.directory, reader.record.host) if reader.state == "queued" else ""


def state_now(reader: RunReader) -> str:
    """The run's state, "pausing" while its worker has been asked to and has not come to it."""
    pausing = reader.state == "running" and control.pause_requested(reader.directory.control)
    return "pausing" if pausing else reader.state


def overall_progress(reader: RunReader) -> Progress:
    """The progress of all trials together."""
    return run_progress(reader.results, reader.training_seconds(time.time()))


def progress_line(reader: RunReader, progress: Progress) -> str:
    """One line on all trials that train; many are told of model by model, and then only the first few."""
    parts = [f"{progress.fraction:4.0%}"]
    running = [trial for trial in listed(reader.results, TRIALS_IN_A_LINE) if trial.state == "running"]
    told = most_telling(running, TRIALS_IN_A_LINE)
    parts += [f"{label_with_seeds(trial)}: epoch {epochs_of(trial)}, loss {loss_of(trial)}" for trial in told]
    if len(running) > len(told):
        parts.append(f"{len(running) - len(told)} more")
    if running:
        parts.append(f"{speed_text(running[0].progress.samples_per_second)} samples/s each")
    parts.append(f"{duration(progress.remaining)} left")
    return " · ".join(parts)


def epochs_of(trial: TrialResult) -> str:
    """Whole epochs of those asked for: 12/50."""
    return f"{len(trial.epochs)}/{trial.trial.epochs}"


def loss_of(trial: TrialResult) -> str:
    """The train loss after the last epoch."""
    if not trial.epochs:
        return "–"
    loss = trial.last("train_loss")
    return f"{loss:.4g}" if math.isfinite(loss) else "not finite"


def speed_text(samples_per_second: float) -> str:
    """Samples a second in few characters: 840 · 84 k · 1.2 M."""
    if not math.isfinite(samples_per_second):
        return "–"
    for limit, unit in ((1e6, " M"), (1e3, " k")):
        if samples_per_second >= limit:
            value = samples_per_second / limit
            return f"{value:.1f}{unit}" if value < 10 else f"{value:.0f}{unit}"
    return f"{samples_per_second:.0f}"
