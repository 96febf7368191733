"""Whole lines of an event log that make no sense: the log may come from someone else."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from iml_tui.experiments.results import METRICS
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import encode
from iml_tui.runs.figures import write_figures
from iml_tui.runs.progress import run_progress
from iml_tui.runs.reading import RunReader

_GOOD: dict[str, dict[str, Any]] = {
    "created": {"record": {"id": "x"}},
    "recorded": {"changes": {"state": "running"}},
    "started": {"device": "CPU", "versions": {}},
    "warning": {"message": "slow"},
    "note": {"message": "found"},
    "preparing": {"what": "decoding", "done": 1, "total": 2},
    "trial_started": {"trial": 0, "parameters": 10},
    "progress": {"trial": 0, "epoch": 2, "step": 3, "steps": 9, "samples_per_second": 1.5},
    "epoch": {
        "trial": 0,
        "epoch": 1,
        "metrics": dict.fromkeys(METRICS, 0.5),
        "seconds": 1.0,
        "samples_per_second": 2.0,
        "gradient_norms": [0.5, None],
        "zero_gradients": [0, 1],
    },
    "map": {"trial": 0, "epoch": 1},
    "predictions": {"trial": 0},
    "diverged": {"trial": 0, "epoch": 1, "batch": 2},
    "changed": {"trial": 0, "epoch": 1, "step": 2, "steps": 9, "field": "learning_rate", "old": 1.0, "new": 2.0},
    "forked": {"trial": 0, "run": "p", "name": "n", "epochs": 1, "step": 2, "steps": 9, "changes": [["a", 1, 2]]},
    "resumed": {"trials": [0, 1], "epoch": 1, "step": 2, "steps": 9, "exact": False, "reason": "r"},
    "checkpoint": {"file": "a", "trials": [0], "epoch": 1, "step": 2, "steps": 9, "reason": "epoch"},
    "paused": {},
    "continued": {},
    "trial_finished": {"trial": 0, "state": "done", "parameters": 10},
    "finished": {"state": "done", "message": ""},
}

_JUNK: list[Any] = [
    None,
    True,
    -1,
    3,
    10**9,
    10**400,
    1.5,
    float("1e308"),
    "",
    "NaN",
    "-1",
    "\x1b[2J",
    "\ud800",
    [],
    [[]],
    [None, "x", {}],
    [10**30],
    {},
    {"trial": {"trial": []}},
    {"\x1b": [1]},
    "x" * 100_000,
    list(range(20_000)),
]


def write(run: RunDirectory, *events: dict[str, Any]) -> None:
    with run.events_file.open("wb") as file:
        for number, event in enumerate(events):
            file.write(encode({"seq": number, "time": 1.76e9 + number, **event}))


def look(run: RunDirectory) -> RunReader:
    """Read the run, and do with it what viewers do."""
    reader = RunReader(run)
    _ = [trial.stand for trial in reader.results.trials], reader.results.ranking()
    _ = [trial.best(metric) for trial in reader.results.models for metric in METRICS]
    run_progress(reader.results, reader.training_seconds(2e9))
    return reader


def test_the_good_events_are_all_taken(waiting: RunDirectory) -> None:
    write(waiting, *({"type": kind, **fields} for kind, fields in _GOOD.items()))
    reader = look(waiting)
    assert reader.damaged_events == 0
    assert reader.results.trials[0].state == "done"


@pytest.mark.parametrize("kind", _GOOD)
def test_no_field_of_any_event_stops_the_reader(waiting: RunDirectory, kind: str) -> None:
    good = {"type": kind, **_GOOD[kind]}
    events = [{**good, name: junk} for name in good for junk in _JUNK]
    events += [{key: value for key, value in good.items() if key != name} for name in good if name != "type"]
    events += [{**good, "time": junk} for junk in _JUNK]
    write(waiting, *events, {"type": "warning", "message": "the last one"})
    reader = look(waiting)
    assert reader.warnings[-1] == "the last one"


def test_events_that_make_no_sense_are_counted_and_change_nothing(waiting: RunDirectory) -> None:
    bad = [
        {"type": "epoch", "trial": 3, "epoch": 1, "metrics": {}},
        {"type": "epoch", "trial": -1, "epoch": 1, "metrics": {}},
        {"type": "epoch", "trial": True, "epoch": 1, "metrics": {}},
        {"type": "epoch", "trial": 0, "epoch": 10**9, "metrics": {}},
        {"type": "epoch", "trial": 0, "epoch": 1, "metrics": []},
        {"type": "epoch", "trial": 0, "epoch": 1, "metrics": {"train_loss": "NaN"}},
        {"type": "epoch", "trial": 0, "epoch": 1, "metrics": {"train_loss": 10**400}},
        {"type": "trial_finished", "trial": 0, "state": "excellent"},
        {"type": "trial_finished", "trial": 0, "state": "running"},
        {"type": "resumed", "trials": [0, 7], "epoch": 0, "step": 0, "steps": 1, "exact": True, "reason": ""},
        {"type": "warning", "message": {"nested": True}},
    ]
    good = {"type": "epoch", "trial": 0, "epoch": 1, "metrics": {"train_loss": 0.5}}
    write(waiting, good, *bad)
    reader = look(waiting)
    assert reader.damaged_events == len(bad)
    assert reader.warnings == []
    trial = reader.results.trials[0]
    assert ([epoch.metrics["train_loss"] for epoch in trial.epochs], trial.state) == ([0.5], "waiting")


def test_gaps_of_epochs_are_not_without_bound(waiting: RunDirectory) -> None:
    record = waiting.read_record()
    trials = [trial.model_copy(update={"epochs": 10**9}) for trial in record.trials]
    waiting.write_record(record.model_copy(update={"trials": trials}))
    far = [{"type": "epoch", "trial": t, "epoch": 90_000, "metrics": {}} for t in (0, 1, 2)]
    write(waiting, *far, {"type": "epoch", "trial": 0, "epoch": 10**9 - 1, "metrics": {}})
    reader = RunReader(waiting)
    assert [len(trial.epochs) for trial in reader.results.trials] == [90_000, 0, 0]
    assert reader.damaged_events == 3


@pytest.mark.parametrize("seed", range(5))
def test_a_run_of_random_events_is_read(waiting: RunDirectory, seed: int) -> None:
    generator = random.Random(seed)
    events = []
    for _ in range(400):
        kind = generator.choice(list(_GOOD))
        event = {"type": kind, **_GOOD[kind]}
        for name in list(event):
            if generator.random() < 0.2:
                event[name] = generator.choice(_JUNK)
        if generator.random() < 0.1:
            event["seq"] = generator.choice(_JUNK)
        events.append(event)
    write(waiting, *events)
    live, late = RunReader(waiting), RunReader(waiting)
    assert [trial.stand for trial in live.results.trials] == [trial.stand for trial in late.results.trials]


def test_hostile_texts_stay_out_of_figures(waiting: RunDirectory, tmp_path: Path) -> None:
    """A name is written into the files of figures as text, never as markup."""
    write(waiting, {"type": "forked", **_GOOD["forked"], "run": "<script>\x1b[2J"})
    from iml_tui.experiments.registry import find

    reader = RunReader(waiting)
    write_figures(tmp_path, find("learning-rate").charts_for(reader.results), reader.results)
    assert not any(b"<script>" in path.read_bytes() for path in tmp_path.rglob("*.svg"))
