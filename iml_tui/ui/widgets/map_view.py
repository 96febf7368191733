"""Decision maps on the screen: draws one `Scene`, reads places off it, and asks for other epochs and trials by keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from iml_tui.ui.plotting import Drawing
from iml_tui.ui.plotting.map_colouring import Colouring, MapColours, map_colours
from iml_tui.ui.plotting.map_page import Page, draw_page, sentence_page
from iml_tui.ui.plotting.map_scene import POINTS, VIEWS, Points, Scene, View
from iml_tui.ui.widgets.plot import ground

if TYPE_CHECKING:
    from textual.events import Click, MouseMove
    from textual.geometry import Region

    from iml_tui.ui.plotting.canvas import Line

FULL = "-full-map"
"""The class of a screen that shows nothing but the map and the keys."""

Side = Literal["left", "right"]


class MapView(Widget, can_focus=True):
    """The maps of a scene, filling the widget. View, points and cursor are kept while scenes change."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    MapView { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1, 0)", "Read", key_display="←↑→↓", tooltip="Name the region at a place"),
        Binding("right", "move(1, 0)", "Read: east", show=False),
        Binding("up", "move(0, -1)", "Read: north", show=False),
        Binding("down", "move(0, 1)", "Read: south", show=False),
        Binding(
            "comma,left_square_bracket", "scrub(-1)", "Earlier", key_display=",", tooltip="The map of an epoch before"
        ),
        Binding("full_stop,right_square_bracket", "scrub(1)", "Later", key_display=".", tooltip="Of an epoch later"),
        Binding("home", "scrub_end(0)", "First epoch", show=False),
        Binding("end", "scrub_end(-1)", "Newest epoch, and those to come", show=False),
        Binding("v", "next_view", "View", tooltip="Both maps, the left, the right, where they differ"),
        Binding("p", "next_points", "Points", tooltip="All test points, the wrong ones, none"),
        Binding("l", "trial('left', 1)", "Left", tooltip="Another trial on the left; L: back"),
        Binding("L", "trial('left', -1)", "The trial before on the left", show=False),
        Binding("r", "trial('right', 1)", "Right", tooltip="Another trial on the right; R: back"),
        Binding("R", "trial('right', -1)", "The trial before on the right", show=False),
        Binding("enter,z", "full", "Full", key_display="Enter", tooltip="The map over the whole window, and back"),
        Binding("escape", "back", "Back from the whole window, or stop reading", show=False),
    ]

    @dataclass
    class Scrubbed(Message):
        """The map of another epoch is wanted: `step` kept epochs further; with `end`, the first (0) or newest (−1)."""

        step: int = 0
        end: int | None = None

    @dataclass
    class TrialWanted(Message):
        """Another trial's map is wanted on one side: the `step`-th after the present one."""

        side: Side
        step: int

    def __init__(self) -> None:
        super().__init__(id="map-view")
        self.view: View = "both"
        self.points: Points = "all"
        self.cursor: tuple[float, float] | None = None
        self._scene: Scene | None = None
        self._sentence = ""
        self._colouring: Colouring | None = None
        self._drawn_for: tuple[object, ...] | None = None
        self._page = Page(Drawing(0, 0, []), ())
        self._strips: list[Strip] = []

    @property
    def drawing(self) -> Drawing:
        """What was drawn last."""
        return self._page.drawing

    @property
    def scene(self) -> Scene | None:
        """What is shown; None where a sentence is."""
        return self._scene

    def show(self, scene: Scene) -> None:
        """Show maps from the next repaint on."""
        if self._scene is None or scene.data is not self._scene.data:
            self._colouring = None
            self.cursor = None
        self._scene, self._sentence = scene, ""
        self._renew()

    def show_sentence(self, sentence: str) -> None:
        """Say why there is no map."""
        if sentence != self._sentence:
            self._scene, self._sentence = None, sentence
            self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw if anything has changed, then give out the lines that the screen asks for."""
        scheme = self._scheme()
        wanted = (self.content_size, scheme, self._scene, self._sentence, self.rich_style)
        if wanted != self._drawn_for:
            self._drawn_for = wanted
            self._draw(scheme)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Line `y` of the drawing."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.content_size.width, self.rich_style)

    def _draw(self, scheme: MapColours) -> None:
        width, height = self.content_size
        if self._scene is None:
            self._page = sentence_page(self._sentence, width, height, scheme)
        else:
            size = len(scheme.palette)
            if self._colouring is None or self._colouring.size != size:
                self._colouring = Colouring(self._scene.data.class_counts, size)
            self._page = draw_page(self._scene, width, height, scheme, self._colouring)
        # Segments without any style crash the filter that stands in for colour under NO_COLOR.
        base = Style.null() + self.rich_style
        self._strips = [Strip(on_ground(line, base)).adjust_cell_length(width, base) for line in self.drawing.lines]

    def _scheme(self) -> MapColours:
        return map_colours(*ground(self), self.app.console.color_system, monochrome=self.app.no_color)

    def _renew(self) -> None:
        if self._scene is not None:
            self._scene = replace(self._scene, view=self.view, points=self.points, cursor=self.cursor)
        self.refresh()

    # Reading places off

    def action_move(self, right: int, down: int) -> None:
        """Move the cursor by a cell; it starts in the middle of the map."""
        if not self._page.frames:
            return
        frame = self._page.frames[0]
        if self.cursor is None:
            column, row = frame.layout.columns // 2, frame.layout.rows // 2
        else:
            pixel, column = frame.layout.pixel_at(*self.cursor)
            column = min(max(column + right, 0), frame.layout.columns - 1)
            row = min(max(pixel // 2 + down, 0), frame.layout.rows - 1)
        self.cursor = frame.place_at(frame.x + column, frame.y + row)
        self._renew()

    def on_mouse_move(self, event: MouseMove) -> None:
        """The cursor follows the mouse."""
        self._point_at(event.x, event.y)

    def on_click(self, event: Click) -> None:
        """The cursor goes where the mouse was clicked."""
        self._point_at(event.x, event.y)

    def _point_at(self, x: int, y: int) -> None:
        offset = self.gutter.top_left
        for frame in self._page.frames:
            place = frame.place_at(x - offset[0], y - offset[1])
            if place is not None and place != self.cursor:
                self.cursor = place
                self._renew()

    # What is shown

    def action_next_view(self) -> None:
        """Both maps, the left one, the right one, where they differ."""
        self.view = VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)]
        self._renew()

    def action_next_points(self) -> None:
        """All test points, the wrong ones, none."""
        self.points = POINTS[(POINTS.index(self.points) + 1) % len(POINTS)]
        self._renew()

    def action_scrub(self, step: int) -> None:
        """Ask for the map of an epoch before (−1) or later (1)."""
        self.post_message(self.Scrubbed(step))

    def action_scrub_end(self, end: int) -> None:
        """Ask for the map of the first (0) or the newest (−1) epoch."""
        self.post_message(self.Scrubbed(end=end))

    def action_trial(self, side: Side, step: int) -> None:
        """Ask for another trial's map."""
        self.post_message(self.TrialWanted(side, step))

    def action_full(self) -> None:
        """Give the map the whole window, or what was there its place back."""
        self.screen.toggle_class(FULL)

    def action_back(self) -> None:
        """Leave the whole window, or stop reading."""
        if self.screen.has_class(FULL):
            self.screen.remove_class(FULL)
        else:
            self.cursor = None
            self._renew()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape means what it does elsewhere where there is nothing to come back from."""
        if action == "back":
            return self.cursor is not None or self.screen.has_class(FULL)
        return True


def on_ground(line: Line, base: Style) -> Line:
    """The line on the widget's own style. Cells of a map have both colours already, and there are thousands."""
    return [
        segment if segment.style is not None and segment.style.bgcolor else Segment(segment.text, base + segment.style)
        for segment in line
    ]
