"""What goes wrong inside of a training: losses that are no numbers, too little memory, a clock that is set back."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from typing import Any

import pytest

from iml_tui.runs.checkpoints import CheckpointStore
from iml_tui.runs.fork import create_fork, forkable
from iml_tui.runs.reading import RunReader
from tests.faults.conftest import Command, Lab
from tests.faults.outcomes import Outcome, outcome_of


@pytest.mark.fault("A loss is NaN or infinite")
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_its_trial_alone(
    value: float, lab: Lab, command: Command, whole: Outcome
) -> None:
    directory = lab.make()
    assert lab.train(directory, ("spoil_parameters", 2, 4, value)) == 0
    reader = RunReader(directory)
    trials = reader.results.trials
    assert [trial.state for trial in trials] == ["done", "done", "diverged", "done"]
    spoilt = trials[2].diverged_at
    assert spoilt is not None
    epoch, batch = spoilt
    assert f"epoch {epoch}, batch {batch}" in " ".join(command("show", directory.id).out.split())
    found = outcome_of(directory)
    # The others come out as if nothing had happened beside them.
    assert {place: figure for place, figure in found.figures.items() if place[0] != 2} == {
        place: figure for place, figure in whole.figures.items() if place[0] != 2
    }
    [good] = [file for file in CheckpointStore(directory.checkpoints).all() if file.good]
    assert good.header is not None
    # The newest was written right after the step that spoilt the parameters: it would give the same loss again.
    assert (epoch, batch) == (5, 1)
    assert (good.header.epochs, good.header.step) == (3, 0)
    [choice] = [choice for choice in forkable(reader) if 2 in choice.trials]
    fork = create_fork(lab.root, reader, choice.checkpoint, [2], {"learning_rate": 0.0005}, "cpu")
    assert lab.train(fork) == 0
    [forked] = RunReader(fork).results.trials
    assert forked.state == "done"
    assert all(math.isfinite(epoch.metrics["train_loss"]) for epoch in forked.epochs)


@pytest.mark.fault("A GPU has too little memory")
def test_too_little_memory_is_told_with_a_way_out(lab: Lab, command: Command, whole: Outcome) -> None:
    directory = lab.make()
    assert lab.train(directory, ("run_out_of_memory", 3)) == 1
    record = directory.read_record()
    assert record.state == "failed"
    assert "has too little memory for" in record.message
    assert "try a batch size of 4" in record.message
    assert "Traceback" not in directory.log_file.read_text()
    assert [len(trial.epochs) for trial in RunReader(directory).results.trials] == [2] * 4
    assert lab.resume(directory) == 0
    assert outcome_of(directory) == whole


@pytest.mark.fault("The clock is set back")
def test_a_clock_that_is_set_back_gives_no_negative_times(lab: Lab, command: Command, whole: Outcome) -> None:
    directory = lab.make()
    day = 86_400.0
    assert lab.train(directory, ("set_clock_back", "epoch", 5, day), ("signal_at", "epoch", 9)) < 0
    check_times(RunReader(directory), command)
    assert lab.resume(directory, ("set_clock_back", "started", 1, day)) == 0
    check_times(RunReader(directory), command)
    assert outcome_of(directory) == whole


def check_times(reader: RunReader, command: Command) -> None:
    """No time that is shown of the run is negative, and none is a day long."""
    now = time.time()
    for seconds in (reader.seconds(now), reader.training_seconds(now), reader.idle_seconds(now)):
        assert seconds >= 0
    assert reader.seconds(now) < 3600
    assert not reader.record.seconds < 0
    document = json.loads(command("show", reader.directory.id, "--json").out)
    for name, value in numbers(document):
        assert not ("second" in name and value < 0), name


def numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """All numbers of a JSON document, with their names."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from numbers(item, f"{name}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from numbers(item, name)
    elif isinstance(value, int | float):
        yield name, value
