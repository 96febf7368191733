"""What befalls a worker, done inside of it by taking the place of a function before it begins."""

from __future__ import annotations

import hashlib
import importlib
import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from iml_tui.runs.events import EventWriter


def after_calls(owner: Any, name: str, number: int, act: Callable[[], None]) -> None:
    """Act after the call of that number (from 1) of a function."""
    original, calls = getattr(owner, name), 0

    def counting(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        result = original(*arguments, **options)
        calls += 1
        if calls == number:
            act()
        return result

    setattr(owner, name, counting)


def before_calls(owner: Any, name: str, number: int, act: Callable[[], None]) -> None:
    """Act before the call of that number (from 1) of a function."""
    original, calls = getattr(owner, name), 0

    def counting(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            act()
        return original(*arguments, **options)

    setattr(owner, name, counting)


def at_event(kind: str, number: int, act: Callable[[], None]) -> None:
    """Act right after the event of this type and number (from 1) was written."""
    original, seen = EventWriter.append, 0

    def append(self: EventWriter, type: str, **fields: Any) -> None:
        nonlocal seen
        original(self, type, **fields)
        if type == kind:
            seen += 1
            if seen == number:
                act()

    EventWriter.append = append  # type: ignore[method-assign, assignment]


def signal_at(kind: str, number: int, sent: int = signal.SIGKILL) -> None:
    """The worker gets a signal at an event."""
    at_event(kind, number, lambda: os.kill(os.getpid(), sent))


def signal_at_report(number: int, sent: int = signal.SIGKILL) -> None:
    """The worker gets a signal between two batches, when its trainer has reported that often."""
    from iml_tui.training.group_recorder import GroupRecorder

    after_calls(GroupRecorder, "on_progress", number, lambda: os.kill(os.getpid(), sent))


def note_states(file: str) -> None:
    """Note the SHA-256 of the state at the end of each group, large ones included, of which no checkpoint is kept."""
    from iml_tui.training.checkpoints import Checkpointer, Saved, pack

    original = Checkpointer.write

    def write(self: Checkpointer, saved: Saved, epochs: int, step: int, reason: Any) -> None:
        original(self, saved, epochs, step, reason)
        if reason == "end":
            digest = hashlib.sha256(pack(saved)).hexdigest()
            with Path(file).open("a") as notes:
                notes.write(f"{'-'.join(map(str, self._positions))} {digest}\n")

    Checkpointer.write = write  # type: ignore[method-assign]


def found(target: str) -> tuple[Any, str]:
    """The owner and the name of a function given as "package.module:Class.function"."""
    module, _, path = target.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    return owner, name


def signal_before(target: str, number: int, sent: int = signal.SIGKILL) -> None:
    """The worker gets a signal just before the call of that number of a function."""
    before_calls(*found(target), number, lambda: os.kill(os.getpid(), sent))


def signal_after(target: str, number: int, sent: int = signal.SIGKILL) -> None:
    """The worker gets a signal just after the call of that number of a function."""
    after_calls(*found(target), number, lambda: os.kill(os.getpid(), sent))


def set_value(target: str, value: Any) -> None:
    """A constant has another value."""
    setattr(*found(target), value)


def kill_in_checkpoint(number: int, step: str) -> None:
    """The worker is killed while it writes the checkpoint of that number, at a step of that.

    Every checkpoint is waited for until it is on disk. The steps: `made`, `half written`, `written`, `on disk`,
    `in place`, `first removed`.
    """
    from iml_tui.runs import checkpoints

    checkpoints.DURABLE_SECONDS = 0.0  # type: ignore[misc]
    written = 0

    def die() -> None:
        if written == number:
            os.kill(os.getpid(), signal.SIGKILL)

    original = checkpoints.CheckpointStore.write

    def write(*arguments: Any) -> Path:
        nonlocal written
        written += 1
        return original(*arguments)

    checkpoints.CheckpointStore.write = write  # type: ignore[method-assign]
    actions: dict[str, Callable[[], None]] = {
        "made": lambda: _after_every(tempfile, "mkstemp", die),
        "half written": lambda: _write_by_halves(checkpoints, die),
        "written": lambda: _before_every(os, "fsync", die),
        "on disk": lambda: _before_every(Path, "replace", die),
        "in place": lambda: _after_every(Path, "replace", die),
        "first removed": lambda: _after_every(Path, "unlink", die),
    }
    actions[step]()


def _after_every(owner: Any, name: str, act: Callable[[], None]) -> None:
    original = getattr(owner, name)

    def acting(*arguments: Any, **options: Any) -> Any:
        result = original(*arguments, **options)
        act()
        return result

    setattr(owner, name, acting)


def _before_every(owner: Any, name: str, act: Callable[[], None]) -> None:
    original = getattr(owner, name)

    def acting(*arguments: Any, **options: Any) -> Any:
        act()
        return original(*arguments, **options)

    setattr(owner, name, acting)


def _write_by_halves(checkpoints: Any, act: Callable[[], None]) -> None:
    original = checkpoints.replacing

    class Halves:
        def __init__(self, file: BinaryIO) -> None:
            self._file = file

        def write(self, data: bytes) -> None:
            self._file.write(data[: len(data) // 2])
            self._file.flush()
            act()
            self._file.write(data[len(data) // 2 :])

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    @contextmanager
    def replacing(path: Path) -> Iterator[Any]:
        with original(path) as file:
            yield Halves(file)

    checkpoints.replacing = replacing


def fill_disk_before(target: str, number: int, filler: str) -> None:
    """The disk is full just before the call of that number of a function: a file takes up what was left."""

    def fill() -> None:
        with suppress(OSError), Path(filler).open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                with suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    before_calls(*found(target), number, fill)


def limit_files_at(kind: str, number: int, more: int, file: str) -> None:
    """From an event on no file may grow beyond the size of `file` and some bytes more."""

    def limit() -> None:
        size = Path(file).stat().st_size + more
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    at_event(kind, number, limit)


def spoil_parameters(member: int, epoch: int, value: float) -> None:
    """The parameters of a network are no numbers any more, or infinite, after the last step of an epoch (from 1)."""
    from iml_tui.training.group import _GroupTraining

    original = _GroupTraining._interrupted

    def interrupted(self: Any, trained: int, step: int) -> bool:
        if (trained, step) == (epoch, self._trainer.steps_per_epoch):
            self._trainer.optimizer.flat[member] = value
        return original(self, trained, step)

    _GroupTraining._interrupted = interrupted  # type: ignore[method-assign]


def run_out_of_memory(epoch: int) -> None:
    """The device has too little memory for an epoch, as PyTorch says it."""
    import torch

    from iml_tui.training.ensemble import EnsembleTrainer

    def fail() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    before_calls(EnsembleTrainer, "train_epoch", epoch, fail)


def set_clock_back(kind: str, number: int, seconds: float) -> None:
    """The clock is set back at an event."""
    original = time.time
    at_event(kind, number, lambda: setattr(time, "time", lambda: original() - seconds))
