"""6.2.1.7: what sine features do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import Field, field_validator, model_validator

from iml_tui.experiments.base import Experiment, Finding
from iml_tui.experiments.charts import Chart
from iml_tui.experiments.depth_width_tables import TRAIN_ACCURACY
from iml_tui.experiments.hyperparameters import (
    BatchNorm,
    BatchSize,
    EpochCount,
    Hyperparameters,
    LearningRate,
    MLPHyperparameters,
    format_exact,
    refuse_batch_norm_of_one,
)
from iml_tui.experiments.maps import MapChoice
from iml_tui.experiments.reporting import (
    best_epoch,
    best_finding,
    best_value,
    final,
    measured_on,
    over_how_many,
    timing_table,
    verdict_findings,
)
from iml_tui.experiments.results import ACCURACIES, LOSSES, SPLITS, Results
from iml_tui.experiments.seeds import first_seed
from iml_tui.experiments.tables import Column, Table
from iml_tui.experiments.trials import MLPTrial
from iml_tui.experiments.verdicts import verdict_of

MAX_FREQUENCIES: Final = 64

Frequency = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class SineFeaturesHyperparameters(MLPHyperparameters):
    """Two networks alike in all but their inputs: raw coordinates, and sines of them."""

    frequencies: Annotated[
        tuple[Frequency, ...],
        Field(
            title="Frequencies",
            json_schema_extra={"unit": "radians/degree"},
            description="a in sin(a·x), x being longitude or latitude in degrees: each makes one feature of both, in "
            "place of the raw inputs. 0.1 has a wavelength of 63 degrees, 1 one of 6.3; the higher, the finer the "
            "borders that one layer can draw.",
        ),
    ] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    epochs: EpochCount = 50
    learning_rate: LearningRate = 0.001
    batch_size: BatchSize = 256
    batch_norm: BatchNorm = True

    @field_validator("frequencies")
    @classmethod
    def _check_frequencies(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if not values:
            raise ValueError("needs at least one frequency")
        if len(values) > MAX_FREQUENCIES:
            raise ValueError(f"has {len(values)} frequencies, and a network takes at most {MAX_FREQUENCIES}")
        twice = next((value for i, value in enumerate(values) if value in values[:i]), None)
        if twice is not None:
            raise ValueError(f"names the frequency {format_exact(twice)} twice")
        return values

    @model_validator(mode="after")
    def _check_together(self) -> SineFeaturesHyperparameters:
        refuse_batch_norm_of_one(self.batch_norm, (self.batch_size,))
        return self


class SineFeaturesExperiment(Experiment):
    """Trains the same network on raw coordinates and on sines of them."""

    id = "6.2.1.7"
    slug = "sine-features"
    title = "Sine features"
    section = "6.2 Depth, width, gradients, features"
    question = "Does a network learn borders better from sines of the coordinates than from the coordinates?"
    hyperparameters = SineFeaturesHyperparameters
    charts = (
        Chart("raw-losses", "Raw inputs: losses", LOSSES, y_label="loss (nats)", trials=(0,), panel="losses"),
        Chart("sine-losses", "Sine features: losses", LOSSES, y_label="loss (nats)", trials=(1,), panel="losses"),
        Chart("validation-accuracy", "Validation accuracy", ("validation_accuracy",), y_label="accuracy"),
        Chart("raw-accuracies", "Raw inputs", ACCURACIES, y_label="accuracy", trials=(0,), panel="accuracies"),
        Chart("sine-accuracies", "Sine features", ACCURACIES, y_label="accuracy", trials=(1,), panel="accuracies"),
    )

    def models(self, hyperparameters: Hyperparameters) -> list[MLPTrial]:
        """Two models: raw inputs, then sine features."""
        assert isinstance(hyperparameters, SineFeaturesHyperparameters)
        shared = hyperparameters.settings("frequencies")
        return [
            MLPTrial(name=f"network on {inputs}", label=inputs, sine_frequencies=frequencies, **shared)
            for inputs, frequencies in (("raw inputs", ()), ("sine features", hyperparameters.frequencies))
        ]

    def maps(self, results: Results) -> Sequence[MapChoice]:
        """Raw inputs on the left, sine features on the right; of several seeds the first."""
        return [MapChoice(first_seed(model).index) for model in results.models]

    def tables(self, results: Results) -> list[Table]:
        """Accuracies, losses, and the speed."""
        return [_accuracy_table(results), _loss_table(results), timing_table(results)]

    def findings(self, results: Results) -> list[Finding]:
        """Which inputs are better and by how much, and what happened to each network."""
        return [*best_finding(results), *_errors(results), *verdict_findings(results, "the {name}")]


def _accuracy_table(results: Results) -> Table:
    columns = (
        Column("inputs", "Inputs"),
        Column("features", "Features"),
        Column("parameters", "Parameters"),
        *(Column(f"{split}_accuracy", f"{split.capitalize()} accuracy") for split in SPLITS),
        Column("best_validation_accuracy", "Best validation accuracy"),
        Column("best_epoch", "Best epoch", decimals=1),
    )
    rows = tuple(
        (
            model.label,
            2 * (len(model.mlp.sine_frequencies) or 1),
            model.parameters,
            *(final(model, metric) for metric in ACCURACIES),
            best_value(model, "validation_accuracy"),
            best_epoch(model, "validation_accuracy"),
        )
        for model in results.models
    )
    note = (
        f"{measured_on(results)} Accuracies are those after the last epoch, best is at any epoch. {TRAIN_ACCURACY} The "
        "report gives no figures."
    )
    return Table("accuracies", "Accuracy with each kind of input", columns, rows, note=note)


def _loss_table(results: Results) -> Table:
    columns = (
        Column("inputs", "Inputs"),
        Column("epochs", "Epochs"),
        *(Column(f"{split}_loss", f"{split.capitalize()} loss", unit="nats") for split in SPLITS),
        Column("outcome", "What happened"),
        Column("figure", "Because"),
    )
    rows = []
    for model in results.models:
        judged = verdict_of(model, results.data)
        losses = (final(model, metric) for metric in LOSSES)
        outcome = (judged.kind, judged.figure) if judged else (None, None)
        rows.append((model.label, len(model.epochs), *losses, *outcome))
    return Table("losses", "Losses after the last epoch", columns, tuple(rows), note=measured_on(results))


def _errors(results: Results) -> list[Finding]:
    """How many of the validation samples each network still gets wrong."""
    reached = [(model, 1 - model.last("validation_accuracy")) for model in results.models]
    reached = [(model, error) for model, error in reached if math.isfinite(error)]
    if len(reached) < 2:
        return []
    (few, low), (many, high) = sorted(reached, key=lambda pair: pair[1])
    when = "" if all(len(model.epochs) == model.trial.epochs for model, _ in reached) else " so far"
    text = (
        f"The {few.name} gets {low:.2%} of the validation samples wrong{when}, the {many.name} {high:.2%}"
        f"{over_how_many(few)}"
    )
    text += f": {high / low:.1f} times as many." if low > 0 else "."
    return [Finding("Errors", text, {f"error {model.label}": error for model, error in reached})]
