"""Forks: what they hold, what they are called, and what cannot be forked."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from iml_tui.errors import LabError, UsageError
from iml_tui.experiments.charts import curves
from iml_tui.experiments.registry import EXPERIMENTS
from iml_tui.experiments.seeds import by_model
from iml_tui.experiments.trials import MLPTrial
from iml_tui.runs import fork as fork_module
from iml_tui.runs.checkpoints import Checkpoint, CheckpointStore, Reason, read_fork
from iml_tui.runs.comparison import candidates, chart_of, together
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import Event, EventReader, EventWriter
from iml_tui.runs.fork import ForkChoice, create_fork, forkable, newest_of
from iml_tui.runs.history import list_runs
from iml_tui.runs.maps import map_file
from iml_tui.runs.reading import BATCH_LOSS, LOG_GRADIENT_NORMS, RunReader
from iml_tui.runs.series import SeriesWriter
from tests.recorded import DATA, recorded_run

STEPS = MLPTrial.model_construct(batch_size=256).batches_per_epoch(DATA.rows["train"])
"""Batches in an epoch of the recorded data."""


def keep(
    directory: RunDirectory, trials: Sequence[int], epochs: int, step: int = 0, reason: Reason = "epoch"
) -> Checkpoint:
    """A checkpoint as the worker writes one; its state is opaque to all but the worker."""
    store = CheckpointStore(directory.checkpoints)
    path = store.write(f"state {epochs} {step}".encode(), trials, epochs, step, STEPS, reason)
    return next(checkpoint for checkpoint in store.all() if checkpoint.path == path)


def log(directory: RunDirectory) -> list[Event]:
    return EventReader(directory.events_file).read_new()


def of(events: Sequence[Event], kind: str, trial: int = 0) -> list[Event]:
    return [event for event in events if event["type"] == kind and event.get("trial", trial) == trial]


@pytest.fixture
def parent(root: Path) -> RunDirectory:
    """A finished run of two learning rates over four epochs."""
    return recorded_run(root, "learning-rate", "done", epochs=4, learning_rates=(0.01, 0.001))


@pytest.fixture
def kept(parent: RunDirectory) -> Checkpoint:
    return keep(parent, [0, 1], 3)


def test_a_fork_holds_what_it_has_in_common_with_its_parent(root: Path, parent: RunDirectory, kept: Checkpoint) -> None:
    made = create_fork(root, RunReader(parent), kept, [1], {"learning_rate": 0.0005, "epochs": 8}, "cpu")
    record, before = made.read_record(), parent.read_record()
    assert (record.id, record.state, record.device.requested) == (made.id, "starting", "cpu")
    assert (record.experiment, record.title, record.data) == (before.experiment, before.title, before.data)
    assert record.hyperparameters["epochs"] == 8
    [trial] = record.trials
    assert trial.model_dump() | {"name": "", "label": ""} == before.trials[1].model_dump() | {
        "name": "",
        "label": "",
        "learning_rate": 0.0005,
        "epochs": 8,
    }
    assert record.fork is not None
    assert (record.fork.run, record.fork.checkpoint) == (parent.id, kept.path.name)
    assert (record.fork.epochs, record.fork.step, record.fork.steps) == (3, 0, STEPS)
    assert record.fork.parent_trials == before.trials
    assert record.fork.members == [1]
    assert read_fork(made.fork_file).read() == kept.read()
    results = RunReader(parent).results.trials[1]
    copied = RunReader(made).results.trials[0]
    assert copied.epochs == results.epochs[:3]
    assert np.array_equal(copied.series[BATCH_LOSS](), results.series[BATCH_LOSS]()[: 3 * STEPS])


def test_the_event_log_begins_with_the_record_and_the_fork(root: Path, parent: RunDirectory, kept: Checkpoint) -> None:
    made = create_fork(root, RunReader(parent), kept, [0, 1], {"learning_rate": 0.0005}, "auto")
    events = log(made)
    assert [event["type"] for event in events] == ["created", "forked", *["epoch"] * 3, "forked", *["epoch"] * 3]
    assert [event["seq"] for event in events] == list(range(9))
    assert events[0]["record"] == json.loads(made.record_file.read_text())
    names = [trial.name for trial in parent.read_record().trials]
    for position, (event, old) in enumerate(
        zip(of(events, "forked", 0) + of(events, "forked", 1), (0.01, 0.001), strict=True)
    ):
        assert event["run"] == parent.id
        assert event["name"] == names[position]
        assert (event["epochs"], event["step"], event["steps"]) == (3, 0, STEPS)
        assert event["changes"] == [["learning_rate", old, 0.0005]]
    written = of(log(parent), "epoch", 1)[:3]
    for event, original in zip(of(events, "epoch", 1), written, strict=True):
        assert {**event, "seq": 0, "time": 0} == {**original, "seq": 0, "time": 0}


def test_the_reader_knows_where_it_left_its_parent(root: Path, parent: RunDirectory, kept: Checkpoint) -> None:
    made = create_fork(root, RunReader(parent), kept, [1], {"learning_rate": 0.0005}, "auto")
    found = RunReader(made).results.trials[0].fork
    assert found is not None
    assert (found.run, found.name, found.position) == (parent.id, "learning rate 0.001", 3.0)
    assert found.changes == (("learning_rate", 0.001, 0.0005),)


def test_the_parent_may_be_deleted(root: Path, parent: RunDirectory, kept: Checkpoint) -> None:
    made = create_fork(root, RunReader(parent), kept, [0], {}, "auto")
    shutil.rmtree(parent.path)
    assert len(RunReader(made).results.trials[0].epochs) == 3
    assert read_fork(made.fork_file).read() == b"state 3 0"


def test_a_fork_in_an_epoch_takes_over_its_batches(root: Path, parent: RunDirectory) -> None:
    kept = keep(parent, [0, 1], 2, 120, "stop")
    made = create_fork(root, RunReader(parent), kept, [0], {"learning_rate": 0.02}, "auto")
    [trial] = RunReader(made).results.trials
    assert len(trial.epochs) == 2
    assert len(trial.series[BATCH_LOSS]()) == 2 * STEPS + 120
    assert trial.name == "learning rate 0.01, from batch 121 of epoch 3 learning rate 0.02"


def test_names_tell_what_differs(root: Path, parent: RunDirectory, kept: Checkpoint) -> None:
    def names(changes: dict[str, float | int | str]) -> list[tuple[str, str]]:
        made = create_fork(root, RunReader(parent), kept, [0, 1], changes, "auto")
        return [(trial.name, trial.label) for trial in made.read_record().trials]

    assert names({"learning_rate": 0.02})[0] == (
        "learning rate 0.01, from epoch 4 learning rate 0.02",
        "lr 0.01 → 0.02",
    )
    assert names({"epochs": 9, "scheduler": "cosine"})[1] == (
        "learning rate 0.001, from epoch 4 9 epochs, scheduler cosine",
        "lr 0.001 → 9 epochs, scheduler cosine",
    )
    assert names({})[1] == ("learning rate 0.001, from epoch 4", "lr 0.001, again from epoch 4")
    assert all(len({name for name, _ in found}) == 2 for found in (names({"learning_rate": 0.02}), names({})))


def test_seeds_stay_one_model(root: Path) -> None:
    parent = recorded_run(root, "batch-norm", "done", epochs=3, seeds=(1, 2, 7))
    kept = keep(parent, [0, 1, 2], 2)
    made = create_fork(root, RunReader(parent), kept, [0, 2], {"learning_rate": 0.1}, "auto")
    results = RunReader(made).results
    [model] = by_model(results.trials)
    assert model.name == "without batch norm, from epoch 3 learning rate 0.1"
    assert model.label == "without batch norm → lr 0.1"
    assert [trial.name for trial in results.trials] == [f"{model.name}, seed 1", f"{model.name}, seed 7"]
    assert made.read_record().hyperparameters["seeds"] == [1, 7]
    # Of one seed the model is the trial.
    alone = create_fork(root, RunReader(parent), kept, [2], {"learning_rate": 0.1}, "auto").read_record()
    assert (alone.trials[0].name, alone.trials[0].seed, alone.hyperparameters["seeds"]) == (model.name, 7, [7])


def test_what_was_changed_while_training_is_in_force(root: Path, parent: RunDirectory) -> None:
    early = keep(parent, [0, 1], 2)
    events = EventWriter(parent.events_file)
    for epoch, old, new in ((2, 0.001, 0.0005), (3, 0.0005, 0.0001), (4, 0.0001, 0.00001)):
        fields = {"trial": 1, "epoch": epoch, "step": 0, "steps": STEPS, "field": "learning_rate"}
        events.append("changed", **fields, old=old, new=new)
    events.close()
    # The change at the start of epoch 3 came after one of these checkpoints of the same place and before the other.
    late = keep(parent, [0, 1], 2, reason="change")
    rates = []
    for kept in (early, late):
        record = create_fork(root, RunReader(parent), kept, [1], {}, "auto").read_record()
        assert record.fork is not None
        assert record.fork.parent_trials[1].hyperparameters["learning_rate"] == record.trials[0].learning_rate  # type: ignore[union-attr]
        rates.append(record.trials[0].hyperparameters["learning_rate"])
    assert rates == [0.0005, 0.0001]
    made = create_fork(root, RunReader(parent), late, [1], {"learning_rate": 0.001}, "auto")
    forked, *changes = [event for event in log(made) if event["type"] in ("forked", "changed")]
    assert forked["changes"] == [["learning_rate", 0.0001, 0.001]]
    assert [event["new"] for event in changes] == [0.0005, 0.0001]
    assert [event["time"] for event in changes] == [event["time"] for event in of(log(parent), "changed", 1)[:2]]


def test_maps_and_gradient_norms_come_along(root: Path) -> None:
    parent = recorded_run(root, "gradients", "done", epochs=3, hidden_layers=2)
    for epoch in (1, 2, 3):
        path = map_file(parent, 0, epoch)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"map %d" % epoch)
    norms = SeriesWriter(parent.series_file(0, LOG_GRADIENT_NORMS))
    norms.append(np.arange(3 * STEPS * 3, dtype=np.float32))
    norms.close()
    events = EventWriter(parent.events_file)
    for epoch in (1, 2, 3):
        events.append("map", trial=0, epoch=epoch)
    events.close()
    map_file(parent, 0, 1).unlink()
    made = create_fork(root, RunReader(parent), keep(parent, [0], 2, 10), [0], {}, "auto")
    assert RunReader(made).results.trials[0].maps == [2]
    assert map_file(made, 0, 2).read_bytes() == b"map 2"
    assert not map_file(made, 0, 3).exists()
    copied = np.fromfile(made.series_file(0, LOG_GRADIENT_NORMS), dtype="<f4")
    assert np.array_equal(copied, np.arange((2 * STEPS + 10) * 3))
    assert RunReader(made).results.trials[0].epochs[1].gradient_norms


def test_a_fork_of_a_fork(root: Path, parent: RunDirectory, kept: Checkpoint) -> None:
    first = create_fork(root, RunReader(parent), kept, [1], {"learning_rate": 0.0005, "epochs": 9}, "auto")
    events = EventWriter(first.events_file)
    for event in of(log(parent), "epoch", 1)[:1]:
        events.append("epoch", trial=0, epoch=4, metrics=event["metrics"])
    events.close()
    second = create_fork(root, RunReader(first), keep(first, [0], 4), [0], {"learning_rate": 0.002}, "auto")
    record = second.read_record()
    assert record.fork is not None
    assert record.fork.run == first.id
    assert record.trials[0].label == "lr 0.001 → 0.0005, 9 epochs → lr 0.002"
    assert len(RunReader(second).results.trials[0].epochs) == 4


def test_both_curves_are_on_one_chart(root: Path, parent: RunDirectory, kept: Checkpoint) -> None:
    made = create_fork(root, RunReader(parent), kept, [1], {}, "auto")
    both = together([*candidates(RunReader(parent))[1:], *candidates(RunReader(made))])
    assert len({trial.label for trial in both.trials}) == 2
    drawn = curves(chart_of("validation_loss"), both)
    before, after = (np.asarray(curve.y) for curve in drawn)
    assert np.array_equal(before[:3], after)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.slug)
def test_every_experiment_makes_tables_and_charts_of_its_forks(root: Path, experiment: object) -> None:
    slug: str = experiment.slug  # type: ignore[attr-defined]
    few = {} if slug in ("offline-weights",) else {"epochs": 4}
    parent = recorded_run(root, slug, "done", **few)  # type: ignore[arg-type]
    for position in range(len(parent.read_record().trials)):
        keep(parent, [position], 1)
    choices = forkable(RunReader(parent))
    if slug == "offline-weights":
        assert choices == []
        return
    kept = {trial: choice.checkpoint for choice in choices for trial in choice.trials}
    last = max(kept)
    made = create_fork(root, RunReader(parent), kept[last], [last], {"epochs": 8, "learning_rate": 0.002}, "auto")
    results = RunReader(made).results
    found = next(each for each in EXPERIMENTS if each.slug == slug)
    assert found.tables(results)
    assert found.charts_for(results)
    found.findings(results)
    found.maps(results)
    assert results.trials[0].trial.epochs == 8


class TestWhatCannotBeForked:
    def test_trials_whose_loss_was_no_number(self, root: Path) -> None:
        parent = recorded_run(root, "learning-rate", "done", epochs=4, learning_rates=(1.0, 0.001))
        batch = STEPS // 2 + 1  # The batch of epoch 1 at which the recorded run diverges.
        good = keep(parent, [0, 1], 0, batch - 2)
        keep(parent, [0, 1], 0, batch - 1)  # With the parameters that give the loss of that batch.
        CheckpointStore(parent.checkpoints).keep_good([0, 1], 1, batch)
        keep(parent, [0, 1], 2)
        choices = forkable(RunReader(parent))
        assert [choice.trials for choice in choices] == [(1,), (1,), (0, 1)]
        assert [choice.text for choice in choices] == [
            "after epoch 2",
            f"in epoch 1, after batch {batch - 1} of {STEPS}",
            f"in epoch 1, after batch {batch - 2} of {STEPS}, before a loss was no number",
        ]
        assert newest_of(choices, [0]) == choices[2]
        assert newest_of(choices, [1]) == choices[0]
        assert choices[2].number == good.sequence
        with pytest.raises(UsageError, match=r"learning rate 1 cannot be forked from checkpoint 2: .* loss was no"):
            create_fork(root, RunReader(parent), choices[0].checkpoint, [0], {}, "auto")
        made = create_fork(root, RunReader(parent), choices[2].checkpoint, [0], {"learning_rate": 0.01}, "auto")
        assert made.read_record().fork.members == [0]  # type: ignore[union-attr]

    def test_classifiers_that_are_fitted(self, root: Path) -> None:
        parent = recorded_run(root, "best-mlp", "done", epochs=2)
        for position, trial in enumerate(parent.read_record().trials):
            keep(parent, [position], 1)
            held = any(position in choice.trials for choice in forkable(RunReader(parent)))
            assert held == (trial.kind == "mlp")

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"epochs": 3}, "epochs must be a whole number above 3"),
            ({"epochs": 2.5}, "epochs must be a whole number above 3"),
            ({"learning_rate": 0.0}, "learning_rate must be above 0"),
            ({"learning_rate": float("nan")}, "learning_rate must be a number"),
            ({"weight_decay": -1.0}, "weight_decay must not be negative"),
            ({"scheduler": "linear"}, "scheduler must be one of none, step, cosine, one-cycle, not 'linear'"),
            ({"batch_size": 64}, "'batch_size' cannot differ in a fork"),
        ],
    )
    def test_values_that_cannot_be(
        self, root: Path, parent: RunDirectory, kept: Checkpoint, changes: dict[str, float | str], sentence: str
    ) -> None:
        with pytest.raises(UsageError, match=sentence):
            create_fork(root, RunReader(parent), kept, [0], changes, "auto")
        assert sorted(root.iterdir()) == [parent.path]

    def test_trials_that_have_done_their_epochs(self, root: Path, parent: RunDirectory) -> None:
        kept = keep(parent, [0, 1], 4, reason="end")
        with pytest.raises(UsageError, match="has done its 4 epochs there; set epochs to more, such as epochs=8"):
            create_fork(root, RunReader(parent), kept, [0], {"learning_rate": 0.1}, "auto")
        made = create_fork(root, RunReader(parent), kept, [0], {"epochs": 6}, "auto")
        assert len(RunReader(made).results.trials[0].epochs) == 4

    def test_a_checkpoint_that_is_damaged_or_gone(self, root: Path, parent: RunDirectory, kept: Checkpoint) -> None:
        content = bytearray(kept.path.read_bytes())
        content[-1] ^= 1
        kept.path.write_bytes(content)
        with pytest.raises(LabError, match=r"is damaged; choose another"):
            create_fork(root, RunReader(parent), kept, [0], {}, "auto")
        kept.path.unlink()
        with pytest.raises(LabError, match=r"is gone, for the run trains on"):
            create_fork(root, RunReader(parent), kept, [0], {}, "auto")
        assert sorted(root.iterdir()) == [parent.path]

    def test_trials_that_are_not_there(self, root: Path, parent: RunDirectory, kept: Checkpoint) -> None:
        for positions, sentence in (([], "name at least one trial"), ([7], "trial 8 cannot be forked")):
            with pytest.raises(UsageError, match=sentence):
                create_fork(root, RunReader(parent), kept, positions, {}, "auto")

    def test_an_experiment_that_this_lab_does_not_know(
        self, root: Path, parent: RunDirectory, kept: Checkpoint
    ) -> None:
        parent.write_record(parent.read_record().model_copy(update={"experiment": "../../elsewhere"}))
        with pytest.raises(UsageError, match="no experiment is called"):
            create_fork(root, RunReader(parent), kept, [0], {}, "auto")
        assert sorted(root.iterdir()) == [parent.path]


class TestNoHalfRuns:
    def test_nothing_is_left_of_a_fork_that_cannot_be_written(
        self, root: Path, parent: RunDirectory, kept: Checkpoint
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with patch.object(fork_module, "write_history", full), pytest.raises(LabError, match="No space left"):
            create_fork(root, RunReader(parent), kept, [0], {}, "auto")
        assert sorted(root.iterdir()) == [parent.path]

    def test_a_fork_that_was_killed_is_not_listed_and_removed_a_day_later(
        self, root: Path, parent: RunDirectory, kept: Checkpoint
    ) -> None:
        seen: list[list[str]] = []

        def killed(*_: object) -> None:
            seen.append([entry.directory.id for entry in list_runs(root)])
            raise SystemExit

        with (
            patch.object(fork_module, "write_history", killed),
            patch.object(fork_module.shutil, "rmtree", lambda *_, **__: None),
            pytest.raises(SystemExit),
        ):
            create_fork(root, RunReader(parent), kept, [0], {}, "auto")
        assert seen == [[parent.id]]
        [left] = [path for path in root.iterdir() if path != parent.path]
        assert [entry.directory.id for entry in list_runs(root)] == [parent.id]
        create_fork(root, RunReader(parent), kept, [0], {}, "auto")
        assert left.exists()
        with patch.object(fork_module, "_ABANDONED_SECONDS", -1.0):
            create_fork(root, RunReader(parent), kept, [0], {}, "auto")
        assert not left.exists()

    def test_two_forks_of_one_second_have_names_of_their_own(
        self, root: Path, parent: RunDirectory, kept: Checkpoint
    ) -> None:
        with patch.object(fork_module.time, "strftime", lambda *_: "20251009-085320"):
            first = create_fork(root, RunReader(parent), kept, [0], {}, "auto")
            # One that is made in between, after the name was found free.
            found = fork_module._free_name(root, "learning-rate")
            with patch.object(fork_module, "_free_name", side_effect=[first.id, found]):
                second = create_fork(root, RunReader(parent), kept, [0], {}, "auto")
        assert (first.id, second.id) == ("20251009-085320-learning-rate-2", "20251009-085320-learning-rate-3")
        assert [made.read_record().id for made in (first, second)] == [first.id, second.id]
        assert log(second)[0]["record"]["id"] == second.id

    def test_everything_is_its_users_own(self, root: Path, parent: RunDirectory, kept: Checkpoint) -> None:
        made = create_fork(root, RunReader(parent), kept, [0], {}, "auto")
        for path in (made.path, *made.path.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_choices_ignore_headers_that_cannot_be(parent: RunDirectory) -> None:
    keep(parent, [0, 99, -1], 2)
    keep(parent, [1], 10**9)
    store = CheckpointStore(parent.checkpoints)
    store.write(b"", [1], 1, STEPS + 1, STEPS, "time")
    choices: list[ForkChoice] = forkable(RunReader(parent))
    assert [choice.trials for choice in choices] == [(0,)]


def test_newest_is_the_furthest_that_holds_all(parent: RunDirectory) -> None:
    keep(parent, [0, 1], 1)
    keep(parent, [0], 3)
    keep(parent, [0, 1], 2, 5)
    choices = forkable(RunReader(parent))
    found = [newest_of(choices, positions) for positions in ([0], [1], [0, 1])]
    assert [(choice.header.epochs, choice.header.step) for choice in found if choice] == [(3, 0), (2, 5), (2, 5)]
    assert newest_of(choices, [0, 1, 2]) is None
