"""Pretrained weights as they are asked for: a word, or a file that is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iml_tui.experiments.hyperparameters import Hyperparameters, fields, parse
from iml_tui.experiments.weights_choice import PretrainedWeights

NEEDED = "must be auto, imagenet or offline, or the path of a file with weights"


class Settings(Hyperparameters):
    weights: PretrainedWeights = "auto"


def read(text: str) -> str:
    settings, errors = parse(Settings, {"weights": text})
    assert isinstance(settings, Settings), [str(error) for error in errors]
    return settings.weights


def refusal(text: str) -> str:
    settings, errors = parse(Settings, {"weights": text})
    assert settings is None
    assert [error.name for error in errors] == ["weights"]
    return errors[0].message


@pytest.mark.parametrize(("text", "word"), [("auto", "auto"), (" ImageNet ", "imagenet"), ("OFFLINE", "offline")])
def test_a_word_is_read_in_any_case(text: str, word: str) -> None:
    assert read(text) == word


def test_a_file_is_named_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "my weights.pth"
    file.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for typed in ("my weights.pth", "./my weights.pth", "~/my weights.pth", f" {file} "):
        assert read(typed) == str(file)


def test_a_file_that_is_called_like_a_word_is_named_by_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "offline").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert read("offline") == "offline"
    assert read("./offline") == str(tmp_path / "offline")


def test_what_is_neither_is_refused_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal("") == NEEDED
    assert refusal("resnet") == f"{NEEDED}; there is no {tmp_path / 'resnet'}"
    assert refusal(str(tmp_path)) == f"{tmp_path} is not a file; it {NEEDED}"
    assert refusal("x" * 300).endswith("cannot be read: File name too long")


def test_hostile_names_are_refused_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "\\x1b[31m" in refusal("\x1b[31mred")
    assert "\\x00" in refusal("a\x00b")
    name = os.fsdecode(b"caf\xe9.pth")
    (tmp_path / name).write_bytes(b"")
    assert "not valid UTF-8" in refusal(name)


def test_the_form_says_what_may_be_typed() -> None:
    spec = fields(Settings)[0]
    assert (spec.kind, spec.default, spec.allowed) == ("text", "auto", NEEDED)
