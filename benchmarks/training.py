"""Speed of training on the CPU, per model, against the DataLoader loop.

All contestants train the default network (6 hidden layers of 16, ReLU, Adam, cross-entropy) for one epoch on the same
rows of the training split, in turns within every round, so that whatever else the machine does hits them alike. A
speed-up is the median over the rounds of the ratio within a round. Training alone is timed, with the loss of every
batch and the accuracy of the epoch, which both sides measure; evaluation is not.
"""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.dataloader_loop import DataLoaderLoop
from iml_tui.data.loading import load
from iml_tui.experiments.trials import MLPTrial
from iml_tui.training.data import DeviceData
from iml_tui.training.devices import cpu_name, set_threads
from iml_tui.training.ensemble import EnsembleTrainer

ROWS = {16: 6_400, 256: 40_960}
"""Training rows per batch size: enough batches to time (400 and 160), few enough to wait for."""

SWEEP = (1.0, 0.01, 0.001, 0.00001)
"""The learning rates of the learning-rate experiment: the ensemble of four."""

TARGET = 5.5
"""Required speed-up per model of the ensemble of four."""


@dataclass(frozen=True)
class Contestant:
    """Something that trains `models` networks for one epoch when called."""

    name: str
    models: int
    train_epoch: Callable[[], object]
    target: float | None = None


def run(rounds: int, threads: int, cpu_time: bool) -> None:
    """Measure and print; `cpu_time` counts the seconds of the processor instead of those of the wall clock."""
    set_threads(threads)
    print(f"Machine: {cpu_name()}; {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}")
    print(f"Versions: Python {platform.python_version()}, torch {torch.__version__}")
    clock = "CPU time" if cpu_time else "Wall-clock time"
    print(f"{clock}; medians of {rounds} interleaved rounds, in brackets the lowest and the highest round.\n")
    print("| batch | trained | µs per batch and model | speed-up per model | target |")
    print("|---|---|---|---|---|")
    for batch_size, rows in ROWS.items():
        contestants = make_contestants(batch_size, first_rows(rows))
        seconds = time_interleaved(contestants, rounds, time.process_time if cpu_time else time.perf_counter)
        for row in report(contestants, seconds, batch_size, batches=-(-rows // batch_size)):
            print(row)


def first_rows(rows: int) -> DeviceData:
    """The embedded cities on the CPU, the training split cut to its first `rows` rows (it is in random order)."""
    with tempfile.TemporaryDirectory() as cache:
        dataset = load(None, Path(cache))
    return DeviceData.from_arrays(
        train=(dataset.train.coordinates[:rows], dataset.train.labels[:rows]),
        validation=(dataset.validation.coordinates, dataset.validation.labels),
        test=(dataset.test.coordinates, dataset.test.labels),
        device=torch.device("cpu"),
        classes=dataset.classes,
    )


def make_contestants(batch_size: int, data: DeviceData) -> list[Contestant]:
    """The DataLoader loop first, then what is compared with it."""
    loop = DataLoaderLoop(data.train.coordinates, data.train.labels, data.classes, batch_size, learning_rate=0.001)
    single = EnsembleTrainer([trial(0.001, batch_size)], data, torch.device("cpu"))
    sweep = EnsembleTrainer([trial(rate, batch_size) for rate in SWEEP], data, torch.device("cpu"))
    return [
        Contestant("DataLoader loop, one model", 1, loop.train_epoch),
        Contestant("resident data, one model", 1, lambda: single.train_epoch(lambda *_: True)),
        Contestant("ensemble of four", len(SWEEP), lambda: sweep.train_epoch(lambda *_: True), TARGET),
    ]


def trial(learning_rate: float, batch_size: int) -> MLPTrial:
    """The default network of the experiments."""
    return MLPTrial(
        name=f"learning rate {learning_rate}",
        label=f"lr {learning_rate}",
        seed=42,
        hidden_layers=6,
        hidden_width=16,
        batch_norm=False,
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=1,
    )


def time_interleaved(contestants: list[Contestant], rounds: int, clock: Callable[[], float]) -> list[list[float]]:
    """Seconds per model, [round][contestant]; a first round warms up and is dropped."""
    seconds: list[list[float]] = []
    for _ in range(rounds + 1):
        times = []
        for contestant in contestants:
            began = clock()
            contestant.train_epoch()
            times.append((clock() - began) / contestant.models)
        seconds.append(times)
    return seconds[1:]


def report(contestants: list[Contestant], seconds: list[list[float]], batch_size: int, batches: int) -> list[str]:
    """Markdown rows, one per contestant."""
    rows = []
    for index, contestant in enumerate(contestants):
        microseconds = 1e6 * statistics.median(times[index] for times in seconds) / batches
        ratios = [times[0] / times[index] for times in seconds]
        speed_up = f"{statistics.median(ratios):.1f}x ({min(ratios):.1f}–{max(ratios):.1f})" if index else "1"
        target = f"{contestant.target}x" if contestant.target else ""
        rows.append(f"| {batch_size} | {contestant.name} | {microseconds:,.0f} | {speed_up} | {target} |")
    return rows
