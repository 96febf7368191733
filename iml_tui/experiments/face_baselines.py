"""7: five ways to tell real faces from generated ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

from pydantic import Field, field_validator, model_validator

from iml_tui.experiments.base import Experiment, Finding, with_seeds
from iml_tui.experiments.charts import Chart, HeatMap
from iml_tui.experiments.face_baselines_tables import (
    baseline_table,
    confusion_table,
    extremes_table,
    means_table,
    other_table,
    outcome_table,
)
from iml_tui.experiments.face_difficulty import FACE_DIFFICULTY
from iml_tui.experiments.face_findings import face_findings
from iml_tui.experiments.face_reference import BASELINE_TITLES, TRAINED, name_at, positions_of
from iml_tui.experiments.face_reporting import weights_name
from iml_tui.experiments.hyperparameters import (
    BatchSize,
    EpochCount,
    Hyperparameters,
    LearningRate,
    format_exact,
    refuse_bad_list,
    refuse_batch_norm_of_one,
)
from iml_tui.experiments.reporting import timing_table
from iml_tui.experiments.results import Results
from iml_tui.experiments.tables import Table
from iml_tui.experiments.trials import BATCH_LOSS, RUNNING_ACCURACY, Baseline, FaceTrial, Trial
from iml_tui.experiments.weights_choice import PretrainedWeights

LEAST_IMAGE_SIZE: Final = 16
"""Pixels: ResNet18 halves a picture five times, and of less nothing is left to look at."""

_SHORT: Final[dict[Baseline, str]] = {"from-scratch": "scratch", "linear-probing": "probe", "fine-tuning": "fine-tune"}

_LOSS_TITLE: Final = "Training loss per batch"
# Logarithmic, because the loss of a learning rate that is too high can be orders of magnitude above the others.
_LATEST: Final = Chart(
    "latest-loss", _LOSS_TITLE, (BATCH_LOSS,), x="batch", y_label="loss (nats)", log_y=True, trials=()
)
_ACCURACIES: Final = tuple(
    Chart(
        f"{split}-accuracy",
        f"{split.capitalize()} accuracy",
        (f"{split}_accuracy",),
        x="learning_rate",
        y_label="accuracy",
        log_x=True,
        panel="accuracies",
    )
    for split in ("test", "validation")
)
_LOSSES: Final = tuple(
    replace(_LATEST, id=f"loss-{kind}", title=f"{_LOSS_TITLE}, {BASELINE_TITLES[kind]}", panel="losses")
    for kind in TRAINED
)
_RUNNING: Final = tuple(
    Chart(
        f"running-accuracy-{kind}",
        f"Running accuracy, {BASELINE_TITLES[kind]}",
        (RUNNING_ACCURACY,),
        x="batch",
        y_label="accuracy",
        trials=(),
        panel="running accuracies",
    )
    for kind in TRAINED
)


_TIMING_NOTE: Final = (
    "Samples/s and time per epoch are medians over the epochs; each model trains by itself. Linear and sklearn probing "
    "are timed without the features of the frozen network, which are computed before, once for all of them, unless a "
    "shift makes the network run at every step."
)


class FaceBaselinesHyperparameters(Hyperparameters):
    """Three of the baselines are trained once for every learning rate, the other two once."""

    learning_rates: Annotated[
        tuple[LearningRate, ...],
        Field(
            title="Learning rates",
            description="The learning rates of the baselines that are trained: from scratch, linear probing and "
            "fine-tuning. Too high and what was pretrained is lost in a few steps; too low and an epoch is not enough.",
        ),
    ] = (0.1, 0.01, 0.001, 0.0001, 0.00001)
    epochs: EpochCount = 1
    batch_size: BatchSize = 32
    image_size: Annotated[
        int,
        Field(
            title="Image size",
            ge=0,
            le=512,
            json_schema_extra={
                "unit": "pixels",
                "allowed": f"must be 0, or a whole number at least {LEAST_IMAGE_SIZE} and at most 512",
            },
            description="Side of the square pictures that the networks see. 0 leaves it to the data: 64 of the "
            "rendered faces, of a folder what the pretrained weights are made for, or 224.",
        ),
    ] = 0
    horizontal_flip: Annotated[
        bool,
        Field(
            title="Horizontal flip",
            description="Mirror the training pictures of the baselines that are trained at random, a new choice every "
            "epoch. XGBoost and sklearn probing see the pictures as they are.",
        ),
    ] = False
    shift: Annotated[
        int,
        Field(
            title="Shift",
            ge=0,
            le=32,
            json_schema_extra={"unit": "pixels"},
            description="Move the training pictures of the baselines that are trained at random, by up to so many "
            "pixels in both directions. The features of the frozen network can then not be computed once for all.",
        ),
    ] = 0
    weights: PretrainedWeights = "auto"
    difficulty: Annotated[
        float,
        Field(
            title="Difficulty",
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="How hard the rendered faces are to tell from generated ones, from 0 to 1. It changes nothing "
            "about a folder of pictures.",
        ),
    ] = FACE_DIFFICULTY

    @field_validator("learning_rates")
    @classmethod
    def _check_list(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        refuse_bad_list(values, "learning rate")
        return values

    @field_validator("batch_size")
    @classmethod
    def _check_batch_size(cls, value: int) -> int:
        refuse_batch_norm_of_one(True, (value,))  # ResNet18 normalises over the batch.
        return value

    @field_validator("image_size")
    @classmethod
    def _check_image_size(cls, value: int) -> int:
        if 0 < value < LEAST_IMAGE_SIZE:
            raise ValueError(
                f"must be 0, or at least {LEAST_IMAGE_SIZE} pixels: ResNet18 leaves nothing of smaller ones"
            )
        return value

    @model_validator(mode="after")
    def _check_together(self) -> FaceBaselinesHyperparameters:
        if self.image_size and self.shift >= self.image_size:
            raise ValueError(
                f"a shift of {self.shift} pixels moves pictures of {self.image_size} pixels out of sight: take a "
                "shift that is smaller than image_size"
            )
        return self


class FaceBaselinesExperiment(Experiment):
    """Trains five kinds of classifiers on real and generated faces."""

    id = "7"
    other_ids = ("7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "7.6.1", "7.6.2")
    slug = "face-baselines"
    title = "Real and generated faces"
    section = "7 Real and generated faces"
    question = "Which of five ways tells real faces from generated ones best, and at which learning rate?"
    hyperparameters = FaceBaselinesHyperparameters
    data = "faces"
    shows = "pictures"
    # First what moves while the run goes on, then what it comes to.
    charts = (_LATEST, *_ACCURACIES, *_LOSSES, *_RUNNING)

    def models(self, hyperparameters: Hyperparameters) -> list[FaceTrial]:
        """XGBoost, every learning rate from scratch and of linear probing, sklearn probing, then fine-tuning."""
        assert isinstance(hyperparameters, FaceBaselinesHyperparameters)
        return [model for kind in BASELINE_TITLES for model in _models_of(kind, hyperparameters)]

    def trials(self, hyperparameters: Hyperparameters) -> list[Trial]:
        """Every network once for each seed; XGBoost and sklearn probing once, as nothing about them is random."""
        found: list[Trial] = []
        for model in self.models(hyperparameters):
            found += with_seeds(model, hyperparameters.seeds) if model.is_trained else [model]
        return found

    def charts_for(self, results: Results) -> tuple[Chart | HeatMap, ...]:
        """Each baseline's models in its own charts; in front those of the baseline in training, or trained last."""
        latest = _latest(results)
        of_each = [positions_of(results, kind) for kind in TRAINED]
        return (
            replace(_LATEST, title=f"{_LOSS_TITLE}: {BASELINE_TITLES[latest]}", trials=positions_of(results, latest)),
            *(replace(chart, title=f"{chart.title}{_started_from(results)}") for chart in _ACCURACIES),
            *(replace(chart, trials=trials) for chart, trials in zip(_LOSSES, of_each, strict=True)),
            *(replace(chart, trials=trials) for chart, trials in zip(_RUNNING, of_each, strict=True)),
        )

    def tables(self, results: Results) -> list[Table]:
        """A table for each trained baseline, the others, means, best and worst, confusions, outcomes, the speed."""
        return [
            *(baseline_table(results, kind) for kind in TRAINED),
            other_table(results),
            means_table(results),
            extremes_table(results),
            confusion_table(results),
            outcome_table(results),
            replace(timing_table(results), note=_TIMING_NOTE),
        ]

    def findings(self, results: Results) -> list[Finding]:
        """Best and worst, which lead exceeds chance, whether pretraining helps, and what each learning rate did."""
        return face_findings(results)

    def summary(self, results: Results) -> str:
        """The test accuracy of the model that has the highest validation accuracy, which does not flatter it."""
        ranked = results.ranking()
        if not ranked:
            return ""
        model = results.models[ranked[0]]
        return f"test accuracy {model.last('test_accuracy'):.3f}, best on validation: {model.label}"


