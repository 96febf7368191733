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


class Texts(Hyperparameters):
    note: Annotated[str, Field(title="Note", description="Anything.")] = "nothing"
    word: Annotated[
        str, Field(max_length=3, description="A short one.", json_schema_extra={"allowed": "must be a short word"})
    ] = "one"


def test_a_plain_str_is_a_text() -> None:
    note, word = fields(Texts)[:2]
    assert (note.kind, note.default, note.choices, note.allowed) == ("text", "nothing", (), "must not be empty")
    assert word.allowed == "must be a short word"
    assert format_setting(note.default) == "nothing"


@pytest.mark.parametrize("text", ["none", " two  words ", "1_000", "0.5, 1", "München/Gewichte.pth", "Yes"])
def test_a_text_is_taken_as_it_is_typed(text: str) -> None:
    settings, errors = parse(Texts, {"note": text})
    assert errors == []
    assert isinstance(settings, Texts)
    assert settings.note == text.strip()


@pytest.mark.parametrize("text", ["", "   "])
def test_an_empty_text_is_refused_with_its_key(text: str) -> None:
    _, errors = parse(Texts, {"note": text})
    assert [str(error) for error in errors] == [f"note = '{text}': must not be empty"]


def test_a_text_beyond_its_bounds_is_refused_in_the_words_of_the_field() -> None:
    _, errors = parse(Texts, {"word": "four"})
    assert [str(error) for error in errors] == ["word = 'four': must be a short word"]
