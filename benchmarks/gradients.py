"""What recording the gradients of all layers costs: python -m benchmarks.gradients

The network of the gradients experiment (100 hidden layers of 4, batches of 256) trains for a part of an epoch with and
without recording, in turns within every round.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from benchmarks.training import Contestant, first_rows, time_interleaved
from iml_tui.experiments.trials import MLPTrial
from iml_tui.training.data import DeviceData
from iml_tui.training.devices import set_threads
from iml_tui.training.ensemble import EnsembleTrainer

ROWS, BATCH_SIZE = 15_360, 256
LIMIT = 1.15
"""What a step with recording may take of one without."""


def contestant(record: bool, data: DeviceData) -> Contestant:
    """The network with or without recording."""
    name = "with" if record else "without"
    trial = MLPTrial(
        name=name,
        label=name,
        seed=42,
        hidden_layers=100,
        hidden_width=4,
        batch_norm=False,
        learning_rate=0.001,
        batch_size=BATCH_SIZE,
        epochs=1,
        record_gradients=record,
    )
    trainer = EnsembleTrainer([trial], data, torch.device("cpu"))
    return Contestant(name, 1, lambda: trainer.train_epoch(lambda *_: True))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="measured rounds, one more being a warm-up (default: 9)")
    parser.add_argument("--cpu-time", action="store_true", help="count CPU time: for a machine that is busy otherwise")
    options = parser.parse_args()
    set_threads(1)
    data = first_rows(ROWS)
    clock = time.process_time if options.cpu_time else time.perf_counter
    seconds = time_interleaved([contestant(False, data), contestant(True, data)], options.rounds, clock)
    without, recorded = (1e3 * statistics.median(times) / (ROWS / BATCH_SIZE) for times in zip(*seconds, strict=True))
    ratios = [times[1] / times[0] for times in seconds]
    ratio = statistics.median(ratios)
    print(f"ms per batch: {without:.2f} without, {recorded:.2f} with recording")
    print(
        f"ratio: {ratio:.3f} ({min(ratios):.3f}–{max(ratios):.3f}); limit {LIMIT}: {'kept' if ratio <= LIMIT else 'no'}"
    )


if __name__ == "__main__":
    main()
