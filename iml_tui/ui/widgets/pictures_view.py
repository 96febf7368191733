"""The test pictures of a run: which are shown, read from the run directory without holding up the screen."""

from __future__ import annotations

import math
from dataclasses import replace

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from iml_tui.errors import LabError
from iml_tui.experiments.picture_choice import (
    COMBINATIONS,
    Cell,
    Combination,
    best_and_worst,
    choose,
    choose_cell,
    confusion,
    neighbour,
)
from iml_tui.experiments.results import Results
from iml_tui.runs.contact_sheet import SheetModel, save_contact_sheet, weights_note
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.pictures import TestPictures
from iml_tui.text import printable
from iml_tui.ui.plotting.picture_confusion import Confusion
from iml_tui.ui.plotting.picture_scene import SIDES, PictureScene, ShownModel
from iml_tui.ui.widgets.confusion_view import ConfusionView
from iml_tui.ui.widgets.picture_view import PictureView
from iml_tui.ui.widgets.pictures_reading import NO_PICTURES, Key, PicturesRead, read_pictures

NOT_YET = "No baseline is finished yet: pictures are shown once two of them are."
NONE_KEPT = "This run has no predictions for its test pictures: it ended before a baseline was finished."
ONLY_ONE = "Only one model is finished ({}): nothing to compare it with. Its confusion matrix (m) opens its pictures."


