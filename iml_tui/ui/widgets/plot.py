"""What all plots on the screen have in common: they are drawn when they are looked at, at most four times a second."""

from __future__ import annotations

from abc import abstractmethod
from time import monotonic
from typing import TYPE_CHECKING

from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from iml_tui.ui.plotting import DARK, LIGHT, Drawing, Palette, make_palette

if TYPE_CHECKING:
    from textual.color import Color
    from textual.geometry import Region
    from textual.timer import Timer

REPAINT_SECONDS = 0.25


class Plot(Widget, can_focus=True):
    """A drawing that fills the widget.

    It is drawn when the screen asks for its lines: one that is not visible, or has not changed, costs nothing.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Plot { height: 1fr; min-height: 3; }
    """

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None):
        super().__init__(name=name, id=id, classes=classes)
        self._drawn_for: tuple[object, ...] | None = None
        self._drawing = Drawing(0, 0, [])
        self._strips: list[Strip] = []
        self._painted_at = -REPAINT_SECONDS
        self._timer: Timer | None = None

    @property
    def drawing(self) -> Drawing:
        """What was drawn last."""
        return self._drawing

    @abstractmethod
    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw what is to be shown on so many cells."""

    @abstractmethod
    def drawn_by(self) -> tuple[object, ...]:
        """What, besides size, colours and data, makes the drawing another one."""

    def renew(self) -> None:
        """Draw new data with the next repaint."""
        wait = self._painted_at + REPAINT_SECONDS - monotonic()
        if not self.is_mounted or wait <= 0:
            self._repaint()
        elif self._timer is None:
            self._timer = self.set_timer(wait, self._repaint)

    def _repaint(self) -> None:
        self._timer, self._drawn_for = None, None
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw if anything has changed, then give out the lines that the screen asks for."""
        palette = self._palette()
        wanted = (self.content_size, palette, self.rich_style, *self.drawn_by())
        if wanted != self._drawn_for:
            self._drawn_for, self._painted_at = wanted, monotonic()
            width, height = self.content_size
            self._drawing = self.draw(width, height, palette)
            # Segments without any style crash the filter that stands in for colour under NO_COLOR.
            base = Style.null() + self.rich_style
            lines = self._drawing.lines
            self._strips = [Strip(line).apply_style(base).adjust_cell_length(width, base) for line in lines]
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Line `y` of the drawing."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.content_size.width, self.rich_style)

    def _palette(self) -> Palette:
        return make_palette(*ground(self), monochrome=self.app.no_color)


def ground(widget: Widget) -> tuple[str, str]:
    """The background and the foreground that something is drawn with in a widget, `#rrggbb`."""
    _, _, background, colour = widget.colors
    if background.ansi is not None or colour.ansi is not None:
        # The terminal's own colours are not known: go by what the theme says of them.
        theme = DARK if widget.app.current_theme.dark else LIGHT
        return theme.background, theme.foreground
    return _hex(background), _hex(background + colour)


def _hex(colour: Color) -> str:
    return f"#{colour.r:02x}{colour.g:02x}{colour.b:02x}"
