"""Where two decision maps differ, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iml_tui.runs.maps import DecisionMap, MapData

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Difference:
    """How two maps of one run differ.

    Attributes:
        differs: bool [H, W], where on the grid the classes differ.
        area: share of the map's area on which they do, 0…1; a row of the grid counts by the cosine of its latitude.
        near_area: the same share of the area near test samples.
        only_left: bool [n], the test samples that only the left map's classes are right for.
        only_right: the same for the right map.
        both_wrong: the test samples whose classes differ and are wrong in both maps.
    """

    differs: NDArray[np.bool_]
    area: float
    near_area: float
    only_left: NDArray[np.bool_]
    only_right: NDArray[np.bool_]
    both_wrong: NDArray[np.bool_]

    @property
    def samples(self) -> float:
        """Share of the test samples whose classes differ, 0…1; 0 where there are none."""
        count = sum(int(part.sum()) for part in (self.only_left, self.only_right, self.both_wrong))
        return count / max(1, len(self.only_left))

    def sentence(self) -> str:
        """The figures in words."""
        left, right, neither = (int(part.sum()) for part in (self.only_left, self.only_right, self.both_wrong))
        return (
            f"They differ on {self.area:.1%} of the area ({self.near_area:.1%} near test points) and for "
            f"{self.samples:.1%} of the test points: {left:,} right in the first map only, {right:,} in the second, "
            f"{neither:,} in neither."
        )


def difference(data: MapData, near: NDArray[np.bool_], left: DecisionMap, right: DecisionMap) -> Difference:
    """Compare two maps on the grid and on the test samples; `near` (bool [H, W]) is where test samples are near."""
    differs = left.classes != right.classes
    weights = np.repeat(np.cos(np.radians(data.latitudes.astype(np.float64)))[:, None], data.shape[1], axis=1)
    left_right, right_right = left.test_classes == data.test_labels, right.test_classes == data.test_labels
    return Difference(
        differs=differs,
        area=float(weights[differs].sum() / weights.sum()),
        near_area=float(weights[differs & near].sum() / max(weights[near].sum(), 1e-9)),
        only_left=left_right & ~right_right,
        only_right=right_right & ~left_right,
        both_wrong=(left.test_classes != right.test_classes) & ~left_right & ~right_right,
    )
