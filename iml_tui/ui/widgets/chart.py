"""A chart on the screen: draws the curves of one `Chart`, at most four times a second, and reads values off them."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget

from iml_tui.ui.plotting import DARK, LIGHT, Drawing, Limits, Palette, make_palette, render

if TYPE_CHECKING:
    from textual.color import Color
    from textual.geometry import Region
    from textual.timer import Timer

    from iml_tui.experiments.charts import Chart, Curve

REPAINT_SECONDS = 0.25
# One press of a cursor key moves by one point of a short curve, or by this part of a long one.
_CURSOR_STEPS = 100


class ChartView(Widget, can_focus=True):
    """Curves on axes, filling the widget.

    The chart is drawn when the screen asks for its lines: one that is not visible, or has not changed, costs nothing.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    ChartView { height: 1fr; min-height: 3; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "cursor(-1)", "Read values", key_display="←→"),
        Binding("right", "cursor(1)", "Read values: later", show=False),
        Binding("home", "cursor_end(0)", "Read values: first", show=False),
        Binding("end", "cursor_end(-1)", "Read values: last", show=False),
        Binding("escape", "cursor_off", "Last values", show=False),
    ]

    def __init__(self, chart: Chart, *, name: str | None = None, id: str | None = None, classes: str | None = None):
        super().__init__(name=name, id=id, classes=classes)
        self.chart = chart
        self.cursor: float | None = None
        self._curves: list[Curve] = []
        self._limits: Limits | None = None
        self._shown: tuple[object, ...] = ()
        self._drawn_for: tuple[object, ...] | None = None
        self._drawing = Drawing(0, 0, [])
        self._strips: list[Strip] = []
        self._painted_at = -REPAINT_SECONDS
        self._timer: Timer | None = None

    @property
    def drawing(self) -> Drawing:
        """What was drawn last."""
        return self._drawing

    def show(self, curves: Sequence[Curve], limits: Limits | None = None) -> None:
        """Show these curves from the next repaint on; equal ones are not drawn again."""
        shown = (limits, *map(_fingerprint, curves))
        if shown == self._shown:
            return
        self._curves, self._limits, self._shown = list(curves), limits, shown
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
        wanted = (self.content_size, palette, self.cursor, self.chart, self.rich_style)
        if wanted != self._drawn_for:
            self._drawn_for, self._painted_at = wanted, monotonic()
            self._draw(palette)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Line `y` of the chart."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.content_size.width, self.rich_style)

    def _draw(self, palette: Palette) -> None:
        chart, (width, height) = self.chart, self.content_size
        self._drawing = render(
            self._curves,
            width,
            height,
            title=chart.title,
            x_label=chart.x,
            y_label=chart.y_label,
            log_x=chart.log_x,
            log_y=chart.log_y,
            palette=palette,
            limits=self._limits,
            cursor=self.cursor,
        )
        # Segments without any style crash the filter that stands in for colour under NO_COLOR.
        base = Style.null() + self.rich_style
        self._strips = [Strip(line).apply_style(base).adjust_cell_length(width, base) for line in self._drawing.lines]

    def _palette(self) -> Palette:
        _, _, background, colour = self.colors
        if background.ansi is not None or colour.ansi is not None:
            # The terminal's own colours are not known: go by what the theme says of them.
            theme = DARK if self.app.current_theme.dark else LIGHT
            return make_palette(theme.background, theme.foreground, monochrome=self.app.no_color)
        return make_palette(_hex(background), _hex(background + colour), monochrome=self.app.no_color)

    def action_cursor(self, step: int) -> None:
        """Move the cursor to an earlier (−1) or later (1) point; it starts at the last one."""
        points = self._points()
        if len(points):
            at = len(points) if self.cursor is None else int(np.searchsorted(points, self.cursor))
            self._move_to(at + step * max(1, len(points) // _CURSOR_STEPS))

    def action_cursor_end(self, index: int) -> None:
        """Move the cursor to the first (0) or last (−1) point."""
        self._move_to(index % max(1, len(self._points())))

    def action_cursor_off(self) -> None:
        """Read the last values again."""
        self.cursor = None
        self.refresh()

    def _points(self) -> np.ndarray:
        """The x of the longest curve."""
        return max((c.x for c in self._curves), key=len, default=np.empty(0))

    def _move_to(self, index: int) -> None:
        points = self._points()
        if len(points):
            self.cursor = float(points[min(max(index, 0), len(points) - 1)])
            self.refresh()


def _fingerprint(curve: Curve) -> tuple[object, ...]:
    """Enough of a curve to see that it has changed: curves grow at their end, and are replaced by other runs'."""
    n = len(curve.y)
    return curve.label, n, curve.y[[0, n // 2, n - 1]].tobytes() if n else b""


def _hex(colour: Color) -> str:
    return f"#{colour.r:02x}{colour.g:02x}{colour.b:02x}"
