"""What a session needs of the run that it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from iml_tui.experiments.results import DataSummary, WeightsSummary
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.training.devices import DeviceChoice
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
