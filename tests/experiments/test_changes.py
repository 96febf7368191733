"""What can be changed while a trial trains or in a fork, in which words, and the tables of it."""

from __future__ import annotations

import math

import pytest

from iml_tui.experiments.base import Experiment
from iml_tui.experiments.change_tables import changes_table, forks_table, tables_of
from iml_tui.experiments.changes import (
    ForkValue,
    change_text,
    changeable_fields,
    check_change,
    check_fork,
    forkable_fields,
    position_text,
    read_change,
    read_fork_value,
    told,
    with_changes,
)
from iml_tui.experiments.fork_names import fork_names
from iml_tui.experiments.registry import EXPERIMENTS, find
from iml_tui.experiments.results import Change, ForkPoint
from iml_tui.experiments.tables import format_value
from iml_tui.experiments.trials import ClassifierTrial, FaceTrial, MLPTrial, SourceTrial, Trial

from .factory import healthy, results

MLP = MLPTrial(
    name="learning rate 0.01",
    label="lr 0.01",
    seed=1,
    epochs=5,
    hidden_layers=2,
    hidden_width=8,
    batch_norm=False,
    learning_rate=0.01,
    batch_size=64,
)
FACES = FaceTrial(kind="fine-tuning", name="fine", label="fine", seed=1, epochs=3, learning_rate=1e-4, batch_size=32)
FITTED = FaceTrial(kind="sklearn-probing", name="probe", label="probe", seed=1, epochs=1, batch_size=32)
SOURCE = SourceTrial(name="source", label="source", seed=1, epochs=3, learning_rate=1e-3, batch_size=32)
TREES = ClassifierTrial(kind="xgboost", name="trees", label="trees", seed=1)


@pytest.mark.parametrize(
    ("trial", "changeable", "forkable"),
    [
        (MLP, {"learning_rate", "weight_decay", "clip_norm"}, {"epochs", "scheduler"}),
        (FACES, {"learning_rate"}, {"epochs"}),
        (SOURCE, {"learning_rate"}, None),
        (FITTED, set(), None),
        (TREES, set(), None),
    ],
)
def test_what_can_be_changed_and_forked(trial: Trial, changeable: set[str], forkable: set[str] | None) -> None:
    assert set(changeable_fields(trial)) == changeable
    assert set(forkable_fields(trial)) == (changeable | forkable if forkable is not None else set())


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.slug)
def test_every_field_is_a_hyperparameter_of_its_trial(experiment: Experiment) -> None:
    for trial in experiment.trials(experiment.hyperparameters()):
        assert set(changeable_fields(trial)) <= set(trial.hyperparameters)
        assert set(forkable_fields(trial)) <= set(trial.hyperparameters)


@pytest.mark.parametrize(
    ("trial", "field", "value", "problem"),
    [
        (MLP, "learning_rate", 0.5, ""),
        (MLP, "clip_norm", 0.0, ""),
        (FACES, "learning_rate", 1e-5, ""),
        (MLP, "learning_rate", 0.0, "above 0 and at most 100, not 0"),
        (MLP, "learning_rate", 101.0, "above 0 and at most 100, not 101"),
        (MLP, "learning_rate", math.inf, "must be a number, not inf"),
        (MLP, "weight_decay", -0.1, "must not be negative"),
        (
            MLP,
            "batch\x1b[31m",
            1.0,
            r"'batch\x1b[31m' cannot be changed while learning rate 0.01 trains; what can: lea",
        ),
        (FACES, "weight_decay", 0.1, "what can: learning_rate"),
        (TREES, "learning_rate", 0.1, "trees is fitted at once"),
    ],
)
def test_values_while_training(trial: Trial, field: str, value: float, problem: str) -> None:
    found = check_change(trial, field, value)
    assert problem in found
    assert bool(found) == bool(problem)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("learning_rate", " 1e-4 ", 1e-4),
        ("weight_decay", "0", 0.0),
        ("epochs", "12", 12),
        ("epochs", "1e2", 100),
        ("scheduler", " Cosine", "cosine"),
    ],
)
def test_values_as_typed(field: str, text: str, value: ForkValue) -> None:
    found = read_fork_value(field, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("field", "text"), [("learning_rate", "fast"), ("epochs", "2.5"), ("clip_norm", "1_0")])
def test_what_is_no_value(field: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"{field} must be a .*number, not '{text}'"):
        read_fork_value(field, text)
    with pytest.raises(ValueError, match="must be a number, not 'x'"):
        read_change("learning_rate", "x")


def test_epochs_of_a_fork_are_more_than_are_done() -> None:
    assert check_fork(MLP, "epochs", 4, 3) == ""
    for value in (3, 0, 100_001, 4.5, True, "9"):
        assert "epochs must be" in check_fork(MLP, "epochs", value, 3)
    assert "cannot be forked" in check_fork(SOURCE, "epochs", 9, 3)


