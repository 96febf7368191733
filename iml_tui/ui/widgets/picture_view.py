"""Test pictures on the screen: draws one `PictureScene` page by page, or one picture enlarged, and asks for others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from iml_tui.experiments.picture_choice import ModelSide
from iml_tui.ui.plotting import Drawing
from iml_tui.ui.plotting.picture_colours import PictureColours, picture_colours
from iml_tui.ui.plotting.picture_layout import MOST_ZOOM, Crop
from iml_tui.ui.plotting.picture_page import TOO_SMALL, Page, PicturePainter, crop_of, sentence_page
from iml_tui.ui.widgets.map_view import FULL, on_ground
from iml_tui.ui.widgets.plot import ground

if TYPE_CHECKING:
    from textual.events import Click
    from textual.geometry import Region

    from iml_tui.ui.plotting.picture_scene import PictureScene


class PictureView(Widget, can_focus=True):
    """The pictures of a scene, filling the widget. The selected one is kept while a scene grows."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    PictureView { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1, 0)", "Select", key_display="←↑→↓", tooltip="Select a picture; move an enlarged one"),
        Binding("right", "move(1, 0)", "Select the next picture", show=False),
        Binding("up", "move(0, -1)", "Select the picture above", show=False),
        Binding("down", "move(0, 1)", "Select the picture below", show=False),
        Binding("comma,pageup,left_square_bracket", "page(-1)", "Back", key_display=",", tooltip="The pictures before"),
        Binding("full_stop,pagedown,right_square_bracket", "page(1)", "Next", key_display=".", tooltip="The next ones"),
        Binding("home", "end(0)", "The first pictures", show=False),
        Binding("end", "end(-1)", "The last pictures", show=False),
        Binding("enter", "enlarge", "Enlarge", key_display="Enter", tooltip="The selected picture enlarged, and back"),
        Binding("plus,equals_sign", "zoom(1)", "Larger", key_display="+", tooltip="An enlarged picture larger"),
        Binding("minus", "zoom(-1)", "Smaller", key_display="-", tooltip="An enlarged picture smaller"),
        Binding(
            "w", "combination", "Which", tooltip="A right and B wrong, A wrong and B right, both right, both wrong"
        ),
        Binding("l,a", "model('A', 1)", "Model A", key_display="l", tooltip="Another model as A; L: back"),
        Binding("L,A", "model('A', -1)", "The model before as A", show=False),
        Binding("r,b", "model('B', 1)", "Model B", key_display="r", tooltip="Another model as B; R: back"),
        Binding("R,B", "model('B', -1)", "The model before as B", show=False),
        Binding("m", "matrices", "Matrix", tooltip="The confusion matrices of both models"),
        Binding("s", "save", "Save", tooltip="Save these pictures as a PNG among the run's figures"),
        Binding("z", "full", "Full", tooltip="The pictures over the whole window, and back"),
        Binding("escape", "back", "Back from what fills the window, or to the matrices", show=False),
    ]

    @dataclass
    class ModelWanted(Message):
        """Another model is wanted on one side: the `step`-th after the present one."""

        side: ModelSide
        step: int

    class CombinationWanted(Message):
        """The next combination of right and wrong is wanted."""

    class MatricesWanted(Message):
        """The confusion matrices are wanted."""

    class SheetWanted(Message):
        """What is chosen is to be saved."""

    class Left(Message):
        """The pictures of a cell have been looked at."""

    def __init__(self) -> None:
        super().__init__(id="picture-view")
        self.selected = 0
        self.crop: Crop | None = None
        """What is seen of the selected picture where it is enlarged."""
        self.of_cell = False
        """The pictures are those of a cell of a confusion matrix."""
        self._scene: PictureScene | None = None
        self._sentence = ""
        self._filled_before = False
        self._painter = PicturePainter()
        self._drawn_for: tuple[object, ...] | None = None
        self._page = Page(Drawing(0, 0, []))
        self._strips: list[Strip] = []

    @property
    def drawing(self) -> Drawing:
        """What was drawn last."""
        return self._page.drawing

    @property
    def scene(self) -> PictureScene | None:
        """What is shown; None where a sentence is."""
        return self._scene

    def show(self, scene: PictureScene, *, anew: bool) -> None:
        """Show pictures from the next repaint on; `anew` from the first, else the selected one stays."""
        if self._scene is None or scene.pictures is not self._scene.pictures:
            self._painter = PicturePainter()
        self._scene, self._sentence = scene, ""
        self.selected = 0 if anew else min(self.selected, len(scene) - 1)
        self.refresh()

    def show_sentence(self, sentence: str) -> None:
        """Say why there is no picture."""
        if sentence != self._sentence:
            self._leave_crop()
            self._scene, self._sentence, self.selected = None, sentence, 0
            self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw if anything has changed, then give out the lines that the screen asks for."""
        colours = self._colours()
        wanted = (self.content_size, colours, self._scene, self._sentence, self.rich_style, self.selected, self.crop)
        if wanted != self._drawn_for:
            self._drawn_for = wanted
            self._draw(colours)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Line `y` of the drawing."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.content_size.width, self.rich_style)

    def _draw(self, colours: PictureColours) -> None:
        width, height = self.content_size
        if self._scene is None:
            self._page = sentence_page(self._sentence, width, height, colours)
        elif self.crop is None:
            self._page = self._painter.page(self._scene, self.selected, width, height, colours)
        else:
            crop = self._fitted(self.crop)
            if crop is None:
                self._page = sentence_page(TOO_SMALL, width, height, colours)
            else:
                self._page = self._painter.enlarged(self._scene, self.selected, crop, width, height, colours)
        # Segments without any style crash the filter that stands in for colour under NO_COLOR.
        base = Style.null() + self.rich_style
        self._strips = [Strip(on_ground(line, base)).adjust_cell_length(width, base) for line in self.drawing.lines]

    def _colours(self) -> PictureColours:
        return picture_colours(*ground(self), self.app.console.color_system, monochrome=self.app.no_color)

    # Which picture

    def action_move(self, right: int, down: int) -> None:
        """Select a picture beside or below; move what is seen of an enlarged one."""
        if self._scene is None:
            return
        if self.crop is not None:
            self._move_crop(right, down)
            return
        columns = self._page.layout.columns if self._page.layout is not None else 1
        self._select(self.selected + right + down * columns)

    def action_page(self, step: int) -> None:
        """The pictures before (−1) or after (1) those that are seen."""
        count = self._page.layout.count if self._page.layout is not None and self.crop is None else 1
        self._select((self.selected // count + step) * count)

    def action_end(self, end: int) -> None:
        """The first (0) or the last (−1) picture."""
        if self._scene is not None:
            self._select(end % len(self._scene))

    def _select(self, place: int) -> None:
        if self._scene is not None and 0 <= place < len(self._scene):
            self.selected = place
            self.refresh()

    def on_click(self, event: Click) -> None:
        """Select the picture that was clicked."""
        offset = self.gutter.top_left
        for spot in self._page.spots:
            if spot.holds(event.x - offset[0], event.y - offset[1]):
                self._select(spot.place)

    # Enlarged

    def action_enlarge(self) -> None:
        """The selected picture over the whole window, or what was there its place back."""
        if self.crop is not None:
            self._leave_crop()
        elif self._scene is not None:
            self._filled_before = self.screen.has_class(FULL)
            self.screen.add_class(FULL)
            self.crop = Crop(0, 0, 0, 0, 0, 0, beside=False)  # As large as the window turns out to be.
            self.refresh_bindings()
            self.refresh()

    def action_zoom(self, step: int) -> None:
        """Enlarge more (1) or less (−1)."""
        crop = self._fitted(self.crop) if self.crop is not None else None
        if crop is None or self._scene is None:
            return
        zoom = min(MOST_ZOOM, max(1, crop.zoom + step))
        found = crop_of(self._scene, *self.content_size, zoom)
        if found is not None:  # What was in the middle stays there.
            left = crop.left + (crop.width - found.width) // 2
            top = crop.top + (crop.height - found.height) // 2
            self.crop = found.placed(left, top, self._scene.pictures.size)
            self.refresh()

    def _fitted(self, crop: Crop) -> Crop | None:
        """The crop as it has to be in a window of this size."""
        assert self._scene is not None
        found = crop_of(self._scene, *self.content_size, crop.zoom or None)
        if found is None or not crop.zoom:
            return found
        return found.placed(crop.left, crop.top, self._scene.pictures.size)

    def _move_crop(self, right: int, down: int) -> None:
        assert self._scene is not None
        assert self.crop is not None
        crop = self._fitted(self.crop)
        if crop is not None:
            across, along = max(1, crop.width // 8), max(1, crop.height // 8)
            self.crop = crop.placed(crop.left + right * across, crop.top + down * along, self._scene.pictures.size)
            self.refresh()

    def _leave_crop(self) -> None:
        if self.crop is None:
            return
        self.crop = None
        if not self._filled_before:
            self.screen.remove_class(FULL)
        self.refresh_bindings()
        self.refresh()

    # What is shown

    def action_combination(self) -> None:
        """Ask for the next combination of right and wrong."""
        self.post_message(self.CombinationWanted())

    def action_model(self, side: ModelSide, step: int) -> None:
        """Ask for another model."""
        self.post_message(self.ModelWanted(side, step))

    def action_matrices(self) -> None:
        """Ask for the confusion matrices."""
        self._leave_crop()
        self.post_message(self.MatricesWanted())

    def action_save(self) -> None:
        """Ask for a file of what is chosen."""
        self.post_message(self.SheetWanted())

    def action_full(self) -> None:
        """Give the pictures the whole window, or what was there its place back."""
        if self.crop is not None:
            self._leave_crop()
        else:
            self.screen.toggle_class(FULL)

    def action_back(self) -> None:
        """Leave an enlarged picture, the whole window, or the pictures of a cell."""
        if self.crop is not None:
            self._leave_crop()
        elif self.screen.has_class(FULL):
            self.screen.remove_class(FULL)
            self.refresh_bindings()
        else:
            self.post_message(self.Left())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that would do nothing are not offered; Escape means what it does elsewhere."""
        if action == "back":
            return self.of_cell or self.crop is not None or self.screen.has_class(FULL)
        if action == "zoom":
            return self.crop is not None
        return self.crop is None or action not in ("combination", "model", "matrices")
