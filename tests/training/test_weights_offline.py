"""Making the offline weights on the way: by a run of its own, which is followed, waited for, or stopped."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from torch import Tensor

from iml_tui.data.scenes.labels import describe_scenes
from iml_tui.errors import LabError
from iml_tui.experiments.offline_weights import OfflineWeightsExperiment, OfflineWeightsHyperparameters
from iml_tui.networks.resnet import make_backbone
from iml_tui.runs import control
from iml_tui.runs.directory import RunDirectory, create_run
from iml_tui.runs.events import Event, EventReader, EventWriter
from iml_tui.runs.history import list_runs
from iml_tui.runs.places import weights_root
from iml_tui.runs.process import own_identity
from iml_tui.runs.record import State
from iml_tui.training import weights_offline
from iml_tui.training.preparation import StoppedError
from iml_tui.training.weights_offline import default_settings, find_offline
from iml_tui.training.weights_store import StoredWeights, save_offline
from tests.training.contexts import Told, run_context


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return dict(make_backbone(1).state_dict())


class Process:
    """What `start_worker` returns; `code` is the exit code of a worker that has ended."""

    def __init__(self, code: int | None = None) -> None:
        self.code = code

    def poll(self) -> int | None:
        return self.code

    def wait(self) -> int:
        return self.code or 0


class Lab:
    """A run that asks, and a worker that does as it is told in place of a real one.

    At every pause of the run that asks, the next of `steps` is taken.
    """

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("IML_LAB_HOME", str(home))
        monkeypatch.setattr(weights_offline, "start_worker", self._start)
        clock = SimpleNamespace(monotonic=time.monotonic, sleep=self._pause)
        monkeypatch.setattr(weights_offline, "time", clock)
        self.root = home / "runs"
        self.asking = self.new_run()
        self.stopped = False
        self.started: list[RunDirectory] = []
        self.steps: list[Callable[[], None]] = []
        self.process = Process()

    def new_run(self, **settings: object) -> RunDirectory:
        hyperparameters = OfflineWeightsHyperparameters.model_validate(settings or {"pictures": 77})
        return create_run(self.root, OfflineWeightsExperiment(), hyperparameters, describe_scenes(64), None, "cpu")

    def find(self) -> StoredWeights:
        writer = EventWriter(self.asking.events_file)
        try:
            return find_offline(run_context(self.asking, writer, Told(), stop=lambda: self.stopped))
        finally:
            writer.close()

    def events(self, kind: str) -> list[Event]:
        return [event for event in EventReader(self.asking.events_file).read_new() if event["type"] == kind]

    def set_state(self, run: RunDirectory, state: State, message: str = "") -> None:
        changes = {"state": state, "message": message, "worker": own_identity()}
        run.write_record(run.read_record().model_copy(update=changes))

    @property
    def made(self) -> RunDirectory:
        return self.started[0]

    def _start(self, directory: RunDirectory) -> Process:
        self.started.append(directory)
        return self.process

    def _pause(self, seconds: float) -> None:
        self.steps.pop(0)()


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(tmp_path, monkeypatch)


def test_a_run_makes_them_and_its_progress_is_passed_on(lab: Lab, state: dict[str, Tensor]) -> None:
    def begin() -> None:
        lab.set_state(lab.made, "running")
        EventWriter(lab.made.events_file).append("preparing", what="rendering scenes", done=5, total=10)

    def train() -> None:
        events = EventWriter(lab.made.events_file)
        events.append("trial_started", trial=0, parameters=1)
        events.append("progress", trial=0, epoch=1, step=30, steps=300, samples_per_second=1.0)

    def end() -> None:
        save_offline(weights_root(), default_settings(), state, lab.made.id)
        lab.set_state(lab.made, "done")

    lab.steps = [begin, train, end]
    stored = lab.find()
    assert stored.run == lab.made.id
    assert lab.made.read_record().hyperparameters == OfflineWeightsHyperparameters().model_dump(mode="json")
    assert lab.made.read_record().device.requested == "cpu"
    assert lab.made.id in [entry.directory.id for entry in list_runs(lab.root)]
    told = [(event["what"], event["done"], event["total"]) for event in lab.events("preparing")]
    making = f"making the offline weights (run {lab.made.id})"
    assert (f"{making}: rendering scenes", 5, 10) in told
    assert told[-1] == (making, 30, 900)
    assert lab.made.id in lab.events("note")[0]["message"]
    assert lab.find().sha256 == stored.sha256
    assert len(lab.started) == 1
    assert "come from the store" in lab.events("note")[-1]["message"]


def test_a_run_that_is_at_it_is_waited_for(lab: Lab, state: dict[str, Tensor]) -> None:
    other, same = lab.new_run(epochs=7), lab.new_run(epochs=3)
    for run in (other, same):
        lab.set_state(run, "running")

    def end() -> None:
        save_offline(weights_root(), default_settings(), state, same.id)
        lab.set_state(same, "done")

    lab.steps = [end]
    assert lab.find().run == same.id
    assert lab.started == []
    assert "waits for" in lab.events("note")[0]["message"]


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        ("failed", "failed: the disk is full; see .*log.txt"),
        ("stopped", "was stopped; see"),
        ("done", "kept no offline"),
    ],
)
def test_a_run_that_gives_none_is_named(lab: Lab, ending: State, message: str) -> None:
    why = "the disk is full" if ending == "failed" else ""
    lab.steps = [lambda: lab.set_state(lab.made, ending, why)]
    with pytest.raises(LabError, match=message) as caught:
        lab.find()
    assert lab.made.id in str(caught.value)


def test_a_worker_that_does_not_even_start_is_named(lab: Lab) -> None:
    lab.process.code = 1
    lab.steps = [lambda: None]
    with pytest.raises(LabError, match="ended before it began"):
        lab.find()


def test_damaged_weights_are_made_again_with_a_warning(lab: Lab, state: dict[str, Tensor]) -> None:
    file = save_offline(weights_root(), default_settings(), state, "old")
    file.write_bytes(file.read_bytes()[:-1])

    def end() -> None:
        save_offline(weights_root(), default_settings(), state, lab.made.id)
        lab.set_state(lab.made, "done")

    lab.steps = [end]
    assert lab.find().run == lab.made.id
    [warning] = lab.events("warning")
    assert "are damaged; they are made again" in warning["message"]


def test_stopping_the_run_that_asks_stops_the_run_that_it_started(lab: Lab) -> None:
    def ask_to_stop() -> None:
        lab.set_state(lab.made, "running")
        lab.stopped = True

    def obey() -> None:
        assert control.stop_requested(lab.made.control)
        lab.set_state(lab.made, "stopped")

    lab.steps = [ask_to_stop, obey]
    with pytest.raises(StoppedError):
        lab.find()
    assert lab.steps == []


def test_stopping_the_run_that_asks_leaves_a_run_of_others_alone(lab: Lab) -> None:
    other = lab.new_run(epochs=3)
    lab.set_state(other, "running")

    def ask_to_stop() -> None:
        lab.stopped = True

    lab.steps = [ask_to_stop]
    with pytest.raises(StoppedError):
        lab.find()
    assert not control.stop_requested(other.control)


def test_a_run_that_does_not_stop_is_left_after_a_while(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_offline, "STOP_SECONDS", 0.0)

    def ask_to_stop() -> None:
        lab.set_state(lab.made, "running")
        lab.stopped = True

    lab.steps = [ask_to_stop]
    with pytest.raises(StoppedError):
        lab.find()
    assert control.stop_requested(lab.made.control)


HOLD = """
import sys
from pathlib import Path
from iml_tui.runs.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_where_another_run_is_just_starting_one_it_is_waited_for(lab: Lab, state: dict[str, Tensor]) -> None:
    weights_root().mkdir(parents=True)
    command = [sys.executable, "-c", HOLD, str(weights_root() / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"

        def let_go() -> None:
            other.communicate()

        def end() -> None:
            save_offline(weights_root(), default_settings(), state, lab.made.id)
            lab.set_state(lab.made, "done")

        lab.steps = [let_go, end]
        assert lab.find().run == lab.made.id
    assert "waiting" in lab.events("preparing")[0]["what"]
