from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from iml_tui.experiments.charts import Cells, HeatMap
from iml_tui.experiments.results import EpochMetrics
from iml_tui.runs.figure_heat_map import draw_heat_map
from iml_tui.runs.figures import write_figures
from tests.runs.colour_vision import distances, lab
from tests.runs.test_figures import SVG, results, texts


def areas(values: list[list[float]], epochs: int | None = None) -> dict[str, list[tuple[float, float, float, float]]]:
    """Rectangles (left, top, right, bottom) of cells by their fill, without those of the colour bar."""
    cells = Cells(np.array(values), epochs or len(values[0]))
    figure = ElementTree.fromstring(draw_heat_map("norms", cells).encode())
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for path in figure.findall(f"{SVG}path"):
        for part in re.findall(r"M([\d.]+) ([\d.]+)H([\d.]+)V([\d.]+)H", path.attrib["d"]):
            left, top, right, bottom = map(float, part)
            found.setdefault(path.attrib["fill"], []).append((left, top, right, bottom))
    return found


def test_more_is_lighter() -> None:
    found = areas([[1e-8], [1e-4], [1.0]])
    by_height = sorted((box[0][1], fill) for fill, box in found.items())
    lightness = lab([fill for _, fill in by_height], "normal")[:, 0]
    assert len(by_height) == 3
    assert (np.diff(lightness) > 20).all()  # Layer 0, which has least, is at the top.


def test_healthy_layers_look_alike() -> None:
    fills = list(areas([[0.1], [0.3], [0.5]]))
    assert len(fills) > 1
    assert distances(fills, fills).max() < 25


def test_nought_has_a_look_of_its_own_and_unknown_has_none() -> None:
    found = areas([[0.0, 1e-30], [np.nan, 1.0]])
    assert len(found["url(#zero)"]) == 1
    assert sum(map(len, found.values())) == 3


def test_planned_epochs_have_their_room() -> None:
    (half,) = areas([[1.0, 1.0]], epochs=4).values()
    (whole,) = areas([[1.0, 1.0]], epochs=2).values()
    assert half[0][2] - half[0][0] == pytest.approx((whole[0][2] - whole[0][0]) / 2, abs=0.2)


@pytest.mark.parametrize(
    "values",
    [np.empty((0, 0)), np.full((3, 2), np.nan), np.zeros((101, 5)), np.full((2, 2), 1e-300), np.full((2, 2), np.inf)],
)
def test_any_values_can_be_drawn(values: np.ndarray) -> None:
    figure = ElementTree.fromstring(draw_heat_map("<&>", Cells(values, 5)).encode())
    assert "<&>" in texts(figure)
    assert ("no data yet" in texts(figure)) == (not np.isfinite(values).any())


def test_a_hundred_layers_over_a_hundred_epochs_stay_small() -> None:
    values = 10.0 ** np.random.default_rng(0).uniform(-60, 1, (101, 100))
    assert len(draw_heat_map("norms", Cells(values, 100))) < 600_000


def test_a_heat_map_is_written_beside_the_charts(tmp_path: Path) -> None:
    found = results([1.0, 0.5])
    found.trials[0].epochs = [EpochMetrics(1, {}, gradient_norms=[1e-9, 1e-3, 1.0])]
    (path,) = write_figures(tmp_path, [HeatMap("layers", "Norms")], found)
    assert path.name == "layers.svg"
    shown = texts(ElementTree.fromstring(path.read_bytes()))
    assert {"Norms", "epoch", "linear layer, from the input", "exactly 0", "0", "1", "2"} <= set(shown)
