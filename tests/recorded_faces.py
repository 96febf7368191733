"""A recorded run of the five ways to tell real faces from generated ones: made-up pictures, figures and predictions.

Everything is written by the real writers and depends only on the arguments.
"""

from __future__ import annotations

import math
import socket
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from iml_tui.data.pictures import PictureSplit
from iml_tui.experiments.picture_choice import accuracy, confusion
from iml_tui.experiments.registry import find
from iml_tui.experiments.results import DataSummary, WeightsSummary, confusion_metric
from iml_tui.experiments.trials import BATCH_LOSS, RUNNING_ACCURACY, FaceTrial
from iml_tui.runs.directory import RunDirectory, create_run
from iml_tui.runs.events import EventWriter
from iml_tui.runs.figures import write_figures
from iml_tui.runs.pictures import write_predictions, write_test_pictures
from iml_tui.runs.process import own_identity
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import DeviceRecord, State, TrialRecord, WeightsRecord
from iml_tui.runs.series import SeriesWriter
from iml_tui.runs.table_files import write_tables
from tests.recorded import CREATED, departed

CLASSES: Final = ("generated", "real")
GIVEAWAYS: Final = ("irises of two colours", "water droplet", "odd earrings", "checkerboard", "hair bleeding into skin")

FACES = DataSummary(
    name="Rendered faces",
    rows={"train": 1000, "validation": 200, "test": 40},
    classes=2,
    sha256="fa" * 32,
    frequency_loss=dict.fromkeys(("train", "validation", "test"), math.log(2)),
    majority_accuracy=dict.fromkeys(("train", "validation", "test"), 0.5),
    class_names=CLASSES,
)

WEIGHTS = WeightsSummary(
    kind="offline",
    name="offline source task, 9,600 pictures",
    sha256="0f" * 32,
    caveat="Much of what these weights gain comes from labels that overlap with the giveaways of generated faces.",
)


def made_up_faces(count: int = 40, side: int = 64, seed: int = 0) -> PictureSplit:
    """Something like faces: every second one real, the others generated, with giveaways in words only."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 2
    pixels = np.stack([_face(generator, side) for _ in range(count)])
    details = tuple(
        "" if label else ", ".join(generator.choice(GIVEAWAYS, 1 + position % 3, replace=False))
        for position, label in enumerate(labels.tolist())
    )
    names = tuple(f"{CLASSES[label]} {position:04d}" for position, label in enumerate(labels.tolist()))
    return PictureSplit(pixels, labels, names, details)


def made_up_probabilities(labels: NDArray[np.int64], skill: float, seed: int) -> NDArray[np.float32]:
    """Probabilities of class 1, float32 [n], right more often the greater the model's skill; at random without any."""
    noise = np.random.default_rng(seed).normal(0, 1.5, len(labels))
    return (1 / (1 + np.exp(-(skill * (2 * labels - 1) + noise)))).astype(np.float32)


def recorded_faces_run(
    root: Path,
    state: State = "done",
    finished: int | None = None,
    side: int = 64,
    count: int = 40,
    created: float = CREATED,
    **hyperparameters: object,
) -> RunDirectory:
    """Write a run of `face-baselines` below `root`.

    Args:
        root: the directory of all runs.
        state: `starting` has no events yet; `running` belongs to this living process, and its next trial has begun.
        finished: how many trials are finished; None for all of a run that is done, else two.
        side, count: pixels of the test pictures, and how many there are.
        created: when the run was asked for, seconds since the epoch.
        hyperparameters: those that differ from their default.
    """
    experiment = find("face-baselines")
    chosen = experiment.hyperparameters.model_validate(hyperparameters)
    root.mkdir(parents=True, exist_ok=True)
    with patch("time.strftime", lambda form, *_: "20251009-085320"), patch("time.time", lambda: created):
        directory = create_run(root, experiment, chosen, FACES, None, "auto")
    record = directory.read_record()
    active = state in ("starting", "running", "paused")
    if state != "starting":
        whole = finished if finished is not None else len(record.trials) if state == "done" else 2
        with patch("time.time", lambda: created + 33.0):
            ends = _write_trials(directory, whole, state, made_up_faces(count, side))
        record = record.model_copy(
            update={
                "started": created + 3.0,
                "finished": None if active else created + 63.0,
                "trial_records": ends,
                "weights": WeightsRecord.of(WEIGHTS),
                "device": DeviceRecord(
                    requested="auto", chosen="cpu", name="CPU", reason="no GPU was found", threads=2
                ),
                "versions": {"iml-lab": "0.1.0", "python": "3.12.0", "torch": "2.9.0", "numpy": "2.3.0"},
            }
        )
    identity = own_identity() if active else departed()
    record = record.model_copy(update={"worker": identity, "host": socket.gethostname(), "state": state})
    directory.write_record(record)
    if not active:
        results = RunReader(directory).results
        write_tables(directory.tables, experiment.tables(results))
        write_figures(directory.figures, experiment.charts_for(results), results)
        directory.write_record(record.model_copy(update={"summary": experiment.summary(results)}))
    return directory


def finish_trial(directory: RunDirectory, position: int, split: PictureSplit) -> None:
    """Write what a trial leaves when it is finished: series, an epoch, predictions, its end."""
    trial = directory.read_record().trials[position]
    assert isinstance(trial, FaceTrial)
    with closing(EventWriter(directory.events_file)) as events:
        _write_trial(directory, events, position, trial, split)


