"""Any models of any runs beside one another: which there are, what they are called, their curves."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from iml_tui.experiments.charts import BY_LAYER, METRIC_TITLES, Chart, ChartX
from iml_tui.experiments.hyperparameters import MAX_TRIALS
from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.seeds import seeds_of
from iml_tui.experiments.trials import RUNNING_ACCURACY, FaceTrial
from iml_tui.runs.comparison_properties import keys_of, properties
from iml_tui.runs.reading import BATCH_LOSS, RunReader
from iml_tui.runs.record import ACTIVE_STATES
from iml_tui.text import printable

GRADIENT_NORMS = "gradient_norms"
"""The chart of the squared gradient norm of every layer, where gradients were recorded."""

CHARTED = (
    "validation_accuracy",
    "validation_loss",
    "train_loss",
    "train_accuracy",
    "test_accuracy",
    "test_loss",
    BATCH_LOSS,
    RUNNING_ACCURACY,
    GRADIENT_NORMS,
)
"""What can be charted, in the order in which one looks at it."""

MAX_CURVES = MAX_TRIALS

_LONGEST_PART = 24  # Of a label that tells two models apart, letters.
_MOST_PARTS = 2
_RUN_ID = re.compile(r"(\d{8})-(\d\d)(\d\d)(\d\d)-(.+)")


@dataclass(frozen=True)
class Compared:
    """A model of a run, as the mean over its seeds, or one of several seeds of it.

    `number` counts the models of a run from 1, in the order of its tables and legends. `seed` is None for the model.
    """

    reader: RunReader
    result: TrialResult
    number: int
    seed: int | None = None

    @property
    def run(self) -> str:
        """The id of the run."""
        return self.reader.directory.id

    @property
    def reference(self) -> str:
        """How a command names it: the run's id, the model's number, and the seed where it is one of several."""
        return f"{self.run}:{self.number}" + (f":{self.seed}" if self.seed is not None else "")


def candidates(reader: RunReader) -> list[Compared]:
    """What a run has to compare: every model, each followed by its seeds where it has several."""
    found = []
    for number, model in enumerate(reader.results.models, 1):
        found.append(Compared(reader, model, number))
        seeds = seeds_of(model)
        if len(seeds) > 1:
            found += [Compared(reader, trial, number, trial.trial.seed) for trial in seeds]
    return found


def default_choice(readers: Sequence[RunReader]) -> tuple[list[Compared], str]:
    """All models of the runs, or the best of each where that were too many curves; and the sentence that says so."""
    of_runs = [[item for item in candidates(reader) if item.seed is None] for reader in readers]
    models = [item for items in of_runs for item in items]
    best = [best_of(items) for items in of_runs if items]
    if len(models) <= MAX_CURVES or len(best) < 2:
        return models, ""
    return best, (
        f"{len(models)} models are too many curves to tell apart: only the best of each run is taken in, by validation "
        "accuracy after the last epoch."
    )


def best_of(items: Sequence[Compared]) -> Compared:
    """The one with the highest validation accuracy after its last epoch, the first where none has any."""
    return max(items, key=lambda item: _ranked(item.result.last("validation_accuracy")))


def _ranked(accuracy: float) -> float:
    return accuracy if math.isfinite(accuracy) else -1.0


def labels(items: Sequence[Compared]) -> list[str]:
    """A short name for each, no two the same: its own and, where others share that, what differs from them.

    What differs is told by one or two settings, data, device or the like; where nothing does, by the time of the run.
    """
    found = [printable(item.result.label) for item in items]
    for tell_apart in (_by_properties, _by_run, _by_reference):
        for name in {name for name in found if found.count(name) > 1}:
            positions = [i for i, other in enumerate(found) if other == name]
            for i, part in zip(positions, tell_apart([items[i] for i in positions]), strict=True):
                found[i] += f" · {part}" if part else ""
    return found


def _by_properties(items: Sequence[Compared]) -> list[str]:
    described = [properties(item.reader.record, item.result) for item in items]

    def parts(key: str) -> list[str]:
        return [_cut(known[key].short) if key in known else "" for known in described]

    told: list[tuple[str, ...]] = [()] * len(items)
    all_parts = [parts(key) for key in keys_of(described)]
    # One part that tells all of them apart is better than two that do so together.
    for values in sorted(all_parts, key=lambda values: len(set(values)) < len(items)):
        longer = [(*before, value) for before, value in zip(told, values, strict=True)]
        if len(set(longer)) > len(set(told)):
            told = longer
        if len(set(told)) == len(items) or len(told[0]) == _MOST_PARTS:
            break
    return [" · ".join(filter(None, each)) for each in told]


def _by_run(items: Sequence[Compared]) -> list[str]:
    days = {match[1] for item in items if (match := _RUN_ID.fullmatch(item.run))}
    return [_run_time(item, with_day=len(days) > 1) for item in items]


def _run_time(item: Compared, *, with_day: bool) -> str:
    """ "08:53:20", as in the run's id, the second run of that second as "08:53:20-2"; an id of another form whole."""
    match = _RUN_ID.fullmatch(item.run)
    if match is None:
        return printable(item.run)
    day, hours, minutes, seconds, name = match.groups()
    attempt = name.removeprefix(item.reader.record.experiment)
    attempt = attempt if re.fullmatch(r"-\d+", attempt) else ""
    return (f"{day} " if with_day else "") + f"{hours}:{minutes}:{seconds}{attempt}"


