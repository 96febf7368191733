"""Real command lines and real workers on a small folder of points; see `tests/workers.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers import DEADLINE as DEADLINE
from tests.workers import LONG as LONG
from tests.workers import Home, write_cities
from tests.workers import finish as finish
from tests.workers import wait_for as wait_for
from tests.workers import wait_for_event as wait_for_event
from tests.workers import wait_for_state as wait_for_state


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 training points in three countries."""
    return write_cities(tmp_path_factory.mktemp("cities"))


@pytest.fixture
def home(tmp_path: Path, folder: Path) -> Iterator[Home]:
    """A fresh lab; nothing of it outlives the test."""
    made = Home(tmp_path / "home", folder)
    yield made
    made.close()
