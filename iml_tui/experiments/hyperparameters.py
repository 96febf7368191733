"""Hyperparameters: pydantic models, and the fields a form or `--set` sees of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from iml_tui.errors import UsageError
from iml_tui.experiments.fields import FieldError, FieldSpec, describe, read_value
from iml_tui.experiments.trials import Scheduler

LearningRate = Annotated[
    float,
    Field(
        gt=0,
        le=100,
        allow_inf_nan=False,
        title="Learning rate",
        description="Length of the optimizer's steps. Too large and the loss jumps about or diverges; too small and "
        "it falls so slowly that training ends before the network has learned much.",
    ),
]
BatchSize = Annotated[
    int,
    Field(
        ge=1,
        le=1_000_000,
        title="Batch size",
        json_schema_extra={"unit": "samples"},
        description="Samples whose mean gradient makes one step. Small batches take many noisy steps an epoch, large "
        "ones few smooth steps.",
    ),
]
EpochCount = Annotated[
    int,
    Field(
        ge=1,
        le=100_000,
        title="Epochs",
        json_schema_extra={"unit": "epochs"},
        description="Passes over the training set. More epochs let the loss fall further, until the network starts to "
        "overfit or only fluctuates.",
    ),
]
LearningRateScheduler = Annotated[
    Scheduler,
    Field(
        title="Scheduler",
        description="How the learning rate goes on: none keeps it, step divides it by 10 after one half and again "
        "after three quarters of the steps, cosine lets it fall to 0 along half a cosine, one-cycle raises it over "
        "the first 30 % of the steps and lets it fall to nearly 0.",
    ),
]
BatchNorm = Annotated[
    bool,
    Field(
        title="Batch norm",
        description="Normalise what each hidden layer passes on to mean 0 and variance 1 over the batch, before the "
        "activation. It usually makes training faster and less sensitive to the learning rate.",
    ),
]

Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
MAX_SEEDS = 20

# More curves than this cannot be told apart in one chart of a terminal.
MAX_TRIALS = 12


class Hyperparameters(BaseModel):
    """Base of every experiment's hyperparameters. Frozen; unknown keys are refused.

    Every field carries a `title`, a `description` (help text) and its bounds; a unit stands in
    `json_schema_extra={"unit": …}`. A list is written with commas; a choice among a few words is a `Literal` of them,
    a plain `str` any text but an empty one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: Annotated[
        tuple[Seed, ...],
        Field(
            title="Seeds",
            description="Starts of the random generators: the same seed gives the same initial weights and batch "
            "order. With several, every model is trained once for each, and means and deviations are shown.",
        ),
    ] = (42,)

    @field_validator("seeds")
    @classmethod
    def _check_seeds(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        if not values:
            raise ValueError("needs at least one seed")
        if len(values) > MAX_SEEDS:
            raise ValueError(f"has {len(values)} seeds, and a model is trained with at most {MAX_SEEDS}")
        if len(set(values)) < len(values):
            raise ValueError("names a seed twice, which would train the same model twice")
        return values

    def settings(self, *left_out: str) -> dict[str, Any]:
        """The values as keyword arguments for a trial: all but those left out, and the first seed as `seed`."""
        return {**self.model_dump(exclude={"seeds", *left_out}), "seed": self.seeds[0]}


class MLPHyperparameters(Hyperparameters):
    """What every experiment on multilayer perceptrons lets one set."""

    hidden_layers: int = Field(
        6,
        title="Hidden layers",
        ge=1,
        le=200,
        json_schema_extra={"unit": "layers"},
        description="Depth: the number of hidden layers; depth 6 is 7 linear layers.",
    )
    hidden_width: int = Field(
        16,
        title="Hidden width",
        ge=1,
        le=4096,
        json_schema_extra={"unit": "neurons"},
        description="Neurons in each hidden layer.",
    )


def refuse_bad_list(values: tuple[Any, ...], noun: str) -> None:
    """Refuse a list that does not name one trial each: empty, too long, or with a value twice.

    Raises:
        ValueError: with one sentence that says what is wrong; call it in a field validator.
    """
    if not values:
        raise ValueError(f"needs at least one {noun}")
    if len(values) > MAX_TRIALS:
        raise ValueError(f"has {len(values)} values, and one experiment trains at most {MAX_TRIALS} trials")
    twice = next((value for i, value in enumerate(values) if value in values[:i]), None)
    if twice is not None:
        raise ValueError(f"names the {noun} {format_exact(twice)} twice, and each {noun} is one trial")


def refuse_batch_norm_of_one(batch_norm: bool, batch_sizes: tuple[int, ...]) -> None:
    """Refuse batch norm with batches of one sample; call it in a model validator.

    Raises:
        ValueError: with one sentence that says why.
    """
    if batch_norm and 1 in batch_sizes:
        raise ValueError("batch norm needs a batch size of at least 2, because the variance of one sample is 0")


def fields(model: type[Hyperparameters]) -> list[FieldSpec]:
    """The fields of an experiment: its own first, then those shared by all, the seeds last."""
    own = [name for name in model.model_fields if name in model.__annotations__]
    shared = [name for name in model.model_fields if name not in own and name != "seeds"]
    return [describe(model, name) for name in (*own, *shared, "seeds")]


def with_present_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings, as typed or as recorded, under the names of today: `seed`, once a single number, is one of `seeds`."""
    if "seed" not in settings or "seeds" in settings:
        return dict(settings)
    one = settings["seed"]
    return {("seeds" if name == "seed" else name): value for name, value in settings.items()} | {
        "seeds": one if isinstance(one, str) else [one]
    }


def format_setting(value: Any) -> str:
    """A value as it is typed: 0.001, 1,0.01, yes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(format_setting(item) for item in value)
    return format_exact(value) if isinstance(value, float) else str(value)


def format_exact(value: float) -> str:
    """A number in the shortest form that reads back as the same number: 16, 0.001, 1e-05, 0.00123456789."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def parse(model: type[Hyperparameters], texts: Mapping[str, str]) -> tuple[Hyperparameters | None, list[FieldError]]:
    """Read settings as typed. Missing keys keep their defaults.

    Returns:
        The hyperparameters and no errors, or None and every error found.
    """
    specs = {spec.name: spec for spec in fields(model)}
    texts = with_present_names(texts)
    errors = [
        FieldError(name, text, f"unknown hyperparameter; there are {', '.join(specs)}")
        for name, text in texts.items()
        if name not in specs
    ]
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in specs:
            continue
        try:
            values[name] = read_value(text, specs[name].kind, specs[name].choices)
        except ValueError:
            errors.append(FieldError(name, text, specs[name].allowed))
    if errors:
        return None, errors
    try:
        return model(**values), []
    except ValidationError as error:
        return None, _field_errors(error, texts, specs)


def parse_or_raise(model: type[Hyperparameters], texts: Mapping[str, str]) -> Hyperparameters:
    """Like `parse`; raises UsageError naming every refused key and value."""
    hyperparameters, errors = parse(model, texts)
    if hyperparameters is None:
        raise UsageError("; ".join(str(error) for error in errors))
    return hyperparameters


def _field_errors(error: ValidationError, texts: Mapping[str, str], specs: Mapping[str, FieldSpec]) -> list[FieldError]:
    found: dict[str, FieldError] = {}
    for item in error.errors():
        name = str(item["loc"][0]) if item["loc"] else ""
        own_words = item["type"] == "value_error"  # Raised by a validator of ours, already one sentence.
        message = item["msg"].removeprefix("Value error, ") if own_words else specs[name].allowed
        found.setdefault(name, FieldError(name, texts.get(name, ""), message))
    return list(found.values())
