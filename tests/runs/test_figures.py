from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from iml_tui.experiments.charts import Chart, Curve
from iml_tui.experiments.registry import EXPERIMENTS
from iml_tui.experiments.results import EpochMetrics, Results, TrialResult
from iml_tui.experiments.trials import MLPTrial
from iml_tui.runs.figure_axes import ticks, x_axis, y_axis
from iml_tui.runs.figure_curves import COLUMNS, reduce
from iml_tui.runs.figures import write_figures
from iml_tui.runs.reading import RunReader
from tests.recorded import DATA, recorded_run

LOSS = Chart("loss", "Loss", ("validation_loss",), y_label="loss (nats)")
BATCHES = Chart("batches", "Loss per batch", ("batch_loss",), x="batch", y_label="loss (nats)")
SVG = "{http://www.w3.org/2000/svg}"


def results(*values: Sequence[float] | NDArray[np.floating], labels: Sequence[str] = ()) -> Results:
    """One trial for each row of values, which are its validation losses and its batch losses."""
    trials = []
    for i, row in enumerate(values):
        trial = MLPTrial(
            name=f"trial {i}",
            label=labels[i] if labels else f"trial {i}",
            seed=1,
            hidden_layers=1,
            hidden_width=1,
            batch_norm=False,
            learning_rate=0.1,
            batch_size=1,
            epochs=max(1, len(row)),
        )
        epochs = [EpochMetrics(e, {"validation_loss": float(value)}) for e, value in enumerate(row, 1)]
        load = partial(np.asarray, row, np.float32)
        trials.append(TrialResult(i, trial, epochs=epochs, series={"batch_loss": load}))
    return Results("learning-rate", DATA, trials)


def draw(folder: Path, chart: Chart, drawn: Results) -> ElementTree.Element:
    (path,) = write_figures(folder / "figures", [chart], drawn)
    return ElementTree.fromstring(path.read_bytes())


def texts(figure: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in figure.iter(f"{SVG}text")]


def lines(figure: ElementTree.Element) -> list[str]:
    """Path data of the curves in the plot area, without bands."""
    group = figure.find(f"{SVG}g")
    return [] if group is None else [p.attrib["d"] for p in group if p.attrib["fill"] == "none"]


def heights(path: str) -> list[float]:
    return [float(pair.split()[1]) for pair in re.split("[ML]", path.rstrip("Z"))[1:]]


def curve(values: Sequence[float]) -> Curve:
    return Curve("", np.arange(1.0, len(values) + 1), np.asarray(values, dtype=np.float64))


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.slug)
def test_every_chart_of_every_experiment_is_drawn(root: Path, tmp_path: Path, experiment: object) -> None:
    assert hasattr(experiment, "slug")
    run = recorded_run(root, experiment.slug, "stopped")
    found = RunReader(run).results
    written = write_figures(tmp_path / "figures", experiment.charts, found)
    assert [path.name for path in written] == [f"{chart.id}.svg" for chart in experiment.charts]
    for chart, path in zip(experiment.charts, written, strict=True):
        shown = texts(ElementTree.fromstring(path.read_bytes()))
        assert {chart.title, chart.y_label} <= set(shown)


def test_equal_results_give_equal_bytes(root: Path, tmp_path: Path) -> None:
    found = RunReader(recorded_run(root, "batch-size")).results
    once, again = (write_figures(tmp_path / name, [LOSS, BATCHES], found) for name in "ab")
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]


def test_curves_differ_in_more_than_colour(tmp_path: Path) -> None:
    figure = draw(tmp_path, LOSS, results(*[[1.0 + i, 0.5 + i] for i in range(5)]))
    group = figure.find(f"{SVG}g")
    assert group is not None
    assert len({path.attrib.get("stroke-dasharray", "") for path in group}) == 5
    assert len({path.attrib["stroke"] for path in group}) == 5


def test_a_single_point_is_a_mark(tmp_path: Path) -> None:
    figure = draw(tmp_path, LOSS, results([0.764]))
    assert lines(figure) == []
    # One in the legend, one in the plot.
    assert len(figure.findall(f"{SVG}circle")) == 2


def test_gaps_are_left_open_and_lone_points_marked(tmp_path: Path) -> None:
    row = [1.0] * 40
    row[10], row[12], row[30] = math.nan, math.inf, math.nan
    figure = draw(tmp_path, LOSS, results(row))
    assert lines(figure)[0].count("M") == 3
    alone = draw(tmp_path, LOSS, results([*row[:12], 1.0, *row[13:]]))
    assert len(figure.findall(f"{SVG}circle")) == len(alone.findall(f"{SVG}circle")) + 1


@pytest.mark.parametrize(
    ("rows", "remark"), [([[], []], "no data"), ([[math.nan], [math.inf, -math.inf]], "not finite")]
)
@pytest.mark.parametrize("chart", [LOSS, BATCHES, Chart("log", "Log", ("validation_loss",), log_x=True, log_y=True)])
def test_nothing_to_draw_is_said(tmp_path: Path, chart: Chart, rows: list[list[float]], remark: str) -> None:
    shown = texts(draw(tmp_path, chart, results(*rows)))
    assert f"trial 0 ({remark})" in shown
    assert "no data yet" in shown or "nothing finite to draw" in shown


@pytest.mark.parametrize("log", [False, True])
def test_a_diverging_curve_squashes_no_other(tmp_path: Path, log: bool) -> None:
    good = 0.3 + 2 / np.arange(1, 51)
    bad = np.where(np.arange(50) < 10, good, 1e6)
    figure = draw(tmp_path, Chart("c", "C", ("validation_loss",), log_y=log), results(good, bad, bad))
    found = heights(lines(figure)[0])
    assert max(found) - min(found) > 200  # Of 320 pixels.
    assert "goes on beyond the axis" in texts(figure)
    assert all(abs(height) < 10_000 for path in lines(figure) for height in heights(path))


