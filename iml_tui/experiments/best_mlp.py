"""An experiment of the lab's own: how accurate a small network can be, beside classifiers that need no network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from pydantic import Field, model_validator

from iml_tui.experiments.base import Experiment, Finding, with_seeds
from iml_tui.experiments.best_mlp_tables import (
    COMPACT,
    LIMIT,
    NEAREST,
    accuracy_table,
    classifier,
    compact_findings,
    comparison_table,
)
from iml_tui.experiments.charts import Chart
from iml_tui.experiments.depth_width import DepthWidthExperiment, DepthWidthHyperparameters
from iml_tui.experiments.hyperparameters import (
    BatchNorm,
    BatchSize,
    EpochCount,
    Hyperparameters,
    LearningRate,
    LearningRateScheduler,
    MLPHyperparameters,
    refuse_batch_norm_of_one,
)
from iml_tui.experiments.maps import MapChoice
from iml_tui.experiments.reporting import timing_table
from iml_tui.experiments.results import ACCURACIES, LOSSES, Results
from iml_tui.experiments.seeds import first_seed
from iml_tui.experiments.sine_features import SineFeaturesExperiment, SineFeaturesHyperparameters
from iml_tui.experiments.tables import Table
from iml_tui.experiments.trials import ClassifierTrial, MLPTrial, Optimizer, Trial

# Both the embedded cities and the course's files have 33 classes. A form knows no data, so the parameters are counted
# with these; of data with more classes, the findings say where the limit was passed.
CLASSES: Final = 33


class BestMLPHyperparameters(MLPHyperparameters):
    """One network of at most 100,000 parameters, and what to train beside it.

    The defaults were chosen by validation accuracy on the embedded cities.
    """

    hidden_layers: int = Field(
        3,
        title="Hidden layers",
        ge=1,
        le=200,
        json_schema_extra={"unit": "layers"},
        description="Depth of the network: its number of hidden layers.",
    )
    hidden_width: int = Field(
        176,
        title="Hidden width",
        ge=1,
        le=4096,
        json_schema_extra={"unit": "neurons"},
        description=f"Neurons in each hidden layer. The network may have {LIMIT:,} parameters.",
    )
    fourier_frequencies: int = Field(
        64,
        title="Fourier frequencies",
        ge=0,
        le=4096,
        description="Random directions in which the standardised coordinates pass through a sine and a cosine, two "
        "features each, in place of the raw inputs. 0 takes the raw inputs.",
    )
    fourier_scale: float = Field(
        1.2,
        title="Fourier scale",
        ge=0,
        le=1000,
        allow_inf_nan=False,
        json_schema_extra={"unit": "cycles"},
        description="Standard deviation of the frequencies, in cycles per standard deviation of the coordinates. The "
        "higher, the finer the borders that can be drawn, and the sooner single cities are learned by heart.",
    )
    batch_norm: BatchNorm = True
    optimizer: Optimizer = Field(
        "adamw",
        title="Optimizer",
        description="adam adds the weight decay to the gradient, adamw shrinks the weights apart from it.",
    )
    weight_decay: float = Field(
        0.01,
        title="Weight decay",
        ge=0,
        le=10,
        allow_inf_nan=False,
        description="How strongly the weights are drawn towards 0. 0 switches it off.",
    )
    scheduler: LearningRateScheduler = "one-cycle"
    averaging: float = Field(
        0.0,
        title="Weight averaging",
        ge=0,
        lt=1,
        allow_inf_nan=False,
        description="Decay per step of a moving average of the weights that is measured in their place, such as 0.99. "
        "0 measures the weights themselves; where the learning rate falls to 0, both come to much the same.",
    )
    epochs: EpochCount = 40
    learning_rate: LearningRate = 0.01
    batch_size: BatchSize = 1024
    classifiers: bool = Field(
        True,
        title="Other classifiers",
        description="Also fit the 1-nearest-neighbour classifier and XGBoost with its defaults to the coordinates.",
    )
    others: bool = Field(
        True,
        title="Other networks",
        description="Also train the networks of the experiments on depth, width and sine features, with their "
        "defaults, to see accuracy against cost.",
    )

    @model_validator(mode="after")
    def _check_together(self) -> BestMLPHyperparameters:
        refuse_batch_norm_of_one(self.batch_norm, (self.batch_size,))
        if self.fourier_frequencies and not self.fourier_scale:
            raise ValueError("fourier_scale must be above 0, because all features of frequency 0 are the same")
        count = parameter_count(
            2 * self.fourier_frequencies or 2, self.hidden_layers, self.hidden_width, CLASSES, self.batch_norm
        )
        if count > LIMIT:
            raise ValueError(
                f"the network would have {count:,} parameters with {CLASSES} classes, and may have {LIMIT:,}: lower "
                "hidden_width, hidden_layers or fourier_frequencies"
            )
        return self


class BestMLPExperiment(Experiment):
    """Trains a compact network on Fourier features, beside classifiers of other kinds and the other networks."""

    id = "6.2+"
    slug = "best-mlp"
    title = "Best small network"
    section = "6.2 Depth, width, gradients, features"
    question = "How accurate can a network of at most 100,000 parameters be, and does it beat the nearest neighbour?"
    hyperparameters = BestMLPHyperparameters
    charts = (
        Chart(
            "parameters",
            "Accuracy against parameters",
            ("validation_accuracy",),
            x="parameters",
            y_label="validation accuracy",
            log_x=True,
            panel="cost",
        ),
        Chart(
            "seconds",
            "Accuracy against training time",
            ("validation_accuracy",),
            x="seconds",
            y_label="validation accuracy",
            log_x=True,
            panel="cost",
        ),
        Chart("losses", "Losses of the compact network", LOSSES, y_label="loss (nats)", trials=(0,)),
        Chart("accuracies", "Accuracies of the compact network", ACCURACIES, y_label="accuracy", trials=(0,)),
    )

    def models(self, hyperparameters: Hyperparameters) -> list[Trial]:
        """The compact network; then, where asked for, the two classifiers and the other networks."""
        assert isinstance(hyperparameters, BestMLPHyperparameters)
        compact = MLPTrial(name=COMPACT, label=COMPACT, **hyperparameters.settings("classifiers", "others"))
        models: list[Trial] = [compact]
        if hyperparameters.classifiers:
            models += [
                ClassifierTrial(name=NEAREST, label="1-NN", seed=compact.seed, kind="nearest-neighbour"),
                ClassifierTrial(name="XGBoost", label="XGBoost", seed=compact.seed, kind="xgboost"),
            ]
        return [*models, *_other_networks(hyperparameters.seeds)] if hyperparameters.others else models

    def trials(self, hyperparameters: Hyperparameters) -> list[Trial]:
        """Every network once for each seed; the classifiers once, as nothing about them is random."""
        found: list[Trial] = []
        for model in self.models(hyperparameters):
            once = isinstance(model, ClassifierTrial)
            found += [model] if once else with_seeds(model, hyperparameters.seeds)
        return found

    def maps(self, results: Results) -> Sequence[MapChoice]:
        """The compact network on the left, the nearest neighbour, or else the next model, on the right."""
        beside = classifier(results, "nearest-neighbour") or next(iter(results.models[1:]), None)
        shown = [results.models[0], beside] if beside is not None else [results.models[0]]
        return [MapChoice(first_seed(model).index) for model in shown]

    def tables(self, results: Results) -> list[Table]:
        """Accuracies, the differences from the nearest neighbour, and the speed."""
        return [accuracy_table(results), *comparison_table(results), timing_table(results)]

    def findings(self, results: Results) -> list[Finding]:
        """Whether the compact network beats the classifiers, with what certainty, and its size."""
        return compact_findings(results)


def parameter_count(inputs: int, hidden_layers: int, hidden_width: int, classes: int, batch_norm: bool) -> int:
    """The trainable parameters of a perceptron: weights, biases, and two a neuron of batch norm."""
    sizes = (inputs, *[hidden_width] * hidden_layers, classes)
    linear = sum((before + 1) * after for before, after in pairwise(sizes))
    return linear + (2 * hidden_width * hidden_layers if batch_norm else 0)


def _other_networks(seeds: tuple[int, ...]) -> list[MLPTrial]:
    """Those of depth x width and the one on sine features, with their experiments' defaults.

    The same network on raw inputs is among the former.
    """
    shapes = DepthWidthExperiment().models(DepthWidthHyperparameters(seeds=seeds))
    on_sines = SineFeaturesExperiment().models(SineFeaturesHyperparameters(seeds=seeds))[1]
    return [*shapes, on_sines]
