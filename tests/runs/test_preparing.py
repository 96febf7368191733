"""What a run does before it trains: in words, and without making the training look slow."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from unittest.mock import patch

import pytest

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.preparing import PreparationClock, preparation_of, preparation_text
from iml_tui.runs.reading import Preparing, RunReader
from tests.recorded import CREATED

Write = Callable[..., None]


@pytest.fixture
def write(waiting: RunDirectory) -> Write:
    """Writes one event at so many seconds after the run began to train."""
    waiting.write_record(waiting.read_record().model_copy(update={"state": "running", "started": CREATED}))

    def append(seconds: float, type: str, **fields: object) -> None:
        with closing(EventWriter(waiting.events_file)) as writer, patch("time.time", lambda: CREATED + seconds):
            writer.append(type, **fields)

    return append


def test_preparations_do_not_count_as_training(waiting: RunDirectory, write: Write) -> None:
    reader = RunReader(waiting)
    assert reader.training_seconds(CREATED + 5) == 5
    write(10, "preparing", what="decoding pictures", done=0, total=100)
    write(40, "preparing", what="decoding pictures", done=100, total=100)
    reader.poll()
    assert reader.training_seconds(CREATED + 60) == 10
    write(70, "trial_started", trial=0)
    reader.poll()
    assert (reader.seconds(CREATED + 80), reader.training_seconds(CREATED + 80)) == (80, 20)
    write(90, "preparing", what="extracting features", done=0, total=1)
    write(95, "progress", trial=0, epoch=1, step=1, steps=2, samples_per_second=None)
    reader.poll()
    assert reader.training_seconds(CREATED + 100) == 35
    assert RunReader(waiting).training_seconds(CREATED + 100) == 35


def test_it_is_over_once_something_trains_or_the_run_ends(waiting: RunDirectory, write: Write) -> None:
    reader = RunReader(waiting)
    for type, fields in (
        ("trial_started", {"trial": 0}),
        ("progress", {"trial": 0, "epoch": 1, "step": 1, "steps": 2}),
        ("epoch", {"trial": 0, "epoch": 1, "metrics": {}}),
        ("finished", {"state": "stopped", "message": ""}),
    ):
        write(1, "preparing", what="decoding pictures", done=1, total=3)
        reader.poll()
        assert preparation_of(reader) == Preparing("decoding pictures", 1, 3)
        write(2, type, **fields)
        reader.poll()
        assert preparation_of(reader) is None


def test_a_worker_that_is_gone_prepares_nothing(waiting: RunDirectory, write: Write) -> None:
    write(1, "preparing", what="decoding pictures", done=1, total=3)
    waiting.write_record(waiting.read_record().model_copy(update={"state": "failed"}))
    assert preparation_of(RunReader(waiting)) is None


@pytest.mark.parametrize(
    ("preparing", "remaining", "width", "text"),
    [
        (Preparing("decoding pictures", 430, 1600), 12.0, None, "decoding pictures 430 of 1,600 · 12 s left"),
        (Preparing("decoding pictures", 430, 1600), None, None, "decoding pictures 430 of 1,600"),
        (Preparing("extracting features", 0, 1), None, None, "extracting features"),
        (Preparing("reading", 0, 0), None, None, "reading"),
        (Preparing("red\x1b[31m", 1, 2), None, None, "red\\x1b[31m 1 of 2"),
        (Preparing("decoding pictures", 430, 1600), 12.0, 36, "decoding p… 430 of 1,600 · 12 s left"),
        (Preparing("decoding pictures", 430, 1600), 12.0, 42, "decoding pictures 430 of 1,600 · 12 s left"),
    ],
)
def test_it_is_told_in_one_line(preparing: Preparing, remaining: float | None, width: int | None, text: str) -> None:
    assert preparation_text(preparing, remaining, width) == text


def test_the_clock_counts_from_what_it_saw() -> None:
    clock = PreparationClock()
    assert clock.remaining(Preparing("decoding", 400, 1000), 10.0) is None
    assert clock.remaining(Preparing("decoding", 400, 1000), 12.0) is None
    assert clock.remaining(Preparing("decoding", 600, 1000), 20.0) == pytest.approx(20.0)
    assert clock.remaining(Preparing("decoding", 1000, 1000), 30.0) == 0
    assert clock.remaining(Preparing("downloading", 5, 45), 40.0) is None, "what follows has a speed of its own"
    assert clock.remaining(Preparing("downloading", 25, 45), 50.0) == pytest.approx(10.0)
    assert clock.remaining(Preparing("downloading", 3, 45), 60.0) is None, "it began anew"
    assert clock.remaining(Preparing("waiting", 0, 0), 60.0) is None
