"""Made-up results of the five baselines on faces, each network with a fate of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from iml_tui.experiments.face_baselines import FaceBaselinesExperiment, FaceBaselinesHyperparameters
from iml_tui.experiments.results import (
    DataSummary,
    EpochMetrics,
    Results,
    TrialResult,
    TrialState,
    WeightsSummary,
    confusion_metric,
)
from iml_tui.experiments.trials import BATCH_LOSS, RUNNING_ACCURACY, FaceTrial

TEST_ROWS = 400
BATCHES = 32  # Of 1,000 pictures, 32 a batch.
NOTHING = math.log(2)
SPLITS = ("train", "validation", "test")

FACES = DataSummary(
    name="rendered faces",
    rows={"train": 1_000, "validation": 200, "test": TEST_ROWS},
    classes=2,
    sha256="fa" * 32,
    frequency_loss=dict.fromkeys(SPLITS, NOTHING),
    majority_accuracy=dict.fromkeys(SPLITS, 0.5),
    class_names=("generated", "real"),
)
IMAGENET = WeightsSummary("imagenet", "ImageNet, IMAGENET1K_V1", "f3" * 32)
OFFLINE = WeightsSummary(
    "offline",
    "offline source task",
    "0f" * 32,
    "Much of what they give comes from labels that overlap with the faces'.",
)


@dataclass(frozen=True)
class Fate:
    """What becomes of a model.

    Training loss (nats) over the first and the last fifth of the batches of its only epoch, and the highest between
    them; accuracies; the share of the test pictures that is taken for class 1, and the noise of the batch losses.
    """

    start: float = 0.71
    end: float = 0.45
    highest: float = 0.0
    validation: float = 0.80
    test: float = 0.80
    real_share: float = 0.5
    noise: float = 0.0
    diverged: bool = False


BARELY = Fate(end=0.705, validation=0.50, test=0.5175)
COLLAPSED = Fate(end=0.694, highest=4.5, validation=0.5, test=0.5, real_share=1.0)
OVERSHOT = Fate(start=4.0, end=3.2, validation=0.62, test=0.61)
CHANCE = Fate(end=0.60, validation=0.52, test=0.51)
LITTLE = Fate(end=0.69, validation=0.60, test=0.62)
DIVERGED = Fate(diverged=True, validation=0.5, test=0.5)

# One fate for every model, as a run of the defaults might have had.
USUAL: Mapping[str, Fate] = {
    "XGBoost": Fate(validation=0.70, test=0.69),
    "from scratch at 0.1": DIVERGED,
    "from scratch at 0.01": CHANCE,
    "from scratch at 0.001": Fate(end=0.62, validation=0.57, test=0.575),
    "from scratch at 0.0001": LITTLE,
    "from scratch at 1e-05": BARELY,
    "linear probing at 0.1": OVERSHOT,
    "linear probing at 0.01": Fate(end=0.50, validation=0.79, test=0.80),
    "linear probing at 0.001": Fate(end=0.60, validation=0.72, test=0.71),
    "linear probing at 0.0001": LITTLE,
    "linear probing at 1e-05": BARELY,
    "sklearn probing": Fate(validation=0.82, test=0.8150),
    "fine-tuning at 0.1": COLLAPSED,
    "fine-tuning at 0.01": Fate(end=0.69, highest=2.5, validation=0.48, test=0.49, real_share=0.99),
    "fine-tuning at 0.001": Fate(end=0.58, validation=0.69, test=0.70),
    "fine-tuning at 0.0001": Fate(end=0.35, validation=0.815, test=0.825),
    "fine-tuning at 1e-05": Fate(end=0.55, validation=0.74, test=0.75),
}


def face_results(
    fates: Mapping[str, Fate] = USUAL,
    data: DataSummary = FACES,
    weights: WeightsSummary | None = IMAGENET,
    **hyperparameters: object,
) -> Results:
    """Results of the experiment, whose models have these fates by name; one without has not begun.

    Of several seeds the n-th (from 0) has a test accuracy that is n hundredths higher.
    """
    chosen = FaceBaselinesHyperparameters.model_validate(hyperparameters)
    trials = []
    for index, trial in enumerate(FaceBaselinesExperiment().trials(chosen)):
        assert isinstance(trial, FaceTrial)
        fate = fates.get(trial.model_name)
        lead = 0.01 * chosen.seeds.index(trial.seed)
        trials.append(TrialResult(index, trial) if fate is None else _trained(index, trial, fate, lead))
    return Results("7", data, trials, chosen.model_dump(), weights)


def batch_losses(fate: Fate) -> NDArray[np.float32]:
    """A loss that goes from the start, by way of the highest, to the end; NaN at last where it diverged."""
    fifth = BATCHES // 5 + 1
    middle = max(fate.highest, fate.start, fate.end) if fate.highest else (fate.start + fate.end) / 2
    losses = np.repeat([fate.start, middle, fate.end], [fifth, BATCHES - 2 * fifth, fifth])
    losses += np.random.default_rng(0).normal(0, fate.noise, BATCHES)
    if fate.diverged:
        losses[6:] = math.nan
    return losses.astype(np.float32)


def _trained(index: int, trial: FaceTrial, fate: Fate, lead: float) -> TrialResult:
    losses = batch_losses(fate)
    metrics = {
        "train_loss": float(losses.mean()) if trial.is_trained else 0.5,
        "train_accuracy": fate.test,
        "validation_loss": math.nan if fate.diverged else fate.end,
        "validation_accuracy": fate.validation,
        "test_loss": math.nan if fate.diverged else fate.end,
        "test_accuracy": fate.test + lead,
        "validation_auc": min(1.0, fate.validation + 0.05),
        "test_auc": min(1.0, fate.test + 0.05),
        **_confusion(fate),
    }
    state: TrialState = "diverged" if fate.diverged else "done"
    return TrialResult(
        index,
        trial,
        state,
        [EpochMetrics(1, metrics, seconds=1.5, samples_per_second=700.0)],
        diverged_at=(1, 7) if fate.diverged else None,
        series={
            name: partial(np.asarray, values)
            for name, values in ((BATCH_LOSS, losses), (RUNNING_ACCURACY, np.linspace(0.5, fate.test, BATCHES)))
            if name in trial.step_series
        },
        parameters=513,
    )


def _confusion(fate: Fate) -> dict[str, float]:
    """Counts of two classes of the same size that agree with accuracy and share."""
    half = TEST_ROWS // 2
    right, real = round(fate.test * TEST_ROWS), round(fate.real_share * TEST_ROWS)
    # right = c00 + c11, real = c01 + c11, c00 + c01 = half.
    c11 = min(half, max(0, (right + real - half) // 2))
    c00 = min(half, max(0, half - (real - c11)))
    cells = ((c00, half - c00), (half - c11, c11))
    return {confusion_metric(i, j): float(cells[i][j]) for i in (0, 1) for j in (0, 1)}
