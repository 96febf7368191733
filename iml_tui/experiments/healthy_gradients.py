"""6.2.1.6: what keeps the gradients of a deep network healthy."""

from __future__ import annotations

from typing import Final

from pydantic import Field, model_validator

from iml_tui.experiments.base import Experiment, Finding
from iml_tui.experiments.charts import BY_LAYER, Chart, HeatMap
from iml_tui.experiments.gradient_findings import (
    accuracy_findings,
    clipping_finding,
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
from iml_tui.experiments.gradients import (
    PLAIN,
    DeepHyperparameters,
    HiddenLayers,
    HiddenWidth,
    Layers,
    is_reports_plain,
    plain_report,
)
from iml_tui.experiments.hyperparameters import (
    BatchSize,
    EpochCount,
    Hyperparameters,
    LearningRate,
    LearningRateScheduler,
    refuse_batch_norm_of_one,
)
from iml_tui.experiments.reporting import best_finding, timing_table
from iml_tui.experiments.results import ACCURACIES, LOSSES, Results, TrialResult
from iml_tui.experiments.tables import Table, Value
from iml_tui.experiments.trials import MLPTrial

# Each cure's field, and the value that switches it off, as it is typed.
CURES: Final = {"residual": "no", "clip_norm": "0", "scheduler": "none", "weight_decay": "0"}
# What the report says it set; of batch norm it says nothing.
REPORT_SETTINGS: Final = {
    "hidden_layers": 100,
    "hidden_width": 40,
    "residual": True,
    "clip_norm": 8.0,
    "weight_decay": 0.0001,
    "learning_rate": 0.0005,
    "batch_size": 512,
    "epochs": 50,
}


class HealthyGradientsHyperparameters(DeepHyperparameters):
    """One deep network with everything that may cure its gradients, and the plain one beside it."""

    hidden_layers: HiddenLayers = 100
    hidden_width: HiddenWidth = 40
    residual: bool = Field(
        True,
        title="Residual connections",
        description="Every hidden layer but the first adds its input before its activation, so that the gradient also "
        "has a way back around its weights.",
    )
    batch_norm: bool = Field(
        False,
        title="Batch norm",
        description="Batch normalisation before each activation. The report's list of cures does not name it. Without "
        "it the residual layers make the activations larger, so that the first losses are large and clipping has work "
        "to do; with it a step takes twice as long.",
    )
    clip_norm: float = Field(
        8.0,
        ge=0,
        le=1e6,
        allow_inf_nan=False,
        title="Clip at norm",
        description="Where the L2 norm of the whole gradient is larger, the gradient is shortened to this norm, so "
        "that one steep batch cannot throw the weights far off. 0 does not clip.",
    )
    scheduler: LearningRateScheduler = "cosine"
    weight_decay: float = Field(
        0.0001,
        ge=0,
        le=10,
        allow_inf_nan=False,
        title="Weight decay",
        description="This times the weights is added to the gradient, which draws them towards 0. 0 switches it off.",
    )
    epochs: EpochCount = 50
    learning_rate: LearningRate = 0.0005
    batch_size: BatchSize = 512
    layers: Layers = LAYERS
    plain_net: bool = Field(
        True,
        title="Plain network beside it",
        description="Also train the plain network of the experiment on gradients (100 hidden layers of 4 neurons, 10 "
        "epochs, none of these cures), to see both on one axis.",
    )

    @model_validator(mode="after")
    def _check_together(self) -> HealthyGradientsHyperparameters:
        refuse_batch_norm_of_one(self.batch_norm, (self.batch_size,))
        return self


class HealthyGradientsExperiment(Experiment):
    """Trains a deep network with residual connections, clipping, a scheduler and weight decay, beside the plain one."""

    id = "6.2.1.6"
    slug = "healthy-gradients"
    title = "Healthy gradients"
    section = "6.2 Depth, width, gradients, features"
    question = "What keeps the gradients of a hundred layers healthy, so that the network learns?"
    hyperparameters = HealthyGradientsHyperparameters
    charts = (
        Chart(
            GRADIENTS,
            "Gradients of single layers",
            tuple(f"gradient_norm.{layer}" for layer in LAYERS),
            y_label=SQUARED_NORM,
            log_y=True,
            trials=(0,),
        ),
        Chart(
            "by-layer",
            BY_LAYER,
            ("gradient_norm",),
            x="layer",
            y_label=SQUARED_NORM,
            log_y=True,
        ),
        HeatMap("heat-map", "Squared gradient norm of every layer", trial=0, panel="heat-maps"),
        HeatMap("plain-heat-map", "The same of the plain network", trial=1, panel="heat-maps"),
        # Logarithmic, because the loss of the first steps can be orders of magnitude above the others.
        Chart("losses", "Losses", LOSSES, y_label="loss (nats)", log_y=True, trials=(0,), panel="learned"),
        Chart("accuracies", "Accuracies", ACCURACIES, y_label="accuracy", trials=(0,), panel="learned"),
        Chart("validation-accuracy", "Validation accuracy", ("validation_accuracy",), y_label="accuracy"),
    )

    def models(self, hyperparameters: Hyperparameters) -> list[MLPTrial]:
        """The deep network and, where it is asked for, the plain one."""
        assert isinstance(hyperparameters, HealthyGradientsHyperparameters)
        shape = (hyperparameters.hidden_layers, hyperparameters.hidden_width)
        deep = MLPTrial(
            name="depth {}, width {}".format(*shape),
            label="{}x{}".format(*shape),
            record_gradients=True,
            **hyperparameters.settings("layers", "plain_net"),
        )
        plain = MLPTrial(
            name="plain, depth {hidden_layers}, width {hidden_width}".format(**PLAIN),
            label="plain {hidden_layers}x{hidden_width}".format(**PLAIN),
            record_gradients=True,
            seed=deep.seed,
            **PLAIN,
        )
        return [deep, plain] if hyperparameters.plain_net else [deep]

    def charts_for(self, results: Results) -> tuple[Chart | HeatMap, ...]:
        """The chosen layers of the run, each with its curve."""
        return gradient_charts(self.charts, results)

    def tables(self, results: Results) -> list[Table]:
        """What was learned, the chosen layers, all layers, and the speed."""
        return [outcome_table(results), layer_table(results, _report), group_table(results), timing_table(results)]

    def findings(self, results: Results) -> list[Finding]:
        """The verdicts, clipping, what was learned, how gradients decay, and how to find out what cures them."""
        decays = [finding for model in results.models for finding in decay_finding(model)]
        clipping = clipping_finding(results.models[0])
        learned = [*accuracy_findings(results), *best_finding(results)]
        return [*network_findings(results), *learned, *clipping, *decays, *_cures(results)]


def _report(model: TrialResult, layer: int) -> Reported | None:
    trial = model.mlp
    if is_reports_plain(trial):
        return plain_report(layer)
    if layer not in LAYERS or any(getattr(trial, name) != value for name, value in REPORT_SETTINGS.items()):
        return None
    return Reported("0.1 to 0.5", norms=(0.1, 0.5)) if layer else Reported("high, not exploding", "healthy")


def _cures(results: Results) -> list[Finding]:
    """What is switched off already, and what to switch off next to see which one cures."""
    model = results.models[0]
    if not model.epochs:
        return []
    on = [name for name in CURES if getattr(model.mlp, name) not in (False, 0, "none")]
    off = [name for name in CURES if name not in on]
    evidence: dict[str, Value] = {name: _setting(getattr(model.mlp, name)) for name in CURES}
    text = ""
    if off:
        text = f"Switched off in this run: {', '.join(off)}. "
    if on:
        settings = ", ".join(f"{name}={CURES[name]}" for name in on)
        text += f"To see which of the {len(on)} cures at work is needed, switch off one at a time: {settings}."
    else:
        text += f"None of the {len(CURES)} cures was at work."
    return [Finding("Which one cures", text, evidence)]


def _setting(value: object) -> Value:
    return ("on" if value else "off") if isinstance(value, bool) else value if isinstance(value, float | str) else None
