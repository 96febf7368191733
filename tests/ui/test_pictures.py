"""The screen as a picture, in its states, sizes and themes. `pytest --snapshot-update` draws them anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from iml_tui.runs import queue
from iml_tui.ui.app import LabApp
from tests.recorded import CREATED, recorded_changes, recorded_checkpoints, recorded_run
from tests.ui.test_lab_screen import settle

Compare = Callable[..., bool]
MakeApp = Callable[..., LabApp]

WIDE, NARROW = (120, 40), (80, 24)


def keys(*pressed: str, theme: str = "textual-dark") -> Callable[[Pilot[None]], Any]:
    """What is done before the picture is taken."""

    async def run_before(pilot: Pilot[None]) -> None:
        pilot.app.theme = theme
        await settle(pilot)
        for key in pressed:
            await pilot.press(key)
            await settle(pilot)
        pilot.app.clear_notifications()
        for cursor in pilot.app.screen.query("Input"):
            cursor.cursor_blink = False  # type: ignore[attr-defined]
        await settle(pilot)

    return run_before


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_empty(snap_compare: Compare, make_app: MakeApp, size: tuple[int, int], theme: str) -> None:
    assert snap_compare(make_app(), terminal_size=size, run_before=keys(theme=theme))


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_form_with_an_error(snap_compare: Compare, make_app: MakeApp, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(), terminal_size=size, run_before=keys("enter", "tab", "x"))


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_done(snap_compare: Compare, make_app: MakeApp, root: Path, size: tuple[int, int], theme: str) -> None:
    run = recorded_run(root, "learning-rate", "done")
    assert snap_compare(make_app(attach=run), terminal_size=size, run_before=keys("f2", "2", theme=theme))


@pytest.mark.parametrize("state", ["running", "failed", "interrupted", "stopped"])
def test_states(snap_compare: Compare, make_app: MakeApp, root: Path, state: str) -> None:
    run = recorded_run(root, "batch-size", state)  # type: ignore[arg-type]
    assert snap_compare(make_app(attach=run), terminal_size=WIDE, run_before=keys("f2", "2"))


def test_side_by_side(snap_compare: Compare, make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "batch-norm", "done")
    assert snap_compare(make_app(attach=run), terminal_size=WIDE, run_before=keys("f2", "2"))


def test_tables(snap_compare: Compare, make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "done")
    assert snap_compare(make_app(attach=run), terminal_size=WIDE, run_before=keys("f2", "4"))


def test_findings(snap_compare: Compare, make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "learning-rate", "done")
    assert snap_compare(make_app(attach=run), terminal_size=NARROW, run_before=keys("f2", "5"))


def test_leaving_asks(snap_compare: Compare, make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "running")
    assert snap_compare(make_app(attach=run), terminal_size=NARROW, run_before=keys("ctrl+q"))


def test_no_colour(snap_compare: Compare, make_app: MakeApp, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    run = recorded_run(root, "learning-rate", "done")
    assert snap_compare(make_app(attach=run), terminal_size=WIDE, run_before=keys("f2", "2"))


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_paused(snap_compare: Compare, make_app: MakeApp, root: Path, size: tuple[int, int]) -> None:
    run = recorded_run(root, "learning-rate", "paused")
    assert snap_compare(make_app(attach=run), terminal_size=size, run_before=keys("f2", "2"))


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_interrupted_and_to_be_resumed(
    snap_compare: Compare, make_app: MakeApp, root: Path, size: tuple[int, int]
) -> None:
    run = recorded_run(root, "learning-rate", "interrupted")
    app = make_app(attach=run)
    assert snap_compare(app, terminal_size=size, run_before=keys("f2", "2"))


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_changing(snap_compare: Compare, make_app: MakeApp, root: Path, size: tuple[int, int]) -> None:
    run = recorded_run(root, "learning-rate", "running")
    assert snap_compare(make_app(attach=run), terminal_size=size, run_before=keys("f2", "2", "h", "x"))


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_forking(snap_compare: Compare, make_app: MakeApp, root: Path, size: tuple[int, int]) -> None:
    run = recorded_run(root, "learning-rate", "done")
    recorded_checkpoints(run, ([1, 2, 3], 20, 100), ([1, 2, 3], 50, 0))
    assert snap_compare(make_app(attach=run), terminal_size=size, run_before=keys("f2", "2", "f"))


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_changes_on_charts(snap_compare: Compare, make_app: MakeApp, root: Path, size: tuple[int, int]) -> None:
    run = recorded_run(root, "learning-rate", "running")
    recorded_changes(run, (1, 11, 120, "learning_rate", 0.01, 0.001), (1, 20, 0, "clip_norm", 0.0, 1.0))
    assert snap_compare(make_app(attach=run), terminal_size=size, run_before=keys("f2", "2"))


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_queued(snap_compare: Compare, make_app: MakeApp, root: Path, size: tuple[int, int]) -> None:
    for number, slug in enumerate(("epochs", "batch-size", "batch-norm")):
        queue.enqueue(recorded_run(root, slug, "queued", created=CREATED + number))
    recorded_run(root, "learning-rate", "running", created=CREATED - 100)
    run = recorded_run(root, "depth-width", "queued", created=CREATED + 20)
    queue.enqueue(run)
    pressed = ("f2", "home") if size == WIDE else ("f2", "f2", "home")  # The list of runs, on its newest.
    assert snap_compare(make_app(attach=run), terminal_size=size, run_before=keys(*pressed))
