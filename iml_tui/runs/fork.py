"""Forking: a new run whose trials go on from a kept checkpoint of another, with other hyperparameters.

The fork holds all that it needs: a copy of the checkpoint, and the figures, series and maps that the parent's trials
had up to there. The parent may train on meanwhile, or be deleted later.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from iml_tui.errors import LabError, UsageError
from iml_tui.experiments.changes import ForkValue, forkable_fields, position_text, with_changes
from iml_tui.experiments.fork_names import fork_names
from iml_tui.experiments.registry import find
from iml_tui.experiments.results import TrialResult
from iml_tui.experiments.trials import Trial
from iml_tui.runs.atomic import sync_directory
from iml_tui.runs.checkpoints import Checkpoint, CheckpointStore, Header, read_fork
from iml_tui.runs.directory import RunDirectory, make_folders
from iml_tui.runs.fork_copying import copy_maps, copy_series, made_before, write_history
from iml_tui.runs.opening import open_regular
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import DeviceRecord, ForkRecord, RunRecord, TrialRecord
from iml_tui.text import printable

_BUILDING = ".fork-"
_ABANDONED_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class ForkChoice:
    """A kept checkpoint that a run can be forked from.

    `trials` are the positions in the run of those trials of it that can be forked: that are trained step by step, and
    whose loss was a number up to there.
    """

    checkpoint: Checkpoint
    header: Header
    trials: tuple[int, ...]

    @property
    def number(self) -> int:
        """How a command names it."""
        return self.checkpoint.sequence

    @property
    def text(self) -> str:
        """ "after epoch 5" · "in epoch 6, after batch 120 of 625" · "after epoch 2, before a loss was no number"."""
        where = position_text(self.header.epochs, self.header.step, self.header.steps)
        return f"{where}, before a loss was no number" if self.checkpoint.good else where


def forkable(reader: RunReader) -> list[ForkChoice]:
    """The kept checkpoints of a run that hold trials to fork, the newest first.

    A damaged one whose first line is whole is among them: `create_fork` finds that out.
    """
    found = (_choice_of(reader, checkpoint) for checkpoint in CheckpointStore(reader.directory.checkpoints).all())
    return [choice for choice in found if choice is not None]


def _choice_of(reader: RunReader, checkpoint: Checkpoint) -> ForkChoice | None:
    header = checkpoint.header
    if header is None or not 0 <= header.step <= header.steps:
        return None
    trials = tuple(position for position in header.trials if _can_fork(reader.results.trials, position, header))
    return ForkChoice(checkpoint, header, trials) if trials else None


def newest_of(choices: Sequence[ForkChoice], positions: Sequence[int]) -> ForkChoice | None:
    """The choice that is furthest in training of those that hold all these trials; None where none does."""
    holding = [choice for choice in choices if set(positions) <= set(choice.trials)]
    return max(holding, key=lambda choice: (choice.header.epochs, choice.header.step, choice.number), default=None)


def create_fork(
    root: Path,
    parent: RunReader,
    checkpoint: Checkpoint,
    positions: Sequence[int],
    changes: Mapping[str, ForkValue],
    device: str,
) -> RunDirectory:
    """Make the directory of a fork, in state `starting`; a worker is started on it next, or it is queued.

    Args:
        root: the directory of all runs.
        parent: the run that is forked; it is read anew, for it may train on.
        checkpoint: where from, of those that `forkable` tells of.
        positions: of the trials in the parent, one or more of those that `forkable` tells of.
        changes: other values of `forkable_fields`, the same for all trials; may be empty.
        device: as for a new run: "auto", "cpu", "cuda:0".

    Raises:
        UsageError: a trial cannot be forked from there, or a value cannot be had; nothing was made.
        LabError: the checkpoint is gone or damaged, or the directory cannot be written; nothing was made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(root)
        # First of all: reading a long run takes time, in which it may replace the checkpoint.
        with _held(root, checkpoint) as held:
            return _create_from(root, RunReader(parent.directory), held, positions, changes, device)
    except OSError as error:
        raise LabError(
            f"no run can be kept in {root}: {error.strerror}; free space, or set IML_LAB_HOME to a directory that you "
            "can write"
        ) from error


