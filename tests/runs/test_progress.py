from __future__ import annotations

import math
from pathlib import Path

import pytest

from iml_tui.experiments.results import EpochMetrics, Results, TrialProgress
from iml_tui.runs.progress import duration, remaining_seconds, run_progress, trial_fraction
from iml_tui.runs.reading import RunReader
from tests.recorded import recorded_run


@pytest.fixture
def results(root: Path) -> Results:
    return RunReader(recorded_run(root, "batch-size", "starting", epochs=10, batch_sizes=(16, 1024))).results


def test_a_trial_grows_within_its_epoch(results: Results) -> None:
    trial = results.trials[0]
    assert trial_fraction(trial) == 0
    trial.progress = TrialProgress(epoch=1, step=5, steps=20)
    assert trial_fraction(trial) == pytest.approx(0.025)
    trial.epochs.append(EpochMetrics(1, {}))
    assert trial_fraction(trial) == pytest.approx(0.1)
    trial.progress = TrialProgress(epoch=2, step=10, steps=20)
    assert trial_fraction(trial) == pytest.approx(0.15)


@pytest.mark.parametrize(("state", "fraction"), [("done", 1.0), ("diverged", 1.0), ("stopped", 0.1), ("failed", 0.1)])
def test_a_trial_that_ended(results: Results, state: str, fraction: float) -> None:
    results.trials[0].epochs.append(EpochMetrics(1, {}))
    results.trials[0].state = state  # type: ignore[assignment]
    assert trial_fraction(results.trials[0]) == pytest.approx(fraction)


def test_the_run_weighs_its_trials_by_their_work(results: Results) -> None:
    assert run_progress(results, 10.0).remaining is None
    results.trials[0].state = "done"
    early = run_progress(results, 10.0)
    assert 0.9 < early.fraction < 1  # Batches of 16 take nearly all of the time.
    assert early.remaining == pytest.approx(10 * (1 - early.fraction) / early.fraction)
    results.trials[1].state = "done"
    assert run_progress(results, 10.0).fraction == 1
    assert run_progress(results, 10.0).remaining == 0


def test_a_run_without_trials_has_done_nothing() -> None:
    assert remaining_seconds([], 5.0) is None
    assert remaining_seconds([0.5], 0.0) is None
    assert remaining_seconds([0.25, 0.75], 5.0) == 5.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
        (360_000, "100 h 00 min"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_durations_read_well(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
