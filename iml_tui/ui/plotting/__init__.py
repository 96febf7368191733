"""Charts for the terminal: `render(curves, width, height, …)` gives a `Drawing`.

Nothing here knows Textual. `y_limits` gives the common y limits of several charts, to be passed back as `Limits`.
"""

from iml_tui.ui.plotting.axes import Limits, y_limits
from iml_tui.ui.plotting.canvas import Drawing
from iml_tui.ui.plotting.palette import DARK, LIGHT, Palette, make_palette
from iml_tui.ui.plotting.render import render

__all__ = ["DARK", "LIGHT", "Drawing", "Limits", "Palette", "make_palette", "render", "y_limits"]
