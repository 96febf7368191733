"""Run directories with made-up but plausible curves, written by the real writers, for tests that must not train.

The curves depend only on the arguments; ids and times do too.
"""

from __future__ import annotations

import math
import socket
import subprocess
import sys
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from iml_tui.experiments.base import Experiment
from iml_tui.experiments.registry import find
from iml_tui.experiments.results import DataSummary
from iml_tui.experiments.trials import MLPTrial, Trial
from iml_tui.runs import control
from iml_tui.runs.checkpoints import CheckpointStore
from iml_tui.runs.directory import RunDirectory, create_run
from iml_tui.runs.events import EventWriter
from iml_tui.runs.figures import write_figures
from iml_tui.runs.process import own_identity
from iml_tui.runs.reading import BATCH_LOSS, RunReader
from iml_tui.runs.record import DeviceRecord, RunRecord, State, TrialRecord, WorkerIdentity
from iml_tui.runs.series import SeriesWriter
from iml_tui.runs.table_files import write_tables

CREATED = 1_760_000_000.0  # 2025-10-09 08:53:20 UTC

DATA = DataSummary(
    name="European cities (GeoNames)",
    rows={"train": 80_000, "validation": 10_000, "test": 10_000},
    classes=33,
    sha256="5f" * 32,
    frequency_loss={"train": 2.71, "validation": 2.72, "test": 2.70},
    majority_accuracy={"train": 0.182, "validation": 0.180, "test": 0.183},
)

_SPLITS = {"train": 1.0, "validation": 1.06, "test": 1.08}
_MAX_BATCHES = 20_000  # Enough for any picture; a file of 100,000 losses a trial makes tests slow.


def recorded_run(
    root: Path,
    slug: str = "learning-rate",
    state: State = "done",
    epochs: int | None = None,
    created: float = CREATED,
    **hyperparameters: object,
) -> RunDirectory:
    """Write a run of the experiment `slug` below `root` that looks as if it had got to `state`.

    Args:
        root: the directory of all runs.
        slug: the experiment.
        state: `queued` and `starting` have no events yet; `starting`, `running` and `paused` belong to this living
            process; `interrupted` is recorded as running by a process that is gone. All but `done` stop half-way
            through the last model begun, which is the second where there are several; its seeds train together.
        epochs: epochs asked for where the experiment takes one number or a list of them; None for its default.
        created: when the run was asked for, seconds since the epoch.
        hyperparameters: others that differ from their default.
    """
    experiment = find(slug)
    if epochs is not None:
        listed = isinstance(experiment.hyperparameters.model_fields["epochs"].default, tuple)
        hyperparameters["epochs"] = (epochs,) if listed else epochs
    chosen = experiment.hyperparameters.model_validate(hyperparameters)
    root.mkdir(parents=True, exist_ok=True)
    with patch("time.strftime", lambda form, *_: "20251009-085320"), patch("time.time", lambda: created):
        directory = create_run(root, experiment, chosen, DATA, None, "auto")
        record = directory.read_record()
        if state == "starting":
            record = record.model_copy(update={"worker": own_identity()})
        elif state != "queued":
            record = _write_trials(directory, record, experiment, state)
    if state == "paused":
        control.request_pause(directory.control)
    directory.write_record(record.model_copy(update={"state": "running" if state == "interrupted" else state}))
    return directory


def recorded_changes(directory: RunDirectory, *changes: tuple[int, int, int, str, float, float]) -> None:
    """Let hyperparameters of a recorded run have been changed: (trial, epoch, step, field, old, new) each."""
    steps = [trial.batches_per_epoch(DATA.rows["train"]) for trial in directory.read_record().trials]
    with patch("time.time", lambda: CREATED + 34.0), closing(EventWriter(directory.events_file)) as events:
        for trial, epoch, step, field, old, new in changes:
            where = {"trial": trial, "epoch": epoch, "step": step, "steps": steps[trial]}
            events.append("changed", **where, field=field, old=old, new=new)