def test_a_trial_with_changes_is_the_same_otherwise() -> None:
    changed = with_changes(MLP, {"learning_rate": 1, "scheduler": "step", "epochs": 9}, 3)
    assert changed == MLP.model_copy(update={"learning_rate": 1.0, "scheduler": "step", "epochs": 9})
    assert isinstance(changed, MLPTrial)
    assert isinstance(changed.learning_rate, float)
    assert MLPTrial.model_validate_json(changed.model_dump_json()) == changed
    with pytest.raises(ValueError, match="must not be negative"):
        with_changes(MLP, {"clip_norm": -1.0})


def test_changes_and_places_in_words() -> None:
    assert change_text("learning_rate", 0.001, 0.0005) == "learning rate 0.001 → 0.0005"
    assert change_text("scheduler", "none", "one-cycle") == "scheduler none → one-cycle"
    change = Change(3, 120, 625, "learning_rate", 0.001, 5e-4, 0.0)
    assert told(change) == "learning rate 0.001 → 0.0005 at epoch 3, batch 120"
    assert told(Change(3, 0, 625, "clip_norm", 0.0, 1.0, 0.0)) == "clip norm 0 → 1 at the start of epoch 3"
    assert position_text(5, 0, 625) == "after epoch 5"
    assert position_text(5, 1200, 62500) == "in epoch 6, after batch 1,200 of 62,500"
    assert position_text(0, 0, 625) == "before the first batch"


@pytest.mark.parametrize(
    ("label", "field", "value", "expected"),
    [
        ("lr 0.01", "learning_rate", 0.1, "lr 0.01 → 0.1"),
        ("lr 0.01 → 0.1", "learning_rate", 0.2, "lr 0.01 → 0.1 → 0.2"),
        ("colr 0.01", "learning_rate", 0.1, "colr 0.01 → lr 0.1"),
        ("with batch norm", "learning_rate", 0.1, "with batch norm → lr 0.1"),
        ("lr 0.01", "epochs", 9, "lr 0.01 → 9 epochs"),
        ("lr 0.01 → 9 epochs", "learning_rate", 0.1, "lr 0.01 → 9 epochs → lr 0.1"),
        ("lr 0.01", "clip_norm", 1.0, "lr 0.01 → clip norm 1"),
    ],
)
def test_labels_of_forks(label: str, field: str, value: ForkValue, expected: str) -> None:
    before = MLP.model_copy(update={"label": label})
    [named] = fork_names([before], [with_changes(before, {field: value})], 3, 0)
    assert named.label == expected


def test_names_of_forks_of_forks_do_not_grow() -> None:
    trial: Trial = MLP
    for attempt in range(1, 40):
        before = trial
        [trial] = fork_names([before], [with_changes(before, {"learning_rate": float(attempt)})], attempt, attempt % 2)
    assert trial.name == "learning rate 0.01, from batch 2 of epoch 40 learning rate 39"
    assert trial.label == "lr 0.01 → … → 39"
    [again] = fork_names([trial], [trial], 41, 0)
    assert again.name == "learning rate 0.01, from epoch 42"
    assert again.label == "lr 0.01 → … → 39, again from epoch 42"
    assert fork_names([again], [again], 50, 0)[0].label == "lr 0.01 → … → 39, again from epoch 51"


def test_tables_of_a_run_without_changes_are_those_of_its_experiment() -> None:
    experiment = find("learning-rate")
    found = results(experiment, [healthy(5)], epochs=5, learning_rates=(0.01,))
    assert tables_of(experiment, found) == experiment.tables(found)
    assert changes_table(found) is None
    assert forks_table(found) is None


def test_changes_and_forks_stand_behind_the_tables_of_the_experiment() -> None:
    experiment = find("learning-rate")
    found = results(experiment, [healthy(5), healthy(5)], epochs=5, learning_rates=(0.01, 0.001))
    found.trials[0].changes += [
        Change(2, 7, 100, "learning_rate", 0.01, 1e-5, 1.0),
        Change(3, 0, 100, "weight_decay", 0.0, 0.1, 2.0),
    ]
    found.trials[0].fork = ForkPoint(
        "a-run", "its trial", 1, 50, 100, (("epochs", 3, 5), ("scheduler", "none", "step"))
    )
    found.trials[1].fork = ForkPoint("a-run", "its other", 1, 50, 100)
    tables = tables_of(experiment, found)
    assert tables[:-2] == experiment.tables(found)
    forks, changes = tables[-2:]
    assert changes.rows == (
        ("learning rate 0.01", 2, 7, "learning rate", 0.01, 1e-5),
        ("learning rate 0.01", 3, 0, "weight decay", 0.0, 0.1),
    )
    assert [format_value(changes.rows[0][i], changes.columns[i]) for i in (4, 5)] == ["0.01", "1e-05"]
    assert forks.rows == (
        ("learning rate 0.01", "a-run", "its trial", 1, 50, "epochs", "3", "5"),
        ("learning rate 0.01", "a-run", "its trial", 1, 50, "scheduler", "none", "step"),
        ("learning rate 0.001", "a-run", "its other", 1, 50, None, None, None),
    )
    assert not any(table.timing for table in (forks, changes))
