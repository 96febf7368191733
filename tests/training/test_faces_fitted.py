"""The baselines that are fitted at once, against what they are made of."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from xgboost import XGBClassifier

from iml_tui.data.pictures import PictureData
from iml_tui.training.faces import fitted
from iml_tui.training.faces.fitted import BoostedPixels, FittedTrainer, LogisticProbe
from iml_tui.training.faces.inputs import FeatureInputs
from iml_tui.training.preparation import StoppedError
from tests.training.made_up_pictures import pictures

CPU, ROUNDS = torch.device("cpu"), 100


@pytest.fixture(scope="module")
def data() -> PictureData:
    return pictures(60, 30, 40, side=6)


class Steps:
    """Keeps the steps reported, and stops after some of them."""

    def __init__(self, steps: int = 10**9) -> None:
        self.most, self.done = steps, 0
        self.losses: list[float] = []

    def __call__(self, steps_done: int, losses: NDArray[np.float32], *rest: object) -> bool:
        self.done = steps_done
        self.losses += losses[:, 0].tolist()
        return steps_done < self.most


@pytest.mark.parametrize("histogram_bytes", [fitted.HISTOGRAM_BYTES, 1])
def test_boosted_trees_on_bytes_are_those_of_the_defaults_on_numbers(
    data: PictureData, monkeypatch: pytest.MonkeyPatch, histogram_bytes: int
) -> None:
    monkeypatch.setattr(fitted, "HISTOGRAM_BYTES", histogram_bytes)
    trainer, steps = FittedTrainer(BoostedPixels(3, data, CPU)), Steps()
    assert trainer.parameters == [0]
    outcome = trainer.train_epoch(steps)
    model = XGBClassifier(random_state=3)
    model.fit(data.train.pixels.reshape(60, -1).astype(np.float32), data.train.labels)
    expected = model.predict(data.test.pixels.reshape(40, -1).astype(np.float32), output_margin=True)
    measured = trainer.evaluate("test")
    assert np.array_equal(trainer.test_logits, expected)
    assert measured.accuracy.tolist() == [((expected > 0) == data.test.labels).mean()]
    assert 0.5 < measured.accuracy[0] < 1
    assert outcome.complete
    assert outcome.train_accuracy.tolist() == [1]
    assert trainer.steps_per_epoch == outcome.steps == steps.done == ROUNDS
    assert np.isnan(steps.losses).all()  # A round has no loss.
    assert trainer.parameters[0] > 2 * ROUNDS


def test_boosting_stops_after_the_round(data: PictureData) -> None:
    outcome = FittedTrainer(BoostedPixels(3, data, CPU)).train_epoch(Steps(4))
    assert not outcome.complete
    assert outcome.steps == 4
    assert np.isnan(outcome.train_loss).all()


def test_prediction_stops_between_chunks(data: PictureData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitted, "PREDICTED_BYTES", 1)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 70

    trainer = FittedTrainer(BoostedPixels(3, data, CPU), stop)
    assert trainer.train_epoch(Steps()).complete  # 60 chunks of one picture.
    with pytest.raises(StoppedError):
        trainer.evaluate("test")


def features(rows: int, seed: int, separation: float) -> FeatureInputs:
    generator = np.random.default_rng(seed)
    labels = np.arange(rows) % 2
    values = generator.normal(separation * labels[:, None], 1.0, (rows, 8)).astype(np.float32)
    return FeatureInputs(torch.from_numpy(values), None, labels)


def test_the_probe_is_scikit_learns_logistic_regression_with_its_defaults() -> None:
    splits = {"train": features(80, 1, 0.3), "validation": features(20, 2, 0.3), "test": features(30, 3, 0.3)}
    said: list[str] = []
    trainer = FittedTrainer(LogisticProbe(splits, said.append))  # type: ignore[arg-type]
    outcome = trainer.train_epoch(Steps())
    model = LogisticRegression().fit(splits["train"].features.numpy(), splits["train"].labels)
    measured = trainer.evaluate("test")
    assert np.array_equal(trainer.test_logits, model.decision_function(splits["test"].features.numpy()))
    assert measured.accuracy.tolist() == [model.score(splits["test"].features.numpy(), splits["test"].labels)]
    assert outcome.train_accuracy.tolist() == [model.score(splits["train"].features.numpy(), splits["train"].labels)]
    assert trainer.parameters == [9]
    assert not said


@pytest.mark.filterwarnings("error")
def test_a_fit_that_does_not_converge_is_said_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitted, "LogisticRegression", partial(LogisticRegression, max_iter=2))
    hard = features(200, 1, 0.1)
    said: list[str] = []
    trainer = FittedTrainer(LogisticProbe({"train": hard, "validation": hard, "test": hard}, said.append))
    assert trainer.train_epoch(Steps()).complete
    assert len(said) == 1
    assert "had not converged after its 2 iterations" in said[0]
    assert np.isfinite(trainer.evaluate("test").loss).all()
