"""The confusion matrices of two models: a cell is chosen by keys or mouse, and opens its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from iml_tui.experiments.picture_choice import Cell, ModelSide
from iml_tui.ui.plotting import Drawing
from iml_tui.ui.plotting.picture_colours import picture_colours
from iml_tui.ui.plotting.picture_confusion import CellSpot, Confusion, draw_confusions
from iml_tui.ui.widgets.map_view import FULL, on_ground
from iml_tui.ui.widgets.picture_view import PictureView
from iml_tui.ui.widgets.plot import ground

if TYPE_CHECKING:
    from textual.events import Click
    from textual.geometry import Region


class ConfusionView(Widget, can_focus=True):
    """One or two confusion matrices, filling the widget. The chosen cell is kept while they change."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    ConfusionView { height: 1fr; display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1, 0)", "Cell", key_display="←↑→↓", tooltip="Choose a cell of a confusion matrix"),
        Binding("right", "move(1, 0)", "Choose the cell to the right", show=False),
        Binding("up", "move(0, -1)", "Choose the cell above", show=False),
        Binding("down", "move(0, 1)", "Choose the cell below", show=False),
        Binding("enter", "open", "Pictures", key_display="Enter", tooltip="The pictures of the cell"),
        Binding("l,a", "model('A', 1)", "Model A", key_display="l", tooltip="Another model as A; L: back"),
        Binding("L,A", "model('A', -1)", "The model before as A", show=False),
        Binding("r,b", "model('B', 1)", "Model B", key_display="r", tooltip="Another model as B; R: back"),
        Binding("R,B", "model('B', -1)", "The model before as B", show=False),
        Binding("m", "leave", "Compare", tooltip="Back to the pictures of both models"),
        Binding("escape", "leave", "Back to the pictures", show=False),
    ]

    @dataclass
    class Opened(Message):
        """The pictures of a cell are wanted."""

        cell: Cell

    class Left(Message):
        """The pictures of both models are wanted again."""

    def __init__(self) -> None:
        super().__init__(id="confusion-view")
        self.cell = Cell("A", 0, 1)
        self._matrices: Sequence[Confusion] = ()
        self._class_names = ("", "")
        self._drawn_for: tuple[object, ...] | None = None
        self._drawing = Drawing(0, 0, [])
        self._spots: tuple[CellSpot, ...] = ()
        self._strips: list[Strip] = []

    @property
    def drawing(self) -> Drawing:
        """What was drawn last."""
        return self._drawing

    def show(self, matrices: Sequence[Confusion], class_names: tuple[str, str]) -> None:
        """Show matrices from the next repaint on."""
        self._matrices, self._class_names = matrices, class_names
        if self.cell.side not in [matrix.side for matrix in matrices]:
            self.cell = Cell("A", self.cell.true, self.cell.predicted)
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw if anything has changed, then give out the lines that the screen asks for."""
        colours = picture_colours(*ground(self), self.app.console.color_system, monochrome=self.app.no_color)
        width, height = self.content_size
        wanted = (self.content_size, colours, self._matrices, self.cell, self.rich_style)
        if wanted != self._drawn_for and self._matrices:
            self._drawn_for = wanted
            self._drawing, self._spots = draw_confusions(
                self._matrices, self._class_names, self.cell, width, height, colours
            )
            base = Style.null() + self.rich_style
            lines = self._drawing.lines
            self._strips = [Strip(on_ground(line, base)).adjust_cell_length(width, base) for line in lines]
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Line `y` of the drawing."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.content_size.width, self.rich_style)

    def action_move(self, right: int, down: int) -> None:
        """Choose the cell beside, above or below; at an edge that of the other matrix, if there is one."""
        sides: list[ModelSide] = [matrix.side for matrix in self._matrices]
        if not sides:
            return
        place = 2 * sides.index(self.cell.side) + self.cell.predicted + right
        if 0 <= place < 2 * len(sides):
            self.cell = Cell(sides[place // 2], min(max(self.cell.true + down, 0), 1), place % 2)
            self.refresh()

    def on_click(self, event: Click) -> None:
        """Choose the cell that was clicked; open it where it is chosen already."""
        offset = self.gutter.top_left
        for spot in self._spots:
            if spot.holds(event.x - offset[0], event.y - offset[1]):
                if spot.cell == self.cell:
                    self.action_open()
                self.cell = spot.cell
                self.refresh()

    def action_open(self) -> None:
        """Ask for the pictures of the cell."""
        self.post_message(self.Opened(self.cell))

    def action_model(self, side: ModelSide, step: int) -> None:
        """Ask for another model."""
        self.post_message(PictureView.ModelWanted(side, step))

    def action_leave(self) -> None:
        """Back to the pictures of both models."""
        self.screen.remove_class(FULL)
        self.post_message(self.Left())
