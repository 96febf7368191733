"""How long one repaint of a chart takes: python -m benchmarks.charts

Four noisy series of 106,897 points (one a batch of size 1 over one epoch of the course's data), drawn by plotext from
the raw points, by plotext from points decimated to the lowest and highest of each column, and by the lab. All run
interleaved in one process; medians of wall-clock and of processor time, which other processes disturb less. The lab
is timed with its frame kept, as while a run is live, and with a new one.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from time import perf_counter, process_time

import numpy as np
import plotext

from iml_tui.experiments.charts import Curve
from iml_tui.ui.plotting import render
from iml_tui.ui.plotting.decimate import decimate, extremes
from iml_tui.ui.plotting.figure import frame

POINTS, SERIES = 106_897, 4
SIZES = ((120, 40), (200, 60))
BUDGET_MS = 15.0


def noisy_curves() -> list[Curve]:
    """Losses that fall and level off, with noise in proportion (gamma distributed)."""
    rng = np.random.default_rng(42)
    x = np.arange(1, POINTS + 1, dtype=np.float64)
    mean = 0.3 + 3 * np.exp(-x / 8_000)
    return [
        Curve(f"series {i}", x, (mean * rng.gamma(2 + 4 * i, 1 / (2 + 4 * i), POINTS)).astype(np.float32))
        for i in range(SERIES)
    ]


def decimated(curve: Curve, width: int) -> Curve:
    """The curve as a polyline through the extremes of each column of dots."""
    x, y = extremes(decimate(curve.x, curve.y, np.linspace(1, POINTS + 1, 2 * width + 1)))
    return Curve(curve.label, x, y)


def stock(curves: list[Curve], width: int, height: int) -> str:
    """The chart as plotext draws it by itself."""
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plot_size(width, height)
    plotext.title("training loss per batch")
    for curve in curves:
        plotext.plot(curve.x.tolist(), curve.y.tolist(), marker="braille", label=curve.label)
    return str(plotext.build())


def milliseconds(run: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor time of one call."""
    wall, processor = perf_counter(), process_time()
    run()
    return 1e3 * (perf_counter() - wall), 1e3 * (process_time() - processor)


def measure(width: int, height: int, rounds: int, slow_rounds: int) -> dict[str, tuple[float, float]]:
    """Median milliseconds a repaint, wall-clock and processor, for each way of drawing."""
    curves = noisy_curves()

    def lab() -> None:
        render(curves, width, height, title="training loss per batch", x_label="batch", y_label="nats")

    def lab_without_frame() -> None:
        frame.cache_clear()
        lab()

    ways: dict[str, tuple[Callable[[], object], int]] = {
        "plotext, raw points": (lambda: stock(curves, width, height), slow_rounds),
        "plotext, decimated": (
            lambda: stock([decimated(c, width) for c in curves], width, height),
            min(rounds, 9),
        ),
        "lab, new frame": (lab_without_frame, rounds),
        "lab": (lab, rounds),
    }
    lab()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for i in range(rounds):
        for name, (run, wanted) in ways.items():
            if i < wanted:
                times[name].append(milliseconds(run))
    return {
        name: (statistics.median(wall), statistics.median(processor))
        for name, (wall, processor) in ((name, zip(*pairs, strict=True)) for name, pairs in times.items())
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=41, help="repaints of the lab's chart (default: 41)")
    parser.add_argument("--slow-rounds", type=int, default=1, help="repaints from raw points (default: 1)")
    options = parser.parse_args()
    print(f"{SERIES} series of {POINTS:,} points; median milliseconds a repaint\n")
    print(f"{'size':>8}  {'drawn by':<20} {'wall ms':>9} {'CPU ms':>9} {'times the lab':>14}")
    for width, height in SIZES:
        medians = measure(width, height, options.rounds, options.slow_rounds)
        for name, (wall, processor) in medians.items():
            ratio = processor / medians["lab"][1]
            print(f"{width:>4}x{height:<3}  {name:<20} {wall:>9.1f} {processor:>9.1f} {ratio:>14.1f}")
        if (width, height) == SIZES[0]:
            kept = ("kept" if value <= BUDGET_MS else "exceeded" for value in medians["lab"])
            print("{:10}budget of {:.0f} ms: wall-clock {}, processor {}".format("", BUDGET_MS, *kept))


if __name__ == "__main__":
    main()
