"""What a session needs of the run that it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from iml_tui.experiments.results import DataSummary, WeightsSummary
from iml_tui.runs.checkpoints import CheckpointStore
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.record import ForkRecord
from iml_tui.training.devices import DeviceChoice
from iml_tui.training.earlier import Earlier
from iml_tui.training.pausing import Pause
from iml_tui.training.preparation import Preparation

TrialEnd = Literal["done", "diverged", "stopped"]


@dataclass(frozen=True)
class RunContext:
    """One run as its session sees it.

    Attributes:
        directory: the run, whose lock the worker holds.
        settings: the run's hyperparameters as they were asked for, by name.
        device: where to train.
        events: the run's event log.
        stop: asked several times a second; True ends the training at the next batch.
        preparation: told of what is done before training.
        trial_ended: told of the position and the end of every trial that was begun, and its whole epochs.
        found_data: told of what the run trains on, where that is known only after the data were read.
        found_weights: told of the pretrained weights.
        pause: waits where the run is to pause.
        earlier: what earlier workers left of a run that is resumed; None for one that begins.
        fork: what the run started from, where it is the fork of another.
        resumed: called when trials go on that an earlier worker left.
    """

    directory: RunDirectory
    settings: Mapping[str, Any]
    device: DeviceChoice
    events: EventWriter
    stop: Callable[[], bool]
    preparation: Preparation
    trial_ended: Callable[[int, TrialEnd, int], None]
    found_data: Callable[[DataSummary], None]
    found_weights: Callable[[WeightsSummary], None]
    pause: Pause
    earlier: Earlier | None = None
    fork: ForkRecord | None = None
    resumed: Callable[[], None] = lambda: None

    @property
    def store(self) -> CheckpointStore:
        """The run's checkpoints."""
        return CheckpointStore(self.directory.checkpoints)

    def has_ended(self, positions: Sequence[int]) -> bool:
        """Whether an earlier worker brought all these trials to their end."""
        return self.earlier is not None and self.earlier.ended.issuperset(positions)
