"""`run.json`: what was asked and what became of it. Listing the history reads only these."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from iml_tui.experiments.hyperparameters import with_present_names
from iml_tui.experiments.results import DataSummary, WeightsSummary
from iml_tui.experiments.trials import AnyTrial

State = Literal["queued", "starting", "running", "paused", "stopped", "interrupted", "failed", "done"]

ACTIVE_STATES: frozenset[State] = frozenset({"queued", "starting", "running", "paused"})

RESUMABLE_STATES: frozenset[State] = frozenset({"stopped", "interrupted", "failed"})

Seconds = Annotated[float, Field(ge=-1e12, le=1e12)]
"""A time or a span that a calendar has, give or take: not infinite, not NaN."""

MOST: Final = 1_000_000_000
"""The largest number of epochs, the largest batch or width of a trial."""

MOST_LAYERS: Final = 10_000

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
    """What was asked for (`auto`, `cpu`, `cuda:0`), what was taken, its name, and why.

    `slot` is the device that the queue gave the run, "" for one that was not queued: it is taken in place of `auto`.
    """

    requested: str
    slot: str = ""
    chosen: str = ""
    name: str = ""
    reason: str = ""
    threads: int = 0


class TrialRecord(BaseModel):
    """How far a trial had come when `run.json` was last written; the event log knows more while it runs."""

    state: str = "waiting"
    epochs_done: int = 0


class ResumeRecord(BaseModel):
    """One resumption of a run. `time` in seconds since the epoch.

    `exact` tells whether the run goes on as if it had never been interrupted; where not, `reason` is a sentence on
    what differs (another torch, other threads, a GPU).
    """

    time: Seconds
    host: str = ""
    exact: bool = True
    reason: str = ""


class ForkHead(BaseModel):
    """Where a run left another: at a checkpoint, after `epochs` whole epochs and `step` of `steps` batches of the
    next.
    """

    run: str
    checkpoint: str
    epochs: int
    step: int
    steps: int


class ForkRecord(ForkHead):
    """What a run started from: a checkpoint of another run, of which the fork keeps a copy (`RunDirectory.fork_file`).

    `members` maps each trial of this run, in order, to the position of the trial that it goes on with among
    `parent_trials`, which are all those of the checkpoint.
    """

    parent_trials: list[AnyTrial]
    members: list[int]


class RecordFormat(BaseModel):
    """The part of `run.json` that every version of the lab can read."""

    model_config = ConfigDict(extra="ignore")

    format: int = FORMAT


class RecordHead(RecordFormat):
    """What lists of runs need of `run.json`. Times are seconds since the epoch, UTC.

    `asked` is when a worker was last asked for, None where only the run's creation tells. `idle_seconds` are those
    between `started` and `finished` in which no worker trained: the run was paused, or had been stopped or interrupted.
    """

    id: str
    experiment: str
    title: str
    hyperparameters: dict[str, Any]
    device: DeviceRecord
    host: str = ""
    worker: WorkerIdentity | None = None
    state: State = "starting"
    message: str = ""
    created: Seconds
    asked: Seconds | None = None
    started: Seconds | None = None
    finished: Seconds | None = None
    idle_seconds: Seconds = 0.0
    summary: str = ""
    resumes: list[ResumeRecord] = Field(default_factory=list)
    fork: ForkHead | None = None

    @field_validator("hyperparameters")
    @classmethod
    def _read_former_names(cls, values: dict[str, Any]) -> dict[str, Any]:
        return with_present_names(values)

    @property
    def seconds(self) -> float:
        """How long the run trained; NaN while it has not ended."""
        if self.started is None or self.finished is None:
            return math.nan
        return max(0.0, self.finished - self.started - self.idle_seconds)


class RunRecord(RecordHead):
    """The whole of `run.json`."""

    trials: list[AnyTrial]
    data: DataRecord
    weights: WeightsRecord | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    trial_records: list[TrialRecord] = Field(default_factory=list)
    fork: ForkRecord | None = None

    @field_validator("trials")
    @classmethod
    def _refuse_senseless(cls, trials: list[AnyTrial]) -> list[AnyTrial]:
        """Numbers that no experiment asks for would have whoever shows the run divide by 0, or count for ever."""
        for trial in trials:
            sizes = (trial.epochs, getattr(trial, "batch_size", 1), getattr(trial, "hidden_width", 1))
            layers = getattr(trial, "hidden_layers", 0)
            if not all(1 <= size <= MOST for size in sizes) or not 0 <= layers <= MOST_LAYERS:
                raise ValueError("a trial has sizes that no trial has")
        return trials
