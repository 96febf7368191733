"""A run as a session sees it, with what it is told kept in lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from iml_tui.experiments.results import DataSummary, WeightsSummary
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.record import ForkRecord
from iml_tui.training.devices import DeviceChoice
from iml_tui.training.earlier import Earlier
from iml_tui.training.pausing import Pause
from iml_tui.training.preparation import Preparation
from iml_tui.training.run_context import RunContext, TrialEnd

CPU = DeviceChoice(torch.device("cpu"), "CPU", "asked for")


@dataclass
class Told:
    """What a session told of its run."""

    ends: list[tuple[int, TrialEnd, int]] = field(default_factory=list)
    data: list[DataSummary] = field(default_factory=list)
    weights: list[WeightsSummary] = field(default_factory=list)
    pauses: list[bool] = field(default_factory=list)
    resumptions: int = 0

    def resumed(self) -> None:
        self.resumptions += 1


def run_context(
    directory: RunDirectory,
    events: EventWriter,
    told: Told,
    *,
    stop: Callable[[], bool] = lambda: False,
    settings: Mapping[str, Any] | None = None,
    device: DeviceChoice = CPU,
    pause: Callable[[], bool] = lambda: False,
    earlier: Earlier | None = None,
    fork: ForkRecord | None = None,
) -> RunContext:
    return RunContext(
        directory=directory,
        settings=settings or {},
        device=device,
        events=events,
        stop=stop,
        preparation=Preparation(events, stop),
        trial_ended=lambda *end: told.ends.append(end),
        found_data=told.data.append,
        found_weights=told.weights.append,
        pause=Pause(pause, stop, events, told.pauses.append),
        earlier=earlier,
        fork=fork,
        resumed=told.resumed,
    )
