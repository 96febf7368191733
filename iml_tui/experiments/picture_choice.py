"""Which test pictures to look at: what one model gets right and another wrong, the surest first.

Model A and model B are any two models of a run, each with its probabilities of class 1 for every test picture. A
probability above 0.5 decides for class 1; one that is not a number decides for class 0, with no certainty at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from iml_tui.experiments.seeds import first_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.experiments.results import Results

ModelSide = Literal["A", "B"]

Combination = Literal["A right, B wrong", "A wrong, B right", "both right", "both wrong"]
COMBINATIONS: Final[tuple[Combination, ...]] = ("A right, B wrong", "A wrong, B right", "both right", "both wrong")

_RIGHT: Final[dict[Combination, tuple[bool, bool]]] = {
    "A right, B wrong": (True, False),
    "A wrong, B right": (False, True),
    "both right": (True, True),
    "both wrong": (False, False),
}

REPORTED_PICTURES: Final = 5
"""The report shows so many that the best model gets right and the worst wrong (7.6.2)."""


@dataclass(frozen=True)
class Cell:
    """One cell of a model's confusion matrix: the pictures of class `true` that it takes for class `predicted`."""

    side: ModelSide
    true: int
    predicted: int


def best_and_worst(results: Results) -> tuple[int, ...]:
    """Positions in `Results.trials` of the models with the highest and the lowest test accuracy; fewer where there are.

    Only models whose predictions were kept count. Of several seeds the first is shown, the mean over all of them
    decides. Of equal models the first is the best, the last the worst.
    """
    models = results.models
    ranked = [models[position] for position in results.ranking("test_accuracy")]
    kept = [first_seed(model).index for model in ranked if first_seed(model).has_predictions]
    return (kept[0], kept[-1]) if len(kept) > 1 else tuple(kept)


def decisions(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """The class that each probability of class 1 decides for."""
    return (probabilities > 0.5).astype(np.int64)


def sureness(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """The probability that is given to the class decided for, 0.5…1; 0 where it is not a number."""
    sure = np.maximum(probabilities, 1 - probabilities).astype(np.float64)
    return np.nan_to_num(sure, nan=0.0)


def choose(
    labels: NDArray[np.int64], a: NDArray[np.float32], b: NDArray[np.float32], combination: Combination
) -> NDArray[np.int64]:
    """Positions of the pictures of a combination, int64 [k], those first of which both models are the surest.

    They are sorted by the product of the probabilities that A and B give to what each of them decides for: where A is
    right and B wrong, that is how probable both hold A to be right and B to be wrong. Equal ones keep their order.
    """
    a_right, b_right = _RIGHT[combination]
    wanted = ((decisions(a) == labels) == a_right) & ((decisions(b) == labels) == b_right)
    return _surest_first(np.flatnonzero(wanted), sureness(a) * sureness(b))


def choose_cell(
    labels: NDArray[np.int64], probabilities: NDArray[np.float32], true: int, predicted: int
) -> NDArray[np.int64]:
    """Positions of the pictures in one cell of a confusion matrix, int64 [k], the surest decisions first."""
    wanted = (labels == true) & (decisions(probabilities) == predicted)
    return _surest_first(np.flatnonzero(wanted), sureness(probabilities))


def confusion(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """How many pictures of each class (rows) are taken for each class (columns): int64 [2, 2]."""
    return np.bincount(2 * labels + decisions(probabilities), minlength=4).reshape(2, 2).astype(np.int64)


def accuracy(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> float:
    """The share of pictures whose class is decided for; NaN without pictures."""
    return float((decisions(probabilities) == labels).mean()) if len(labels) else math.nan


def neighbour(having: Sequence[int], chosen: tuple[int, int], side: ModelSide, step: int) -> tuple[int, int]:
    """The pair of models in which one side has the next (`step` 1) or the previous (−1) of those in `having`.

    A model beside itself tells nothing: it is passed over, and of two models the sides change places.
    """
    own, other = chosen if side == "A" else chosen[::-1]
    if len(having) < 2:
        return chosen
    if len(having) == 2:
        own, other = other, own
    else:
        place = having.index(own) if own in having else 0
        own = having[(place + step) % len(having)]
        if own == other:
            own = having[(having.index(own) + step) % len(having)]
    return (own, other) if side == "A" else (other, own)


def _surest_first(positions: NDArray[np.int64], sure: NDArray[np.float64]) -> NDArray[np.int64]:
    return positions[np.argsort(-sure[positions], kind="stable")]
