"""What an uninterrupted run with the same settings comes to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from iml_tui.experiments.registry import find
from iml_tui.runs.checkpoints import CheckpointStore
from iml_tui.runs.directory import RunDirectory, create_run
from iml_tui.runs.process import start_worker
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import RunRecord
from tests.soak.retelling import Retelling


class References:
    """Uninterrupted runs, made when they are asked for, one for each setting."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: dict[str, RunDirectory] = {}

    def of(self, record: RunRecord) -> RunDirectory:
        """The run with the same experiment, hyperparameters and data."""
        key = json.dumps([record.experiment, record.hyperparameters, record.data.sha256], sort_keys=True)
        if key not in self._made:
            experiment = find(record.experiment)
            settings = experiment.hyperparameters.model_validate(record.hyperparameters)
            folder = Path(record.data.directory) if record.data.directory is not None else None
            directory = create_run(self._root, experiment, settings, record.data.summary, folder, "cpu")
            code = start_worker(directory).wait()
            assert code == 0, f"an uninterrupted run ended with {code}: {directory.path}"
            self._made[key] = directory
        return self._made[key]


def differences(directory: RunDirectory, reference: RunDirectory) -> Iterator[str]:
    """Sentences on where a run that is done differs from an uninterrupted one.

    Where hyperparameters were changed while it trained, only the epochs before are compared. Times never are.
    """
    told, expected = (Retelling(each, each.read_record()) for each in (directory, reference))
    firsts = first_changes(directory)
    for position, (trial, other) in enumerate(zip(told.trials, expected.trials, strict=True)):
        common = min(firsts.get(position, trial.epochs), trial.epochs)
        for epoch in range(common):
            if trial.figures[epoch] != other.figures[epoch]:
                yield f"{directory.id}: epoch {epoch + 1} of trial {position} differs from {reference.path}"
                break
    if not told.changed:
        yield from _files_that_differ(directory, reference)
        yield from _states_that_differ(directory, reference)


def fork_differences(fork: RunDirectory, root: Path) -> Iterator[str]:
    """Sentences on where a fork differs from its parent before the two part, where the parent is there unchanged."""
    record = fork.read_record()
    assert record.fork is not None
    parent = RunDirectory(root / record.fork.run)
    if not parent.record_file.exists():
        return
    parent_record = parent.read_record()
    told, expected = Retelling(fork, record), Retelling(parent, parent_record)
    if expected.changed:
        return
    names = [trial.name for trial in parent_record.trials]
    for position, member in enumerate(record.fork.members):
        other = expected.trials[names.index(record.fork.parent_trials[member].name)]
        if told.trials[position].figures[: record.fork.epochs] != other.figures[: record.fork.epochs]:
            yield f"{fork.id}: what trial {position} has from its parent is not what {parent.id} measured"


def first_changes(directory: RunDirectory) -> dict[int, int]:
    """Of each trial that was changed: the whole epochs before its first change."""
    return {
        trial.index: min(change.epoch for change in trial.changes) - 1
        for trial in RunReader(directory).results.trials
        if trial.changes
    }


def _files_that_differ(directory: RunDirectory, reference: RunDirectory) -> Iterator[str]:
    for folder in ("series", "maps", "tables"):
        found, expected = (_contents(each.path / folder) for each in (directory, reference))
        for name in sorted({*found, *expected}):
            if found.get(name) != expected.get(name):
                yield f"{directory.id}: {folder}/{name} differs from that of {reference.path}"


def _contents(folder: Path) -> dict[str, bytes]:
    """What does not depend on the clock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(("timing", "."))
    }


def _states_that_differ(directory: RunDirectory, reference: RunDirectory) -> Iterator[str]:
    """Parameters, moments and generators at the end."""

    from iml_tui.training.checkpoints import unpack
    from tests.training.interrupted import same

    found, expected = (
        {
            tuple(file.header.trials): unpack(file.read()).trainer
            for file in reversed(CheckpointStore(each.checkpoints).all())
            if file.header is not None and not file.good
        }
        for each in (directory, reference)
    )
    if not same(found, expected):
        yield f"{directory.id}: the parameters at the end differ from those of {reference.path}"
