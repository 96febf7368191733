"""Choices and lists: what a field says may be typed, and what comes of it."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field

from iml_tui.experiments.hyperparameters import Hyperparameters, fields, format_setting, parse

Schedule = Literal["none", "step", "cosine", "one-cycle"]


class Settings(Hyperparameters):
    scheduler: Annotated[Schedule, Field(title="Scheduler", description="How the rate falls.")] = "cosine"
    frequencies: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(title="Frequencies")] = (0.1, 0.2)


def read(**texts: str) -> Settings:
    settings, errors = parse(Settings, texts)
    assert isinstance(settings, Settings), [str(error) for error in errors]
    return settings


def test_a_literal_is_a_choice() -> None:
    spec = fields(Settings)[0]
    assert (spec.kind, spec.choices) == ("choice", ("none", "step", "cosine", "one-cycle"))
    assert spec.allowed == "must be one of none, step, cosine, one-cycle"
    assert format_setting(spec.default) == "cosine"


@pytest.mark.parametrize("text", ["one-cycle", "One-Cycle", "  ONE-CYCLE "])
def test_a_choice_is_read_in_any_case(text: str) -> None:
    assert read(scheduler=text).scheduler == "one-cycle"


@pytest.mark.parametrize("text", ["", "linear", "cos"])
def test_another_word_is_refused_in_one_sentence(text: str) -> None:
    _, errors = parse(Settings, {"scheduler": text})
    assert [str(error) for error in errors] == [
        f"scheduler = '{text}': must be one of none, step, cosine, one-cycle",
    ]


@pytest.mark.parametrize("text", ["", "  ", "none", "()", "None"])
def test_a_list_may_be_empty(text: str) -> None:
    assert read(frequencies=text).frequencies == ()


def test_a_list_is_written_with_commas_and_checked() -> None:
    assert read(frequencies="0.5, 2").frequencies == (0.5, 2.0)
    _, errors = parse(Settings, {"frequencies": "0.5, none"})
    assert errors[0].message == "must be numbers separated by commas, each greater than 0"
