"""What saving costs: python -m benchmarks.checkpoints

The default networks of the learning-rate experiment (four together, batches of 256) train for an epoch of the embedded
cities with and without a checkpoint behind it, in turns within every round.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.training import Contestant, first_rows, time_interleaved
from iml_tui.experiments.registry import find
from iml_tui.experiments.trials import MLPTrial
from iml_tui.runs.checkpoints import CheckpointStore
from iml_tui.training.checkpoints import Saved, pack
from iml_tui.training.devices import set_threads
from iml_tui.training.ensemble import EnsembleTrainer

ROWS = 76_607
"""All training samples of the embedded cities."""

LIMIT = 1.03
"""What an epoch with a checkpoint may take of one without."""


def make_trainer() -> EnsembleTrainer:
    """Four networks that differ in their learning rates."""
    experiment = find("learning-rate")
    trials = [trial for trial in experiment.trials(experiment.hyperparameters()) if isinstance(trial, MLPTrial)]
    return EnsembleTrainer(trials, first_rows(ROWS), torch.device("cpu"))


def save(trainer: EnsembleTrainer, store: CheckpointStore, *, between_epochs: bool) -> int:
    """Write a checkpoint as a worker does; returns its bytes."""
    content = pack(Saved(trainer.state(between_epochs=between_epochs), {}))
    store.write(content, range(trainer.members), 1, 0, trainer.steps_per_epoch, "epoch")
    return len(content)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="measured rounds, one more being a warm-up (default: 9)")
    parser.add_argument("--cpu-time", action="store_true", help="count CPU time: for a machine that is busy otherwise")
    options = parser.parse_args()
    set_threads(1)
    clock = time.process_time if options.cpu_time else time.perf_counter
    plain, saved = make_trainer(), make_trainer()
    with tempfile.TemporaryDirectory() as directory:
        store = CheckpointStore(Path(directory))

        def train_and_save() -> None:
            saved.train_epoch(lambda *_: True)
            save(saved, store, between_epochs=True)

        contestants = [
            Contestant("without", 1, lambda: plain.train_epoch(lambda *_: True)),
            Contestant("with", 1, train_and_save),
        ]
        seconds = time_interleaved(contestants, options.rounds, clock)
        print(f"{'checkpoint':<15} {'kB':>6} {'ms':>6}")
        for between_epochs, name in ((True, "between epochs"), (False, "in an epoch")):
            times = []
            for _ in range(20):
                began = clock()
                size = save(saved, store, between_epochs=between_epochs)
                times.append(clock() - began)
            print(f"{name:<15} {size / 1e3:>6.0f} {1e3 * statistics.median(times):>6.2f}")
    ratio = statistics.median(times[1] / times[0] for times in seconds)
    epoch = 1e3 * statistics.median(times[0] for times in seconds)
    print(f"\nan epoch takes {epoch:.0f} ms; with a checkpoint {ratio:.3f} times as long (limit {LIMIT})")


if __name__ == "__main__":
    main()
