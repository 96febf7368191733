"""The lab on pictures: the form's fields, what is prepared, the weights, and seventeen trials in a small window."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Label, Static

from iml_tui.errors import UsageError
from iml_tui.experiments.registry import find
from iml_tui.experiments.results import WeightsSummary
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.record import WeightsRecord
from iml_tui.ui.app import LabApp
from iml_tui.ui.widgets.form_field import FormField
from iml_tui.ui.widgets.run_header import RunHeader
from iml_tui.ui.widgets.trial_progress import TrialProgressView
from tests.recorded import CREATED, recorded_run
from tests.ui.conftest import RecordedLaboratory
from tests.ui.test_lab_screen import MakeApp, field, header, settle

CAVEAT = "These are not ImageNet's weights, and much of what they transfer overlaps with the giveaways of the faces."
OFFLINE = WeightsSummary("offline", "offline source task", "0f" * 32, CAVEAT)


async def show(app: LabApp, pilot: Pilot[None], slug: str) -> None:
    await app.lab.show_experiment(find(slug))
    await settle(pilot)


def type_in(app: LabApp, name: str, text: str) -> None:
    field(app, name).query_one(Input).value = text


def data_fields(app: LabApp) -> list[FormField]:
    return list(app.lab.query("#field-data-folder").results(FormField))


async def test_each_kind_of_data_keeps_its_own_folder(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert data_fields(app)[0].query_one(Input).placeholder == "the embedded cities"
        type_in(app, "data-folder", "/my/cities")
        await show(app, pilot, "face-baselines")
        folder = data_fields(app)[0]
        assert folder.value == ""
        assert folder.query_one(Input).placeholder == "the rendered faces"
        assert "val/ or validation/" in folder.help
        type_in(app, "data-folder", "/my/faces")
        await show(app, pilot, "epochs")
        assert data_fields(app)[0].value == "/my/cities", "of all experiments on cities"
        await show(app, pilot, "offline-weights")
        assert data_fields(app) == []
        await show(app, pilot, "face-baselines")
        assert data_fields(app)[0].value == "/my/faces"


@pytest.mark.parametrize("slug", ["face-baselines", "offline-weights", "epochs"])
async def test_a_start_takes_the_folder_of_its_kind(
    make_app: MakeApp, laboratory: RecordedLaboratory, tmp_path: Path, slug: str
) -> None:
    (tmp_path / "train").mkdir()
    app = make_app(data_directory=tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await show(app, pilot, slug)
        await pilot.press("f5")
        await settle(pilot)
        folders = [(started, folder) for started, _, folder, _ in laboratory.started]
        assert folders == [(slug, tmp_path if slug == "face-baselines" else None)]


async def test_what_is_wrong_without_a_field_is_told_below_the_fields(
    make_app: MakeApp, laboratory: RecordedLaboratory
) -> None:
    laboratory.failure = UsageError("the scenes cannot be described")
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await show(app, pilot, "offline-weights")
        await pilot.press("f5")
        await settle(pilot)
        assert "the scenes cannot be described" in str(app.lab.query_one("#form-error", Label).render())


async def test_weights_are_checked_as_they_are_typed(
    make_app: MakeApp, laboratory: RecordedLaboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "resnet18.pth").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await show(app, pilot, "face-baselines")
        for typed, valid in (("offlin", False), ("offline", True), ("", False), ("resnet18.pth", True)):
            type_in(app, "weights", typed)
            await pilot.pause()
            assert field(app, "weights").has_class("-invalid") is not valid
        await pilot.press("f5")
        await settle(pilot)
        [(_, hyperparameters, _, _)] = laboratory.started
        assert hyperparameters.weights == str(tmp_path / "resnet18.pth")  # type: ignore[attr-defined]


@pytest.fixture
def run(root: Path) -> RunDirectory:
    """A run that has found weights and trains its second model."""
    directory = recorded_run(root, "face-baselines", "running")
    directory.write_record(directory.read_record().model_copy(update={"weights": WeightsRecord.of(OFFLINE)}))
    return directory


@pytest.fixture
def tell(run: RunDirectory) -> Callable[..., None]:
    """Writes one event."""

    def append(type: str, **fields: object) -> None:
        with closing(EventWriter(run.events_file)) as writer, patch("time.time", lambda: CREATED + 40):
            writer.append(type, **fields)

    return append


def overflowing(app: LabApp) -> list[str]:
    """The lines of header and trials that are wider than the place they have; others of the header are wrapped."""
    found = []
    for widget, lines in ((app.lab.query_one(RunHeader), 2), (app.lab.query_one("#trial-lines", Static), None)):
        width = widget.content_size.width
        found += [line for line in str(widget.render()).splitlines()[:lines] if len(line) > width]
    return found


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (50, 15)])
async def test_the_header_tells_what_is_prepared(
    make_app: MakeApp, run: RunDirectory, tell: Callable[..., None], size: tuple[int, int]
) -> None:
    app = make_app(attach=run)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        tell("preparing", what="making the offline weights (run 20251009-085320-offline-weights)", done=34, total=1600)
        app.lab._poll()
        await settle(pilot)
        second = header(app).splitlines()[1]
        assert second.startswith("making the offline")
        assert "34 of 1,600" in second
        assert len(second) <= app.lab.query_one(RunHeader).content_size.width
        tell("trial_started", trial=1)
        app.lab._poll()
        await settle(pilot)
        assert "preparing" not in header(app)
        assert "%" in header(app).splitlines()[1]


@pytest.mark.parametrize(("size", "told"), [((120, 40), True), ((80, 24), False)])
async def test_the_header_names_the_weights_and_has_their_caveat_where_there_is_room(
    make_app: MakeApp, run: RunDirectory, size: tuple[int, int], told: bool
) -> None:
    app = make_app(attach=run)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert "offline source task" in header(app).splitlines()[1]
        assert (CAVEAT in header(app)) is told


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_seventeen_trials_fit_and_the_running_one_is_seen(
    make_app: MakeApp, run: RunDirectory, size: tuple[int, int]
) -> None:
    app = make_app(attach=run)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        view = app.lab.query_one(TrialProgressView)
        lines = str(app.lab.query_one("#trial-lines", Static).render()).splitlines()
        assert len(lines) == 17
        top = round(view.scroll_y)
        seen = lines[top : top + view.scrollable_content_region.height]
        assert any("scratch 0.1 " in line and "▶" in line for line in seen)
        assert overflowing(app) == []


async def test_a_diverged_network_says_so_in_its_line(
    make_app: MakeApp, run: RunDirectory, tell: Callable[..., None]
) -> None:
    nothing = {f"{split}_{figure}": None for split in ("train", "validation", "test") for figure in ("loss",)}
    tell("diverged", trial=1, epoch=1, batch=7)
    tell("epoch", trial=1, epoch=1, metrics=nothing, seconds=1.0, samples_per_second=50.0)
    tell("trial_finished", trial=1, state="diverged")
    app = make_app(attach=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        line = str(app.lab.query_one("#trial-lines", Static).render()).splitlines()[1]
        assert "loss not finite" in line
        assert "diverged in batch 7" in line
        assert overflowing(app) == []
