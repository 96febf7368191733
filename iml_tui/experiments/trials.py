"""A trial: one model trained with one set of hyperparameters and one seed."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Tag

Scheduler = Literal["none", "step", "cosine", "one-cycle"]
Optimizer = Literal["adam", "adamw"]
Baseline = Literal["xgboost-pixels", "from-scratch", "linear-probing", "sklearn-probing", "fine-tuning"]

BATCH_LOSS = "batch_loss"
"""Step-level series: the loss of every batch, nats."""

RUNNING_ACCURACY = "running_accuracy"
"""Step-level series: after every batch, the accuracy over the samples of its epoch so far, 0…1."""

_NAMES = {"name", "label", "model", "seed"}


class Trial(BaseModel):
    """What every trial has.

    `name` is unique within the run ("learning rate 0.01, seed 2"); `label` is the short form for legends ("lr 0.01").
    `model` is the name without the seed, the same for all trials that differ in nothing else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    label: str
    model: str = ""
    seed: int
    epochs: int

    @property
    def step_series(self) -> tuple[str, ...]:
        """The step-level series that are kept, each of one value a step."""
        return ()

    @property
    def model_name(self) -> str:
        """The name of the model, whatever the seed."""
        return self.model or self.name

    @property
    def hyperparameters(self) -> dict[str, object]:
        """What a report lists for the trial: everything but its names and its seed."""
        return self.model_dump(exclude=_NAMES)

    def batches_per_epoch(self, rows: int) -> int:
        """Steps in one epoch over `rows` samples."""
        raise NotImplementedError

    def samples_per_step(self, rows: int) -> int:
        """Samples that a whole step takes in, out of `rows`."""
        raise NotImplementedError


