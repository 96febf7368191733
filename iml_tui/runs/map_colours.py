"""Colours of decision maps: neighbouring regions never share one, on any terminal and with any colour vision.

There are more classes than colours that can be told apart. As on a printed map, classes share colours, and only those
that do not touch do: a colouring of the graph of neighbouring classes (D. Brélaz, "New methods to color the vertices of
a graph", Communications of the ACM 22(4), 1979: DSATUR).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_COLOUR: Final = -1
"""In an array of colours: this class has none yet."""
_MOST_EXCHANGES: Final = 400  # About 20 ms for 33 classes.


@dataclass(frozen=True)
class MapPalette:
    """Colours of one kind of terminal, as `#rrggbb`.

    Attributes:
        fills: colours of regions.
        right: at the same places, the colour of a point in that region which is classified as it should be: subdued.
        wrong: the colour of a point that is not: bright, and far from all others.
    """

    fills: tuple[str, ...]
    right: tuple[str, ...]
    wrong: str

    def __len__(self) -> int:
        return len(self.fills)


# The colours were searched for: as far apart as possible under normal vision and under protanopia, deuteranopia and
# tritanopia (G. M. Machado, M. M. Oliveira and L. A. F. Fernandes, "A physiologically-based model for simulation of
# color vision deficiency", IEEE TVCG 15(6), 2009, severity 1), with the points in them and with white for wrong points.
# Distances are ΔE*ab (CIE 1976), the smallest over the four visions; tests/runs/test_map_colours.py measures them.
TRUECOLOR: Final = MapPalette(
    # At least 20 between regions and to white, 10 to all right points; those are the fills at 60 %.
    fills=(
        "#5a87c3", "#ffb43c", "#3ce187", "#f0784b", "#a5c3ff", "#960069",
        "#b48787", "#c3c3d2", "#9678ff", "#784b3c", "#1e3cb4", "#a50000",
    ),
    right=(
        "#365175", "#996c24", "#248751", "#90482d", "#637599", "#5a003f",
        "#6c5151", "#75757e", "#5a4899", "#482d24", "#12246c", "#630000",
    ),
    wrong="#ffffff",
)  # fmt: skip
COLOURS_256: Final = MapPalette(
    # Of xterm's 6×6×6 cube; points are one level darker. At least 23 between regions and to white, 11 to points.
    fills=(
        "#5f87d7", "#87d700", "#d787af", "#5fd7ff", "#afaf87", "#5f8700", "#875fff", "#875f5f", "#af0087", "#5f00af",
    ),
    right=(
        "#005faf", "#5faf00", "#af5f87", "#00afd7", "#87875f", "#005f00", "#5f00d7", "#5f0000", "#87005f", "#000087",
    ),
    wrong="#ffffff",
)  # fmt: skip
COLOURS_16: Final = MapPalette(
    # Blue, bright green, cyan, bright black, red, magenta, as the VGA has them. What a terminal makes of them is its
    # own affair: at least 14 apart in the colours of VGA, xterm, Windows and Tango. There is no darker one of each.
    fills=("#0000aa", "#55ff55", "#00aaaa", "#555555", "#aa0000", "#aa00aa"),
    right=("#000000",) * 6,
    wrong="#ffffff",
)

PALETTES: Final[Mapping[str, MapPalette]] = {
    "truecolor": TRUECOLOR,
    "256": COLOURS_256,
    "standard": COLOURS_16,
    "windows": COLOURS_16,
}
"""By what Rich calls a terminal's `color_system`."""


def neighbours(classes: NDArray[np.integer], count: int, reach: int = 1) -> NDArray[np.bool_]:
    """Which classes touch on a map, also at corners.

    Args:
        classes: [H, W], classes 0…count−1.
        count: the number of classes, C.
        reach: how many cells apart is still touching. A picture that leaves out cells of the map brings together what
            stands further apart on it.

    Returns:
        Boolean [C, C], symmetric, False on the diagonal.
    """
    touching = np.zeros((count, count), dtype=np.bool_)
    rows, columns = classes.shape
    numbers = np.ascontiguousarray(classes, dtype=np.int32)  # Half as much to go through as int64.
    for down in range(reach + 1):
        for right in range(-reach, reach + 1):
            if (down, right) <= (0, 0) or down >= rows or abs(right) >= columns:
                continue
            left, width = max(0, -right), columns - abs(right)
            here = numbers[: rows - down, left : left + width]
            there = numbers[down:, left + right : left + right + width]
            different = here != there
            touching[here[different], there[different]] = True
    return touching | touching.T


