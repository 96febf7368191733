"""What is measured of two classes: loss, accuracy, area under the ROC curve, confusion counts."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from iml_tui.experiments.results import confusion_metric
from iml_tui.training.trainer import Evaluation

_ABOVE_HALF = np.nextafter(np.float32(0.5), np.float32(1))


def cross_entropy(labels: NDArray[np.int64], logits: NDArray[np.floating]) -> float:
    """Mean binary cross-entropy, nats, of `logits` [n] of class 1; NaN for no samples or a logit that is NaN.

    With z the logit it is ln(1 + eᶻ) − yz, which needs no probability and so cannot lose one to rounding.
    """
    if not len(labels):
        return float("nan")
    exact = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):  # ∞ − ∞ is NaN, as it is to be.
        return float((np.logaddexp(0.0, exact) - labels * exact).mean())


def decide(logits: NDArray[np.floating]) -> NDArray[np.int64]:
    """Class 1 for a logit above 0, else class 0, also where it is NaN."""
    return (logits > 0).astype(np.int64)


def probabilities(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """The probabilities of class 1 [n], above 0.5 exactly where `decide` says 1; NaN stays NaN."""
    exact = logits.astype(np.float64)
    rounded = (0.5 * (1.0 + np.tanh(0.5 * exact))).astype(np.float32)
    # float32 rounds the smallest of positive logits to one half.
    return np.where(exact > 0, np.maximum(rounded, _ABOVE_HALF), rounded)


def roc_auc(labels: NDArray[np.int64], scores: NDArray[np.floating]) -> float:
    """The area under the ROC curve: how often a sample of class 1 scores above one of class 0, a tie counting half.

    Counted by ranks (Mann & Whitney 1947; Hanley & McNeil 1982). NaN where a class is missing or a score is NaN.
    """
    positive, negative = scores[labels == 1], np.sort(scores[labels == 0])
    if not len(positive) or not len(negative) or np.isnan(scores).any():
        return float("nan")
    below = np.searchsorted(negative, positive, side="left").sum(dtype=np.int64)
    not_above = np.searchsorted(negative, positive, side="right").sum(dtype=np.int64)
    return float(below + not_above) / (2 * len(positive) * len(negative))


def measure(
    split: Literal["train", "validation", "test"], labels: NDArray[np.int64], logits: NDArray[np.floating]
) -> Evaluation:
    """All figures of one model on a split, from the logits [n] that it gives: see `results.AREAS`, `confusion_metric`.

    The confusion counts are those of the test split only.
    """
    decided = decide(logits)
    others = {f"{split}_auc": [roc_auc(labels, logits)]}
    if split == "test":
        for true in (0, 1):
            for predicted in (0, 1):
                count = np.count_nonzero((labels == true) & (decided == predicted))
                others[confusion_metric(true, predicted)] = [float(count)]
    accuracy = float((decided == labels).mean()) if len(labels) else float("nan")
    return Evaluation(np.array([cross_entropy(labels, logits)]), np.array([accuracy]), others)
