"""An app on recorded runs: nothing trains, and what changes from day to day stands still."""

from __future__ import annotations

import os

# Textual reads these when it is imported.
os.environ.pop("NO_COLOR", None)
os.environ.pop("TEXTUAL_THEME", None)
os.environ["TEXTUAL_ANIMATIONS"] = "none"

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from iml_tui.errors import LabError
from iml_tui.experiments.base import Experiment
from iml_tui.experiments.changes import ForkValue
from iml_tui.experiments.hyperparameters import Hyperparameters
from iml_tui.runs import queue
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.fork import ForkChoice
from iml_tui.runs.process import own_identity
from iml_tui.runs.reading import RunReader
from iml_tui.ui.app import LabApp
from iml_tui.ui.laboratory import Laboratory
from iml_tui.ui.machine import MachineUse
from tests.recorded import CREATED, recorded_run

NOW = CREATED + 30.0


class RecordedLaboratory(Laboratory):
    """Starts no worker: a start writes a run that looks as if one were at it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.started: list[tuple[str, Hyperparameters, Path | None, str]] = []
        self.stopped: list[RunDirectory] = []
        self.resumed: list[RunDirectory] = []
        self.forked: list[tuple[RunDirectory, tuple[int, ...], dict[str, object], bool]] = []
        self.failure: LabError | None = None
        self.logout = ""

    def start(
        self, experiment: Experiment, hyperparameters: Hyperparameters, data_directory: Path | None, device: str
    ) -> RunDirectory:
        if self.failure is not None:
            raise self.failure
        self.started.append((experiment.slug, hyperparameters, data_directory, device))
        return recorded_run(self.root, experiment.slug, "running", **hyperparameters.model_dump())

    def enqueue(
        self, experiment: Experiment, hyperparameters: Hyperparameters, data_directory: Path | None, device: str
    ) -> RunDirectory:
        if self.failure is not None:
            raise self.failure
        directory = recorded_run(self.root, experiment.slug, "queued", **hyperparameters.model_dump())
        queue.enqueue(directory)
        return directory

    def stop(self, directory: RunDirectory) -> None:
        super().stop(directory)
        self.stopped.append(directory)

    def resume(self, directory: RunDirectory) -> None:
        if self.failure is not None:
            raise self.failure
        self.resumed.append(directory)
        record = directory.read_record()
        directory.write_record(record.model_copy(update={"state": "running", "worker": own_identity()}))

    def fork(
        self,
        parent: RunReader,
        choice: ForkChoice | None,
        trials: Sequence[int],
        changes: Mapping[str, ForkValue],
        device: str,
        *,
        queued: bool,
    ) -> RunDirectory:
        if self.failure is not None:
            raise self.failure
        self.forked.append((parent.directory, tuple(trials), dict(changes), queued))
        directory = self._create_fork(parent, choice, trials, changes, device)
        if queued:
            queue.enqueue(directory)
        return directory

    def work_queue_off(self) -> None:
        """Nobody does here."""

    def logout_kills(self) -> str:
        return self.logout


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of runs at a path that is the same every time, for pictures that show it."""
    home = Path(tempfile.gettempdir()) / "iml-lab-pictures"
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Another test session has the same path.
        shutil.rmtree(home, ignore_errors=True)
        monkeypatch.setenv("IML_LAB_HOME", str(home))
        yield home / "runs"
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock, no machine."""
    clock = SimpleNamespace(time=lambda: NOW, monotonic=lambda: 0.0)
    monkeypatch.setattr("iml_tui.ui.widgets.history_list.time", clock)
    monkeypatch.setattr("iml_tui.ui.widgets.run_header.time", clock)
    # Whatever the terminal of the tests can show; Textual looks at it when it is imported, by a plug-in of pytest.
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "truecolor")
    monkeypatch.setattr("iml_tui.ui.widgets.machine_view.measure", lambda: MachineUse(0.42, 3 << 30, 24 << 30))


@pytest.fixture
def laboratory(root: Path) -> RecordedLaboratory:
    return RecordedLaboratory(root)


@pytest.fixture
def make_app(laboratory: RecordedLaboratory, root: Path) -> Callable[..., LabApp]:
    def make(**options: Any) -> LabApp:
        return LabApp(laboratory=laboratory, settings=root.parent / "settings.json", **options)

    return make