def _models_of(kind: Baseline, hyperparameters: FaceBaselinesHyperparameters) -> list[FaceTrial]:
    seed, batch_size = hyperparameters.seeds[0], hyperparameters.batch_size
    if kind not in TRAINED:
        label = "XGBoost" if kind == "xgboost-pixels" else "sklearn probe"
        return [
            FaceTrial(name=BASELINE_TITLES[kind], label=label, seed=seed, epochs=1, kind=kind, batch_size=batch_size)
        ]
    return [
        FaceTrial(
            name=name_at(kind, rate),
            label=f"{_SHORT[kind]} {format_exact(rate)}",
            seed=seed,
            epochs=hyperparameters.epochs,
            kind=kind,
            learning_rate=rate,
            batch_size=batch_size,
            horizontal_flip=hyperparameters.horizontal_flip,
            shift=hyperparameters.shift,
        )
        for rate in hyperparameters.learning_rates
    ]


def _started_from(results: Results) -> str:
    """What the title of a chart with pretrained baselines says of their weights, once they are found."""
    return f", pretrained: {weights_name(results)}" if results.weights else ""


def _latest(results: Results) -> Baseline:
    """The baseline that is in training, or was trained last; the first before any is."""
    states = {kind: [results.models[i].state for i in positions_of(results, kind)] for kind in TRAINED}
    running = [kind for kind in TRAINED if "running" in states[kind]]
    begun = [kind for kind in TRAINED if any(state != "waiting" for state in states[kind])]
    return running[-1] if running else begun[-1] if begun else TRAINED[0]