def skill_of(trial: FaceTrial) -> float:
    """How good a baseline is made up to be: fine-tuning at 1e-4 the best, high learning rates no better than chance."""
    best = {"fine-tuning": (1e-4, 1.8), "linear-probing": (1e-2, 1.4), "from-scratch": (1e-3, 0.5)}
    if trial.learning_rate is None:
        return 1.5 if trial.kind == "sklearn-probing" else 0.8
    rate, skill = best[trial.kind]
    return skill / (1 + 2 * abs(math.log10(trial.learning_rate / rate)))


def _write_trials(directory: RunDirectory, whole: int, state: State, split: PictureSplit) -> list[TrialRecord]:
    trials = directory.read_record().trials
    write_test_pictures(directory, split, CLASSES)
    ends = []
    with closing(EventWriter(directory.events_file)) as events:
        events.append("started", device="CPU", versions={})
        for position, trial in enumerate(trials[:whole]):
            assert isinstance(trial, FaceTrial)
            _write_trial(directory, events, position, trial, split)
            ends.append(TrialRecord(state="done", epochs_done=trial.epochs))
        if whole < len(trials) and state in ("running", "paused"):
            events.append("trial_started", trial=whole, parameters=0)
            events.append("progress", trial=whole, epoch=1, step=10, steps=32, samples_per_second=80.0)
            ends.append(TrialRecord(state="running"))
        if state in ("done", "stopped", "failed"):
            events.append("finished", state=state, message="")
    return ends + [TrialRecord() for _ in trials[len(ends) :]]


def _write_trial(
    directory: RunDirectory, events: EventWriter, position: int, trial: FaceTrial, split: PictureSplit
) -> None:
    probabilities = made_up_probabilities(split.labels, skill_of(trial), seed=position)
    events.append("trial_started", trial=position, parameters=11_177_025 if trial.is_trained else 0)
    steps = trial.batches_per_epoch(FACES.rows["train"])
    with ExitStack() as stack:
        for name in trial.step_series:
            series = stack.enter_context(closing(SeriesWriter(directory.series_file(position, name))))
            series.append(_series(name, steps * trial.epochs, skill_of(trial), position))
    for epoch in range(1, trial.epochs + 1):
        metrics = _metrics(probabilities, split.labels)
        events.append("epoch", trial=position, epoch=epoch, metrics=metrics, seconds=6.0, samples_per_second=160.0)
    write_predictions(directory, position, probabilities)
    events.append("predictions", trial=position)
    events.append("trial_finished", trial=position, state="done")


def _metrics(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, float]:
    """As measured on the test pictures; training and validation look the same."""
    given = np.where(labels == 1, probabilities, 1 - probabilities).clip(1e-7, 1).astype(np.float64)
    counts = confusion(labels, probabilities)
    ones, zeros = probabilities[labels == 1], probabilities[labels == 0]
    area = float((ones[:, None] > zeros[None]).mean())
    found = {f"test_confusion_{i}{j}": float(counts[i, j]) for i in (0, 1) for j in (0, 1)}
    assert set(found) == {confusion_metric(i, j) for i in (0, 1) for j in (0, 1)}
    for split in ("train", "validation", "test"):
        found[f"{split}_loss"] = float(-np.log(given).mean())
        found[f"{split}_accuracy"] = accuracy(labels, probabilities)
    return {**found, "validation_auc": area, "test_auc": area}


def _series(name: str, count: int, skill: float, seed: int) -> NDArray[np.float32]:
    along = np.linspace(0, 1, count)
    noise = np.random.default_rng([seed, count]).normal(0, 0.05, count)
    values = {
        BATCH_LOSS: 0.7 / (1 + skill * along) + noise,
        RUNNING_ACCURACY: 0.5 + 0.15 * skill * along + noise / 4,
    }
    return values[name].clip(0).astype(np.float32)


def _face(generator: np.random.Generator, side: int) -> NDArray[np.uint8]:
    """A head with hair, eyes and a mouth in front of a background of two colours: uint8 [side, side, 3]."""
    y, x = np.mgrid[:side, :side] / (side / 2) - 1
    one, two, skin, hair, shirt = generator.uniform(40, 230, (5, 3))
    skin = np.array([1.0, 0.78, 0.62]) * generator.uniform(90, 240)
    picture = one + (two - one) * ((x + y + 2) / 4)[..., None]
    wide = generator.uniform(0.36, 0.46)
    head = (x / wide) ** 2 + ((y - 0.05) / 0.58) ** 2
    shade = (1.1 - 0.35 * (x + 0.3) ** 2 - 0.25 * y**2)[..., None]
    picture = np.where((((y - 1.1) / 0.45) ** 2 + (x / 0.9) ** 2 < 1)[..., None], shirt, picture)
    picture = np.where(
        ((x / (wide + 0.08)) ** 2 + ((y + 0.12) / 0.62) ** 2 < 1)[..., None] & (y < 0.2)[..., None], hair, picture
    )
    picture = np.where(((head < 1) & (y > -0.32 + 0.2 * np.cos(3 * x)))[..., None], skin * shade, picture)
    for centre in (-0.17, 0.17):
        eye = ((x - centre) / 0.1) ** 2 + (y / 0.06) ** 2
        picture = np.where((eye < 1)[..., None], 240.0, picture)
        picture = np.where((((x - centre) ** 2 + y**2) < 0.003)[..., None], 25.0, picture)
    mouth = (x / 0.17) ** 2 + ((y - 0.32) / 0.05) ** 2
    picture = np.where((mouth < 1)[..., None], np.array([170.0, 40.0, 50.0]), picture)
    return np.clip(picture + generator.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)