def recorded_checkpoints(directory: RunDirectory, *places: tuple[list[int], int, int]) -> None:
    """Keep checkpoints of a recorded run: (trials, whole epochs, batches of the next) each. Nothing can be trained on
    from them.
    """
    trials = directory.read_record().trials
    store = CheckpointStore(directory.checkpoints)
    with patch("time.time", lambda: CREATED + 33.5):
        for positions, epochs, step in places:
            steps = trials[positions[0]].batches_per_epoch(DATA.rows["train"])
            store.write(b"no state", positions, epochs, step, steps, "pause" if step else "epoch")


def departed() -> WorkerIdentity:
    """The identity of a process of this host that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return own_identity().model_copy(update={"pid": process.pid, "started": 0.5})


def _write_trials(directory: RunDirectory, record: RunRecord, experiment: Experiment, state: State) -> RunRecord:
    ends: list[TrialRecord] = []
    # A run that did not get to its end was in its second model, if there is one.
    seeds = len({trial.seed for trial in record.trials})
    begun = len(record.trials) if state == "done" else min(2 * seeds, len(record.trials))
    with (
        patch("time.time", lambda: record.created + 33.0),
        closing(EventWriter(directory.events_file)) as events,
        ExitStack() as stack,
    ):
        events.append("started", device="CPU", versions={})
        for position, trial in enumerate(record.trials[:begun]):
            series = stack.enter_context(closing(SeriesWriter(directory.series_file(position, BATCH_LOSS))))
            whole = state == "done" or position < begun - seeds
            ends.append(_write_trial(events, series, position, trial, whole, state))
        if state in ("done", "stopped", "failed"):
            with patch("time.time", lambda: record.created + 63.0):
                events.append("finished", state=state, message=_message(state))
    ends += [TrialRecord() for _ in record.trials[begun:]]
    ended = state in ("done", "stopped", "failed")
    record = record.model_copy(
        update={
            "worker": departed() if ended or state == "interrupted" else own_identity(),
            "host": socket.gethostname(),
            "versions": {"iml-lab": "0.1.0", "python": "3.12.0", "torch": "2.9.0", "numpy": "2.3.0"},
            "device": DeviceRecord(requested="auto", chosen="cpu", name="CPU", reason="no GPU was found", threads=2),
            "started": record.created + 3.0,
            "finished": record.created + 63.0 if ended else None,
            "trial_records": ends,
            "message": _message(state),
        }
    )
    directory.write_record(record)
    if ended:
        results = RunReader(directory).results
        write_tables(directory.tables, experiment.tables(results))
        write_figures(directory.figures, experiment.charts_for(results), results)
        record = record.model_copy(update={"summary": experiment.summary(results)})
    return record


def _message(state: State) -> str:
    return "No space left on device; free space and start the run again" if state == "failed" else ""


def _write_trial(
    events: EventWriter, series: SeriesWriter, position: int, trial: Trial, whole: bool, state: State
) -> TrialRecord:
    curve = CurveShape(trial)
    layers = trial.hidden_layers + 1 if isinstance(trial, MLPTrial) and trial.record_gradients else 0
    done = trial.epochs if whole else max(1, trial.epochs // 2)
    steps = trial.batches_per_epoch(DATA.rows["train"])
    parameters = parameters_of(trial) if isinstance(trial, MLPTrial) else 0
    events.append("trial_started", trial=position, parameters=parameters)
    for epoch in range(1, done + 1):
        events.append(
            "epoch",
            trial=position,
            epoch=epoch,
            metrics=curve.metrics(epoch),
            seconds=0.25,
            samples_per_second=320_000.0,
            **(curve.gradients(epoch, layers, steps) if layers else {}),
        )
    series.append(curve.batch_losses(min(_MAX_BATCHES, steps * done), done))
    if curve.diverges:
        events.append("diverged", trial=position, epoch=1, batch=steps // 2 + 1)
    if whole or state == "stopped":
        end = "diverged" if curve.diverges else "done" if whole else "stopped"
        events.append("trial_finished", trial=position, state=end)
        return TrialRecord(state=end, epochs_done=done)
    if done < trial.epochs:
        events.append(
            "progress", trial=position, epoch=done + 1, step=steps // 2, steps=steps, samples_per_second=320_000.0
        )
    return TrialRecord(state="running", epochs_done=done)


def parameters_of(trial: MLPTrial) -> int:
    """Weights and biases of the linear layers, as of a network on raw inputs."""
    sizes = [2, *[trial.hidden_width] * trial.hidden_layers, DATA.classes]
    return sum((before + 1) * after for before, after in pairwise(sizes))


class CurveShape:
    """Losses (nats) and accuracies as training shows them: best at a learning rate near 1e-3, noisier above, slow
    below, not finite from 1 on; lower for larger networks and for features. Gradients vanish towards the input, but not
    those of residual networks.
    """

    def __init__(self, trial: Trial) -> None:
        if not isinstance(trial, MLPTrial):
            trial = MLPTrial(
                **trial.model_dump(include={"name", "label", "seed", "epochs"}),
                hidden_layers=1,
                hidden_width=1,
                batch_norm=False,
                learning_rate=1e-3,
                batch_size=1,
            )
        self._residual = trial.residual
        rate = trial.learning_rate * (1.5 if trial.batch_norm else 1.0)
        self.diverges = rate >= 1
        self._speed = 1.2 * min(1.0, rate / 1e-3) ** 0.8 * (128 / trial.batch_size) ** 0.3
        self._floor = 0.24 + 0.1 * max(0.0, math.log10(rate / 1e-3))
        self._noise = 0.02 + 0.08 * max(0.0, math.log10(rate / 1e-3))
        self._batch_noise = 0.9 / math.sqrt(trial.batch_size)
        self._seed = trial.seed + round(1e6 * rate) + trial.batch_size
        size = trial.hidden_layers * trial.hidden_width / (6 * 16)
        features = len(trial.sine_frequencies) + trial.fourier_frequencies
        if size != 1 or features:
            self._floor *= size**-0.2 / (1 + features / 50)
            self._seed += 1000 * trial.hidden_layers + trial.hidden_width + features

    def loss(self, epochs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The loss without noise after so many epochs, shape (n,)."""
        losses: NDArray[np.float64] = self._floor + (3.2 - self._floor) / (1 + self._speed * 4 * epochs)
        return losses

    def metrics(self, epoch: int) -> dict[str, float]:
        """What is measured after an epoch, counted from 1."""
        generator = np.random.default_rng([self._seed, epoch])
        found = {}
        for split, factor in _SPLITS.items():
            loss = float(self.loss(np.array([epoch]))[0]) * factor * math.exp(self._noise * generator.normal())
            found[f"{split}_loss"] = math.nan if self.diverges and epoch > 1 else loss + 3e4 * self.diverges
            found[f"{split}_accuracy"] = 0.03 if self.diverges else 1 / (1 + 0.28 * loss)
        return found

    def gradients(self, epoch: int, layers: int, steps: int) -> dict[str, list[float] | list[int]]:
        """The fields of an epoch event on gradients: squared norms, and of how many steps they were exactly 0."""
        from_the_end = np.arange(layers)[::-1]
        decades = 0.002 if self._residual else 0.25
        noise = np.random.default_rng([self._seed, epoch, layers]).normal(0, 0.1, layers)
        norms = 10 ** (-0.5 - decades * from_the_end - 0.02 * epoch + noise)
        norms[norms < 1e-24] = 0.0
        return {"gradient_norms": norms.tolist(), "zero_gradients": np.where(norms == 0, steps, 0).tolist()}

    def batch_losses(self, count: int, epochs: int) -> NDArray[np.float32]:
        """The losses of `count` batches spread over so many epochs, shape (count,)."""
        generator = np.random.default_rng(self._seed)
        at = np.linspace(0, epochs, count)
        losses = self.loss(at) * generator.gamma(1 / self._batch_noise**2, self._batch_noise**2, count)
        if self.diverges:
            losses[count // (2 * epochs) :] = math.nan
        return losses.astype(np.float32)
