"""Progress in words and numbers, and the sparse lines of a log."""

import math
from pathlib import Path

import pytest

from iml_tui.experiments.results import EpochMetrics
from iml_tui.headless import displays
from iml_tui.headless.ages import age
from iml_tui.headless.bars import Bars
from iml_tui.headless.displays import Clock, Lines, loss_of, speed_text
from iml_tui.runs.reading import RunReader
from tests.recorded import recorded_run


@pytest.fixture
def reader(root: Path) -> RunReader:
    return RunReader(recorded_run(root, "epochs", "running", epochs=40))


def add_epochs(reader: RunReader, until: int) -> None:
    trial = reader.results.trials[0]
    for epoch in range(len(trial.epochs) + 1, until + 1):
        trial.epochs.append(EpochMetrics(epoch, {"train_loss": 1 / epoch}))


@pytest.mark.parametrize(
    ("speed", "text"),
    [(math.nan, "–"), (0.4, "0"), (840.2, "840"), (1_234.0, "1.2 k"), (84_000.0, "84 k"), (1_250_000.0, "1.2 M")],
)
def test_speeds_are_short(speed: float, text: str) -> None:
    assert speed_text(speed) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0 s"), (12.9, "12 s"), (300, "5 min"), (7200, "2 h"), (400_000, "4 d")]
)
def test_ages_are_short(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_a_loss_that_is_not_finite_says_so(reader: RunReader) -> None:
    trial = reader.results.trials[0]
    trial.epochs.append(EpochMetrics(len(trial.epochs) + 1, {"train_loss": math.nan}))
    assert loss_of(trial) == "not finite"


def test_a_log_gets_a_line_at_every_tenth(reader: RunReader, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for epoch in range(21, 41):
        add_epochs(reader, epoch)
        lines.update(reader, stopping=False)
        lines.update(reader, stopping=False)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "running on CPU"
    assert len(said) == 7
    assert "epoch 21/40" in said[1]


def test_a_log_gets_a_line_after_a_while(
    reader: RunReader, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines()
    lines.update(reader, stopping=False)
    monkeypatch.setattr(displays, "LINE_SECONDS", 0.0)
    capsys.readouterr()
    lines.update(reader, stopping=False)
    assert "left" in capsys.readouterr().err


def test_warnings_are_said_once(reader: RunReader, capsys: pytest.CaptureFixture[str]) -> None:
    reader.warnings.append("the disk is nearly full\x1b[31m")
    lines = Lines()
    lines.update(reader, stopping=False)
    lines.update(reader, stopping=False)
    assert capsys.readouterr().err.count("Warning: the disk is nearly full\\x1b[31m") == 1


def test_the_clock_counts_from_what_it_saw(reader: RunReader, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(displays.time, "monotonic", lambda: now)
    trial = reader.results.trials[0]
    add_epochs(reader, 20)
    trial.progress.epoch = 0
    clock = Clock()
    assert clock.remaining(trial) is None
    add_epochs(reader, 30)
    now = 110.0
    # Ten of the twenty epochs that it saw the beginning of took ten seconds.
    assert clock.remaining(trial) == pytest.approx(10.0)
    trial.state = "done"
    assert clock.remaining(trial) is None


def test_bars_fit_into_80_columns(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    reader = RunReader(recorded_run(root, "learning-rate", "running", epochs=10))
    bars = Bars()
    bars.update(reader, stopping=True)
    bars.close()
    drawn = capsys.readouterr()
    assert drawn.out == ""
    assert "stopping" in drawn.err
    assert "5/10" in drawn.err
    assert all(len(line) <= 80 for line in drawn.err.splitlines())


@pytest.fixture
def many(root: Path) -> RunReader:
    """A run of 28 trials in 7 models, four of whose seeds train."""
    return RunReader(recorded_run(root, "depth-width", "running", epochs=10, seeds=(1, 2, 3, 4)))


def bars_of(reader: RunReader, capsys: pytest.CaptureFixture[str]) -> list[str]:
    bars = Bars()
    bars.update(reader, stopping=False)
    bars.close()
    return capsys.readouterr().err.splitlines()


def test_more_trials_than_lines_are_drawn_as_models(
    many: RunReader, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    drawn = bars_of(many, capsys)
    assert len(drawn) == 9  # Headings, seven models, the whole run.
    assert all("· 4 seeds" in line for line in drawn[1:8])
    assert all(len(line) <= 80 for line in drawn)


def test_more_models_than_lines_leave_out_those_that_wait(
    many: RunReader, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINES", "8")
    drawn = bars_of(many, capsys)
    assert len(drawn) == 7
    assert any("5/10" in line for line in drawn)
    assert "… 3 waiting" in drawn[5]


def test_labels_that_are_cut_keep_their_seed(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    reader = RunReader(recorded_run(root, "batch-norm", "running", epochs=4, seeds=(1, 2)))
    drawn = bars_of(reader, capsys)
    assert [line.split("…")[1].split()[:3] for line in drawn[1:3]] == [["·", "seed", "1"], ["·", "seed", "2"]]
    assert all(len(line) <= 80 for line in drawn)


def test_a_line_tells_of_a_few_trials(many: RunReader) -> None:
    line = displays.progress_line(many, displays.overall_progress(many))
    assert line.count("epoch") == 1
    assert "· 4 seeds: epoch 5/10" in line
    for trial in many.results.trials:
        trial.state = "running"
    line = displays.progress_line(many, displays.overall_progress(many))
    assert line.count("epoch") == displays.TRIALS_IN_A_LINE
    assert "· 3 more ·" in line
