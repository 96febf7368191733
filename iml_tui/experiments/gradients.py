"""6.2.1.5: gradients in a very deep, narrow network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field, field_validator, model_validator

from iml_tui.experiments.base import Experiment, Finding
from iml_tui.experiments.charts import BY_LAYER, Chart, HeatMap
from iml_tui.experiments.gradient_findings import (
    accuracy_findings,
    decay_finding,
    network_findings,
)
from iml_tui.experiments.gradient_tables import (
    GRADIENTS,
    LAYERS,
    SQUARED_NORM,
    Reported,
    gradient_charts,
    group_table,
    layer_table,
    outcome_table,
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
from iml_tui.experiments.results import ACCURACIES, LOSSES, Results, TrialResult
from iml_tui.experiments.tables import Table
from iml_tui.experiments.trials import MLPTrial

PLAIN: Final[Mapping[str, int | float | bool]] = {
    "hidden_layers": 100,
    "hidden_width": 4,
    "epochs": 10,
    "learning_rate": 0.001,
    "batch_size": 256,
    "batch_norm": False,
}
"""The report's plain network, whose gradients vanish."""

HiddenLayers = Annotated[
    int,
    Field(
        ge=1,
        le=200,
        title="Hidden layers",
        json_schema_extra={"unit": "layers"},
        description="Depth: the number of hidden layers, which the gradient is passed back through one by one.",
    ),
]
HiddenWidth = Annotated[
    int,
    Field(
        ge=1,
        le=4096,
        title="Hidden width",
        json_schema_extra={"unit": "neurons"},
        description="Neurons in each hidden layer. With few of them it happens that all neurons of a layer are dead, "
        "and then nothing at all is passed back.",
    ),
]
Layers = Annotated[
    tuple[Annotated[int, Field(ge=0, le=200)], ...],
    Field(
        title="Layers shown",
        description="The linear layers that have a curve and a row of a table: 0 is the one at the input, the number "
        "of hidden layers the output layer. Gradients are recorded for all layers, whichever are shown. Of a network "
        "of another depth the default shows those at the same shares of the depth.",
    ),
]


class DeepHyperparameters(Hyperparameters):
    """What experiments on the gradients of one deep network let one set."""

    hidden_layers: HiddenLayers = 100
    hidden_width: HiddenWidth = 4
    layers: Layers = LAYERS

    @field_validator("layers")
    @classmethod
    def _check_layers(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        if len(values) > MAX_TRIALS:
            raise ValueError(f"names {len(values)} layers, and a chart shows at most {MAX_TRIALS}")
        twice = next((layer for i, layer in enumerate(values) if layer in values[:i]), None)
        if twice is not None:
            raise ValueError(f"names layer {twice} twice")
        return values

    @model_validator(mode="after")
    def _check_depth(self) -> DeepHyperparameters:
        beyond = [layer for layer in self.layers if layer > self.hidden_layers]
        if beyond and self.layers != LAYERS:
            plural = "s" if self.hidden_layers > 1 else ""
            raise ValueError(
                f"layers names layer {beyond[0]}, but a network with {self.hidden_layers} hidden layer{plural} has "
                f"layers 0 to {self.hidden_layers}"
            )
        return self


class GradientsHyperparameters(DeepHyperparameters):
    """One deep, narrow, plain network."""

    epochs: EpochCount = 10
    learning_rate: LearningRate = 0.001
    batch_size: BatchSize = 256
    batch_norm: BatchNorm = False

    @model_validator(mode="after")
    def _check_together(self) -> GradientsHyperparameters:
        refuse_batch_norm_of_one(self.batch_norm, (self.batch_size,))
        return self


class GradientsExperiment(Experiment):
    """Trains a deep, narrow, plain network and records the gradient of every layer at every step."""

    id = "6.2.1.5"
    slug = "gradients"
    title = "Gradients"
    section = "6.2 Depth, width, gradients, features"
    question = "What becomes of the gradient on its way back through a hundred layers?"
    hyperparameters = GradientsHyperparameters
    charts = (
        Chart(
            GRADIENTS,
            "Gradients of single layers",
            tuple(f"gradient_norm.{layer}" for layer in LAYERS),
            y_label=SQUARED_NORM,
            log_y=True,
        ),
        HeatMap("heat-map", "Squared gradient norm of every layer"),
        Chart(
            "by-layer",
            BY_LAYER,
            ("gradient_norm",),
            x="layer",
            y_label=SQUARED_NORM,
            log_y=True,
        ),
        Chart("losses", "Losses", LOSSES, y_label="loss (nats)", panel="learned"),
        Chart("accuracies", "Accuracies", ACCURACIES, y_label="accuracy", panel="learned"),
    )

    def models(self, hyperparameters: Hyperparameters) -> list[MLPTrial]:
        """The one network."""
        assert isinstance(hyperparameters, GradientsHyperparameters)
        return [
            MLPTrial(
                name=f"depth {hyperparameters.hidden_layers}, width {hyperparameters.hidden_width}",
                label=f"{hyperparameters.hidden_layers}x{hyperparameters.hidden_width}",
                record_gradients=True,
                **hyperparameters.settings("layers"),
            )
        ]

    def charts_for(self, results: Results) -> tuple[Chart | HeatMap, ...]:
        """The chosen layers of the run, each with its curve."""
        return gradient_charts(self.charts, results)

    def tables(self, results: Results) -> list[Table]:
        """The chosen layers, all layers, what was learned, and the speed."""
        return [
            layer_table(results, _report),
            group_table(results),
            outcome_table(results),
            timing_table(results),
        ]

    def findings(self, results: Results) -> list[Finding]:
        """The verdict, how fast gradients decay from layer to layer, and what the network learned."""
        decays = [finding for model in results.models for finding in decay_finding(model)]
        return [*network_findings(results), *decays, *accuracy_findings(results)]


def is_reports_plain(trial: MLPTrial) -> bool:
    """Whether the report trained such a plain network."""
    return not trial.residual and all(getattr(trial, name) == value for name, value in PLAIN.items())


def plain_report(layer: int) -> Reported | None:
    """What the report says of a layer of its plain network; None for layers that it does not show."""
    if layer not in LAYERS:
        return None
    return Reported("large in the first epochs") if layer == LAYERS[-1] else Reported("vanishes", "vanishing")


def _report(model: TrialResult, layer: int) -> Reported | None:
    return plain_report(layer) if is_reports_plain(model.mlp) else None
