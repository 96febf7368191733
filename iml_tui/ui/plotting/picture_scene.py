"""What is to be drawn of the test pictures of a run, and what is said of each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iml_tui.experiments.picture_choice import ModelSide, decisions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from iml_tui.runs.pictures import TestPictures

RIGHT: Final = "✓"
WRONG: Final = "✗"
SIDES: Final[tuple[ModelSide, ...]] = ("A", "B")


@dataclass(frozen=True, eq=False)
class ShownModel:
    """One model and what it makes of the test pictures.

    Attributes:
        trial: position of its trial in the run.
        label: its short name.
        probabilities: float32 [n], what it gives to class 1 for every test picture; NaN where it is no number.
        accuracy: the share of pictures that it gets right, 0…1.
        why: why it was chosen ("best"), "" where it was asked for.
    """

    trial: int
    label: str
    probabilities: NDArray[np.float32]
    accuracy: float
    why: str = ""

    @property
    def title(self) -> str:
        """Its short name, with why it was chosen."""
        return f"{self.why}: {self.label}" if self.why else self.label


@dataclass(frozen=True)
class Verdict:
    """What one model says of one picture: whether it is right, the class it decides for, how probable it holds it."""

    side: ModelSide
    right: bool
    said: str
    probability: float

    @property
    def words(self) -> str:
        """In words, with a mark: "✓ right: real 0.93"."""
        return f"{RIGHT} right: {self._said}" if self.right else f"{WRONG} wrong: {self._said}"

    @property
    def short(self) -> str:
        """With the mark only: "✓ real 0.93"."""
        return f"{RIGHT if self.right else WRONG} {self._said}"

    @property
    def _said(self) -> str:
        figure = f"{self.probability:.2f}" if math.isfinite(self.probability) else "not a number"
        return f"{self.said} {figure}"


@dataclass(frozen=True, eq=False)
class PictureScene:
    """The pictures that were chosen, and both models.

    Attributes:
        pictures: all test pictures of the run.
        models: model A and model B.
        positions: int64 [k], which pictures, in order; not empty.
        chosen: what they have in common ("A right, B wrong").
    """

    pictures: TestPictures
    models: tuple[ShownModel, ShownModel]
    positions: NDArray[np.int64]
    chosen: str

    def __len__(self) -> int:
        return len(self.positions)

    def true_class(self, place: int) -> str:
        """The class of the picture at a place in `positions`."""
        return self.pictures.class_names[int(self.pictures.labels[self.positions[place]])]

    def name(self, place: int) -> str:
        """Where the picture comes from."""
        return self.pictures.names[int(self.positions[place])]

    def details(self, place: int) -> str:
        """What else is known about it; may be empty."""
        return self.pictures.details[int(self.positions[place])]

    def verdicts(self, place: int) -> tuple[Verdict, Verdict]:
        """What both models say of the picture."""
        a, b = (self._verdict(side, model, place) for side, model in zip(SIDES, self.models, strict=True))
        return a, b

    def _verdict(self, side: ModelSide, model: ShownModel, place: int) -> Verdict:
        position = self.positions[place]
        given = model.probabilities[position : position + 1]
        said = int(decisions(given)[0])
        probability = float(given[0])
        return Verdict(
            side,
            right=said == int(self.pictures.labels[position]),
            said=self.pictures.class_names[said],
            probability=probability if said else 1 - probability,
        )
