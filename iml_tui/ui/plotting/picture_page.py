"""Pictures put together on a page: who is compared, what is seen, pictures with captions, what is known of one."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.segment import Segment

from iml_tui.ui.plotting.canvas import Drawing, shorten
from iml_tui.ui.plotting.palette import style
from iml_tui.ui.plotting.picture_layout import GAP, Crop, Layout, crop_for, lay_out
from iml_tui.ui.plotting.picture_paint import paint_picture
from iml_tui.ui.plotting.picture_scene import SIDES, PictureScene, ShownModel, Verdict
from iml_tui.ui.plotting.text import fit, squeeze

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.style import Style

    from iml_tui.ui.plotting.canvas import Line
    from iml_tui.ui.plotting.picture_colours import PictureColours

SELECTED: Final = "▸"
TOO_SMALL: Final = "The window is too small for a picture."
_HEADING: Final = 2
_KEPT_LINES: Final = 512


@dataclass(frozen=True)
class Spot:
    """Where a picture with its caption is on the page, in cells, and its place among those chosen."""

    x: int
    y: int
    width: int
    height: int
    place: int

    def holds(self, x: int, y: int) -> bool:
        """Whether a cell belongs to it."""
        return 0 <= x - self.x < self.width and 0 <= y - self.y < self.height


@dataclass(frozen=True)
class Page:
    """A finished page, where its pictures are, and how it is laid out."""

    drawing: Drawing
    spots: tuple[Spot, ...] = ()
    layout: Layout | None = None


class PicturePainter:
    """Draws pages of one run's pictures; painted pictures are kept, as most stay while a selection moves."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], list[Line]] = {}

    def page(self, scene: PictureScene, selected: int, width: int, height: int, colours: PictureColours) -> Page:
        """The page that holds the selected picture (a place in `scene.positions`) on so many cells."""
        layout = page_layout(scene, width, height)
        if layout is None:
            return sentence_page(TOO_SMALL, width, height, colours)
        first = selected // layout.count * layout.count
        places = range(first, min(first + layout.count, len(scene)))
        lines = heading(scene, places, width, height, colours)
        spots: list[Spot] = []
        for start in range(0, len(places), layout.columns):
            row = places[start : start + layout.columns]
            spots += [
                Spot(i * (layout.block + GAP), len(lines), layout.block, layout.block_lines, place)
                for i, place in enumerate(row)
            ]
            blocks = [self._block(scene, place, place == selected, layout, colours) for place in row]
            lines += [_beside(parts) for parts in zip(*blocks, strict=True)]
        lines += known(scene, selected, width, colours)
        return Page(_drawing(lines, width, height), tuple(spots), layout)

    def enlarged(
        self, scene: PictureScene, selected: int, crop: Crop, width: int, height: int, colours: PictureColours
    ) -> Page:
        """One picture over so many cells, or the part of it that a crop says."""
        picture = self._picture(scene, selected, crop, crop.width * crop.zoom, crop.height * crop.zoom, colours)
        across = crop.caption if crop.beside else width
        told = [shorten(line, across) for line in _told(scene, selected, crop, colours)]
        if not crop.beside:
            return Page(_drawing([*picture, *told], width, height))
        blank = [_blank(crop.width * crop.zoom)]
        pairs = zip_longest(picture, told, fillvalue=None)
        lines = [[*(line or blank), _blank(GAP), *(words or [])] for line, words in pairs]
        return Page(_drawing(lines, width, height))

    def _block(
        self, scene: PictureScene, place: int, selected: bool, layout: Layout, colours: PictureColours
    ) -> list[Line]:
        """A picture with its caption: `layout.block_lines` lines of exactly `layout.block` cells."""
        picture = self._picture(scene, place, None, layout.side, layout.side, colours)
        across = layout.block - layout.side - GAP if layout.beside else layout.block
        caption = [_padded(line, across) for line in _caption(scene, place, selected, across, layout.caption, colours)]
        if not layout.beside:
            return [*([*line, _blank(layout.block - layout.side)] for line in picture), *caption]
        pairs = zip_longest(picture, caption, fillvalue=None)
        return [[*(a or [_blank(layout.side)]), _blank(GAP), *(b or [_blank(across)])] for a, b in pairs]

    def _picture(
        self, scene: PictureScene, place: int, crop: Crop | None, width: int, height: int, colours: PictureColours
    ) -> list[Line]:
        position = int(scene.positions[place])
        key = (id(scene.pictures), position, crop, width, height, colours)
        lines = self._kept.get(key)
        if lines is None:
            pixels = scene.pictures.pixels[position]
            if crop is not None:
                pixels = pixels[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
            while len(self._kept) >= _KEPT_LINES:
                del self._kept[next(iter(self._kept))]
            lines = self._kept[key] = paint_picture(pixels, width, height, colours)
        return lines


def page_layout(scene: PictureScene, width: int, height: int) -> Layout | None:
    """How a page of so many cells is laid out; None where there is no room."""
    about = 1 if height >= 12 else 0
    return lay_out(width, height - _heading_lines(height) - about, scene.pictures.size)


def crop_of(scene: PictureScene, width: int, height: int, zoom: int | None) -> Crop | None:
    """The crop of an enlarged picture on so many cells, around its middle; None where there is no room."""
    return crop_for(width, height, scene.pictures.size, zoom)


def heading(scene: PictureScene, places: range, width: int, height: int, colours: PictureColours) -> list[Line]:
    """Who is compared, and which pictures are seen of how many."""
    chosen = f"{scene.chosen}: {_span(places)} of {len(scene):,}" + (", the surest first" if len(scene) > 1 else "")
    lines = [
        models_line(scene.models, width, colours),
        [Segment(fit(chosen, width), style(colours.palette.foreground))],
    ]
    return lines[-_heading_lines(height) :]


def models_line(models: Sequence[ShownModel], width: int, colours: PictureColours) -> Line:
    """The names of the models, with their accuracies, beside one another."""
    block = (width - GAP * (len(models) - 1)) // len(models)
    look = style(colours.palette.foreground, bold=True)
    line: Line = []
    for side, model in zip(SIDES, models, strict=False):
        figure = f" {model.accuracy:.3f}"
        name = model.title if cell_len(model.title) + 2 + len(figure) <= block else model.label
        text = f"{side} {squeeze(name, block - 2 - len(figure))}{figure}"
        line = (
            [*_padded(line, block + GAP), Segment(fit(text, block), look)]
            if line
            else [Segment(fit(text, block), look)]
        )
    return line


def known(scene: PictureScene, place: int, width: int, colours: PictureColours) -> list[Line]:
    """Where the selected picture comes from, and what is known about it."""
    details = scene.details(place)
    text = f"{SELECTED} {scene.name(place)}" + (f": {details}" if details else "")
    return [[Segment(fit(text, width), style(colours.palette.muted))]]


def sentence_page(text: str, width: int, height: int, colours: PictureColours) -> Page:
    """A sentence where there is no picture."""
    look = style(colours.palette.muted)
    lines: list[Line] = [[Segment(line, look)] for line in textwrap.wrap(text, max(width, 1))]
    return Page(_drawing(lines, width, height))


def _heading_lines(height: int) -> int:
    return _HEADING if height >= 10 else 1


def _span(places: range) -> str:
    first, last = places[0] + 1, places[-1] + 1
    return f"{first:,}" if first == last else f"{first:,}–{last:,}"


def _caption(
    scene: PictureScene, place: int, selected: bool, width: int, lines: int, colours: PictureColours
) -> list[Line]:
    """The class of a picture, what both models say, and what else is known: `lines` lines."""
    palette = colours.palette
    title = f"{SELECTED if selected else ' '} {place + 1} {scene.true_class(place)}"
    written: list[Line] = [[Segment(fit(title, width), _title(colours, selected=selected))]]
    written += [_verdict(verdict, width, colours) for verdict in scene.verdicts(place)]
    room = lines - len(written)
    more = textwrap.wrap(scene.details(place), width - 2) if room > 0 else []
    if len(more) > room:
        more = [*more[: room - 1], " ".join(more[room - 1 :])]
    written += [[Segment(f"  {fit(line, width - 2)}", style(palette.muted))] for line in more]
    return written[:lines] + [[] for _ in range(lines - len(written))]


def _title(colours: PictureColours, *, selected: bool) -> Style:
    palette = colours.palette
    if selected:
        return style(palette.background, palette.foreground, bold=True)
    return style(palette.foreground, bold=True)


def _verdict(verdict: Verdict, width: int, colours: PictureColours) -> Line:
    look = style(colours.right if verdict.right else colours.wrong)
    side = style(colours.palette.foreground, bold=True)
    words = verdict.words if cell_len(verdict.words) <= width - 4 else verdict.short
    return [Segment("  " + verdict.side + " ", side), Segment(fit(words, width - 4), look)]


def _told(scene: PictureScene, place: int, crop: Crop, colours: PictureColours) -> list[Line]:
    """What is said beside or below an enlarged picture."""
    palette, size = colours.palette, scene.pictures.size
    width = crop.caption if crop.beside else 10**6
    plain = style(palette.foreground)
    title = Segment(f"{place + 1:,} of {len(scene):,}: {scene.true_class(place)}", style(palette.foreground, bold=True))
    verdicts = [_verdict(verdict, width, colours) for verdict in scene.verdicts(place)]
    columns, rows = _span(range(crop.left, crop.left + crop.width)), _span(range(crop.top, crop.top + crop.height))
    seen = "all" if crop.whole else f"columns {columns}, rows {rows} of"
    scale = f"each {crop.zoom} cells wide" if crop.zoom > 1 else "two in a cell"
    place_text = f"{seen} {size} × {size} pixels, {scale}"
    about = scene.name(place) + (f": {scene.details(place)}" if scene.details(place) else "")
    if not crop.beside:
        first = [title, *(segment for verdict in verdicts for segment in verdict)]
        return [first, [Segment(place_text, plain)], [Segment(about, style(palette.muted))]]
    wrapped: list[Line] = [[Segment(line, plain)] for line in textwrap.wrap(place_text, width)]
    wrapped += [[Segment(line, style(palette.muted))] for line in textwrap.wrap(about, width)]
    return [[title], [Segment(fit(scene.chosen, width), plain)], [], *verdicts, [], *wrapped]


def _beside(parts: Sequence[Line]) -> Line:
    """One line of blocks beside one another."""
    line: Line = []
    for part in parts:
        line += [_blank(GAP), *part] if line else part
    return line


def _blank(width: int) -> Segment:
    return Segment(" " * width)


def _padded(line: Line, width: int) -> Line:
    blank = width - sum(segment.cell_length for segment in line)
    return [*line, _blank(blank)] if blank > 0 else line


def _drawing(lines: Sequence[Line], width: int, height: int) -> Drawing:
    """As many of the lines, none wider than the drawing, as there is room for."""
    width, height = max(width, 0), max(height, 0)
    return Drawing(width, height, [*lines[:height], *([] for _ in range(height - len(lines)))])