class PicturesView(Vertical):
    """Shows the test pictures of one run: those that the best model gets right and the worst wrong, until others are
    asked for.
    """

    def __init__(self) -> None:
        super().__init__(id="pictures-view")
        self._directory: RunDirectory | None = None
        self._results: Results | None = None
        self._live = False
        self._chosen: tuple[int, int] | None = None
        self._combination: Combination = COMBINATIONS[0]
        self._cell: Cell | None = None
        self._matrices = False
        self._pictures: TestPictures | str | None = None
        self._models: dict[Key, ShownModel | str] = {}
        self._asked: set[Key] = set()
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """The pictures, or the confusion matrices in their place."""
        yield PictureView()
        yield ConfusionView()

    @property
    def view(self) -> PictureView:
        """The widget that draws the pictures."""
        return self.query_one(PictureView)

    @property
    def confusion_view(self) -> ConfusionView:
        """The widget that draws the confusion matrices."""
        return self.query_one(ConfusionView)

    @property
    def focused_part(self) -> Widget:
        """The widget whose keys count now."""
        return self.confusion_view if self._matrices else self.view

    def show_results(self, directory: RunDirectory, results: Results, *, live: bool) -> None:
        """Show the pictures of a run as far as there are any; cheap where nothing is new."""
        if directory != self._directory or results is not self._results:
            self._chosen, self._combination, self._cell, self._pictures = None, COMBINATIONS[0], None, None
            self._models.clear()
            self._asked.clear()
            self._show_part(matrices=False)
        self._directory, self._results, self._live = directory, results, live
        self._show()

    # What is shown

    def _show(self) -> None:
        """Show what has been read, and read what has not."""
        if self._results is None or self._directory is None:
            return
        pair = self._pair()
        if not pair:
            self._say(NOT_YET if self._live else NONE_KEPT)
            return
        keys = [self._key(trial) for trial in pair]
        wanted = [key for key in dict.fromkeys(keys) if key not in self._models]
        if wanted:
            unasked = [key for key in wanted if key not in self._asked]
            if unasked:
                self._asked.update(unasked)
                self._read(self._directory, self._pictures, unasked)
            return  # What is seen stays until all that is wanted has been read.
        if not isinstance(self._pictures, TestPictures):
            self._say(printable(self._pictures or NO_PICTURES))
            return
        models = [self._models[key] for key in keys]
        shown = (self._pictures, tuple(map(id, models)), pair, self._combination, self._cell, self._best_and_worst())
        if shown == self._shown:
            return
        changed = self._shown[2:5] != shown[2:5]
        self._shown = shown
        problems = [model for model in models if isinstance(model, str)]
        if problems:
            self._say(printable(problems[0]))
            return
        known = [self._titled(model) for model in models if isinstance(model, ShownModel)]
        self._show_models(self._pictures, known, anew=changed)

    def _show_models(self, pictures: TestPictures, models: list[ShownModel], *, anew: bool) -> None:
        matrices = [
            Confusion(side, model.title, confusion(pictures.labels, model.probabilities), self._figures(model))
            for side, model in zip(SIDES, models, strict=False)
        ]
        self.confusion_view.show(matrices, pictures.class_names)
        if self._cell is not None and self._cell.side not in SIDES[: len(models)]:
            self._cell = None
        a, b = models[0], models[-1]
        labels, cell = pictures.labels, self._cell
        if cell is not None:
            model = a if cell.side == "A" else b
            positions = choose_cell(labels, model.probabilities, cell.true, cell.predicted)
            true, said = pictures.class_names[cell.true], pictures.class_names[cell.predicted]
            chosen = f"{true} taken for {said} by {cell.side}"
        elif len(models) == 1:
            self.view.show_sentence(ONLY_ONE.format(a.title))
            return
        else:
            positions = choose(labels, a.probabilities, b.probabilities, self._combination)
            chosen = self._combination
        if not len(positions):
            where = f"A is {a.title}, B is {b.title}." if len(models) > 1 else f"A is {a.title}."
            self.view.show_sentence(f"No test picture: {chosen}. {where} Key w goes on to another combination.")
            return
        self.view.show(PictureScene(pictures, (a, b), positions, chosen), anew=anew)

    def _say(self, sentence: str) -> None:
        self._shown = ()
        self._show_part(matrices=False)
        self.view.show_sentence(sentence)

    def _titled(self, model: ShownModel) -> ShownModel:
        """The model with why it was chosen; of several models."""
        ends = self._best_and_worst()
        if len(ends) < 2 or model.trial not in ends:
            return model
        return replace(model, why="best" if model.trial == ends[0] else "worst")

    def _figures(self, model: ShownModel) -> str:
        assert self._results is not None
        area = self._results.trials[model.trial].last("test_auc")
        return f"accuracy {model.accuracy:.3f}" + (f", ROC-AUC {area:.3f}" if math.isfinite(area) else "")

    def _best_and_worst(self) -> tuple[int, ...]:
        return best_and_worst(self._results) if self._results is not None else ()

    def _pair(self) -> tuple[int, ...]:
        """The models to show: two, or the only one that is finished."""
        return self._chosen or self._best_and_worst() or tuple(self._having()[:2])

    def _having(self) -> list[int]:
        """The trials whose predictions were kept."""
        assert self._results is not None
        return [trial.index for trial in self._results.trials if trial.has_predictions]

    def _key(self, trial: int) -> Key:
        assert self._results is not None
        return trial, len(self._results.trials[trial].epochs)

    def _show_part(self, *, matrices: bool) -> None:
        """Show the confusion matrices, or the pictures."""
        had_focus = self.focused_part.has_focus
        self._matrices = matrices
        self.view.display, self.confusion_view.display = not matrices, matrices
        if had_focus:
            self.focused_part.focus()

    # Reading

    @work(thread=True, group="pictures", name="read pictures")
    def _read(self, directory: RunDirectory, pictures: TestPictures | str | None, keys: list[Key]) -> None:
        assert self._results is not None
        self.post_message(read_pictures(directory, pictures, self._results.trials, keys))

    @on(PicturesRead)
    def _take(self, event: PicturesRead) -> None:
        if event.directory != self._directory:
            return
        if not isinstance(self._pictures, TestPictures):
            self._pictures = event.pictures
        self._asked.difference_update(event.models)
        self._models.update(event.models)
        self._show()

    # Other models and pictures

    @on(PictureView.ModelWanted)
    def _change_model(self, event: PictureView.ModelWanted) -> None:
        pair = self._pair()
        if len(pair) == 2:
            self._chosen = neighbour(self._having(), (pair[0], pair[1]), event.side, event.step)
            self._show()

    @on(PictureView.CombinationWanted)
    def _change_combination(self) -> None:
        if self._cell is not None:
            self._cell = None
        else:
            self._combination = COMBINATIONS[(COMBINATIONS.index(self._combination) + 1) % len(COMBINATIONS)]
        self._set_cell(self._cell)

    @on(PictureView.MatricesWanted)
    @on(PictureView.Left)
    def _open_matrices(self) -> None:
        if self._shown:
            self._show_part(matrices=True)

    @on(ConfusionView.Opened)
    def _open_cell(self, event: ConfusionView.Opened) -> None:
        self._set_cell(event.cell)
        self._show_part(matrices=False)

    @on(ConfusionView.Left)
    def _leave_matrices(self) -> None:
        self._set_cell(None)
        self._show_part(matrices=False)

    def _set_cell(self, cell: Cell | None) -> None:
        self._cell = cell
        self.view.of_cell = cell is not None
        self._show()
        self.view.refresh_bindings()

    # Saving

    @on(PictureView.SheetWanted)
    def _save(self) -> None:
        scene = self.view.scene
        if scene is None or self._directory is None or self._results is None:
            self.notify("There is no picture to save.", severity="warning")
            return
        note = weights_note(self._results, [model.trial for model in scene.models])
        self._write(self._directory, scene, note)

    @work(thread=True, group="sheet", exclusive=True, name="save pictures")
    def _write(self, directory: RunDirectory, scene: PictureScene, note: str) -> None:
        try:
            path = save_contact_sheet(
                directory,
                scene.pictures,
                [SheetModel(model.trial, model.label, model.why, model.probabilities) for model in scene.models],
                scene.positions,
                scene.chosen,
                note,
            )
        except (LabError, OSError) as error:
            self.app.call_from_thread(
                self.notify, f"Not saved: {printable(str(error))}", severity="error", markup=False
            )
        else:
            self.app.call_from_thread(self.notify, printable(str(path)), title="Saved", markup=False)
