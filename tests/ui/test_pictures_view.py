"""The pictures of a run by keyboard and mouse, and as pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Footer, TabbedContent
from textual.widgets._footer import FooterKey

from iml_tui.experiments.face_baselines import FaceBaselinesExperiment
from iml_tui.runs.reading import RunReader
from iml_tui.ui.app import LabApp
from iml_tui.ui.widgets.confusion_view import ConfusionView
from iml_tui.ui.widgets.experiment_list import ExperimentList
from iml_tui.ui.widgets.history_list import HistoryList
from iml_tui.ui.widgets.map_view import FULL
from iml_tui.ui.widgets.picture_view import PictureView
from iml_tui.ui.widgets.pictures_reading import NO_PICTURES
from iml_tui.ui.widgets.pictures_view import NONE_KEPT, NOT_YET
from tests.recorded import recorded_run
from tests.recorded_faces import finish_trial, made_up_faces, recorded_faces_run
from tests.ui.test_lab_screen import settle

Compare = Callable[..., bool]
MakeApp = Callable[..., LabApp]


def view(app: LabApp) -> PictureView:
    return app.lab.query_one(PictureView)


def matrices(app: LabApp) -> ConfusionView:
    return app.lab.query_one(ConfusionView)


def text(app: LabApp) -> str:
    return view(app).drawing.plain()


def sentence(app: LabApp) -> str:
    return " ".join(text(app).split())


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def test_best_right_and_worst_wrong_page_by_page(make_app: MakeApp, root: Path) -> None:
    run = recorded_faces_run(root)
    ranking = sorted(RunReader(run).results.trials, key=lambda trial: -trial.last("test_accuracy"))
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert app.focused is view(app)
        assert app.lab.query_one(TabbedContent).active == "pictures"
        assert f"A best: {ranking[0].label}" in text(app)
        assert f"B worst: {ranking[-1].label}" in text(app)
        scene = view(app).scene
        assert scene is not None
        total = len(scene)
        assert total > 10
        assert f"A right, B wrong: 1–5 of {total}" in text(app)
        assert text(app).count("✓ right: ") == text(app).count("✗ wrong: ") == 5
        await press(pilot, "full_stop")
        assert f"6–10 of {total}" in text(app)
        await press(pilot, "comma", "comma")
        assert f"1–5 of {total}" in text(app), "there is nothing before the first page"
        await press(pilot, "right", "down")
        assert view(app).selected == 4
        await press(pilot, "right")
        assert f"6–10 of {total}" in text(app), "a selection goes on to the next page"
        await press(pilot, "end", "right", "full_stop")
        assert view(app).selected == total - 1
        await press(pilot, "home")
        assert f"1–5 of {total}" in text(app)


async def test_combinations_and_other_models(make_app: MakeApp, root: Path) -> None:
    app = make_app(attach=recorded_faces_run(root))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        seen = []
        for _ in range(4):
            scene = view(app).scene
            if scene is not None:
                seen += [int(position) for position in scene.positions]
            await press(pilot, "w")
        assert sorted(seen) == list(range(40)), "the four combinations share out all pictures"
        first = view(app).scene
        assert first is not None
        await press(pilot, "l")
        second = view(app).scene
        assert second is not None
        assert second.models[0].trial != first.models[0].trial
        assert second.models[1].trial == first.models[1].trial
        await press(pilot, "L")
        third = view(app).scene
        assert third is not None
        assert [model.trial for model in third.models] == [model.trial for model in first.models]
        await press(pilot, "right", "b")
        other = view(app).scene
        assert other is None or other.models[1].trial != first.models[1].trial
        assert view(app).selected == 0, "another pair begins at its first picture"


async def test_a_cell_of_a_matrix_opens_its_pictures(make_app: MakeApp, root: Path) -> None:
    app = make_app(attach=recorded_faces_run(root))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3", "m")
        assert app.focused is matrices(app)
        assert "ROC-AUC" in matrices(app).drawing.plain()
        await press(pilot, "right", "right", "down", "enter")
        assert app.focused is view(app)
        scene = view(app).scene
        assert scene is not None
        assert scene.chosen == "real taken for real by B"
        labels, given = scene.pictures.labels, scene.models[1].probabilities
        wanted = {position for position in range(40) if labels[position] == 1 and given[position] > 0.5}
        assert set(scene.positions.tolist()) == wanted
        assert wanted
        await press(pilot, "escape")
        assert app.focused is matrices(app)
        await press(pilot, "escape")
        assert app.focused is view(app)
        assert "A right, B wrong" in text(app)
        await press(pilot, "m")
        spot = next(spot for spot in matrices(app)._spots if (spot.cell.side, spot.cell.true) == ("A", 1))
        await pilot.click(ConfusionView, offset=(spot.x + 2, spot.y))
        assert matrices(app).cell == spot.cell


async def test_a_picture_is_enlarged_and_moved(make_app: MakeApp, root: Path) -> None:
    app = make_app(attach=recorded_faces_run(root))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert "1–2 of" in text(app)
        await press(pilot, "right", "enter")
        assert app.lab.has_class(FULL)
        assert view(app).size.height == 23
        assert "in a cell" in text(app)
        before = view(app).drawing.lines
        await press(pilot, "up", "up", "up", "up", "up")
        assert "rows 1–46" in text(app)
        assert view(app).drawing.lines != before
        await press(pilot, "plus", "plus", "left", "minus")
        assert "each 2 cells wide" in text(app)
        await press(pilot, "full_stop")
        assert "3 of" in text(app)
        await press(pilot, "w")
        assert "3 of" in text(app), "the combination stays while a picture is enlarged"
        await press(pilot, "escape")
        assert not app.lab.has_class(FULL)
        assert "A right, B wrong: 3–4" in text(app)
        await press(pilot, "z", "enter", "enter")
        assert app.lab.has_class(FULL), "what filled the window before fills it again"
        await press(pilot, "4")
        assert not app.lab.has_class(FULL)
        assert app.lab.query_one(TabbedContent).active == "tables"


async def test_pictures_are_saved_as_a_sheet(make_app: MakeApp, root: Path) -> None:
    run = recorded_faces_run(root)
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3", "s")
        await app.lab.workers.wait_for_complete()
        await settle(pilot)
        (sheet,) = run.figures.glob("*.png")
        assert any(str(sheet) in notice.message for notice in app._notifications)
        run.figures.rename(run.path / "elsewhere")
        run.figures.write_text("no directory")
        await press(pilot, "s")
        await app.lab.workers.wait_for_complete()
        await settle(pilot)
        assert any("Not saved" in notice.message for notice in app._notifications)


async def test_a_running_run_shows_what_is_finished(make_app: MakeApp, root: Path) -> None:
    run = recorded_faces_run(root, "running", finished=0)
    split = made_up_faces()
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert sentence(app) == NOT_YET
        await press(pilot, "m", "w", "l", "r", "s", "enter", "plus", "full_stop", "up", "home")
        assert sentence(app) == NOT_YET
        finish_trial(run, 0, split)
        app.lab._poll()
        await settle(pilot)
        assert "Only one model is finished (XGBoost)" in sentence(app)
        await press(pilot, "m", "enter")
        scene = view(app).scene
        assert scene is not None
        assert scene.chosen == "generated taken for real by A"
        await press(pilot, "escape", "escape")
        for position in (1, 2):
            finish_trial(run, position, split)
            app.lab._poll()
            await settle(pilot)
        assert "A best: XGBoost" in text(app)
        assert "B worst: " in text(app)


async def test_runs_without_predictions_say_so(make_app: MakeApp, root: Path) -> None:
    app = make_app(attach=recorded_faces_run(root, "stopped", finished=0))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert sentence(app) == NONE_KEPT


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("test.npy", b"\x93NUMPY", "damaged"),
        ("test.json", b"{}", "damaged"),
        ("predictions-000.npy", b"", "damaged"),
        ("test.json", None, NO_PICTURES),
    ],
)
async def test_damaged_files_are_a_sentence(
    make_app: MakeApp, root: Path, file: str, content: bytes | None, said: str
) -> None:
    run = recorded_faces_run(root, "stopped", finished=2)
    path = run.pictures / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    app = make_app(attach=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3", "m", "enter", "w")
        assert said in sentence(app)
        assert view(app).scene is None


async def test_a_combination_without_pictures_is_a_sentence(make_app: MakeApp, root: Path) -> None:
    app = make_app(attach=recorded_faces_run(root, count=2))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        said = []
        for _ in range(4):
            said.append(sentence(app))
            await press(pilot, "w")
        assert sum(line.startswith("No test picture: ") for line in said) >= 2


async def test_maps_pictures_or_neither_on_the_same_key(
    make_app: MakeApp, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = recorded_faces_run(root)
    cities = recorded_run(root / "cities", "batch-norm", "done", epochs=2)
    app = make_app(attach=faces)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        tabs = app.lab.query_one(TabbedContent)
        await press(pilot, "3")
        assert tabs.active == "pictures"
        assert not tabs.get_tab("maps").display
        await press(pilot, "f4")
        assert tabs.active == "tables"
        await press(pilot, "3")
        app.lab.open_run(cities)
        await settle(pilot)
        assert tabs.active == "charts", "the tab that is gone is left"
        assert tabs.get_tab("maps").display
        assert not tabs.get_tab("pictures").display
        await press(pilot, "3")
        assert tabs.active == "maps"
        monkeypatch.setattr(FaceBaselinesExperiment, "shows", "nothing")
        app.lab.open_run(faces)
        await settle(pilot)
        await press(pilot, "3")
        assert tabs.active == "charts"
        await press(pilot, "4")
        assert tabs.active == "tables"


async def test_lists_come_back_where_pictures_had_their_room(make_app: MakeApp, root: Path) -> None:
    app = make_app(attach=recorded_faces_run(root))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        lists = app.lab.query_one(HistoryList), app.lab.query_one(ExperimentList)
        assert not any(part.region for part in lists)
        await press(pilot, "f2")
        assert all(part.region for part in lists)
        assert app.focused in lists
        await press(pilot, "3")
        assert app.focused is view(app)
        assert not any(part.region for part in lists)
        await press(pilot, "4")
        assert all(part.region for part in lists)


async def test_keys_stand_in_the_footer_and_the_palette(make_app: MakeApp, root: Path) -> None:
    app = make_app(attach=recorded_faces_run(root))
    async with app.run_test(size=(160, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")

        def shown() -> set[str]:
            return {key.description for key in app.screen.query_one(Footer).query(FooterKey)}

        assert {"Select", "Back", "Next", "Enlarge", "Which", "Model A", "Model B", "Matrix", "Save"} <= shown()
        assert "Larger" not in shown()
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert "The confusion matrices of both models" in titles
        await press(pilot, "enter")
        assert "Larger" in shown()
        assert "Which" not in shown()
        await press(pilot, "enter", "m")
        assert {"Cell", "Pictures", "Compare"} <= shown()


@pytest.mark.parametrize("size", [(50, 15), (30, 8), (200, 60)])
async def test_any_size_of_window(make_app: MakeApp, root: Path, size: tuple[int, int]) -> None:
    app = make_app(attach=recorded_faces_run(root, "stopped", finished=2))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "3", "right", "enter", "down", "plus", "escape", "m", "down", "enter", "z", "escape")
        assert view(app).drawing.plain().strip()
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert view(app).drawing.width == view(app).content_size.width


def pressed(*keys: str) -> Callable[[Pilot[None]], object]:
    """What is done before the picture is taken."""

    async def run_before(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await press(pilot, *keys)
        pilot.app.clear_notifications()
        await settle(pilot)

    return run_before


def test_picture_of_five(snap_compare: Compare, make_app: MakeApp, root: Path) -> None:
    run = recorded_faces_run(root)
    assert snap_compare(make_app(attach=run), terminal_size=(120, 40), run_before=pressed("3", "right"))


def test_picture_of_two(snap_compare: Compare, make_app: MakeApp, root: Path) -> None:
    run = recorded_faces_run(root)
    assert snap_compare(make_app(attach=run), terminal_size=(80, 24), run_before=pressed("3"))


def test_picture_enlarged_without_colour(
    snap_compare: Compare, make_app: MakeApp, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    run = recorded_faces_run(root)
    assert snap_compare(make_app(attach=run), terminal_size=(120, 40), run_before=pressed("3", "enter"))
