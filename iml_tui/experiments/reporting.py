"""What the experiments' tables and findings share: cells, notes, sentences, and the table of timing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Final

from iml_tui.experiments.base import Finding
from iml_tui.experiments.results import DataSummary, Results, TrialResult
from iml_tui.experiments.tables import Column, Table, Value
from iml_tui.experiments.trials import MLPTrial
from iml_tui.experiments.verdicts import MIN_EPOCHS, Verdict, verdict_of

# The defaults of the report's multilayer perceptrons; its figures hold for nothing else.
REPORT_NETWORK: Final[Mapping[str, int | float | bool]] = {
    "hidden_layers": 6,
    "hidden_width": 16,
    "learning_rate": 0.001,
}


def is_reports_setting(trial: MLPTrial, **others: int | float | bool) -> bool:
    """Whether the report trained such a network: its default shape and learning rate, and the `others` given."""
    settings = trial.hyperparameters
    return all(settings[name] == value for name, value in {**REPORT_NETWORK, **others}.items())


def final(trial: TrialResult, metric: str) -> Value:
    """The metric after the last epoch so far as a table cell: None before the first."""
    return trial.last(metric) if trial.epochs else None


def at(trial: TrialResult, epoch: int, metric: str) -> Value:
    """The metric after an epoch (from 1) as a table cell: None where the trial has not got there."""
    return trial.at(epoch, metric) if 1 <= epoch <= len(trial.epochs) else None


def best_epoch(trial: TrialResult, metric: str) -> Value:
    """The epoch of the lowest loss or highest accuracy as a table cell."""
    best = trial.best(metric)
    return best[0] if best else None


def best_value(trial: TrialResult, metric: str) -> Value:
    """The lowest loss or highest accuracy as a table cell: NaN where no epoch had a finite one."""
    best = trial.best(metric)
    return best[1] if best else final(trial, metric)


def as_percent(judged: Verdict | None, key: str) -> Value:
    """A fraction of a verdict's evidence in percent, as a table cell: None where it could not be measured."""
    fraction = judged.evidence.get(key) if judged else None
    return 100 * fraction if isinstance(fraction, int | float) and math.isfinite(fraction) else None


def measured_on(data: DataSummary) -> str:
    """The sentence that says what the figures were measured on."""
    return f"Measured on {data.name} ({data.rows.get('train', 0):,} training samples, {data.classes} classes)."


def with_report(data: DataSummary) -> str:
    """`measured_on`, and where the report's figures come from."""
    return f"{measured_on(data)} The report's figures are on the course's files (106,897 training samples, 33 classes)."


def capital(text: str) -> str:
    """The text with a capital first letter, the rest untouched."""
    return text[:1].upper() + text[1:]


def so_far(trial: TrialResult) -> str:
    """ " after 12 of 50 epochs" for a trial that has not had all of its epochs, else ""."""
    done, planned = len(trial.epochs), trial.trial.epochs
    return f" after {done} of {planned} epochs" if done < planned else ""


def best_trial(trials: Iterable[TrialResult], metric: str) -> tuple[TrialResult, int, float] | None:
    """(trial, epoch, value) of the lowest loss or highest accuracy of all trials at any epoch; None without any."""
    reached = [(trial, *best) for trial in trials if (best := trial.best(metric)) is not None]
    sign = -1.0 if metric.endswith("accuracy") else 1.0
    return min(reached, key=lambda item: sign * item[2], default=None)


def verdict_findings(results: Results, subject: str = "{name}") -> list[Finding]:
    """What happened to every trial, with the figures that say so.

    Trials of too few epochs to tell share one sentence. `subject` names a trial in a sentence; {name} is its name.
    """
    found, early = [], []
    for trial in results.trials:
        judged = verdict_of(trial, results.data)
        if judged is None:
            continue
        if judged.kind == "too few epochs":
            early.append(trial)
            continue
        name = subject.format(name=trial.name)
        text = f"{capital(name)} {judged.phrase}{so_far(trial)}: {judged.reason}."
        found.append(
            Finding(f"{capital(trial.name)}: {judged.kind}", text, {"verdict": judged.kind, **judged.evidence})
        )
    if early:
        counts = {trial.name: len(trial.epochs) for trial in early}
        listed = ", ".join(f"{name} had {count}" for name, count in counts.items())
        text = f"A verdict on how training went needs {MIN_EPOCHS} epochs; {listed}."
        found.append(Finding("Too few epochs to tell", text, {"verdict": "too few epochs", **counts}))
    return found


def timing_table(results: Results) -> Table:
    """Speed and duration of every trial: wall-clock figures, which differ between equal runs."""
    columns = (
        Column("trial", "Trial"),
        Column("iterations_per_epoch", "Iterations per epoch"),
        Column("samples_per_second", "Samples/s", decimals=0),
        Column("seconds_per_epoch", "Time per epoch", decimals=2, unit="s"),
        Column("training_seconds", "Training time", decimals=1, unit="s"),
    )
    note = (
        "Samples/s and time per epoch are medians over the epochs. Trials that agree in all but learning rate and seed "
        "train together: each of them is timed as long as all of them take."
    )
    rows = tuple(_timing_row(trial, results.data) for trial in results.trials)
    return Table("timing", "Speed", columns, rows, note=note, timing=True)


def iterations(trial: MLPTrial, data: DataSummary) -> int:
    """Optimizer steps in one epoch over the training split."""
    return trial.batches_per_epoch(data.rows.get("train", 0))


def _timing_row(trial: TrialResult, data: DataSummary) -> tuple[Value, ...]:
    speeds = [e.samples_per_second for e in trial.epochs if math.isfinite(e.samples_per_second)]
    seconds = [e.seconds for e in trial.epochs if math.isfinite(e.seconds)]
    return (
        trial.name,
        iterations(trial.trial, data),
        median(speeds) if speeds else None,
        median(seconds) if seconds else None,
        sum(seconds) if seconds else None,
    )
