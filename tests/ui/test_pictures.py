"""The screen as a picture, in its states, sizes and themes. `pytest --snapshot-update` draws them anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from iml_tui.ui.app import LabApp
from tests.recorded import recorded_run
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
