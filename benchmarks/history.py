"""How long it takes to list the runs there are: python -m benchmarks.history

Run directories as the lab makes them, each with a `run.json` of 35 trials, listed as `iml-lab runs` does (cold: every
record is read) and as the screen does every 1.5 s (warm: only records that changed are). The files are in the page
cache. Medians of wall-clock and of processor time, which other processes disturb less.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

from iml_tui.experiments.registry import find
from iml_tui.experiments.results import DataSummary
from iml_tui.runs.directory import RunDirectory, create_run
from iml_tui.runs.history import History, list_runs

COUNTS = (10, 100, 1000)
SEEDS = tuple(range(1, 6))
BUDGET_SECONDS = 0.5


def make_runs(root: Path, count: int) -> None:
    """Make `count` runs of the experiment on depth and width with five seeds: 35 trials."""
    experiment = find("depth-width")
    hyperparameters = experiment.hyperparameters.model_validate({"seeds": SEEDS})
    splits = ("train", "validation", "test")
    data = DataSummary(
        name="European cities (GeoNames)",
        rows=dict.fromkeys(splits, 10_000),
        classes=33,
        sha256="0" * 64,
        frequency_loss=dict.fromkeys(splits, 2.7),
        majority_accuracy=dict.fromkeys(splits, 0.18),
    )
    first = create_run(root, experiment, hyperparameters, data, None, "auto")
    record = first.read_record().model_copy(update={"state": "done", "summary": "6 hidden layers of 32 are best: 0.91"})
    first.write_record(record)
    for number in range(1, count):
        run = RunDirectory(root / f"{first.id}-{number:04d}")
        run.path.mkdir(0o700)
        copy = record.model_copy(update={"id": run.id, "created": record.created + number})
        run.record_file.write_text(copy.model_dump_json(indent=2) + "\n")


def milliseconds(run: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor time of one call."""
    wall, processor = perf_counter(), process_time()
    run()
    return 1e3 * (perf_counter() - wall), 1e3 * (process_time() - processor)


def measure(root: Path, rounds: int) -> dict[str, tuple[float, float]]:
    """Median milliseconds of listing, wall-clock and processor, cold and warm."""
    history = History(root)
    history.entries()
    ways: dict[str, Callable[[], object]] = {"cold": lambda: list_runs(root), "warm": history.entries}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            times[name].append(milliseconds(run))
    return {
        name: (statistics.median(wall), statistics.median(processor))
        for name, (wall, processor) in ((name, zip(*pairs, strict=True)) for name, pairs in times.items())
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="listings of each kind (default: 9)")
    options = parser.parse_args()
    print("median milliseconds to list all runs\n")
    print(f"{'runs':>6}  {'':<5} {'wall ms':>9} {'CPU ms':>9}")
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            make_runs(root, count)
            medians = measure(root, options.rounds)
        for name, (wall, processor) in medians.items():
            print(f"{count:>6,}  {name:<5} {wall:>9.1f} {processor:>9.1f}")
    kept = "kept" if medians["cold"][0] <= 1e3 * BUDGET_SECONDS else "exceeded"
    print(f"\nbudget of {BUDGET_SECONDS} s for {COUNTS[-1]:,} runs, cold: {kept}")


if __name__ == "__main__":
    main()
