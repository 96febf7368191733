"""The baselines that are fitted at once: boosted trees on pixels, and a logistic regression on features.

Importing this module imports scikit-learn and XGBoost, which takes seconds: only a run that fits one does so.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from xgboost import XGBClassifier

from iml_tui.data.pictures import PictureData
from iml_tui.training.classifiers import OnRound, RoundsDone, StartsAnew, fit_in_one_epoch, nodes
from iml_tui.training.data import SplitName
from iml_tui.training.faces.inputs import FeatureInputs
from iml_tui.training.faces.metrics import measure
from iml_tui.training.preparation import StoppedError
from iml_tui.training.trainer import EpochOutcome, Evaluation, OnProgress

PREDICTED_BYTES = 1 << 26
"""Bytes of pixels that the trees predict between two looks at whether to stop."""

HISTOGRAM_BYTES = 1 << 28
"""Bytes of the histograms that XGBoost keeps while it grows a tree; its default of 65,536 histograms has no bound.

A histogram is 16 bytes for each of at most 256 bins of each number: 50 MB of a picture of 64 pixels, 616 MB of one of
224, and a tree of depth 6 has 63. Measured on 1,000 pictures of 64 pixels: 1.8 GB at its peak by default, 0.8 GB with
eight, for the same trees in the same time.
"""


class FittedClassifier(Protocol):
    """What `FittedTrainer` fits.

    `rounds` is how many rounds fitting takes, `parameters` how many numbers were learned: 0 while that is not known.
    """

    rounds: int
    parameters: int

    def fit(self, on_round: OnRound) -> bool:
        """Fit to the training split; False when `on_round` stopped it before the last round."""

    def labels(self, split: SplitName) -> NDArray[np.int64]:
        """The classes of a split, int64 [n]."""

    def logits(self, split: SplitName, go_on: Callable[[], bool]) -> NDArray[np.floating] | None:
        """The logits of class 1 on a split, [n]; None where `go_on` asked to stop."""


class BoostedPixels:
    """XGBoost's `XGBClassifier` with its defaults on flattened pixels (0…255): 100 rounds of a tree of depth 6.

    Chen & Guestrin 2016, "XGBoost: A Scalable Tree Boosting System". Bytes are sorted into the same bins as the same
    numbers in float32, and take a quarter of their memory. Its `parameters` are the nodes of all trees.
    """

    def __init__(self, seed: int, data: PictureData, device: torch.device) -> None:
        self.parameters = 0
        self._data = data
        self._rounds_done = RoundsDone()
        histogram = 16 * 256 * max(1, data.train.pixels[0].size)
        self._model = XGBClassifier(
            max_cached_hist_node=max(1, HISTOGRAM_BYTES // histogram),
            n_jobs=torch.get_num_threads(),
            random_state=seed % 2**31,
            device=str(device),
            callbacks=[self._rounds_done],
        )
        self.rounds = int(self._model.get_num_boosting_rounds())

    def fit(self, on_round: OnRound) -> bool:
        """Grow the trees, round by round."""
        self._rounds_done.on_round = on_round
        self._model.fit(self._rows("train"), self.labels("train"))
        booster = self._model.get_booster()
        self.parameters = nodes(booster)
        return bool(booster.num_boosted_rounds() == self.rounds)

    def labels(self, split: SplitName) -> NDArray[np.int64]:
        """The classes of a split."""
        return self._data.splits[split].labels

    def logits(self, split: SplitName, go_on: Callable[[], bool]) -> NDArray[np.floating] | None:
        """The sums over the trees."""
        rows = self._rows(split)
        at_once = max(1, PREDICTED_BYTES // rows.shape[1])
        found: list[NDArray[np.float32]] = []
        for start in range(0, len(rows), at_once):
            if not go_on():
                return None
            found.append(self._model.predict(rows[start : start + at_once], output_margin=True))
        return np.concatenate(found)

    def _rows(self, split: SplitName) -> NDArray[np.uint8]:
        pixels = self._data.splits[split].pixels
        return pixels.reshape(len(pixels), -1)


class LogisticProbe:
    """scikit-learn's `LogisticRegression` with its defaults on the frozen network's features.

    Args:
        features: the splits.
        note: told in a sentence that the fit did not converge, should it not.
    """

    rounds = 1

    def __init__(self, features: Mapping[SplitName, FeatureInputs], note: Callable[[str], None]) -> None:
        self._features, self._note = features, note
        self._model = LogisticRegression()
        self.parameters = features["train"].features.shape[1] + 1

    def fit(self, on_round: OnRound) -> bool:
        """Fit in one go; there is nothing to break off."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self._model.fit(self._rows("train"), self.labels("train"))
        for warning in caught:
            logging.info("scikit-learn: %s", warning.message)
        if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
            self._note(
                f"The logistic regression on the features had not converged after its {self._model.max_iter} "
                "iterations, scikit-learn's default; its figures are those of where it stood."
            )
        on_round()
        return True

    def labels(self, split: SplitName) -> NDArray[np.int64]:
        """The classes of a split."""
        return self._features[split].labels

    def logits(self, split: SplitName, go_on: Callable[[], bool]) -> NDArray[np.floating] | None:
        """The regression's logits."""
        found: NDArray[np.floating] = self._model.decision_function(self._rows(split))
        return found

    def _rows(self, split: SplitName) -> NDArray[np.float32]:
        return self._features[split].features.cpu().numpy()


class FittedTrainer(StartsAnew):
    """Fits one classifier in one epoch: an `EpochTrainer` of one member.

    A step is a round of boosting, or the whole fit; steps have no loss. The train figures are measured after the fit,
    outside of its time.

    Attributes:
        test_logits: what the classifier last gave to the test split [n]; empty before that.
    """

    members = 1

    def __init__(self, classifier: FittedClassifier, stop: Callable[[], bool] = lambda: False) -> None:
        self._classifier, self._stop = classifier, stop
        self.test_logits: NDArray[np.floating] = np.empty(0, np.float32)

    @property
    def parameters(self) -> list[int]:
        """The numbers learned; 0 while the trees are not grown."""
        return [self._classifier.parameters]

    @property
    def steps_per_epoch(self) -> int:
        """Rounds of the fit."""
        return self._classifier.rounds

    def train_epoch(self, on_progress: OnProgress) -> EpochOutcome:
        """Fit, and measure on the train split; `on_progress` may stop it after any round."""
        rows = len(self._classifier.labels("train"))
        return fit_in_one_epoch(self._classifier.fit, lambda _: self._measured("train"), rows, on_progress)

    def evaluate(self, split: Literal["validation", "test"]) -> Evaluation:
        """Measure the fitted classifier on a split.

        Raises:
            StoppedError: the run was asked to stop.
        """
        measured = self._measured(split)
        if measured is None:
            raise StoppedError
        return measured

    def _measured(self, split: SplitName) -> Evaluation | None:
        """The figures on a split; None where the run was asked to stop."""
        logits = self._classifier.logits(split, lambda: not self._stop())
        if logits is None:
            return None
        if split == "test":
            self.test_logits = logits
        return measure(split, self._classifier.labels(split), logits)
