"""What the experiments' tables and findings share: cells, notes, sentences, and the table of timing.

Everything here takes a model as `Results.models` has it. Where that was trained with several seeds, cells are means
that know their standard deviation (`tables.Spread`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Final

from iml_tui.experiments.base import Finding
from iml_tui.experiments.charts import METRIC_TITLES
from iml_tui.experiments.results import DataSummary, Results, TrialResult
from iml_tui.experiments.seeds import count_seeds, over_seeds, seeds_of
from iml_tui.experiments.significance import SIGNIFICANCE, PairedTest, compare, holm
from iml_tui.experiments.tables import Column, Spread, Table, Value, format_value
from iml_tui.experiments.trials import MLPTrial, Trial
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


def final(model: TrialResult, metric: str) -> Value:
    """The metric after the last epoch that all seeds have finished, as a table cell: None before the first."""
    return at(model, len(model.epochs), metric)


def at(model: TrialResult, epoch: int, metric: str) -> Value:
    """The metric after an epoch (from 1) as a table cell: None where the model has not got there."""
    return over_seeds(model, lambda trial: trial.at(epoch, metric) if 1 <= epoch <= len(trial.epochs) else None)


def best_epoch(model: TrialResult, metric: str) -> Value:
    """The epoch of the lowest loss or highest accuracy as a table cell."""
    return over_seeds(model, lambda trial: best[0] if (best := trial.best(metric)) else None)


def best_value(model: TrialResult, metric: str) -> Value:
    """The lowest loss or highest accuracy as a table cell: NaN where a seed had no finite one."""
    return over_seeds(
        model, lambda trial: best[1] if (best := trial.best(metric)) else math.nan if trial.epochs else None
    )


def at_best(model: TrialResult, best_metric: str, metric: str) -> Value:
    """The metric after the epoch at which another was best, as a table cell."""
    return over_seeds(model, lambda trial: trial.at(best[0], metric) if (best := trial.best(best_metric)) else None)


def as_percent(judged: Verdict | None, key: str) -> Value:
    """A fraction of a verdict's evidence in percent, as a table cell: None where it could not be measured."""
    fraction = judged.evidence.get(key) if judged else None
    return percent(fraction) if isinstance(fraction, int | float) and math.isfinite(fraction) else None


def percent(fraction: Value) -> Value:
    """A fraction in percent, as a table cell."""
    if isinstance(fraction, Spread):
        return Spread(100 * float(fraction), 100 * fraction.deviation, fraction.count)
    return 100 * fraction if isinstance(fraction, int | float) else fraction


def difference(ours: Value, report: Value) -> Value:
    """Our figure minus the report's, as a table cell: None where either is no number."""
    if not isinstance(ours, int | float) or not isinstance(report, int | float):
        return None
    if isinstance(ours, Spread):
        return Spread(float(ours) - report, ours.deviation, ours.count)
    return ours - report


def from_range(ours: Value, low: float, high: float) -> Value:
    """How our figure lies to a range in the report, as a table cell: "within", "0.0123 above", "0.0123 below"."""
    if not isinstance(ours, int | float) or not math.isfinite(ours):
        return None
    if low <= ours <= high:
        return "within"
    return f"{ours - high:.4f} above" if ours > high else f"{low - ours:.4f} below"


def difference_column(of: str = "", title: str = "Difference", decimals: int | None = 4, unit: str = "") -> Column:
    """The column for `difference`, to stand behind the report's figure; `of` is the key of the column it is about."""
    return Column(f"difference_{of}" if of else "difference", title, decimals=decimals, unit=unit, signed=True)


def measured_on(measured: Results | DataSummary) -> str:
    """The sentence that says what the figures were measured on and, of several seeds, how they are given."""
    data = measured.data if isinstance(measured, Results) else measured
    text = f"Measured on {data.name} ({data.rows.get('train', 0):,} training samples, {data.classes} classes)"
    seeds = count_seeds(measured.trials) if isinstance(measured, Results) else 1
    return f"{text}; mean ± standard deviation over {seeds} seeds." if seeds > 1 else f"{text}."


def with_report(measured: Results | DataSummary) -> str:
    """`measured_on`, and where the report's figures come from."""
    report = "The report's figures are on the course's files (106,897 training samples, 33 classes)."
    return f"{measured_on(measured)} {report}"


def shown(value: Value, decimals: int | None = 4) -> str:
    """A table cell's figure within a sentence: 0.9312 ± 0.0021."""
    return format_value(value, Column("", "", decimals))


def over_how_many(model: TrialResult) -> str:
    """ " (means over 5 seeds)" for a model of several seeds, else ""."""
    count = len(seeds_of(model))
    return f" (means over {count} seeds)" if count > 1 else ""


def capital(text: str) -> str:
    """The text with a capital first letter, the rest untouched."""
    return text[:1].upper() + text[1:]


