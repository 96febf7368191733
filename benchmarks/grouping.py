"""How to group the networks of the depth and width experiment: python -m benchmarks.grouping

The seven networks (hidden layers x width: 1x16, 2x16, 6x16, 10x16, 6x8, 6x32, 6x64; batch norm, batches of 256) train
for a part of an epoch, all of them in each way of grouping, in turns within every round. A speed-up is the median over
the rounds of the ratio of the times within a round.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

import torch

from benchmarks.training import Contestant, first_rows, time_interleaved
from iml_tui.experiments.trials import MLPTrial
from iml_tui.training.data import DeviceData
from iml_tui.training.devices import set_threads
from iml_tui.training.ensemble import EnsembleTrainer

ROWS = 10_240
Shape = tuple[int, int]
ALONE: list[list[Shape]] = [[(1, 16)], [(2, 16)], [(6, 16)], [(10, 16)], [(6, 8)], [(6, 32)], [(6, 64)]]
BY_DEPTH: list[Shape] = [(10, 16), (6, 16), (2, 16), (1, 16)]
WAYS: dict[str, list[list[Shape]]] = {
    "each network alone": ALONE,
    "those of width 16 together, the others alone": [BY_DEPTH, [(6, 8)], [(6, 32)], [(6, 64)]],
    "those of width 16, and 6x8 with 6x32": [BY_DEPTH, [(6, 8), (6, 32)], [(6, 64)]],
    "those of width 16, and the other three": [BY_DEPTH, [(6, 8), (6, 32), (6, 64)]],
    "6x8 with those of width 16": [[(10, 16), (6, 16), (6, 8), (2, 16), (1, 16)], [(6, 32)], [(6, 64)]],
    "all but 6x64": [[(10, 16), (6, 16), (6, 8), (6, 32), (2, 16), (1, 16)], [(6, 64)]],
    "all seven": [[(10, 16), (6, 16), (6, 8), (6, 32), (6, 64), (2, 16), (1, 16)]],
}


def trial(shape: Shape, seed: int) -> MLPTrial:
    """A network of the depth and width experiment."""
    depth, width = shape
    name = f"{depth}x{width}, seed {seed}"
    return MLPTrial(
        name=name,
        label=name,
        seed=seed,
        hidden_layers=depth,
        hidden_width=width,
        batch_norm=True,
        learning_rate=0.001,
        batch_size=256,
        epochs=1,
    )


class Way:
    """Trains all networks in groups, one group after the other."""

    def __init__(self, groups: Sequence[Sequence[Shape]], seeds: int, data: DeviceData) -> None:
        self.trainers = [
            EnsembleTrainer([trial(shape, seed) for shape in group for seed in range(seeds)], data, torch.device("cpu"))
            for group in groups
        ]

    def train_epoch(self) -> None:
        """One epoch of every network."""
        for trainer in self.trainers:
            trainer.train_epoch(lambda *_: True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds, one more being a warm-up (default: 5)")
    parser.add_argument("--seeds", type=int, default=1, help="networks of each shape (default: 1)")
    parser.add_argument("--cpu-time", action="store_true", help="count CPU time: for a machine that is busy otherwise")
    options = parser.parse_args()
    set_threads(1)
    data = first_rows(ROWS)
    contestants = [Contestant(name, 1, Way(groups, options.seeds, data).train_epoch) for name, groups in WAYS.items()]
    clock = time.process_time if options.cpu_time else time.perf_counter
    seconds = time_interleaved(contestants, options.rounds, clock)
    print("| groups | ms per batch, all networks | speed-up |\n|---|---|---|")
    for index, contestant in enumerate(contestants):
        batch = 1e3 * statistics.median(times[index] for times in seconds) / (ROWS / 256)
        ratios = [times[0] / times[index] for times in seconds]
        speed_up = f"{statistics.median(ratios):.2f}x ({min(ratios):.2f}–{max(ratios):.2f})"
        print(f"| {contestant.name} | {batch:.1f} | {speed_up} |")


if __name__ == "__main__":
    main()