def test_nothing_is_cut_off_without_need() -> None:
    axis = y_axis([[curve([3.4, 1.0, *[0.25] * 98])], [curve([3.5] * 9)]], log=False, quantity="loss")
    assert axis.low == 0
    assert axis.high > 3.5


@pytest.mark.parametrize("values", [[0.0], [5.0, 5.0], [-3.0, 2.0], [1e-300, 2e-300], [1e30, 1e300], [-1e200, -1e100]])
@pytest.mark.parametrize("log", [False, True])
def test_axes_take_any_values(values: list[float], log: bool) -> None:
    axis = y_axis([[curve(values)]], log=log)
    assert math.isfinite(axis.low)
    assert axis.low < axis.high
    assert 2 <= len(ticks(axis, 6)) <= 60


def test_vanishing_and_exploding_gradients_are_both_shown() -> None:
    axis = y_axis([[curve([1e-30, 1e-29])], [curve([1e-20, 1e-25])], [curve([100.0, 1e9])]], log=True)
    assert axis.low < -30
    assert axis.high > 9


def test_accuracies_stay_within_their_range() -> None:
    axis = y_axis([[curve([0.0, 1.0])]], log=False, quantity="accuracy")
    assert (axis.low, axis.high) == (0.0, 1.0)


def test_charts_of_a_panel_share_their_y_axis(tmp_path: Path) -> None:
    sides = [Chart(name, name, ("validation_loss",), trials=(i,), panel="p") for i, name in enumerate("ab")]
    paths = write_figures(tmp_path, sides, results([1.0, 0.5], [4.0, 3.0]))
    left, right = (ElementTree.fromstring(path.read_bytes()) for path in paths)
    assert [t for t in texts(left) if t[:1].isdigit()] == [t for t in texts(right) if t[:1].isdigit()]
    assert min(heights(lines(left)[0])) > max(heights(lines(right)[0]))


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [(0.04, 2300.0, ["0.1", "1", "10", "100", "1,000"]), (0.3, 3.0, ["0.5", "1", "2"]), (1e-7, 1.0, ["10−7", "100"])],
)
def test_logarithmic_ticks_are_decades(low: float, high: float, labels: list[str]) -> None:
    found = [tick.label + tick.exponent for tick in ticks(y_axis([[curve([low, high])]], log=True), 6)]
    assert set(labels) <= set(found)


def test_epochs_are_whole_and_count_from_one() -> None:
    for count in (1, 2, 3, 10, 50, 100, 100_000):
        found = [tick.label for tick in ticks(x_axis([curve([1.0] * count)], log=False), 8, whole=True)]
        assert found[0] == "1"
        assert all(re.fullmatch("[0-9,]+", label) for label in found)
        assert len(set(found)) == len(found) <= 10


def test_long_series_become_a_band_with_a_mean(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).gamma(2, 0.5, 106_897)
    noise[50_000:60_000] = math.nan
    figure = draw(tmp_path, BATCHES, results(noise))
    group = figure.find(f"{SVG}g")
    assert group is not None
    bands = [path for path in group if path.attrib["fill"] != "none"]
    assert len(bands) == 2  # The gap is between them.
    assert sum(len(heights(path.attrib["d"])) for path in bands) <= 2 * COLUMNS
    assert {"line: running mean", "band: lowest to highest"} <= set(texts(figure))
    assert (tmp_path / "figures" / "batches.svg").stat().st_size < 150_000


def test_columns_hold_extremes_and_means() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=50_000)
    values[7] = 1e30  # Must not spoil the means of what comes after it.
    values[100:110] = math.nan
    across = np.linspace(0, 1, len(values))
    columns = reduce(across, values, values)
    assert len(columns.across) == COLUMNS
    assert columns.high[0] == 1e30
    assert columns.low.min() == np.nanmin(values)
    middle = COLUMNS // 2
    window = np.abs(across - columns.across[middle]) <= 0.02
    assert columns.mean[middle] == pytest.approx(values[window].mean())
    assert np.abs(columns.mean[100:]).max() < 0.2


def test_infinities_and_gaps_do_not_reach_the_means() -> None:
    values = np.array([1.0, math.nan, 3.0, math.inf, math.nan])
    columns = reduce(np.linspace(0, 1, 5), np.where(np.isfinite(values), values, math.nan), values)
    np.testing.assert_array_equal(columns.mean, [1, math.nan, 3, math.nan, math.nan])


def test_hostile_text_is_text(tmp_path: Path) -> None:
    hostile = '</title><script>alert("1")</script> & \x00\x1b[31m \ud800 ]]> \uffff'
    chart = Chart("hostile", hostile, ("validation_loss",), y_label=hostile)
    figure = draw(tmp_path, chart, results([1.0, 0.5], [0.5, 1.0], labels=[hostile, "漢" * 200]))
    assert {element.tag for element in figure.iter()} <= {
        f"{SVG}{name}" for name in ("svg", "title", "rect", "defs", "clipPath", "path", "g", "circle", "text", "tspan")
    }
    assert any(text.startswith('</title><script>alert("1")</script> &') for text in texts(figure))
    assert max(len(text) for text in texts(figure)) < 100


def test_the_legend_grows_the_figure(tmp_path: Path) -> None:
    many = draw(tmp_path, LOSS, results(*[[1.0, 0.5]] * 40))
    assert float(many.attrib["height"]) > 40 * 20
    assert sum(text.startswith("trial ") for text in texts(many)) == 40
