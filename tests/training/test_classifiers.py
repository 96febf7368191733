"""The classifiers beside the networks, on a few hundred made-up cities."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier
from xgboost import XGBClassifier

from iml_tui.data.dataset import Dataset, Split
from iml_tui.experiments.trials import ClassifierTrial
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventReader, EventWriter
from iml_tui.training import classifiers
from iml_tui.training.classifiers import LEAST_PROBABILITY, ClassifierTrainer
from iml_tui.training.session import Session
from iml_tui.training.trainer import Trainer
from tests.training.contexts import Told, run_context

ROWS, CLASSES, ROUNDS = 120, 3, 100


def split(rows: int, seed: int) -> Split:
    generator = np.random.default_rng(seed)
    coordinates = generator.uniform((-10, 35), (40, 71), (rows, 2)).astype(np.float32)
    noisy = coordinates[:, 0] + generator.normal(0, 5, rows)
    return Split(coordinates, np.digitize(noisy, (5.0, 22.0)).astype(np.int64))


@pytest.fixture
def data() -> Dataset:
    return Dataset(
        name="three strips",
        source="made up",
        train=split(ROWS, 1),
        validation=split(40, 2),
        test=split(0, 3),
        class_names=("west", "middle", "east"),
        sha256="0" * 64,
        embedded=False,
    )


def nearest(data: Dataset) -> ClassifierTrainer:
    return ClassifierTrainer(ClassifierTrial(name="1-NN", label="1-NN", seed=1, kind="nearest-neighbour"), data)


def boosted(data: Dataset) -> ClassifierTrainer:
    return ClassifierTrainer(ClassifierTrial(name="XGBoost", label="XGBoost", seed=1, kind="xgboost"), data)


class Watch:
    """Keeps what a trainer reports, and stops it after a number of calls."""

    def __init__(self, calls: int = 10**9) -> None:
        self.calls = calls
        self.steps: list[int] = []
        self.losses: list[NDArray[np.float32]] = []

    def __call__(self, steps: int, losses: NDArray[np.float32], norms: NDArray[np.float32] | None) -> bool:
        assert norms is None
        self.steps.append(steps)
        self.losses.append(losses)
        return len(self.steps) < self.calls


def test_nearest_neighbour_is_that_of_scikit_learn_and_has_no_loss(data: Dataset) -> None:
    trainer, watch = nearest(data), Watch()
    outcome = trainer.train_epoch(watch)
    model = KNeighborsClassifier(1).fit(data.train.coordinates, data.train.labels)
    expected = (model.predict(data.validation.coordinates) == data.validation.labels).mean()
    measured = trainer.evaluate("validation")
    assert measured.accuracy.tolist() == [expected]
    assert 0 < expected < 1
    assert np.isnan(measured.loss).all()
    assert outcome.complete
    assert outcome.train_accuracy.tolist() == [1.0]  # Every sample is its own neighbour.
    assert (outcome.steps, outcome.samples, trainer.steps_per_epoch) == (1, ROWS, 1)
    assert outcome.seconds > 0
    assert trainer.parameters == [2 * ROWS]


def test_boosted_trees_are_those_of_xgboost_with_its_defaults(data: Dataset) -> None:
    trainer, watch = boosted(data), Watch()
    assert trainer.parameters == [0]  # Not known before the fit.
    outcome = trainer.train_epoch(watch)
    model = XGBClassifier().fit(data.train.coordinates, data.train.labels)
    probabilities = model.predict_proba(data.validation.coordinates).astype(np.float64)
    truth = probabilities[np.arange(40), data.validation.labels]
    measured = trainer.evaluate("validation")
    assert measured.accuracy[0] == pytest.approx((probabilities.argmax(1) == data.validation.labels).mean())
    assert measured.loss[0] == pytest.approx(-np.log(truth).mean(), rel=1e-5)
    assert outcome.train_loss[0] < measured.loss[0]
    assert trainer.parameters == [sum(len(tree.splitlines()) for tree in model.get_booster().get_dump())]
    assert trainer.steps_per_epoch == outcome.steps == ROUNDS
    assert outcome.samples == ROUNDS * ROWS


def test_every_round_is_reported_once(data: Dataset) -> None:
    watch = Watch()
    boosted(data).train_epoch(watch)
    assert watch.steps[:ROUNDS] == list(range(1, ROUNDS + 1))
    assert sum(map(len, watch.losses)) == ROUNDS


def test_boosting_stops_between_rounds(data: Dataset) -> None:
    outcome = boosted(data).train_epoch(Watch(calls=7))
    assert not outcome.complete
    assert outcome.steps == 7
    assert np.isnan(outcome.train_accuracy).all()


def test_measuring_the_train_split_can_be_stopped(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifiers, "CHUNK_ROWS", 50)
    outcome = boosted(data).train_epoch(Watch(calls=ROUNDS + 1))
    assert not outcome.complete
    assert outcome.steps == ROUNDS


def test_chunks_do_not_change_figures(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = boosted(data)
    trainer.train_epoch(Watch())
    whole = trainer.evaluate("validation")
    monkeypatch.setattr(classifiers, "CHUNK_ROWS", 7)
    parts = trainer.evaluate("validation")
    assert parts.accuracy == whole.accuracy
    np.testing.assert_allclose(parts.loss, whole.loss, rtol=1e-12)


@pytest.mark.parametrize("make", [nearest, boosted])
def test_predictions_agree_with_the_accuracy(data: Dataset, make: Callable[[Dataset], ClassifierTrainer]) -> None:
    trainer: Trainer = make(data)
    trainer.train_epoch(Watch())
    predicted = trainer.predict(data.validation.coordinates)
    assert predicted.classes.shape == predicted.probabilities.shape == (1, 40)
    assert predicted.classes.dtype == np.int64
    assert predicted.probabilities.dtype == np.float32
    assert (predicted.classes[0] == data.validation.labels).mean() == trainer.evaluate("validation").accuracy[0]
    assert ((predicted.probabilities >= 1 / CLASSES) & (predicted.probabilities <= 1)).all()


def test_an_empty_split_has_no_figures(data: Dataset) -> None:
    trainer = boosted(data)
    trainer.train_epoch(Watch())
    measured = trainer.evaluate("test")
    assert np.isnan(measured.loss).all()
    assert np.isnan(measured.accuracy).all()


def test_an_impossible_sample_has_a_finite_loss(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = boosted(data)
    trainer.train_epoch(Watch())
    never = np.zeros((40, CLASSES), dtype=np.float32)
    monkeypatch.setattr(trainer._classifier, "probabilities", lambda coordinates: never[: len(coordinates)])
    assert trainer.evaluate("validation").loss[0] == pytest.approx(-np.log(LEAST_PROBABILITY))


def test_in_a_run_both_are_done_and_tell_their_sizes(data: Dataset, tmp_path: Path) -> None:
    kinds: tuple[Literal["nearest-neighbour", "xgboost"], ...] = ("nearest-neighbour", "xgboost")
    trials = [ClassifierTrial(name=kind, label=kind, seed=1, kind=kind) for kind in kinds]
    directory, told = RunDirectory(tmp_path), Told()
    (tmp_path / "series").mkdir()
    events = EventWriter(directory.events_file)
    session = Session(run_context(directory, events, told), trials, data)
    assert session.train() == "done"
    events.close()
    assert told.ends == [(0, "done", 1), (1, "done", 1)]  # A loss that is no number is no divergence here.
    read = EventReader(directory.events_file).read_new()
    assert not [event for event in read if event["type"] == "diverged"]
    sizes = [event["parameters"] for event in read if event["type"] == "trial_finished"]
    assert sizes[0] == 2 * ROWS
    assert sizes[1] > ROUNDS * CLASSES
