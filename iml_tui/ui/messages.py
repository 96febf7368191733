"""What the parts of the lab's screen tell each other."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from iml_tui.errors import LabError
from iml_tui.experiments.base import Experiment
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import HistoryEntry
from iml_tui.runs.reading import RunReader


@dataclass
class ExperimentChosen(Message):
    """The user picked an experiment to set up."""

    experiment: Experiment


@dataclass
class RunChosen(Message):
    """The user picked a run to look at."""

    directory: RunDirectory


@dataclass
class DeleteRequested(Message):
    """The user wants a run removed."""

    entry: HistoryEntry


@dataclass
class ResumeRequested(Message):
    """The user wants to go on with a run that was left."""

    directory: RunDirectory


@dataclass
class MoveRequested(Message):
    """The user wants a run to begin earlier (step −1) or later (1) in the queue."""

    directory: RunDirectory
    step: int


@dataclass
class CompareRequested(Message):
    """The user wants the marked runs beside one another."""

    directories: list[RunDirectory]


@dataclass
class StartRequested(Message):
    """The user wants the form's experiment started."""


@dataclass
class HistoryRead(Message):
    """The list of runs was read again. `places` are those in the queue, by run."""

    entries: list[HistoryEntry]
    places: dict[str, int]

    def can_replace(self, message: Message) -> bool:
        """Only the newest list matters."""
        return isinstance(message, HistoryRead)


@dataclass
class RunOpened(Message):
    """A run was read and can be shown."""

    reader: RunReader
    experiment: Experiment


@dataclass
class StartFailed(Message):
    """A run could not be started."""

    experiment: Experiment
    error: LabError
