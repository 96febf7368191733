"""Classifiers of other kinds, fitted once to the coordinates, to stand beside the networks.

Importing this module imports scikit-learn and XGBoost, which takes seconds: only a worker that fits one does so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier
from xgboost import Booster, XGBClassifier
from xgboost.callback import TrainingCallback

from iml_tui.data.dataset import Dataset, Split
from iml_tui.errors import LabError
from iml_tui.experiments.trials import ClassifierTrial
from iml_tui.training.trainer import EpochOutcome, Evaluation, OnProgress, Prediction, TrainerState

CHUNK_ROWS = 4096
"""Samples that are predicted between two looks at whether to stop: a quarter of a second of XGBoost's."""

LEAST_PROBABILITY = 1e-16
"""What a smaller probability counts as in a loss, as in XGBoost's `mlogloss`: one sample cannot make it infinite."""

OnRound = Callable[[], bool]
"""Called after every round of fitting; False stops."""


class Classifier(Protocol):
    """What `ClassifierTrainer` fits.

    `rounds` is how many rounds fitting takes, `parameters` how many numbers were learned: 0 while that is not known.
    `gives_probabilities` is False where `probabilities` are 0 and 1 only, so that a cross-entropy means nothing.
    """

    rounds: int
    parameters: int
    gives_probabilities: bool

    def fit(self, train: Split, on_round: OnRound) -> bool:
        """Fit to a split; False when `on_round` stopped it before the last round."""

    def probabilities(self, coordinates: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probability of every class, [n, C], at `coordinates` [n, 2] (degrees)."""


class NearestNeighbour:
    """The class of the nearest training sample, by Euclidean distance in degrees of longitude and latitude.

    It stores its training set: its `parameters` are two coordinates a sample.
    """

    rounds = 1
    gives_probabilities = False

    def __init__(self, rows: int) -> None:
        self.parameters = 2 * rows
        self._model = KNeighborsClassifier(n_neighbors=1, n_jobs=torch.get_num_threads())

    def fit(self, train: Split, on_round: OnRound) -> bool:
        """Sort the samples into a tree; there is nothing to break off."""
        self._model.fit(train.coordinates, train.labels)
        on_round()
        return True

    def probabilities(self, coordinates: NDArray[np.float32]) -> NDArray[np.float32]:
        """1 for the class of the nearest sample, 0 for all others."""
        return np.asarray(self._model.predict_proba(coordinates), dtype=np.float32)


class BoostedTrees:
    """XGBoost's `XGBClassifier` with its defaults: 100 rounds of depth 6, each of one tree for every class.

    Chen & Guestrin 2016, "XGBoost: A Scalable Tree Boosting System". Its `parameters` are the nodes of all trees.
    """

    gives_probabilities = True

    def __init__(self, seed: int) -> None:
        self.parameters = 0
        self._rounds_done = RoundsDone()
        self._model = XGBClassifier(
            n_jobs=torch.get_num_threads(), random_state=seed % 2**31, callbacks=[self._rounds_done]
        )
        self.rounds = self._model.get_num_boosting_rounds()

    def fit(self, train: Split, on_round: OnRound) -> bool:
        """Grow the trees, round by round."""
        self._rounds_done.on_round = on_round
        self._model.fit(train.coordinates, train.labels)
        booster = self._model.get_booster()
        self.parameters = nodes(booster)
        return booster.num_boosted_rounds() == self.rounds

    def probabilities(self, coordinates: NDArray[np.float32]) -> NDArray[np.float32]:
        """The softmax of the trees' sums."""
        return np.asarray(self._model.predict_proba(coordinates), dtype=np.float32)


def nodes(booster: Booster) -> int:
    """The nodes of all trees, leaves among them."""
    return sum(tree.count("\n") for tree in booster.get_dump())  # A dump has a line for each node.


class RoundsDone(TrainingCallback):
    """Tells of every round of boosting, and stops when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.on_round: OnRound = lambda: True

    def after_iteration(self, model: Booster, epoch: int, evals_log: TrainingCallback.EvalsLog) -> bool:
        """Called by XGBoost; True stops."""
        return not self.on_round()


def fit_in_one_epoch(
    fit: Callable[[OnRound], bool],
    measure: Callable[[Callable[[], bool]], Evaluation | None],
    rows: int,
    on_progress: OnProgress,
) -> EpochOutcome:
    """Fit something, and measure it on its training split outside of the time of the fit.

    Args:
        fit: told what to call after every round; False when that stopped it.
        measure: told what to ask between two parts of the split; None when that stopped it.
        rows: samples of the training split.
        on_progress: told of every round, which has no loss; it may stop fit and measuring.
    """
    done = 0

    def on_round() -> bool:
        nonlocal done
        done += 1
        return on_progress(done, np.full((1, 1), np.nan, dtype=np.float32), None)

    began = time.perf_counter()
    complete = fit(on_round)
    seconds = time.perf_counter() - began
    measured = measure(lambda: on_progress(done, np.empty((0, 1), dtype=np.float32), None)) if complete else None
    nothing = np.full(1, np.nan)
    return EpochOutcome(
        train_loss=measured.loss if measured else nothing,
        train_accuracy=measured.accuracy if measured else nothing,
        steps=done,
        samples=done * rows,
        seconds=seconds,
        complete=measured is not None,
    )


class StartsAnew:
    """The part of an `EpochTrainer` that is not trained but fitted: it has no state, and nothing to change."""

    changeable: frozenset[str] = frozenset()

    def state(self, *, between_epochs: bool) -> TrainerState | None:
        """None: a fit that was broken off starts anew."""
        return None

    def restore(self, state: TrainerState) -> None:
        """Refused, for there is no state."""
        raise LabError("a classifier that is fitted has no saved state to go on from; fit it anew")

    def change(self, member: int, field: str, value: float) -> float:
        """Refused, for it is fitted at once."""
        raise LabError(f"{field} cannot be changed: a classifier that is fitted has nothing to change on the way")


class ClassifierTrainer(StartsAnew):
    """Fits one classifier in one epoch: a `Trainer` of one member.

    A step is a round of boosting, or the whole fit. Steps have no loss. The train figures are measured after the fit,
    outside of its time. Where the classifier gives no probabilities, losses are NaN.
    """

    members = 1

    def __init__(self, trial: ClassifierTrial, data: Dataset) -> None:
        self._data = data
        self._classifier: Classifier = (
            BoostedTrees(trial.seed) if trial.kind == "xgboost" else NearestNeighbour(len(data.train))
        )

    @property
    def parameters(self) -> list[int]:
        """The numbers learned: stored coordinates or nodes of trees; 0 while the trees are not grown."""
        return [self._classifier.parameters]

    @property
    def steps_per_epoch(self) -> int:
        """Rounds of the fit."""
        return self._classifier.rounds

    def train_epoch(self, on_progress: OnProgress) -> EpochOutcome:
        """Fit the classifier and measure it on the train split; `on_progress` may stop it after any round."""
        train = self._data.train
        return fit_in_one_epoch(
            lambda on_round: self._classifier.fit(train, on_round),
            lambda go_on: self._measure(train, go_on),
            len(train),
            on_progress,
        )

    def evaluate(self, split: Literal["validation", "test"]) -> Evaluation:
        """Measure the fitted classifier on a split."""
        measured = self._measure(self._data.splits[split], lambda: True)
        assert measured is not None
        return measured

    def predict(self, coordinates: NDArray[np.float32]) -> Prediction:
        """The most probable class of the points `coordinates` [n, 2] (degrees) and its probability; both [1, n]."""
        probabilities = self._classifier.probabilities(coordinates)
        return Prediction(
            classes=probabilities.argmax(axis=1).astype(np.int64)[None],
            probabilities=probabilities.max(axis=1)[None],
        )

    def _measure(self, split: Split, go_on: Callable[[], bool]) -> Evaluation | None:
        """Loss and accuracy on a split, chunk by chunk; None where `go_on` asked to stop between two chunks."""
        loss, correct = 0.0, 0
        for start in range(0, len(split), CHUNK_ROWS):
            if start and not go_on():
                return None
            labels = split.labels[start : start + CHUNK_ROWS]
            probabilities = self._classifier.probabilities(split.coordinates[start : start + CHUNK_ROWS])
            correct += int((probabilities.argmax(axis=1) == labels).sum())
            of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
            loss -= float(np.log(np.maximum(of_truth, LEAST_PROBABILITY)).sum())
        rows = len(split) or np.nan
        mean_loss = loss / rows if self._classifier.gives_probabilities else np.nan
        return Evaluation(np.array([mean_loss]), np.array([correct / rows]))
