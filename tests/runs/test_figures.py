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

from iml_tui.experiments.base import Experiment
from iml_tui.experiments.charts import X_LABELS, Chart, ChartX, Curve
from iml_tui.experiments.registry import EXPERIMENTS
from iml_tui.experiments.results import EpochMetrics, Results, TrialResult
from iml_tui.experiments.trials import MLPTrial
from iml_tui.runs.figure_axes import ticks, value_ticks, x_axis, y_axis
from iml_tui.runs.figure_curves import COLUMNS, reduce
from iml_tui.runs.figures import draw_figure, write_figures
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
    assert isinstance(experiment, Experiment)
    run = recorded_run(root, experiment.slug, "stopped")
    found = RunReader(run).results
    charts = experiment.charts_for(found)
    written = write_figures(tmp_path / "figures", charts, found)
    assert [path.name for path in written] == [f"{chart.id}.svg" for chart in charts]
    for chart, path in zip(charts, written, strict=True):
        shown = set(texts(ElementTree.fromstring(path.read_bytes())))
        assert chart.title in shown
        assert (chart.y_label if isinstance(chart, Chart) else "squared L2 norm") in shown


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
        found = [tick.label for tick in ticks(x_axis([curve([1.0] * count)], log=False), 8, first=1)]
        assert found[0] == "1"
        assert all(re.fullmatch("[0-9,]+", label) for label in found)
        assert len(set(found)) == len(found) <= 10


def drawn_curves(chart: Chart, *drawn: Curve) -> ElementTree.Element:
    return ElementTree.fromstring(draw_figure(chart, drawn, y_axis([drawn], log=chart.log_y)).encode())


def points(label: str, x: Sequence[float], y: Sequence[float], spread: float | None = None) -> Curve:
    around = np.asarray(y, dtype=np.float64)
    band = (None, None) if spread is None else (around - spread, around + spread)
    return Curve(label, np.asarray(x, dtype=np.float64), around, *band)


@pytest.mark.parametrize("x", X_LABELS)
@pytest.mark.parametrize("log", [False, True])
def test_every_kind_of_x_axis_has_its_title(x: ChartX, log: bool) -> None:
    chart = Chart("c", "C", ("validation_accuracy",), x=x, log_x=log)
    shown = texts(drawn_curves(chart, points("a", [1, 2, 6, 10], [0.7, 0.8, 0.9, 0.95])))
    assert X_LABELS[x] in shown
    assert "10" in shown


def test_few_models_have_ticks_at_their_sizes() -> None:
    drawn = [points("a", [1, 2, 6, 10], [0.7, 0.8, 0.9, 0.95])]
    axis = x_axis(drawn, log=False)
    found = value_ticks(axis, drawn[0].x)
    assert found is not None
    assert [tick.label for tick in found] == ["1", "2", "6", "10"]
    assert value_ticks(axis, np.arange(50.0)) is None
    assert value_ticks(axis, np.array([1, 1.01, 10])) is None  # Their labels would lie on one another.
    assert value_ticks(axis, np.array([])) is None


def test_layers_count_from_nought() -> None:
    found = [tick.label for tick in ticks(x_axis([points("a", range(101), range(101))], log=False), 8, first=0)]
    assert found == ["0", "20", "40", "60", "80", "100"]


def test_a_lone_model_has_room_around_it() -> None:
    for value in (0.0, 1.0, 66_000.0, 3.2):
        axis = x_axis([points("a", [value], [0.9])], log=False)
        assert axis.low < value < axis.high


def test_single_models_are_labelled_at_their_points() -> None:
    chart = Chart("c", "C", ("validation_accuracy",), x="parameters", log_x=True)
    names = ["small", "large", "neighbours"]
    drawn = [points(*p) for p in zip(names, [[600], [66_000], [math.nan]], [[0.7], [0.98], [0.99]], strict=True)]
    shown = texts(drawn_curves(chart, *drawn))
    assert [shown.count(name) for name in names] == [2, 2, 0]
    assert "neighbours (nowhere on the x axis)" in shown


def test_labels_of_points_never_overlap() -> None:
    chart = Chart("c", "C", ("validation_accuracy",), x="seconds")
    crowd = [points(f"model {i}", [1 + 1e-3 * i], [0.5]) for i in range(12)] + [points("far", [50], [0.6])]
    figure = drawn_curves(chart, *crowd)
    box = [element for element in figure.iter(f"{SVG}text") if element.attrib.get("font-size") == "11"]
    found = [(float(t.attrib["x"]), float(t.attrib["y"])) for t in box if (t.text or "").startswith(("model", "far"))]
    assert 1 < len(found) < 13
    for i, (x, y) in enumerate(found):
        assert all(abs(x - ox) > 35 or abs(y - oy) >= 11 for ox, oy in found[:i])


def test_seeds_are_a_band_around_the_mean(tmp_path: Path) -> None:
    figure = drawn_curves(LOSS, points("a", range(1, 21), [1.0] * 20, spread=0.25))
    group = figure.find(f"{SVG}g")
    assert group is not None
    (band,) = (path for path in group if path.attrib.get("fill-opacity"))
    (line,) = lines(figure)
    found = heights(band.attrib["d"])
    assert len(found) == 40
    middle = heights(line)[0]
    assert max(found) - middle == pytest.approx(middle - min(found), abs=0.2)
    assert "band: ± 1 standard deviation over seeds" in texts(figure)
    assert "band: ± 1 standard deviation over seeds" not in texts(drawn_curves(LOSS, points("a", [1, 2], [1, 2])))


def test_a_lone_mean_has_a_bar() -> None:
    figure = drawn_curves(LOSS, points("a", [1], [1.0], spread=0.25))
    group = figure.find(f"{SVG}g")
    assert group is not None
    assert [path.attrib.get("stroke-width") for path in group] == ["5"]


def test_a_band_that_reaches_nought_goes_down_to_the_edge() -> None:
    chart = Chart("c", "C", ("gradient_norm.0",), log_y=True)
    figure = drawn_curves(chart, points("a", [1, 2, 3], [1.0, 0.1, 0.01], spread=0.05))
    group = figure.find(f"{SVG}g")
    assert group is not None
    (band,) = (path for path in group if path.attrib.get("fill-opacity"))
    assert max(heights(band.attrib["d"])) > 360


def test_a_band_is_within_the_axis_but_accuracies_end_at_one() -> None:
    wide = y_axis([[points("a", [1, 2], [1.0, 2.0], spread=0.5)]], log=False)
    assert wide.low < 0.5
    assert wide.high > 2.5
    accuracy = y_axis([[points("a", [1, 2], [0.9, 0.99], spread=0.05)]], log=False, quantity="accuracy")
    assert accuracy.high == 1


def test_zeros_on_a_logarithmic_axis_are_below_the_scale() -> None:
    chart = Chart("c", "C", ("gradient_norm",), x="layer", log_y=True)
    figure = drawn_curves(chart, points("plain", range(6), [0.0, 0.0, 1e-60, 1e-40, 1e-20, 1.0]))
    assert "exactly 0, below the scale" in texts(figure)
    assert "goes on beyond the axis" not in texts(figure)
    nothing = drawn_curves(chart, points("plain", range(6), [0.0] * 6))
    assert "exactly 0, below the scale" in texts(nothing)
    linear = drawn_curves(Chart("c", "C", ("gradient_norm",), x="layer"), points("plain", range(2), [0.0, 1.0]))
    assert "exactly 0, below the scale" not in texts(linear)


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
