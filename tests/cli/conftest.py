"""The command line run inside the test, on a home of its own and on recorded runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from iml_tui.cli import execute


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Lab = Callable[..., Outcome]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh `IML_LAB_HOME`."""
    path = tmp_path / "home"
    monkeypatch.setenv("IML_LAB_HOME", str(path))
    return path


@pytest.fixture
def root(home: Path) -> Path:
    """The directory of all runs."""
    return home / "runs"


@pytest.fixture
def lab(home: Path, capsys: pytest.CaptureFixture[str]) -> Lab:
    """Runs one command line."""

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = execute(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run
