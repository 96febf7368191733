from __future__ import annotations

from pathlib import Path

import pytest

from iml_tui.runs.directory import RunDirectory
from tests.recorded import recorded_run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def waiting(root: Path) -> RunDirectory:
    """A run of three trials of ten epochs whose worker (this process) has written no event yet."""
    return recorded_run(root, "learning-rate", "starting", epochs=10, learning_rates=(0.1, 0.01, 0.001))
