from __future__ import annotations

import os
import stat
from collections.abc import Iterator

import pytest

from tests.end_to_end.conftest import Home, finish


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    """A umask that takes nothing away, which the processes started here inherit."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_whatever_a_run_writes_is_its_users_alone(home: Home) -> None:
    code, _, said = finish(home.start_run("--set", "epochs=2", "--set", "learning_rates=0.01"))
    assert code == 0, said
    run = home.run()
    files = [path for path in home.root.rglob("*") if not path.is_dir()]
    names = {path.relative_to(run.path).parts[0] for path in files}
    assert {"run.json", "events.jsonl", "log.txt", "lock", "series", "maps", "tables", "figures"} <= names
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (home.root, run.path, *run.path.rglob("*"))}
    wrong = {str(path): oct(mode) for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)}
    assert wrong == {}
