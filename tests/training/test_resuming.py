"""A session that is broken off anywhere and taken up again ends as one that was never interrupted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iml_tui.data.dataset import Dataset, Split
from iml_tui.errors import LabError
from iml_tui.experiments.trials import ClassifierTrial, MLPTrial
from iml_tui.runs import control
from iml_tui.runs.checkpoints import CheckpointStore
from iml_tui.runs.control import ChangeRequest
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import Event, EventReader, EventWriter
from iml_tui.training.earlier import Earlier, earlier_work
from iml_tui.training.progress import Pace
from iml_tui.training.session import Session
from tests.training.contexts import Told, run_context

EPOCHS = 4

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch norm": {"batch_norm": True, "hidden_layers": 3},
    "residual, clipped, decaying, one-cycle": {
        "residual": True,
        "hidden_layers": 3,
        "clip_norm": 0.5,
        "weight_decay": 0.01,
        "optimizer": "adamw",
        "scheduler": "one-cycle",
    },
    "averaged, with gradients": {"averaging": 0.9, "record_gradients": True, "hidden_layers": 2},
    "sines": {"sine_frequencies": (1.0, 2.0)},
    "Fourier features": {"fourier_frequencies": 3, "fourier_scale": 1.0},
}


def cities(rows: int, seed: int) -> Split:
    generator = np.random.default_rng(seed)
    coordinates = generator.uniform((-10, 35), (40, 71), (rows, 2)).astype(np.float32)
    return Split(coordinates, (coordinates[:, 0] > 15).astype(np.int64))


DATA = Dataset(
    name="two halves",
    source="made up",
    train=cities(90, 1),
    validation=cities(20, 2),
    test=cities(20, 3),
    class_names=("west", "east"),
    sha256="0" * 64,
    embedded=False,
)


def trials(**changes: Any) -> list[MLPTrial | ClassifierTrial]:
    """Two seeds at two learning rates, and a classifier in between."""
    settings: dict[str, Any] = {"hidden_layers": 1, "hidden_width": 4, "batch_norm": False, **changes}
    networks: list[MLPTrial | ClassifierTrial] = [
        MLPTrial(
            name=f"learning rate {rate}, seed {seed}",
            label=f"{rate}",
            learning_rate=rate,
            seed=seed,
            batch_size=16,
            epochs=EPOCHS,
            **settings,
        )
        for rate in (0.01, 0.1)
        for seed in (1, 2)
    ]
    return [*networks[:2], ClassifierTrial(name="1-NN", label="1-NN", seed=1, kind="nearest-neighbour"), *networks[2:]]


class Run:
    """One run directory, and what sessions do in it."""

    def __init__(self, path: Path) -> None:
        path.mkdir()
        for name in ("series", "control"):
            (path / name).mkdir()
        self.directory = RunDirectory(path)
        self.told = Told()

    def train(
        self, work: list[MLPTrial | ClassifierTrial], looks: float = math.inf, *, earlier: Earlier | None = None
    ) -> str:
        """Train, and stop at the given look at whether to stop."""
        left = looks

        def stop() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        writer = EventWriter(self.directory.events_file)
        try:
            context = run_context(self.directory, writer, self.told, stop=stop, earlier=earlier)
            return Session(context, work, DATA).train()
        finally:
            writer.close()

    def resume(self, work: list[MLPTrial | ClassifierTrial], looks: float = math.inf) -> str:
        record: Any = type("Record", (), {"trial_records": []})()
        return self.train(work, looks, earlier=earlier_work(self.directory, record))

    def events(self, kind: str) -> list[Event]:
        return [event for event in EventReader(self.directory.events_file).read_new() if event["type"] == kind]

    def figures(self) -> dict[tuple[int, int], Any]:
        """By trial and epoch, all that was measured, of what was done last."""
        return {
            (event["trial"], event["epoch"]): [
                event["metrics"],
                event.get("gradient_norms"),
                event.get("zero_gradients"),
            ]
            for event in self.events("epoch")
        }

    def series(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.directory.path / "series").iterdir()}

    def last_states(self) -> list[bytes]:
        """The states at the ends of the groups."""
        return [file.read() for file in CheckpointStore(self.directory.checkpoints).all()]


@pytest.fixture(autouse=True)
def _look_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are reported one by one, so that a session may be broken off after any."""
    monkeypatch.setattr(Pace, "learn", lambda self, steps, seconds: setattr(self, "steps", 1))
    monkeypatch.setattr(Pace, "__init__", lambda self, first=1: setattr(self, "steps", 1))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Runs that nobody interrupted, by their settings; their steps are reported in blocks of other sizes."""
    runs = {}
    for name, settings in SETTINGS.items():
        run = Run(tmp_path_factory.mktemp("whole") / "run")
        assert run.train(trials(**settings)) == "done"
        runs[name] = run
    return runs


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("looks", [1, 4, 9, 20])
def test_a_resumed_session_ends_as_one_that_was_not_interrupted(
    name: str, looks: int, whole: dict[str, Run], tmp_path: Path
) -> None:
    run, work = Run(tmp_path / "run"), trials(**SETTINGS[name])
    assert run.train(work, looks) == "stopped"
    assert run.resume(work, 3) == "stopped"
    assert run.resume(work) == "done"
    assert run.figures() == whole[name].figures()
    assert run.series() == whole[name].series()
    assert run.last_states() == whole[name].last_states()


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.fixture
def interrupted(tmp_path: Path) -> Run:
    """Stopped in the middle of the third epoch of the first group."""
    run = Run(tmp_path / "run")
    assert run.train(trials(), 1 + 2 * 6 + 2 + 2) == "stopped"
    return run


def test_going_on_is_told(interrupted: Run) -> None:
    assert interrupted.resume(trials()) == "done"
    assert interrupted.told.resumptions == len(interrupted.events("resumed")) == 2


def test_a_damaged_checkpoint_is_replaced_by_the_one_before(interrupted: Run, whole: dict[str, Run]) -> None:
    newest, before, *_ = CheckpointStore(interrupted.directory.checkpoints).all()
    assert (newest.header and newest.header.step, before.header and before.header.epochs) == (3, 2)
    flip(newest.path)
    assert interrupted.resume(trials()) == "done"
    [warning] = interrupted.events("warning")
    assert newest.path.name in warning["message"]
    assert interrupted.figures() == whole["plain"].figures()
    assert interrupted.series() == whole["plain"].series()


def test_a_run_whose_checkpoints_are_all_damaged_does_not_begin_anew(interrupted: Run) -> None:
    for file in CheckpointStore(interrupted.directory.checkpoints).all():
        flip(file.path)
    before = interrupted.series()
    with pytest.raises(LabError, match=r"cannot go on: .* is damaged"):
        interrupted.resume(trials())
    assert interrupted.series() == before


def test_a_run_whose_checkpoints_are_gone_does_not_begin_anew(interrupted: Run) -> None:
    for file in CheckpointStore(interrupted.directory.checkpoints).all():
        file.path.unlink()
    with pytest.raises(LabError, match=r"checkpoints of learning rate 0\.01, seed 1 are gone"):
        interrupted.resume(trials())


def test_a_change_is_told_and_saved_before_its_request_is_removed(interrupted: Run) -> None:
    asked = interrupted.directory.control
    control.request_change(asked, ChangeRequest(trial=1, field="learning_rate", value=0.5))
    control.request_change(asked, ChangeRequest(trial=1, field="hidden_layers", value=2))
    control.request_change(asked, ChangeRequest(trial=9, field="learning_rate", value=0.5))
    (asked / "change-0.json").write_text("{")
    assert interrupted.resume(trials(), 3) == "stopped"
    [change] = interrupted.events("changed")
    told = [change[name] for name in ("trial", "epoch", "step", "steps", "field", "new")]
    assert told == [1, 3, 4, 6, "learning_rate", 0.5]
    assert change["old"] == pytest.approx(0.01)
    assert len(interrupted.events("warning")) == 3
    assert not list(asked.iterdir())
    reasons = [file.header.reason for file in CheckpointStore(interrupted.directory.checkpoints).all() if file.header]
    assert reasons[:2] == ["stop", "change"]


def test_a_changed_learning_rate_outlives_the_worker(tmp_path: Path) -> None:
    def changed(name: str, *looks: float) -> Run:
        run = Run(tmp_path / name)
        control.request_change(run.directory.control, ChangeRequest(trial=0, field="learning_rate", value=0.5))
        run.train(trials(), looks[0])
        for more in looks[1:]:
            run.resume(trials(), more)
        return run

    assert changed("whole", math.inf).figures() == changed("parts", 9, 5, math.inf).figures()


def test_the_last_state_before_a_loss_that_is_no_number_is_kept(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    work = [trial.model_copy(update={"learning_rate": 1e39}) for trial in trials()[:2]]
    assert run.train([work[0], trials()[1]]) == "done"
    good = [file for file in CheckpointStore(run.directory.checkpoints).all() if file.good]
    assert [file.header and file.header.epochs for file in good] == [0]
    assert [end[1] for end in run.told.ends] == ["diverged", "done"]


def test_a_resumption_is_told_once_the_trials_go_on(interrupted: Run) -> None:
    for file in CheckpointStore(interrupted.directory.checkpoints).all():
        flip(file.path)
    with pytest.raises(LabError):
        interrupted.resume(trials())
    assert not interrupted.events("resumed")
    assert interrupted.told.resumptions == 0