def _by_reference(items: Sequence[Compared]) -> list[str]:
    return [printable(item.reference) for item in items]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_PART else f"{text[: _LONGEST_PART - 1]}…"


def together(items: Sequence[Compared]) -> Results:
    """The models as if one run had trained them all, under their labels; charts and tables are made of it.

    Args:
        items: at least one. `Results.models` has them in this order; `Results.data` is that of the first.
    """
    trials: list[TrialResult] = []
    for item, name in zip(items, labels(items), strict=True):
        members = seeds_of(item.result)
        for trial in members:
            seed = f"seed {trial.trial.seed}"
            several = len(members) > 1
            names = {
                "name": f"{name}, {seed}" if several else name,
                "label": f"{name} · {seed}" if several else name,
                "model": name,
            }
            trials.append(replace(trial, index=len(trials), trial=trial.trial.model_copy(update=names)))
    return Results("comparison", items[0].reader.results.data, trials)


def charted(results: Results) -> list[str]:
    """Those of `CHARTED` that the results have anything for; those of every epoch always."""
    found = list(CHARTED)
    for name in (BATCH_LOSS, RUNNING_ACCURACY):
        if not any(name in trial.series for trial in results.trials):
            found.remove(name)
    if not any(epoch.gradient_norms for trial in results.trials for epoch in trial.epochs):
        found.remove(GRADIENT_NORMS)
    return found


def chart_of(name: str, *, log_y: bool = False) -> Chart:
    """The chart of one of `CHARTED`. Gradient norms are on a logarithmic axis in any case."""
    stem = name.replace("_", "-")
    if name == GRADIENT_NORMS:
        return Chart(stem, BY_LAYER, (name,), x="layer", y_label="squared L2 norm", log_y=True)
    title = METRIC_TITLES[name]
    y_label = "accuracy" if name.endswith("accuracy") else "loss (nats)"
    x: ChartX = "batch" if name in (BATCH_LOSS, RUNNING_ACCURACY) else "epoch"
    return Chart(stem, title[0].upper() + title[1:], (name,), x=x, y_label=y_label, log_y=log_y)


def notices(items: Sequence[Compared]) -> list[str]:
    """Sentences on what stands against comparing these figures.

    Other data, other pretrained weights and what those do not show, runs that go on, models without epochs.
    """
    found = []
    by_hash = {item.reader.record.data.sha256: item.reader.record.data.name for item in items}
    if len(by_hash) > 1:
        names = ", ".join(printable(f"{name} ({sha256[:8]}…)") for sha256, name in by_hash.items())
        found.append(f"The figures are on different data, and cannot be compared between them: {names}.")
    found += _on_weights(items)
    readers = list({item.run: item.reader for item in items}.values())
    active = [reader.directory.id for reader in readers if reader.state in ACTIVE_STATES]
    if active:
        found.append(f"Still going on, with the figures so far: {printable(', '.join(active))}.")
    without = [name for item, name in zip(items, labels(items), strict=True) if not item.result.epochs]
    if without:
        found.append(f"Without a whole epoch, and so without figures: {', '.join(without)}.")
    return found


def _on_weights(items: Sequence[Compared]) -> list[str]:
    started = [item for item in items if isinstance(item.result.trial, FaceTrial) and item.result.trial.is_pretrained]
    weights = [item.reader.record.weights for item in started]
    by_hash = {each.sha256: each for each in weights if each is not None}
    found = []
    if len(by_hash) > 1:
        names = ", ".join(printable(f"{each.name} ({sha256[:8]}…)") for sha256, each in by_hash.items())
        found.append(f"The pretrained models start from different weights: {names}.")
    return found + [printable(caveat) for caveat in dict.fromkeys(each.caveat for each in by_hash.values()) if caveat]
