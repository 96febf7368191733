"""The maps of a run by keyboard and mouse, and as pictures."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Footer, TabbedContent, Tabs
from textual.widgets._footer import FooterKey

from iml_tui.runs.events import EventWriter
from iml_tui.ui.app import LabApp
from iml_tui.ui.widgets import map_view as map_view_module
from iml_tui.ui.widgets.map_view import FULL, MapView
from iml_tui.ui.widgets.maps_view import NONE_KEPT, NOT_YET
from tests.recorded import recorded_run
from tests.recorded_maps import record_map, record_maps
from tests.ui.test_lab_screen import settle

Compare = Callable[..., bool]
MakeApp = Callable[..., LabApp]


def view(app: LabApp) -> MapView:
    return app.lab.query_one(MapView)


def text(app: LabApp) -> str:
    return view(app).drawing.plain()


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def test_best_and_worst_side_by_side_and_scrubbed(make_app: MakeApp, root: Path) -> None:
    run = record_maps(recorded_run(root, "batch-norm", "done", epochs=8))
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert app.screen.focused is view(app)
        assert "best: without batch norm" in text(app)
        assert "worst: with batch norm" in text(app)
        assert "epoch 8 of 8" in text(app)
        newest = view(app).scene
        await press(pilot, "comma", "left_square_bracket")
        assert "epoch 6 of 8" in text(app)
        await press(pilot, "full_stop")
        assert "epoch 7 of 8" in text(app)
        await press(pilot, "home", "comma")
        assert "epoch 1 of 8" in text(app)
        assert view(app).scene is not None
        assert view(app).scene.maps[0].drawn.epoch == 1  # type: ignore[union-attr]
        await press(pilot, "end", "full_stop")
        assert "epoch 8 of 8" in text(app)
        assert newest is not None
        assert view(app).scene.maps == newest.maps  # type: ignore[union-attr]


async def test_views_points_and_the_cursor(make_app: MakeApp, root: Path) -> None:
    run = record_maps(recorded_run(root, "batch-norm", "done", epochs=3))
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3", "v")
        assert "worst:" not in text(app)
        await press(pilot, "v")
        assert "best:" not in text(app)
        await press(pilot, "v")
        assert "They differ on" in text(app)
        await press(pilot, "v", "p")
        assert "wrong points" in text(app)
        await press(pilot, "p")
        assert "no points" in text(app)
        await press(pilot, "up", "left")
        assert text(app).count("° N") == 2, "both maps are read"
        before = view(app).cursor
        await press(pilot, "right")
        assert view(app).cursor != before
        await press(pilot, "escape")
        assert view(app).cursor is None
        assert app.screen.focused is view(app)


async def test_the_mouse_reads_places(make_app: MakeApp, root: Path) -> None:
    run = record_maps(recorded_run(root, "epochs", "done", epochs=2))
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        frame = view(app)._page.frames[0]
        await pilot.hover(MapView, offset=(frame.x + 1 + 5, frame.y + 6))
        await settle(pilot)
        hovered = view(app).cursor
        assert hovered == frame.place_at(frame.x + 5, frame.y + 6)
        await pilot.click(MapView, offset=(frame.x + 1 + 9, frame.y + 6))
        await settle(pilot)
        assert view(app).cursor == frame.place_at(frame.x + 9, frame.y + 6)


async def test_other_trials(make_app: MakeApp, root: Path) -> None:
    run = record_maps(recorded_run(root, "learning-rate", "done", epochs=2))
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        first = view(app).scene
        assert first is not None
        await press(pilot, "r")
        second = view(app).scene
        assert second is not None
        assert second.maps[0] == first.maps[0]
        assert second.maps[1] != first.maps[1]
        await press(pilot, "R")
        assert view(app).scene.maps[1].drawn is first.maps[1].drawn  # type: ignore[union-attr]


async def test_two_trials_change_sides(make_app: MakeApp, root: Path) -> None:
    app = make_app(attach=record_maps(recorded_run(root, "batch-norm", "done", epochs=2)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        first = view(app).scene
        await press(pilot, "l")
        second = view(app).scene
        assert first is not None
        assert second is not None
        assert [shown.drawn for shown in second.maps] == [shown.drawn for shown in reversed(first.maps)]


async def test_the_whole_window_for_the_map(make_app: MakeApp, root: Path) -> None:
    run = record_maps(recorded_run(root, "batch-norm", "done", epochs=2))
    app = make_app(attach=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        before = view(app)._page.frames[0].layout.rows
        await press(pilot, "enter")
        assert view(app).size.height == 23
        assert view(app)._page.frames[0].layout.rows > before
        await press(pilot, "escape")
        assert view(app)._page.frames[0].layout.rows == before
        await press(pilot, "z", "4")
        assert not app.lab.has_class(FULL)
        assert app.lab.query_one(TabbedContent).active == "tables"


async def test_the_focus_is_never_lost_between_tabs(make_app: MakeApp, root: Path) -> None:
    app = make_app(attach=record_maps(recorded_run(root, "learning-rate", "done", epochs=3)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert isinstance(app.focused, MapView)
        await press(pilot, "2")
        assert isinstance(app.focused, Tabs)


async def test_keys_stand_in_the_footer_and_the_palette(make_app: MakeApp, root: Path) -> None:
    run = record_maps(recorded_run(root, "batch-norm", "done", epochs=2))
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        before = {command.title for command in app.get_system_commands(app.screen)}
        await press(pilot, "3")
        shown = {key.description for key in app.screen.query_one(Footer).query(FooterKey)}
        assert {"Read", "Earlier", "Later", "View", "Points", "Left", "Right", "Full"} <= shown
        added = {command.title for command in app.get_system_commands(app.screen)} - before
        assert "All test points, the wrong ones, none" in added


async def test_a_map_of_a_running_run_follows_once_an_epoch(
    make_app: MakeApp, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = recorded_run(root, "epochs", "running", epochs=6)
    app = make_app(attach=run)
    draws: list[int] = []
    real = map_view_module.draw_page

    def counted(scene: object, *rest: object) -> object:
        draws.append(scene.epoch)  # type: ignore[attr-defined]
        return real(scene, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(map_view_module, "draw_page", counted)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert NOT_YET in text(app)
        record_maps(run)  # After epochs 1 to 3.
        app.lab._poll()
        await settle(pilot)
        assert "epoch 3 of 6 (newest)" in text(app)
        assert len(draws) == 1
        with closing(EventWriter(run.events_file)) as events:
            events.append("progress", trial=0, epoch=4, step=5, steps=9, samples_per_second=1.0)
            app.lab._poll()
            await settle(pilot)
            assert len(draws) == 1, "nothing new on the map"
            record_map(run, events, 0, 4)
            app.lab._poll()
            await settle(pilot)
            assert "epoch 4 of 6 (newest)" in text(app)
            await press(pilot, "home")
            record_map(run, events, 0, 5)
            app.lab._poll()
            await settle(pilot)
        assert "epoch 1 of 6" in text(app)


async def test_runs_without_maps_say_so(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "done", epochs=2)
    (run.path / "maps").rmdir()
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3", "up", "v", "comma", "l", "r", "p", "enter", "enter")
        assert " ".join(text(app).split()) == NONE_KEPT


async def test_damaged_files_are_a_sentence(make_app: MakeApp, root: Path) -> None:
    run = record_maps(recorded_run(root, "batch-norm", "done", epochs=2))
    (run.maps / "000" / "000002.npz").write_bytes(b"PK\x03\x04 not a map")
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert "damaged" in text(app)
        assert len(view(app)._page.frames) == 2
        await press(pilot, "comma")
        assert "damaged" not in text(app)


async def test_damaged_data_of_all_maps_are_a_sentence(make_app: MakeApp, root: Path) -> None:
    run = record_maps(recorded_run(root, "batch-norm", "done", epochs=2))
    (run.maps / "data.npz").write_bytes(b"")
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert "damaged" in text(app)


def pressed(*keys: str) -> Callable[[Pilot[None]], object]:
    """What is done before the picture is taken."""

    async def run_before(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await press(pilot, *keys)
        pilot.app.clear_notifications()
        await settle(pilot)

    return run_before


def test_map_picture(snap_compare: Compare, make_app: MakeApp, root: Path) -> None:
    run = record_maps(recorded_run(root, "batch-norm", "done", epochs=8))
    assert snap_compare(make_app(attach=run), terminal_size=(120, 40), run_before=pressed("3", "enter", "up"))


def test_map_picture_of_the_difference(snap_compare: Compare, make_app: MakeApp, root: Path) -> None:
    run = record_maps(recorded_run(root, "batch-norm", "done", epochs=8))
    assert snap_compare(make_app(attach=run), terminal_size=(80, 24), run_before=pressed("3", "v", "v", "v"))


def test_map_picture_without_colour(
    snap_compare: Compare, make_app: MakeApp, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    run = record_maps(recorded_run(root, "batch-norm", "done", epochs=8))
    assert snap_compare(make_app(attach=run), terminal_size=(120, 40), run_before=pressed("3", "enter"))
