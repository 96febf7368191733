"""6.2.1.1 to 6.2.1.4: what depth and width do."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

from pydantic import Field, field_validator, model_validator

from iml_tui.experiments.base import Experiment, Finding
from iml_tui.experiments.charts import Chart, HeatMap
from iml_tui.experiments.depth_width_tables import (
    accuracy_table,
    depth_series,
    loss_table,
    shape_findings,
    width_series,
)
from iml_tui.experiments.hyperparameters import (
    MAX_TRIALS,
    BatchNorm,
    BatchSize,
    EpochCount,
    Hyperparameters,
    LearningRate,
    refuse_batch_norm_of_one,
)
from iml_tui.experiments.reporting import timing_table
from iml_tui.experiments.results import ACCURACIES, LOSSES, Results
from iml_tui.experiments.tables import Table
from iml_tui.experiments.trials import MLPTrial

_BEST: Final = Chart("best-losses", "Best model", LOSSES, y_label="loss (nats)", trials=(0,), panel="losses")
_WORST: Final = Chart("worst-losses", "Worst model", LOSSES, y_label="loss (nats)", trials=(1,), panel="losses")
_ACCURACY: Final = Chart("validation-accuracy", "Validation accuracy", ("validation_accuracy",), y_label="accuracy")
_DEPTH: Final = Chart(
    "depth", "Accuracy against depth", ACCURACIES, x="hidden_layers", y_label="accuracy", panel="accuracies"
)
_WIDTH: Final = Chart(
    "width", "Accuracy against width", ACCURACIES, x="hidden_width", y_label="accuracy", panel="accuracies"
)


class DepthWidthHyperparameters(Hyperparameters):
    """One model for every pair of a depth and a width; all else is the same for all."""

    hidden_layers: Annotated[
        tuple[Annotated[int, Field(ge=1, le=200)], ...],
        Field(
            title="Hidden layers",
            json_schema_extra={"unit": "layers"},
            description="Depth of each model: its number of hidden layers. The first depth belongs to the first "
            "width, and so on; one number alone serves for every width.",
        ),
    ] = (1, 2, 6, 10, 6, 6, 6)
    hidden_widths: Annotated[
        tuple[Annotated[int, Field(ge=1, le=4096)], ...],
        Field(
            title="Hidden widths",
            json_schema_extra={"unit": "neurons"},
            description="Width of each model: the neurons in each of its hidden layers. One width for every depth, in "
            "the same order; one number alone serves for every depth.",
        ),
    ] = (16, 16, 16, 16, 8, 32, 64)
    epochs: EpochCount = 50
    learning_rate: LearningRate = 0.001
    batch_size: BatchSize = 256
    batch_norm: BatchNorm = True

    @field_validator("hidden_layers", "hidden_widths")
    @classmethod
    def _check_list(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        if not values:
            raise ValueError("needs at least one number")
        if len(values) > MAX_TRIALS:
            raise ValueError(f"has {len(values)} values, and one experiment trains at most {MAX_TRIALS} models")
        return values

    @model_validator(mode="after")
    def _check_together(self) -> DepthWidthHyperparameters:
        depths, widths = len(self.hidden_layers), len(self.hidden_widths)
        if depths != widths and 1 not in (depths, widths):
            raise ValueError(
                f"hidden_layers has {depths} numbers and hidden_widths {widths}: a model is one of each, so give as "
                "many depths as widths, or one number for all"
            )
        shapes = self.shapes()
        twice = next((shape for i, shape in enumerate(shapes) if shape in shapes[:i]), None)
        if twice is not None:
            depth, width = twice
            raise ValueError(f"depth {depth} with width {width} is named twice, and each pair is one model")
        refuse_batch_norm_of_one(self.batch_norm, (self.batch_size,))
        return self

    def shapes(self) -> list[tuple[int, int]]:
        """(depth, width) of every model, in order; a list of one number is repeated."""
        count = max(len(self.hidden_layers), len(self.hidden_widths))
        depths, widths = (
            values * count if len(values) == 1 else values for values in (self.hidden_layers, self.hidden_widths)
        )
        return list(zip(depths, widths, strict=True))


class DepthWidthExperiment(Experiment):
    """Trains networks of several depths and widths that are alike in all else."""

    id = "6.2.1.1"
    other_ids = ("6.2.1.2", "6.2.1.3", "6.2.1.4")
    slug = "depth-width"
    title = "Depth and width"
    section = "6.2 Depth, width, gradients, features"
    question = "How do depth and width decide how well a network learns, and which shape is best?"
    hyperparameters = DepthWidthHyperparameters
    charts = (_BEST, _WORST, _ACCURACY, _DEPTH, _WIDTH)

    def models(self, hyperparameters: Hyperparameters) -> list[MLPTrial]:
        """One model for every pair of depth and width, in the order given."""
        assert isinstance(hyperparameters, DepthWidthHyperparameters)
        shared = hyperparameters.settings("hidden_layers", "hidden_widths")
        return [
            MLPTrial(
                name=f"depth {depth}, width {width}",
                label=f"{depth}x{width}",
                hidden_layers=depth,
                hidden_width=width,
                **shared,
            )
            for depth, width in hyperparameters.shapes()
        ]

    def charts_for(self, results: Results) -> tuple[Chart | HeatMap, ...]:
        """Best and worst by validation accuracy so far, and the models of one width and of one depth."""
        depth, width = depth_series(results), width_series(results)
        return (
            *_extremes(results),
            _ACCURACY,
            replace(_DEPTH, title=f"Accuracy against depth, width {depth.fixed}", trials=depth.models),
            replace(_WIDTH, title=f"Accuracy against width, depth {width.fixed}", trials=width.models),
        )

    def tables(self, results: Results) -> list[Table]:
        """Accuracies beside the report's, losses with what happened, and the speed."""
        return [accuracy_table(results), loss_table(results), timing_table(results)]

    def findings(self, results: Results) -> list[Finding]:
        """Best and worst, what depth and width did, the generalisation gap, and any model that failed."""
        return shape_findings(results)


def _extremes(results: Results) -> tuple[Chart, Chart]:
    """The losses of the best and of the worst model so far; of the first two while none has finished an epoch."""
    models, ranked = results.models, results.ranking()
    if not ranked:
        first, second = (
            replace(chart, title=f"Losses of {models[i].label}" if i < len(models) else "No second model", trials=(i,))
            for i, chart in enumerate((_BEST, _WORST))
        )
        return first, second
    complete = all(len(model.epochs) == model.trial.epochs for model in models)
    best, worst = ("Best model", "Worst model") if complete else ("Best so far", "Worst so far")
    lowest = ranked[-1]
    return (
        replace(_BEST, title=f"{best}: {models[ranked[0]].label}", trials=(ranked[0],)),
        replace(_WORST, title=f"{worst}: {models[lowest].label}", trials=(lowest,))
        if len(ranked) > 1
        else replace(_WORST, title="No other model yet", trials=()),
    )
