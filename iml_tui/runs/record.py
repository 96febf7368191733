"""`run.json`: what was asked and what became of it. Listing the history reads only these."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from iml_tui.experiments.hyperparameters import with_present_names
from iml_tui.experiments.results import DataSummary, WeightsSummary
from iml_tui.experiments.trials import AnyTrial

State = Literal["queued", "starting", "running", "paused", "stopped", "interrupted", "failed", "done"]

ACTIVE_STATES: frozenset[State] = frozenset({"queued", "starting", "running", "paused"})

FORMAT = 1  # Raised when a reader of older lab versions would misread the directory.


class WorkerIdentity(BaseModel):
    """Which process owns a run. Process ids are reused, so its start time, the boot and the host belong to it.

    `started` is the start time of the process in seconds since the epoch, as the operating system gives it.
    """

    pid: int
    started: float
    boot_id: str
    host: str


class DataRecord(BaseModel):
    """The data a run was trained on. `directory` is None for the embedded data. Losses in nats, accuracies 0…1."""

    name: str
    directory: str | None = None
    sha256: str
    rows: dict[str, int]
    classes: int
    frequency_loss: dict[str, float]
    majority_accuracy: dict[str, float]
    class_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, summary: DataSummary, directory: str | None) -> DataRecord:
        """The record of loaded data."""
        return cls(
            name=summary.name,
            directory=directory,
            sha256=summary.sha256,
            rows=dict(summary.rows),
            classes=summary.classes,
            frequency_loss=dict(summary.frequency_loss),
            majority_accuracy=dict(summary.majority_accuracy),
            class_names=summary.class_names,
        )

    @property
    def summary(self) -> DataSummary:
        """As experiments read it."""
        return DataSummary(
            name=self.name,
            rows=self.rows,
            classes=self.classes,
            sha256=self.sha256,
            frequency_loss=self.frequency_loss,
            majority_accuracy=self.majority_accuracy,
            embedded=self.directory is None,
            class_names=self.class_names,
        )


class WeightsRecord(BaseModel):
    """The pretrained weights that a run started from; see `WeightsSummary`."""

    kind: Literal["imagenet", "offline", "file"]
    name: str
    sha256: str
    caveat: str = ""

    @classmethod
    def of(cls, summary: WeightsSummary) -> WeightsRecord:
        """The record of weights that were found."""
        return cls(kind=summary.kind, name=summary.name, sha256=summary.sha256, caveat=summary.caveat)

    @property
    def summary(self) -> WeightsSummary:
        """As experiments read it."""
        return WeightsSummary(self.kind, self.name, self.sha256, self.caveat)


class DeviceRecord(BaseModel):
    """What was asked for (`auto`, `cpu`, `cuda:0`), what was taken, its name, and why."""

    requested: str
    chosen: str = ""
    name: str = ""
    reason: str = ""
    threads: int = 0


class TrialRecord(BaseModel):
    """How far a trial had come when `run.json` was last written; the event log knows more while it runs."""

    state: str = "waiting"
    epochs_done: int = 0


class RecordFormat(BaseModel):
    """The part of `run.json` that every version of the lab can read."""

    model_config = ConfigDict(extra="ignore")

    format: int = FORMAT


class RunRecord(RecordFormat):
    """The whole of `run.json`. Times are seconds since the epoch, UTC."""

    id: str
    experiment: str
    title: str
    hyperparameters: dict[str, Any]
    trials: list[AnyTrial]
    data: DataRecord
    weights: WeightsRecord | None = None
    device: DeviceRecord
    versions: dict[str, str] = Field(default_factory=dict)
    host: str = ""
    worker: WorkerIdentity | None = None
    state: State = "starting"
    message: str = ""
    created: float
    started: float | None = None
    finished: float | None = None
    trial_records: list[TrialRecord] = Field(default_factory=list)
    summary: str = ""

    @field_validator("hyperparameters")
    @classmethod
    def _read_former_names(cls, values: dict[str, Any]) -> dict[str, Any]:
        return with_present_names(values)

    @property
    def seconds(self) -> float:
        """How long the run trained; NaN while it has not ended."""
        if self.started is None or self.finished is None:
            return math.nan
        return self.finished - self.started
