"""A short soak with a fixed seed, and a proof that what it checks can be found wanting."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from iml_tui.runs.checkpoints import CheckpointStore
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from tests.soak.__main__ import soak
from tests.soak.checks import problems_of
from tests.soak.lab import Lab
from tests.soak.memory import Sample, growth
from tests.soak.references import differences
from tests.soak.settings import SHORT

pytestmark = pytest.mark.end_to_end

SEED = 5
SECONDS = 120.0
"""On a machine that is far too busy; otherwise the number of actions ends it."""

ACTIONS = 24
FINISH_SECONDS = 120.0
EPOCHS = (30,)
MOST_RUNS = 3


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    path = tmp_path_factory.mktemp("soak")
    lab = soak(path, SEED, SECONDS, FINISH_SECONDS, SHORT, EPOCHS, MOST_RUNS, ACTIONS)
    yield lab
    lab.close()


@pytest.fixture
def run(soaked: Lab, tmp_path: Path) -> RunDirectory:
    """A copy of an uninterrupted run, with nothing wrong."""
    [reference] = soaked.references.iterdir()
    directory = RunDirectory(shutil.copytree(reference, tmp_path / reference.name))
    assert problems_of(directory, 0) == []
    return directory


def test_every_record_is_consistent(soaked: Lab) -> None:
    assert soaked.problems == []
    assert any(entry.state == "done" for entry in soaked.runs())
    assert len(soaked.done) > 5, "too little was done to tell anything"
    assert list(soaked.references.iterdir()), "nothing was held against an uninterrupted run"


def _lines(directory: RunDirectory) -> list[bytes]:
    return directory.events_file.read_bytes().splitlines(keepends=True)


def lose_an_event(directory: RunDirectory) -> None:
    lines = _lines(directory)
    directory.events_file.write_bytes(b"".join(lines[:10] + lines[11:]))


def damage_an_event(directory: RunDirectory) -> None:
    lines = _lines(directory)
    directory.events_file.write_bytes(b"".join([*lines[:10], b"0" + lines[10][1:], *lines[11:]]))


def repeat_an_epoch(directory: RunDirectory) -> None:
    writer = EventWriter(directory.events_file)
    writer.append("epoch", trial=0, epoch=3, metrics={})
    writer.close()


def lengthen_a_series(directory: RunDirectory) -> None:
    with directory.series_file(0, "batch_loss").open("ab") as file:
        file.write(bytes(4))


def flip_a_checkpoint(directory: RunDirectory) -> None:
    path = CheckpointStore(directory.checkpoints).all()[0].path
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)


def edit_a_table(directory: RunDirectory) -> None:
    table = directory.result_files()[0][0]
    table.write_bytes(table.read_bytes() + b" ")


def drop_a_table(directory: RunDirectory) -> None:
    directory.result_files()[0][0].unlink()


def leave_a_request(directory: RunDirectory) -> None:
    (directory.control / "pause").touch()


def leave_a_file(directory: RunDirectory) -> None:
    (directory.path / ".run.json.abc").touch()


def say_running(directory: RunDirectory) -> None:
    directory.write_record(directory.read_record().model_copy(update={"state": "running"}))


def other_summary(directory: RunDirectory) -> None:
    directory.write_record(directory.read_record().model_copy(update={"summary": "better than it was"}))


@pytest.mark.parametrize(
    "damage",
    [
        lose_an_event,
        damage_an_event,
        repeat_an_epoch,
        lengthen_a_series,
        flip_a_checkpoint,
        edit_a_table,
        drop_a_table,
        leave_a_request,
        leave_a_file,
        say_running,
        other_summary,
    ],
)
def test_what_is_wrong_with_a_record_is_found(run: RunDirectory, damage: Callable[[RunDirectory], None]) -> None:
    damage(run)
    assert problems_of(run, 0)


def test_a_run_that_is_not_as_an_uninterrupted_one_is_found(soaked: Lab, run: RunDirectory) -> None:
    [reference] = soaked.references.iterdir()
    assert list(differences(run, RunDirectory(reference))) == []
    with run.series_file(1, "batch_loss").open("r+b") as file:
        file.write(b"\x01")
    assert len(list(differences(run, RunDirectory(reference)))) == 1


def test_memory_that_grows_is_found() -> None:
    flat = [Sample(minute, 80.0, 60.0, 400.0) for minute in range(9)]
    growing = [Sample(minute, 80.0 + 2 * minute, 60.0, 400.0) for minute in range(9)]
    assert growth(flat) == 0
    assert growth(growing) == 6
