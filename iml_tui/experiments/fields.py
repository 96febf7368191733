"""The fields of a pydantic model as a form or `--set` sees them: kind, bounds in words, and values read from text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from iml_tui.text import quoted

if TYPE_CHECKING:
    from pydantic import BaseModel

Kind = Literal["integer", "number", "switch", "choice", "text", "integers", "numbers"]

_LISTS = ("integers", "numbers")
_ON, _OFF = ("yes", "true", "on", "1"), ("no", "false", "off", "0")
NOTHING = "none"
"""What may be typed for an empty list, where an empty text would be overlooked."""


@dataclass(frozen=True)
class FieldSpec:
    """One hyperparameter as a form shows it.

    `allowed` says in words what a value may be; `choices` are all values of a field of kind "choice".
    """

    name: str
    title: str
    kind: Kind
    default: Any
    unit: str
    help: str
    allowed: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class FieldError:
    """Why a value is refused. `name` is "" where the fields do not fit together."""

    name: str
    value: str
    message: str

    def __str__(self) -> str:
        return f"{self.name} = {quoted(self.value)}: {self.message}" if self.name else self.message


def describe(model: type[BaseModel], name: str) -> FieldSpec:
    """The field `name` of a model, whose annotation is one of those that `Kind` stands for.

    A choice is a `Literal` of texts, a list a tuple of any length. A text is not empty; what else it must be stands in
    `json_schema_extra={"allowed": "must be …"}`.
    """
    info = model.model_fields[name]
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    kind, element = _kind(info.annotation)
    bounds = info.metadata if element is None else [*info.metadata, *_element_bounds(element)]
    choices = tuple(map(str, get_args(info.annotation))) if kind == "choice" else ()
    return FieldSpec(
        name=name,
        title=info.title or name.replace("_", " "),
        kind=kind,
        default=info.default,
        unit=str(extra.get("unit", "")),
        help=info.description or "",
        allowed=str(extra.get("allowed") or (_one_of(choices) if choices else _allowed(kind, bounds))),
        choices=choices,
    )


def read_value(text: str, kind: Kind, choices: Sequence[str] = ()) -> Any:
    """The value that a text stands for.

    A list is written with commas; nothing, or "none", is an empty one. Words are read in capitals, too; a text stays
    as it is, without the white space around it.

    Raises:
        ValueError: the text does not stand for a value of this kind.
    """
    text = text.strip()
    if kind in _LISTS:
        one: Kind = "integer" if kind == "integers" else "number"
        items = [] if text.lower() == NOTHING else text.strip("[]()").split(",")
        return tuple(read_value(item, one) for item in items if item.strip())
    if kind == "switch":
        return {**dict.fromkeys(_ON, True), **dict.fromkeys(_OFF, False)}[_known(text, (*_ON, *_OFF))]
    if kind == "choice":
        return _known(text, choices)
    if kind == "text":
        if not text:
            raise ValueError(text)
        return text
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


def _known(text: str, words: Sequence[str]) -> str:
    found = next((word for word in words if word.lower() == text.lower()), None)
    if found is None:
        raise ValueError(text)
    return found


def _kind(annotation: Any) -> tuple[Kind, Any]:
    """The kind of a field and, for a list, the annotation of one element."""
    if get_origin(annotation) is tuple:
        element = get_args(annotation)[0]
        base = get_args(element)[0] if get_origin(element) is Annotated else element
        return ("integers" if base is int else "numbers"), element
    if get_origin(annotation) is Literal:
        return "choice", None
    scalars: dict[Any, Kind] = {bool: "switch", int: "integer", float: "number", str: "text"}
    return scalars[annotation], None


def _element_bounds(element: Any) -> list[Any]:
    if get_origin(element) is not Annotated:
        return []
    info = FieldInfo.from_annotation(element)
    return list(info.metadata)


def _one_of(choices: Sequence[str]) -> str:
    return f"must be one of {', '.join(choices)}"


def _allowed(kind: Kind, bounds: list[Any]) -> str:
    if kind == "switch":
        return "must be yes or no"
    if kind == "text":
        return "must not be empty"
    noun = {"integer": "a whole number", "number": "a number", "integers": "whole numbers", "numbers": "numbers"}
    parts = []
    for sign, word in (("gt", "greater than"), ("ge", "at least"), ("lt", "less than"), ("le", "at most")):
        limit = next((getattr(bound, sign) for bound in bounds if getattr(bound, sign, None) is not None), None)
        if limit is not None:
            parts.append(f"{word} {limit:,}" if isinstance(limit, int) else f"{word} {limit:g}")
    each = " separated by commas, each" if kind in _LISTS else ""
    return f"must be {noun[kind]}{each} {' and '.join(parts)}".rstrip().removesuffix(", each")
