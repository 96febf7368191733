"""What it saves to compute a frozen network's features once: python -m benchmarks.faces

A ResNet18 on rendered faces of 64 pixels, batches of 32: an epoch of linear probing with the frozen network run at
every step, the same on features that were computed before, and an epoch of fine-tuning, in turns within every round.
"""

from __future__ import annotations

import argparse
import statistics
import time
from functools import partial

import torch

from benchmarks.training import Contestant, time_interleaved
from iml_tui.data.faces.dataset import load_faces
from iml_tui.experiments.face_difficulty import FACE_DIFFICULTY
from iml_tui.experiments.trials import Baseline, FaceTrial
from iml_tui.networks.resnet import FeatureNetwork, LogitNetwork, make_backbone, make_head
from iml_tui.runs.places import cache_root
from iml_tui.training.devices import all_cores, cpu_name, set_threads
from iml_tui.training.faces.features import FrozenFeatures
from iml_tui.training.faces.inputs import picture_inputs
from iml_tui.training.faces.network_trainer import NetworkTrainer

CPU = torch.device("cpu")
TARGET = 104
"""How many times faster an epoch on features was in the trial of this design."""


def trial(kind: Baseline) -> FaceTrial:
    """A trial with the defaults of the experiment."""
    return FaceTrial(name=kind, label=kind, seed=42, epochs=1, kind=kind, learning_rate=0.001, batch_size=32)


def backbone(frozen: bool) -> FeatureNetwork:
    """A ResNet18 with random weights: the time does not depend on them."""
    return FeatureNetwork(make_backbone(42), frozen=frozen)


def going_on(*_: object) -> bool:
    """Nobody stops it."""
    return True


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds, one more being a warm-up (default: 3)")
    options = parser.parse_args()
    set_threads(all_cores())
    data = load_faces(cache_root(), FACE_DIFFICULTY, 64, lambda *_: None)
    pictures = picture_inputs(data, CPU)
    began = time.perf_counter()
    features = FrozenFeatures(backbone(frozen=True), pictures, CPU, False, lambda *_: None).inputs()
    extraction = time.perf_counter() - began
    at_every_step = LogitNetwork(backbone(frozen=True), make_head(42))
    on_features = LogitNetwork(torch.nn.Identity(), make_head(42))
    tuned = LogitNetwork(backbone(frozen=False), make_head(42))
    trainers = {
        "frozen network at every step": NetworkTrainer(trial("linear-probing"), at_every_step, pictures, CPU),
        "on features": NetworkTrainer(trial("linear-probing"), on_features, features, CPU),
        "fine-tuning": NetworkTrainer(trial("fine-tuning"), tuned, pictures, CPU),
    }
    contestants = [Contestant(name, 1, partial(trainer.train_epoch, going_on)) for name, trainer in trainers.items()]
    seconds = time_interleaved(contestants, options.rounds, time.perf_counter)
    rows = len(data.train)
    print(f"{cpu_name()}; medians of {options.rounds} interleaved rounds, wall-clock time")
    print(f"features of {sum(map(len, data.splits.values())):,} pictures extracted in {extraction:.1f} s")
    for contestant, times in zip(contestants, zip(*seconds, strict=True), strict=True):
        print(f"{contestant.name}: {1e3 * statistics.median(times) / rows:.3f} ms a picture")
    ratios = [times[0] / times[1] for times in seconds]
    print(f"ratio: {statistics.median(ratios):.0f} ({min(ratios):.0f}–{max(ratios):.0f}); target {TARGET}")


if __name__ == "__main__":
    main()
