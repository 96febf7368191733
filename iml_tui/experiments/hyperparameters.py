"""Hyperparameters: pydantic models, and the fields a form or `--set` sees of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from iml_tui.errors import UsageError
from iml_tui.text import quoted

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
BatchNorm = Annotated[
    bool,
    Field(
        title="Batch norm",
        description="Normalise what each hidden layer passes on to mean 0 and variance 1 over the batch, before the "
        "activation. It usually makes training faster and less sensitive to the learning rate.",
    ),
]

# More curves than this cannot be told apart in one chart of a terminal.
MAX_TRIALS = 12

Kind = Literal["integer", "number", "switch", "integers", "numbers"]


class Hyperparameters(BaseModel):
    """Base of every experiment's hyperparameters. Frozen; unknown keys are refused.

    Every field carries a `title`, a `description` (help text) and its bounds; a unit stands in
    `json_schema_extra={"unit": …}`. A list is written with commas.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(
        42,
        title="Seed",
        ge=0,
        le=2**32 - 1,
        description="Start of the random generators: the same seed gives the same initial weights and batch order.",
    )


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


@dataclass(frozen=True)
class FieldSpec:
    """One hyperparameter as a form shows it: `allowed` says in words what a value may be."""

    name: str
    title: str
    kind: Kind
    default: Any
    unit: str
    help: str
    allowed: str


@dataclass(frozen=True)
class FieldError:
    """Why a value is refused. `name` is "" where the fields do not fit together."""

    name: str
    value: str
    message: str

    def __str__(self) -> str:
        return f"{self.name} = {quoted(self.value)}: {self.message}" if self.name else self.message


def fields(model: type[Hyperparameters]) -> list[FieldSpec]:
    """The fields of an experiment: its own first, then those shared by all, the seed last."""
    own = [name for name in model.model_fields if name in model.__annotations__]
    shared = [name for name in model.model_fields if name not in own and name != "seed"]
    return [_spec(name, model.model_fields[name]) for name in (*own, *shared, "seed")]


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
            values[name] = _read(text, specs[name].kind)
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


def _read(text: str, kind: Kind) -> Any:
    text = text.strip()
    if kind in ("integers", "numbers"):
        one: Kind = "integer" if kind == "integers" else "number"
        return tuple(_read(item, one) for item in text.strip("[]()").split(",") if item.strip())
    if kind == "switch":
        lower = text.lower()
        if lower in ("yes", "true", "on", "1"):
            return True
        if lower in ("no", "false", "off", "0"):
            return False
        raise ValueError(text)
    if "_" in text:  # Python reads 1_000; nobody means it here.
        raise ValueError(text)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    if kind == "number":
        return number
    if number != int(number):
        raise ValueError(text)
    return int(text) if text.lstrip("+-").isdigit() else int(number)


def _spec(name: str, info: FieldInfo) -> FieldSpec:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    kind, element = _kind(info.annotation)
    bounds = info.metadata if element is None else [*info.metadata, *_element_bounds(element)]
    return FieldSpec(
        name=name,
        title=info.title or name.replace("_", " "),
        kind=kind,
        default=info.default,
        unit=str(extra.get("unit", "")),
        help=info.description or "",
        allowed=_allowed(kind, bounds),
    )


def _kind(annotation: Any) -> tuple[Kind, Any]:
    """The kind of a field and, for a list, the annotation of one element."""
    if get_origin(annotation) is tuple:
        element = get_args(annotation)[0]
        base = get_args(element)[0] if get_origin(element) is Annotated else element
        return ("integers" if base is int else "numbers"), element
    scalars: dict[Any, Kind] = {bool: "switch", int: "integer", float: "number"}
    return scalars[annotation], None


def _element_bounds(element: Any) -> list[Any]:
    if get_origin(element) is not Annotated:
        return []
    info = FieldInfo.from_annotation(element)
    return list(info.metadata)


def _allowed(kind: Kind, bounds: list[Any]) -> str:
    if kind == "switch":
        return "must be yes or no"
    noun = {"integer": "a whole number", "number": "a number", "integers": "whole numbers", "numbers": "numbers"}
    parts = []
    for sign, word in (("gt", "greater than"), ("ge", "at least"), ("lt", "less than"), ("le", "at most")):
        limit = next((getattr(bound, sign) for bound in bounds if getattr(bound, sign, None) is not None), None)
        if limit is not None:
            parts.append(f"{word} {limit:,}" if isinstance(limit, int) else f"{word} {limit:g}")
    each = " separated by commas, each" if kind in ("integers", "numbers") else ""
    return f"must be {noun[kind]}{each} {' and '.join(parts)}".rstrip().removesuffix(", each")
