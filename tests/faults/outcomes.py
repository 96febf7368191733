"""What came of a run, to be compared with that of another: everything but what the clock decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import Event, EventReader
from iml_tui.runs.reading import RunReader


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        figures: by trial and epoch, what was measured after it.
        series: the bytes of the step-level series.
        tables: the bytes of the tables that do not tell of times.
        arrays: those of decision maps and of predictions.
        states: by the trials of a group, SHA-256 of its state at the end: parameters, optimizer, generators.
    """

    figures: dict[tuple[int, int], Any]
    series: dict[str, bytes]
    tables: dict[str, bytes]
    arrays: dict[str, bytes]
    states: dict[str, str]


def outcome_of(directory: RunDirectory) -> Outcome:
    """What came of a run that is done."""
    reader = RunReader(directory)
    assert reader.state == "done", (reader.state, reader.record.message, directory.log_file.read_text())
    return Outcome(
        figures={
            (trial.index, epoch.epoch): (
                {name: repr(figure) for name, figure in epoch.metrics.items()},
                list(map(repr, epoch.gradient_norms)),
                list(epoch.zero_gradients),
            )
            for trial in reader.results.trials
            for epoch in trial.epochs
        },
        series=contents(directory.path / "series"),
        tables={name: found for name, found in contents(directory.tables).items() if not name.startswith("timing")},
        arrays=contents(directory.maps) | contents(directory.pictures),
        states=states_of(directory),
    )


def contents(folder: Path, wanted: Callable[[Path], bool] = Path.is_file) -> dict[str, bytes]:
    """All files below a folder, or those that are wanted, by their paths in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if wanted(path)}


def events_of(directory: RunDirectory, kind: str) -> list[Event]:
    """All events of a type, oldest first."""
    return [event for event in EventReader(directory.events_file).read_new() if event["type"] == kind]


def states_file(directory: RunDirectory) -> Path:
    """Where `note_states` of `befalling.py` writes."""
    return directory.path.parent.parent / f"{directory.id}.states"


def states_of(directory: RunDirectory) -> dict[str, str]:
    lines = states_file(directory).read_text().splitlines() if states_file(directory).exists() else []
    return dict(line.split(" ", 1) for line in lines)


def repeated(directory: RunDirectory) -> int:
    """How many epochs at most were trained again of one trial."""
    seen: dict[tuple[int, int], int] = {}
    for event in events_of(directory, "epoch"):
        place = event["trial"], event["epoch"]
        seen[place] = seen.get(place, 0) + 1
    trials = {trial for trial, _ in seen}
    return max((sum(seen[place] - 1 for place in seen if place[0] == trial) for trial in trials), default=0)