def colour_classes(
    adjacency: NDArray[np.bool_],
    weights: NDArray[np.integer] | NDArray[np.floating],
    palette_size: int,
    previous: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Give each class a colour, 0…palette_size−1, such that neighbours differ wherever so many colours allow it.

    The biggest classes choose first, and all colours are used about equally, so that the biggest have one each.

    Args:
        adjacency: boolean [C, C], which classes touch (`neighbours`).
        weights: [C], ≥ 0, how big the classes are (their areas, or their numbers of samples).
        palette_size: how many colours there are, at least 1.
        previous: int64 [C], colours that stay where they still fit; `NO_COLOUR` (or one that the palette lacks) for
            classes without.

    Returns:
        int64 [C]. Where the colours found do not suffice, few neighbours share one: `conflicts` says which.
    """
    touching = (adjacency | adjacency.T) & ~np.eye(len(adjacency), dtype=np.bool_)
    size = np.asarray(weights, dtype=np.float64)
    none = np.full(len(touching), NO_COLOUR, dtype=np.int64)
    kept = none if previous is None else _still_fitting(touching, size, palette_size, previous)
    found = none
    fewest = np.inf
    # The biggest first gives each of them a colour of its own; DSATUR does with fewer colours.
    for start, by_size in ((kept, True), (kept, False), (none, False)):
        colours = _mended(touching, palette_size, _greedy(touching, size, palette_size, start, by_size=by_size))
        count = int(conflicts(touching, colours).sum())
        if count < fewest:
            found, fewest = colours, count
        if not count:
            break
    return found


def conflicts(adjacency: NDArray[np.bool_], colours: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which neighbours share a colour, so that a border has to part them: boolean [C, C]."""
    shared: NDArray[np.bool_] = adjacency & (colours[:, None] == colours) & ~np.eye(len(colours), dtype=np.bool_)
    return shared


def ink(colour: str) -> str:
    """Black or white, whichever reads better on the colour (relative luminance as in WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    # Contrasts (1 + 0.05) / (luminance + 0.05) and (luminance + 0.05) / 0.05 are equal at this luminance.
    return "#000000" if luminance > 0.179 else "#ffffff"


def _still_fitting(
    touching: NDArray[np.bool_], size: NDArray[np.float64], palette_size: int, previous: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The previous colours without those of the smaller of two neighbours that share one."""
    kept = np.full(len(touching), NO_COLOUR, dtype=np.int64)
    for one in np.argsort(-size, kind="stable").tolist():
        colour = previous[one]
        if 0 <= colour < palette_size and not (touching[one] & (kept == colour)).any():
            kept[one] = colour
    return kept


def _greedy(
    touching: NDArray[np.bool_],
    size: NDArray[np.float64],
    palette_size: int,
    start: NDArray[np.int64],
    *,
    by_size: bool,
) -> NDArray[np.int64]:
    """One class after another takes, of the colours that fewest of its neighbours have, the one that covers least.

    Args:
        touching, size, palette_size: as in `colour_classes`.
        start: int64 [C], colours that stand, or `NO_COLOUR`.
        by_size: the biggest is always next; else (DSATUR) the one whose neighbours have the most colours, and of
            equals the one with most neighbours.
    """
    colours = start.copy()
    # How many neighbours of each class have each colour, and how much each colour covers.
    around = np.zeros((len(colours), palette_size), dtype=np.int64)
    covered = np.zeros(palette_size)
    for one in np.flatnonzero(colours >= 0).tolist():
        around[:, colours[one]] += touching[one]
        covered[colours[one]] += size[one]
    degree = touching.sum(axis=1)
    for _ in range(int((colours < 0).sum())):
        waiting = np.flatnonzero(colours < 0)
        saturation = (around[waiting] > 0).sum(axis=1)
        keys = (-size[waiting],) if by_size else (-size[waiting], -degree[waiting], -saturation)
        one = int(waiting[np.lexsort(keys)[0]])
        fewest = np.flatnonzero(around[one] == around[one].min())
        colour = int(fewest[covered[fewest].argmin()])
        colours[one] = colour
        around[:, colour] += touching[one]
        covered[colour] += size[one]
    return colours


def _mended(touching: NDArray[np.bool_], palette_size: int, colours: NDArray[np.int64]) -> NDArray[np.int64]:
    """The colours after exchanging two of them within a connected part of the map (a Kempe chain) where that helps."""
    count = int(conflicts(touching, colours).sum())
    tries = 0
    improved = True
    while count and improved:
        improved = False
        for one in np.flatnonzero(conflicts(touching, colours).any(axis=1)).tolist():
            for other in range(palette_size):
                tried = _exchanged(touching, colours, one, other)
                left = int(conflicts(touching, tried).sum())
                if left < count:
                    colours, count, improved = tried, left, True
                tries += 1
                if not count or tries == _MOST_EXCHANGES:
                    return colours
    return colours


def _exchanged(touching: NDArray[np.bool_], colours: NDArray[np.int64], one: int, other: int) -> NDArray[np.int64]:
    """The colours with class `one` in colour `other`, and what that reaches by neighbours of the two colours swapped.

    Neighbours that share the colour of `one` now are where the conflict is: they keep theirs.
    """
    own = colours[one]
    chain = np.zeros(len(colours), dtype=np.bool_)
    chain[one] = True
    wanted = other
    edge = chain
    while True:
        edge = touching[edge].any(axis=0) & (colours == wanted) & ~chain
        if not edge.any():
            break
        chain |= edge
        wanted = own if wanted == other else other
    swapped = colours.copy()
    swapped[chain & (colours == own)] = other
    swapped[chain & (colours == other)] = own
    return swapped