def _create_from(
    root: Path,
    reader: RunReader,
    checkpoint: Checkpoint,
    positions: Sequence[int],
    changes: Mapping[str, ForkValue],
    device: str,
) -> RunDirectory:
    choice = _chosen(reader, checkpoint, positions)
    results = [reader.results.trials[position] for position in sorted(set(positions))]
    before = [_as_it_was(result, choice.header) for result in results]
    trials = _forked_trials(before, changes, choice.header)
    record = _record(reader, choice, results, trials, changes, device)
    return _build(root, record, lambda directory, own: _fill(directory, own, reader, choice, results, before))


@contextlib.contextmanager
def _held(root: Path, checkpoint: Checkpoint) -> Iterator[Checkpoint]:
    """The checkpoint in a place of its own, from which a run that trains on does not remove it.

    Raises:
        LabError: it is gone.
        OSError: it cannot be held there.
    """
    place = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=root))
    path = place / checkpoint.path.name
    try:
        try:
            os.link(checkpoint.path, path)
        except FileNotFoundError as error:
            raise LabError(
                f"checkpoint {printable(str(checkpoint.path))} is gone, for the run trains on and keeps the newest; "
                "choose another"
            ) from error
        except OSError:  # A file system without hard links.
            shutil.copyfile(checkpoint.path, path)
        yield read_fork(path)
    finally:
        path.unlink(missing_ok=True)
        place.rmdir()


def _build(root: Path, record: RunRecord, fill: Callable[[RunDirectory, RunRecord], None]) -> RunDirectory:
    """Make the directory where no list of runs shows it, then give it its name.

    Raises:
        OSError: it cannot be written; nothing is left.
    """
    while True:
        name = _free_name(root, record.experiment)
        building = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=root))
        try:
            fill(RunDirectory(building), record.model_copy(update={"id": name}))
            # The name is taken first: to replace a directory, even an empty one of somebody else's, would be quiet.
            (root / name).mkdir(0o700)
            try:
                building.replace(root / name)
            except OSError:
                (root / name).rmdir()
                raise
        except FileExistsError:  # Another run of this second took the name meanwhile.
            continue
        finally:
            shutil.rmtree(building, ignore_errors=True)
        sync_directory(root)
        return RunDirectory(root / name)


def _can_fork(trials: Sequence[TrialResult], position: int, header: Header) -> bool:
    if not 0 <= position < len(trials):
        return False
    result = trials[position]
    if not forkable_fields(result.trial) or not 0 <= header.epochs <= result.trial.epochs:
        return False
    return result.diverged_at is None or header.is_before(*result.diverged_at)


def _chosen(reader: RunReader, checkpoint: Checkpoint, positions: Sequence[int]) -> ForkChoice:
    choice = _choice_of(reader, checkpoint)
    if choice is None:
        raise LabError(
            f"checkpoint {checkpoint.sequence} of {reader.directory.id} holds nothing to be forked; choose another"
        )
    if not positions:
        raise UsageError("name at least one trial to fork")
    for position in positions:
        if position not in choice.trials:
            known = 0 <= position < len(reader.results.trials)
            name = printable(reader.results.trials[position].name) if known else f"trial {position + 1}"
            raise UsageError(
                f"{name} cannot be forked from checkpoint {choice.number}: it is not in it, or its loss was no number "
                "by then, or it is not trained step by step"
            )
    return choice


def _as_it_was(result: TrialResult, header: Header) -> Trial:
    """The trial with the hyperparameters that were in force at a checkpoint: some were changed while it trained."""
    in_force = {change.field: change.new for change in result.changes if made_before(change, header)}
    return result.trial.model_copy(update=in_force)


