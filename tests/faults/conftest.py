"""A lab for faults: runs on tiny data, workers of the fork server, and a run that nothing befell."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from iml_tui.cli import execute
from iml_tui.headless.runs import prepare_run
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.resuming import prepare_resuming
from tests.data.odd_pictures import plain_image_folder
from tests.faults.outcomes import Outcome, outcome_of, states_file
from tests.faults.scenes import HELD_OUT
from tests.faults.workers import Fault, Server, Worker
from tests.workers import wait_for

SETTINGS = ("learning_rates=0.01,0.001", "epochs=5", "batch_size=8", "hidden_layers=1", "seeds=1,2")
"""Four networks that train together: five epochs of 16 batches."""

SOURCE_TASK = ("pictures=64", "epochs=2", "batch_size=16", "image_size=48")

LONG = (*SETTINGS[:1], "epochs=100000", *SETTINGS[2:])
"""A run that does not end by itself while a test looks on."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(row): the row of the table in README.md that the test belongs to")


class Lab:
    """A lab of its own."""

    def __init__(self, home: Path, data: Path, server: Server) -> None:
        self.home, self.data, self.server = home, data, server
        self.root = home / "runs"
        home.mkdir(exist_ok=True)
        # Rendering and decoding are not what is tested.
        (home / "cache").symlink_to(data.parent / "cache")
        self._workers: list[Worker] = []

    def make(
        self,
        slug: str = "learning-rate",
        settings: tuple[str, ...] = SETTINGS,
        data: Path | None = None,
        weights: Path | None = None,
    ) -> RunDirectory:
        """Make a run, as the command line does."""
        folder = str(data or self.data) if slug != "offline-weights" else None
        with (
            patch.dict(os.environ, {"IML_LAB_HOME": str(self.home)}),
            patch("iml_tui.data.scenes.labels.HELD_OUT", HELD_OUT),
        ):
            return prepare_run(slug, settings, {}, folder, "cpu", str(weights) if weights else None)

    def start(self, directory: RunDirectory, *faults: Fault, resume: bool = False, umask: int = 0o022) -> Worker:
        """Start a worker on a run, to which all this befalls."""
        if resume:
            prepare_resuming(directory)
        noting = ("note_states", str(states_file(directory)))
        worker = self.server.start(directory, noting, *faults, resume=resume, home=self.home, umask=umask)
        self._workers.append(worker)
        return worker

    def train(self, directory: RunDirectory, *faults: Fault) -> int:
        """Train a run, and wait for the end; returns the exit code of the worker."""
        return self.start(directory, *faults).wait()

    def resume(self, directory: RunDirectory, *faults: Fault) -> int:
        """Go on with a run, and wait for the end; returns the exit code of the worker."""
        return self.start(directory, *faults, resume=True).wait()

    def close(self) -> None:
        """End what is left."""
        for worker in self._workers:
            worker.end()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(scope="session")
def points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """128 training points in three countries."""
    path = tmp_path_factory.mktemp("data") / "points"
    path.mkdir()
    (path.parent / "cache").mkdir()
    for split, rows in (("train", 128), ("validation", 40), ("test", 40)):
        lines = [",long,lat,country"]
        # Their map is narrow: to predict every point of a wide one after each epoch would take most of the time.
        lines += [f"{i},{i % 3 * 2 + i % 7 * 0.1},{40 + i % 5 * 4},{'ABC'[i % 3]}" for i in range(rows)]
        (path / f"{split}.csv").write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def lab(tmp_path: Path, points: Path, server: Server) -> Iterator[Lab]:
    made = Lab(tmp_path / "home", points, server)
    yield made
    made.close()


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, points: Path, server: Server) -> Outcome:
    """What comes of the usual run where nothing befalls it."""
    made = Lab(tmp_path_factory.mktemp("whole"), points, server)
    directory = made.make()
    assert made.train(directory) == 0
    return outcome_of(directory)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve training pictures in two classes."""
    return plain_image_folder(tmp_path_factory.mktemp("pictures") / "pictures", each=6)


@pytest.fixture(scope="session")
def source_task(tmp_path_factory: pytest.TempPathFactory, points: Path, server: Server) -> tuple[Path, Outcome]:
    """The weights that the source task gives after a little training, and what came of that."""
    made = Lab(tmp_path_factory.mktemp("weights"), points, server)
    directory = made.make("offline-weights", SOURCE_TASK)
    assert made.train(directory) == 0, directory.log_file.read_text()
    [path] = (made.home / "weights").glob("*.pth")
    return path, outcome_of(directory)


@dataclass(frozen=True)
class Printed:
    """What a command left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Printed]


@pytest.fixture
def command(lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs one command line inside the test, on its lab."""
    monkeypatch.setenv("IML_LAB_HOME", str(lab.home))

    def run(*arguments: str) -> Printed:
        capsys.readouterr()
        code = execute(arguments)
        captured = capsys.readouterr()
        return Printed(code, captured.out, captured.err)

    return run


def next_epoch(directory: RunDirectory) -> None:
    """Wait until a run that trains has told of another epoch."""
    with directory.events_file.open("rb") as log:
        log.seek(0, os.SEEK_END)
        wait_for(lambda: b'"type":"epoch"' in log.read())
