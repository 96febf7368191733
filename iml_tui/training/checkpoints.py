"""Saving trials that train together, and taking up their training where it stood."""

from __future__ import annotations

import io
import logging
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch

from iml_tui.errors import LabError
from iml_tui.runs.checkpoints import Checkpoint, CheckpointStore, Reason
from iml_tui.runs.events import EventWriter
from iml_tui.training.trainer import TrainerState

SAVE_SECONDS: Final = 60.0
"""A longer epoch is saved in between: no more than this is done again."""


@dataclass(frozen=True)
class Saved:
    """The state of trials that train together.

    Attributes:
        trainer: that of their trainer.
        recorder: that of their `GroupRecorder`.
        series: values in each step-level series, by its name (`StepSeries.lengths`).
    """

    trainer: TrainerState
    recorder: dict[str, Any]
    series: dict[str, int] = field(default_factory=dict)


def pack(saved: Saved) -> bytes:
    """The state as bytes, which `unpack` reads without running anything out of them."""
    buffer = io.BytesIO()
    torch.save({"trainer": saved.trainer, "recorder": saved.recorder, "series": saved.series}, buffer)
    return buffer.getvalue()


def unpack(data: bytes) -> Saved:
    """The state that `pack` made, on the CPU: a trainer knows which of its tensors belong on the device.

    Raises:
        LabError: the bytes hold something else, or code.
    """
    try:
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        return Saved(dict(found["trainer"]), dict(found["recorder"]), dict(found["series"]))
    except (RuntimeError, ValueError, TypeError, KeyError, EOFError, OSError, pickle.UnpicklingError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise LabError(f"the state in a checkpoint cannot be read: {first[:200]}") from error


class Checkpointer:
    """Writes the checkpoints of trials that train together, and tells the event log of each.

    Args:
        store: the run's checkpoints.
        events: the run's event log.
        positions: the trials' positions in the run.
        steps: batches in an epoch.
    """

    def __init__(self, store: CheckpointStore, events: EventWriter, positions: Sequence[int], steps: int) -> None:
        self._store, self._events = store, events
        self._positions, self._steps = list(positions), steps
        self._saved_at = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether the last one is old."""
        return time.monotonic() - self._saved_at >= SAVE_SECONDS

    def write(self, saved: Saved, epochs: int, step: int, reason: Reason) -> None:
        """Keep the state after `epochs` whole epochs and `step` batches of the next. Raises OSError: disk full."""
        path = self._store.write(pack(saved), self._positions, epochs, step, self._steps, reason)
        self._saved_at = time.monotonic()
        self._events.append(
            "checkpoint",
            file=path.name,
            trials=self._positions,
            epoch=epochs,
            step=step,
            steps=self._steps,
            reason=reason,
        )

    def keep_good(self, epoch: int, batch: int) -> None:
        """Keep the newest for good that is from before the loss of a batch, both from 1, was no number."""
        self._store.keep_good(self._positions, epoch, batch)

    def end(self) -> None:
        """The trials have ended."""
        self._store.end(self._positions)


def read_newest(files: Sequence[Checkpoint], warn: Callable[[str], None]) -> Saved | None:
    """The state in the newest readable of some checkpoints; None where there are none.

    Args:
        files: the newest first.
        warn: told in a sentence of each that cannot be read.

    Raises:
        LabError: none of them can be read.
    """
    problems: list[str] = []
    for file in files:
        try:
            found = unpack(file.read())
        except LabError as error:
            logging.warning("%s", error)
            problems.append(f"{error}")
            continue
        for problem in problems:
            warn(f"{problem}; the one before it is taken.")
        return found
    if problems:
        raise LabError(f"the run cannot go on: {'; '.join(problems)}. What it measured is kept; nothing was changed")
    return None