class MLPTrial(Trial):
    """One multilayer perceptron to train.

    Attributes:
        hidden_layers, hidden_width: depth and width; one linear layer more than hidden layers.
        batch_norm: batch normalisation before each activation.
        residual: each hidden layer but the first adds its input before its activation (He et al. 2016).
        sine_frequencies: a in sin(a·x), per degree; every input becomes one feature for each. Empty: raw inputs.
        fourier_frequencies, fourier_scale: number of random frequencies, and the standard deviation (per standard
            deviation of the input) that they are drawn with, of random Fourier features (Tancik et al. 2020) on
            standardised inputs; 0 for none.
        optimizer: `adam` adds `weight_decay` times the weights to the gradient (L2), `adamw` shrinks the weights.
        clip_norm: largest L2 norm of the whole gradient of one member (Pascanu et al. 2013); 0 does not clip.
        scheduler: how the learning rate goes on over all steps of the trial (see `training/scheduler.py`).
        averaging: decay per step of an exponential moving average of the weights that is evaluated in their place;
            0 evaluates the weights themselves.
        record_gradients: whether the squared L2 norm of every linear layer's weight gradient is kept for every step.
    """

    kind: Literal["mlp"] = "mlp"
    hidden_layers: int
    hidden_width: int
    batch_norm: bool
    learning_rate: float
    batch_size: int
    residual: bool = False
    sine_frequencies: tuple[float, ...] = ()
    fourier_frequencies: int = 0
    fourier_scale: float = 0.0
    optimizer: Optimizer = "adam"
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    scheduler: Scheduler = "none"
    averaging: float = 0.0
    record_gradients: bool = False

    @property
    def step_series(self) -> tuple[str, ...]:
        """The batch losses; gradient norms, of several values a step, are kept beside them."""
        return (BATCH_LOSS,)

    def batches_per_epoch(self, rows: int) -> int:
        """Optimizer steps ("iterations") in one epoch over `rows` samples; the last, smaller batch counts."""
        return -(-rows // self.batch_size)

    def samples_per_step(self, rows: int) -> int:
        """The batch size, or all samples where they are fewer."""
        return min(self.batch_size, rows)


class ClassifierTrial(Trial):
    """A classifier of another kind, fitted once to the coordinates, to stand beside the networks.

    `nearest-neighbour` is the class of the nearest training sample, `xgboost` gradient-boosted trees.
    """

    kind: Literal["nearest-neighbour", "xgboost"]
    epochs: Literal[1] = 1

    def batches_per_epoch(self, rows: int) -> int:
        """It is fitted in one step."""
        return 1

    def samples_per_step(self, rows: int) -> int:
        """It is fitted to all samples at once."""
        return rows


class FaceTrial(Trial):
    """One of the baselines that tell real faces from generated ones.

    Attributes:
        kind: `xgboost-pixels`, boosted trees on flattened pixels; `from-scratch`, a ResNet18 with random weights, all
            layers trained; `linear-probing`, a pretrained ResNet18, frozen in evaluation mode, with a new last layer
            trained; `sklearn-probing`, a logistic regression on the frozen network's features; `fine-tuning`, the
            pretrained ResNet18, all layers trained.
        learning_rate: Adam's; None for the baselines that have none.
        batch_size: samples of a step, and of one evaluation of the frozen network.
        horizontal_flip: whether training pictures are mirrored at random.
        shift: up to how many pixels training pictures are moved at random, in both directions.
    """

    kind: Baseline
    learning_rate: float | None = None
    batch_size: int
    horizontal_flip: bool = False
    shift: int = 0

    @property
    def is_trained(self) -> bool:
        """Whether it is trained batch by batch, with a learning rate."""
        return self.learning_rate is not None

    @property
    def is_pretrained(self) -> bool:
        """Whether it starts from pretrained weights."""
        return self.kind in ("linear-probing", "sklearn-probing", "fine-tuning")

    @property
    def step_series(self) -> tuple[str, ...]:
        """Batch losses and running accuracies of those that are trained batch by batch."""
        return (BATCH_LOSS, RUNNING_ACCURACY) if self.is_trained else ()

    def batches_per_epoch(self, rows: int) -> int:
        """Optimizer steps in one epoch over `rows` samples; one fit of the others."""
        return -(-rows // self.batch_size) if self.is_trained else 1

    def samples_per_step(self, rows: int) -> int:
        """The batch size, or all samples where they are fewer or fitted at once."""
        return min(self.batch_size, rows) if self.is_trained else rows


class SourceTrial(Trial):
    """A ResNet18 pretrained on rendered scenes with several labels each, whose weights then serve other tasks.

    Attributes:
        learning_rate: the highest of the one-cycle schedule.
        batch_size: samples of a step.
    """

    kind: Literal["source-task"] = "source-task"
    learning_rate: float
    batch_size: int

    @property
    def step_series(self) -> tuple[str, ...]:
        """Batch losses, mean over the heads, and running accuracies, mean over the heads."""
        return (BATCH_LOSS, RUNNING_ACCURACY)

    def batches_per_epoch(self, rows: int) -> int:
        """Optimizer steps in one epoch over `rows` samples."""
        return -(-rows // self.batch_size)

    def samples_per_step(self, rows: int) -> int:
        """The batch size, or all samples where they are fewer."""
        return min(self.batch_size, rows)


def _class_name(trial: object) -> str:
    """Which class a trial is of; records of former versions, which knew only perceptrons, do not tell its kind."""
    kind = trial.get("kind", "mlp") if isinstance(trial, dict) else getattr(trial, "kind", "")
    classes = {"mlp": MLPTrial, **dict.fromkeys(get_args(Baseline), FaceTrial), "source-task": SourceTrial}
    return classes.get(kind, ClassifierTrial).__name__


AnyTrial = Annotated[
    Annotated[MLPTrial, Tag("MLPTrial")]
    | Annotated[ClassifierTrial, Tag("ClassifierTrial")]
    | Annotated[FaceTrial, Tag("FaceTrial")]
    | Annotated[SourceTrial, Tag("SourceTrial")],
    Discriminator(_class_name),
]
"""A trial as `run.json` holds it."""
