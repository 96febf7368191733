"""Checkpoints of trials that train together: files that resuming and forking go on from.

    checkpoints/00000042.ckpt         one line as in the event log, which says what it holds, then the state itself
    checkpoints/00000040.good.ckpt    the last one before a trial's loss was no number

The state is opaque here; `training/checkpoints.py` makes and reads it. Its SHA-256 stands in the line before it, so
that a damaged file is known as such, and the one before it is taken. Viewers read the lines alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from iml_tui.errors import LabError
from iml_tui.runs.atomic import replacing, sync_directory
from iml_tui.runs.events import decode, encode
from iml_tui.runs.opening import open_regular
from iml_tui.text import printable

Reason = Literal["start", "epoch", "time", "pause", "change", "stop", "end"]

KEPT: Final = 2
"""Checkpoints of the trials in training that are kept, beside the newest one that surely is on disk."""

KEPT_BYTES: Final = 1 << 24
"""The largest checkpoint that is kept of trials that have ended, to fork from: a perceptron's, not a ResNet18's of 135
MB."""

DURABLE_SECONDS: Final = 5.0
"""After this time a checkpoint is waited for until it is on disk, which takes milliseconds: a power cut costs no more.
The end of the process costs none of them."""

_MOST_HEADER: Final = 1 << 16
_GOOD: Final = ".good"


class Header(BaseModel):
    """What a checkpoint holds.

    Attributes:
        trials: positions in the run of the trials that train together.
        epochs: whole epochs that were measured and told of.
        step: batches of the next epoch that were done.
        steps: batches in an epoch.
        reason: why it was written.
        durable: whether it was waited for until it was on disk.
        time: when, seconds since the epoch.
        bytes, sha256: of the state.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["checkpoint"] = "checkpoint"
    trials: list[int]
    epochs: int
    step: int
    steps: int
    reason: str
    durable: bool
    time: float
    bytes: int
    sha256: str

    def is_before(self, epoch: int, batch: int) -> bool:
        """Whether the state is one from before the step that made the loss of a batch, both from 1, no number.

        That loss is computed with the parameters as the step before has left them, and a checkpoint right after that
        step holds the same.
        """
        whole = self.steps > 0 and self.step == self.steps
        position = (self.epochs + 1, 0) if whole else (self.epochs, self.step)
        return position < (epoch - 1, batch - 1)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's file. `header` is None where its first line is damaged."""

    path: Path
    header: Header | None

    @property
    def sequence(self) -> int:
        """Later ones have higher numbers."""
        return int(self.path.name.partition(".")[0])

    @property
    def good(self) -> bool:
        """Whether it is kept because a loss was no number after it."""
        return _GOOD in self.path.suffixes

    def read(self) -> bytes:
        """The state.

        Raises:
            LabError: the file is gone or damaged.
        """
        try:
            with open_regular(self.path) as file:
                header = _read_header(file)
                # As much as there is to be, and one byte more to know of a longer file.
                state = file.read(header.bytes + 1) if header is not None and header.bytes >= 0 else b""
        except OSError as error:
            raise LabError(f"checkpoint {printable(str(self.path))} cannot be read: {error.strerror}") from error
        if header is None or len(state) != header.bytes or hashlib.sha256(state).hexdigest() != header.sha256:
            raise LabError(f"checkpoint {printable(str(self.path))} is damaged")
        return state


class CheckpointStore:
    """The checkpoints of one run. Only the owner of the run's lock may write."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._durable_at = 0.0

    def write(self, state: bytes, trials: Sequence[int], epochs: int, step: int, steps: int, reason: Reason) -> Path:
        """Keep a state, then remove what it makes superfluous; the file is whole or not there.

        Raises:
            OSError: it cannot be written (disk full); the earlier ones are still there.
        """
        self._directory.mkdir(exist_ok=True, mode=0o700)
        now = time.monotonic()
        durable = reason not in ("epoch", "time") or now - self._durable_at >= DURABLE_SECONDS
        header = Header(
            trials=list(trials),
            epochs=epochs,
            step=step,
            steps=steps,
            reason=reason,
            durable=durable,
            time=time.time(),
            bytes=len(state),
            sha256=hashlib.sha256(state).hexdigest(),
        )
        files = self.all()
        path = self._directory / f"{1 + max((file.sequence for file in files), default=-1):08d}.ckpt"
        with replacing(path) as file:
            file.write(encode(header.model_dump()))
            file.write(state)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if durable:
            sync_directory(self._directory)
            self._durable_at = now
        self._prune([Checkpoint(path, header), *files], header.trials)
        return path

    def all(self) -> list[Checkpoint]:
        """All of them, the newest first; of damaged ones the header is None."""
        with contextlib.suppress(OSError):
            found = [
                Checkpoint(path, _header_of(path)) for path in self._directory.glob("*.ckpt") if _is_numbered(path)
            ]
            return sorted(found, key=lambda file: file.sequence, reverse=True)
        return []

    def of(self, trials: Sequence[int]) -> list[Checkpoint]:
        """Those of these trials, the newest first, and those that are too damaged to tell whose they are."""
        return [file for file in self.all() if file.header is None or file.header.trials == list(trials)]

    def keep_good(self, trials: Sequence[int], epoch: int, batch: int) -> None:
        """Keep for good the newest of these trials from before the loss of a batch, both from 1, was no number."""
        for file in self.of(trials):
            if file.header is not None and file.header.is_before(epoch, batch):
                if not file.good:
                    file.path.replace(file.path.with_suffix(f"{_GOOD}.ckpt"))
                return

    def end(self, trials: Sequence[int]) -> None:
        """The trials have ended: keep their last state to fork from, where it is small."""
        headers = [(file.path, file.header) for file in self.of(trials) if file.header is not None and not file.good]
        for position, (path, header) in enumerate(headers):
            if position or header.bytes > KEPT_BYTES:
                path.unlink(missing_ok=True)

    def clean(self) -> None:
        """Remove what a worker left that was killed while it wrote."""
        for path in self._directory.glob(".*.ckpt.*"):
            path.unlink(missing_ok=True)

    def _prune(self, files: Sequence[Checkpoint], trials: Sequence[int]) -> None:
        own = [file for file in files if file.header is not None and file.header.trials == trials and not file.good]
        durable = next((file for file in own if file.header is not None and file.header.durable), None)
        for file in own[KEPT:]:
            if file is not durable:
                file.path.unlink(missing_ok=True)


def read_fork(path: Path) -> Checkpoint:
    """The copy of another run's checkpoint that a fork starts from."""
    return Checkpoint(path, _header_of(path))


def _header_of(path: Path) -> Header | None:
    try:
        with open_regular(path) as file:
            return _read_header(file)
    except OSError:
        return None


def _read_header(file: BinaryIO) -> Header | None:
    line = file.readline(_MOST_HEADER)
    found = decode(line.removesuffix(b"\n")) if line.endswith(b"\n") else None
    try:
        return Header.model_validate(found, strict=True)
    except ValidationError:
        return None


def _is_numbered(path: Path) -> bool:
    return path.name.partition(".")[0].isdecimal()
