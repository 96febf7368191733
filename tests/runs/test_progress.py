from __future__ import annotations

import math
from pathlib import Path

import pytest

from iml_tui.experiments.results import EpochMetrics, Results, TrialProgress, TrialResult
from iml_tui.experiments.trials import Baseline, FaceTrial, SourceTrial
from iml_tui.runs.progress import duration, listed, most_telling, remaining_seconds, run_progress, trial_fraction
from iml_tui.runs.reading import RunReader
from tests.recorded import DATA, recorded_run


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


def test_deeper_networks_take_more_of_the_bar(root: Path) -> None:
    run = recorded_run(root, "depth-width", "starting", epochs=10, hidden_layers=(1, 13), hidden_widths=(16,))
    results = RunReader(run).results
    results.trials[1].state = "done"
    assert run_progress(results, 10.0).fraction == pytest.approx(14 / 16)


def test_a_model_is_as_far_as_its_seeds_are_on_average(root: Path) -> None:
    results = RunReader(recorded_run(root, "epochs", "starting", epochs=10, seeds=(1, 2))).results
    results.trials[0].state = "done"
    results.trials[1].epochs.append(EpochMetrics(1, {}))
    assert trial_fraction(results.models[0]) == pytest.approx(0.55)


def test_more_trials_than_lines_are_told_of_model_by_model(root: Path) -> None:
    results = RunReader(recorded_run(root, "learning-rate", "starting", epochs=10, seeds=(1, 2, 3))).results
    assert listed(results, 12) == results.trials
    assert listed(results, 11) == results.models


def test_the_running_and_the_failed_are_told_of_first(root: Path) -> None:
    trials = RunReader(recorded_run(root, "learning-rate", "starting", epochs=10, seeds=(1, 2, 3))).results.trials
    for trial in trials[:6]:
        trial.state = "done"
    trials[1].state = "failed"
    trials[7].state = trials[8].state = "running"
    assert [trial.index for trial in most_telling(trials, 12)] == list(range(12))
    assert [trial.index for trial in most_telling(trials, 5)] == [1, 6, 7, 8, 9]
    assert [trial.index for trial in most_telling(trials, 1)] == [7]
    assert most_telling(trials, 0) == []


def face_results(shift: int = 0) -> Results:
    """The seventeen trials of the five baselines, waiting."""
    kinds: list[tuple[Baseline, tuple[float | None, ...]]] = [("xgboost-pixels", (None,))]
    kinds += [(kind, (0.1, 0.01, 0.001, 1e-4, 1e-5)) for kind in ("from-scratch", "linear-probing", "fine-tuning")]
    kinds += [("sklearn-probing", (None,))]
    trials = [
        FaceTrial(
            name=f"{kind} {rate}",
            label=kind,
            seed=1,
            epochs=1,
            kind=kind,
            learning_rate=rate,
            batch_size=32,
            shift=shift,
        )
        for kind, rates in kinds
        for rate in rates
    ]
    return Results("face-baselines", DATA, [TrialResult(i, trial) for i, trial in enumerate(trials)])


def test_the_networks_take_most_of_a_run_on_faces() -> None:
    results = face_results()
    shares: dict[str, float] = {}
    for trial in results.trials:
        trial.state = "done"
        shares[trial.label] = shares.get(trial.label, 0.0) + run_progress(results, 10.0).fraction
        trial.state = "waiting"
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["fine-tuning"] == shares["from-scratch"] > shares["xgboost-pixels"] > shares["sklearn-probing"]
    assert shares["linear-probing"] < 0.01, "its features were extracted beforehand"


def test_probes_whose_pictures_move_run_the_network_at_every_step() -> None:
    def probing(results: Results) -> float:
        for trial in results.trials:
            trial.state = "done" if trial.label == "linear-probing" else "waiting"
        return run_progress(results, 10.0).fraction

    assert probing(face_results(shift=2)) > 10 * probing(face_results())


def test_the_source_task_grows_with_its_batches() -> None:
    trial = SourceTrial(name="source", label="source", seed=1, epochs=3, learning_rate=0.001, batch_size=64)
    results = Results("offline-weights", DATA, [TrialResult(0, trial)])
    results.trials[0].progress = TrialProgress(epoch=1, step=5, steps=10)
    assert run_progress(results, 10.0).fraction == pytest.approx(1 / 6)
    assert run_progress(results, 10.0).remaining == pytest.approx(50)
