"""A run that is killed anywhere and resumed ends as one that nothing befell."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from iml_tui.experiments.registry import EXPERIMENTS
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.reading import RunReader
from tests.faults.conftest import SOURCE_TASK, Lab
from tests.faults.outcomes import Outcome, events_of, outcome_of, repeated


@pytest.mark.fault("SIGTERM in the middle of an epoch")
def test_sigterm_stops_within_the_epoch_and_nothing_is_lost(lab: Lab, whole: Outcome) -> None:
    directory = lab.make()
    assert lab.train(directory, ("signal_at", "progress", 1, signal.SIGTERM)) == 130
    assert directory.read_record().state == "stopped"
    last = events_of(directory, "checkpoint")[-1]
    assert (last["reason"], last["epoch"]) == ("stop", 0)
    assert 0 < last["step"] < last["steps"], "the checkpoint is of a place within the epoch"
    assert lab.resume(directory) == 0
    [resumed] = events_of(directory, "resumed")
    assert (resumed["epoch"], resumed["step"], resumed["exact"]) == (0, last["step"], True)
    assert outcome_of(directory) == whole
    assert repeated(directory) == 0


@dataclass(frozen=True)
class Case:
    """An experiment cut small; the first worker is killed at an `epoch` event, the second at a report of its trainer.

    The event is written after an epoch was measured and before it is saved: this epoch is trained again.
    """

    settings: tuple[str, ...]
    event: int
    report: int = 1


CASES: dict[str, Case] = {
    "learning-rate": Case(("learning_rates=0.1,0.001", "epochs=4", "batch_size=8", "seeds=1,2"), 8),
    "epochs": Case(("epochs=4", "batch_size=8"), 2),
    "batch-norm": Case(("epochs=3", "batch_size=8"), 5),
    "batch-size": Case(("batch_sizes=8,16", "epochs=3,4"), 5),
    "depth-width": Case(("hidden_layers=1,3", "hidden_widths=4,4", "epochs=3", "batch_size=8", "seeds=1,2"), 9),
    "gradients": Case(("hidden_layers=4", "layers=0,2", "epochs=3", "batch_size=8"), 2),
    "healthy-gradients": Case(
        ("hidden_layers=4", "hidden_width=8", "layers=0,2", "epochs=3", "batch_size=8", "clip_norm=0.5"), 2
    ),
    "sine-features": Case(("frequencies=0.1,0.5", "epochs=3", "batch_size=8"), 5),
    # Killed in the middle of fitting the nearest neighbour; its other networks have many epochs, whatever is set.
    "best-mlp": Case(
        ("hidden_layers=2", "hidden_width=8", "fourier_frequencies=4", "epochs=3", "batch_size=8", "others=no"), 4
    ),
    "face-baselines": Case(("learning_rates=0.01", "epochs=2", "batch_size=4", "image_size=16"), 3, 2),
    "offline-weights": Case(SOURCE_TASK, 2),
}


@pytest.mark.fault("SIGKILL while it trains")
@pytest.mark.parametrize("slug", [experiment.slug for experiment in EXPERIMENTS])
def test_a_killed_run_ends_as_one_that_was_not(
    slug: str, lab: Lab, pictures: Path, request: pytest.FixtureRequest
) -> None:
    case = CASES[slug]

    def make() -> RunDirectory:
        if slug == "face-baselines":
            return lab.make(slug, case.settings, pictures, request.getfixturevalue("source_task")[0])
        return lab.make(slug, case.settings)

    if slug == "offline-weights":
        expected: Outcome = request.getfixturevalue("source_task")[1]
    else:
        untouched = make()
        assert lab.train(untouched) == 0
        expected = outcome_of(untouched)
    directory = make()
    assert lab.train(directory, ("signal_at", "epoch", case.event)) == -signal.SIGKILL
    assert RunReader(directory).state == "interrupted"
    assert lab.resume(directory, ("signal_at_report", case.report)) == -signal.SIGKILL
    assert lab.resume(directory) == 0
    assert outcome_of(directory) == expected
    assert repeated(directory) == 1
    assert [resumed.exact for resumed in directory.read_record().resumes] == [True, True]