def so_far(trial: TrialResult) -> str:
    """ " after 12 of 50 epochs" for a trial that has not had all of its epochs, else ""."""
    done, planned = len(trial.epochs), trial.trial.epochs
    return f" after {done} of {planned} epochs" if done < planned else ""


def best_trial(models: Iterable[TrialResult], metric: str) -> tuple[TrialResult, Value, float] | None:
    """(model, epoch, value) of the lowest loss or highest accuracy of all at any epoch; None without any.

    Of several seeds each counts with its own best epoch; epoch and value are means.
    """
    reached = [
        (model, best_epoch(model, metric), value)
        for model in models
        if isinstance(value := best_value(model, metric), int | float) and math.isfinite(value)
    ]
    sign = -1.0 if metric.endswith("accuracy") else 1.0
    return min(reached, key=lambda item: sign * item[2], default=None)


def best_finding(results: Results, metric: str = "validation_accuracy", subject: str = "{name}") -> list[Finding]:
    """Which model has the best figure after its last epoch, and whether its lead exceeds the noise between seeds.

    Its difference from the second is tested over the seeds that both have (`significance.compare`), corrected for the
    comparisons of the best with every other model. `subject` names a model in a sentence; {name} is its name. Empty
    with fewer than two models that have a finite figure.
    """
    models = [results.models[position] for position in results.ranking(metric)]
    if len(models) < 2:
        return []
    best, *others = models
    second = others[0]
    tests = {other.name: compare(best, other, metric) for other in others}
    corrected = holm({name: test.p for name, test in tests.items()})
    word = "highest" if metric.endswith("accuracy") else "lowest"
    title = METRIC_TITLES.get(metric, metric)
    when = "at the end" if all(len(model.epochs) == model.trial.epochs for model in models) else "so far"
    test, lead = tests[second.name], abs(best.last(metric) - second.last(metric))
    text = (
        f"{capital(subject.format(name=best.name))} has the {word} {title} {when}, {shown(final(best, metric))}; next "
        f"is {subject.format(name=second.name)} at {shown(final(second, metric))}"
    ) + _lead(test, lead, corrected[second.name], len(others))
    evidence: dict[str, Value] = {
        "best": best.name,
        metric: final(best, metric),
        "second": second.name,
        f"second_{metric}": final(second, metric),
        "difference": lead,
        "seeds": test.pairs,
        "t": None if math.isnan(test.t) else abs(test.t),
        "degrees_of_freedom": test.degrees_of_freedom,
        "p": None if math.isnan(test.p) else test.p,
        **{f"corrected p, {name}": p for name, p in corrected.items() if not math.isnan(p)},
    }
    return [Finding(f"{capital(word)} {title} {when}", text, evidence)]


def _lead(test: PairedTest, lead: float, corrected: float, others: int) -> str:
    """The rest of the sentence on the best, which leads by `lead`, and whether that exceeds the noise between seeds."""
    if test.pairs < 2:
        return (
            f", a difference of {lead:.4f}. Seeds were not varied, so that cannot be told from the noise between seeds."
        )
    if math.isnan(test.p):
        return f", a difference of {lead:.4f} with each of {test.pairs} seeds, so there is no noise to compare it with."
    freedom = f"{test.degrees_of_freedom} degree{'s' if test.degrees_of_freedom > 1 else ''} of freedom"
    picked = ""
    if others > 1:
        picked = (
            f"; with Holm's correction for {others} comparisons p = {_p(corrected)}, still somewhat too small as the "
            "best was picked by the same figures"
        )
    exceeds = "exceeds" if corrected < SIGNIFICANCE else "does not exceed"
    return (
        f". Paired over {test.pairs} seeds the difference is {abs(test.difference):.4f} ± {test.deviation:.4f} (t = "
        f"{abs(test.t):.2f}, {freedom}, p = {_p(test.p)}{picked}). It {exceeds} the noise between seeds (p "
        f"{'<' if corrected < SIGNIFICANCE else '≥'} {SIGNIFICANCE:g})."
    )


def _p(probability: float) -> str:
    """A probability as one reports it, to two figures: 0.031."""
    return f"{probability:.2g}"


def verdict_findings(results: Results, subject: str = "{name}") -> list[Finding]:
    """What happened to every trial, with the figures that say so.

    Trials of too few epochs to tell share one sentence. `subject` names a trial in a sentence; {name} is its name.
    """
    found, early = [], []
    for trial in results.models:
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
        "Samples/s and time per epoch are medians over the epochs. Trials that can share their steps, such as all "
        "seeds of a model, train together: each of them is timed as long as all of them take."
    )
    rows = tuple(_timing_row(trial, results.data) for trial in results.models)
    return Table("timing", "Speed", columns, rows, note=note, timing=True)


def iterations(trial: Trial, data: DataSummary) -> int:
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