def _forked_trials(before: Sequence[Trial], changes: Mapping[str, ForkValue], header: Header) -> list[Trial]:
    """What is to be trained: with the changes, and with names that tell of them."""
    try:
        changed = [with_changes(trial, changes, header.epochs) for trial in before]
    except ValueError as error:
        raise UsageError(str(error)) from error
    for trial in changed:
        if trial.epochs <= header.epochs:
            raise UsageError(
                f"{trial.name} has done its {trial.epochs} epochs there; set epochs to more, such as "
                f"epochs={2 * trial.epochs}"
            )
    return fork_names(before, changed, header.epochs, header.step)


def _record(
    reader: RunReader,
    choice: ForkChoice,
    results: Sequence[TrialResult],
    trials: list[Trial],
    changes: Mapping[str, ForkValue],
    device: str,
) -> RunRecord:
    parent, header = reader.record, choice.header
    known = reader.results.trials
    return RunRecord(
        id="",
        # Of an experiment that this lab does not know, a worker could make nothing.
        experiment=find(parent.experiment).slug,
        title=parent.title,
        hyperparameters=_hyperparameters(parent, trials, changes),
        trials=trials,
        data=parent.data,
        weights=parent.weights,
        device=DeviceRecord(requested=device),
        host=socket.gethostname(),
        created=time.time(),
        trial_records=[TrialRecord(epochs_done=header.epochs) for _ in trials],
        fork=ForkRecord(
            run=reader.directory.id,
            checkpoint=choice.checkpoint.path.name,
            # All of them: the state in the checkpoint is that of all.
            parent_trials=[_as_it_was(known[position], header) for position in header.trials],
            members=[header.trials.index(result.index) for result in results],
            epochs=header.epochs,
            step=header.step,
            steps=header.steps,
        ),
    )


def _hyperparameters(parent: RunRecord, trials: Sequence[Trial], changes: Mapping[str, ForkValue]) -> dict[str, Any]:
    """The parent's, with the changed ones and the seeds as the fork has them, where the experiment knows such."""
    found = dict(parent.hyperparameters)
    for name, value in {**changes, "seeds": list(dict.fromkeys(trial.seed for trial in trials))}.items():
        if name in found:
            found[name] = [value] if isinstance(found[name], list) and not isinstance(value, list) else value
    try:
        find(parent.experiment).hyperparameters.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from error
    return found


def _fill(
    directory: RunDirectory,
    record: RunRecord,
    reader: RunReader,
    choice: ForkChoice,
    results: Sequence[TrialResult],
    before: Sequence[Trial],
) -> None:
    """Write everything that the fork holds from the start."""
    make_folders(directory)
    _copy_checkpoint(choice, directory.fork_file)
    copy_series(reader.directory, directory, results, choice.header)
    maps = copy_maps(reader.directory, directory, results, choice.header)
    write_history(directory, record, choice.header, results, before, maps)
    directory.write_record(record)


def _copy_checkpoint(choice: ForkChoice, path: Path) -> None:
    """Copy the checkpoint; what is checked is the copy, so that nothing can change in between."""
    name = printable(str(choice.checkpoint.path))
    try:
        with open_regular(choice.checkpoint.path) as source, path.open("xb") as target:
            path.chmod(0o600)
            shutil.copyfileobj(source, target, 1 << 20)
    except FileNotFoundError as error:
        raise LabError(
            f"checkpoint {name} is gone, for its run trains on and keeps the newest; choose again"
        ) from error
    try:
        read_fork(path).read()
    except LabError as error:
        raise LabError(f"checkpoint {name} is damaged; choose another") from error


def _free_name(root: Path, experiment: str) -> str:
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{experiment}"
    names = (stem if attempt == 1 else f"{stem}-{attempt}" for attempt in itertools.count(1))
    return next(name for name in names if not (root / name).exists())


def _remove_abandoned(root: Path) -> None:
    """Remove what forks left that were ended while they were made; the list of runs does not show it."""
    for path in root.glob(f"{_BUILDING}*"):
        try:
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue
