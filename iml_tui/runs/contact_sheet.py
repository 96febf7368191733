"""Test pictures with what two models say of them, as one PNG file for a report."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from iml_tui.errors import LabError
from iml_tui.experiments.picture_choice import (
    COMBINATIONS,
    REPORTED_PICTURES,
    accuracy,
    best_and_worst,
    choose,
    decisions,
)
from iml_tui.experiments.trials import FaceTrial
from iml_tui.runs.atomic import write_atomically
from iml_tui.runs.picture_scaling import enlarge_pictures
from iml_tui.runs.pictures import has_test_pictures, read_predictions, read_test_pictures
from iml_tui.text import printable

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

    from iml_tui.experiments.results import Results
    from iml_tui.runs.directory import RunDirectory
    from iml_tui.runs.pictures import TestPictures

REPORTED_SHEET: Final = "pictures-best-right-worst-wrong.png"
"""The sheet that every run with two finished models has."""
MOST_ON_A_SHEET: Final = 40
_COLUMNS: Final = 5
_SIDE: Final = 192
"""Pixels of a picture on the sheet, about: a whole multiple of its own."""
_MARGIN: Final = 24
_GAP: Final = 16
_SMALL: Final = 14
_LARGE: Final = 18
_CAPTION_LINES: Final = 6
_INK, _MUTED, _RIGHT, _WRONG = "#1e1e1e", "#666666", "#00664b", "#b34e00"
_LONGEST_SLUG: Final = 48
# Where Pillow's own font lacks a character; found by name where the system has it.
_WIDER_FONT: Final = "DejaVuSans.ttf"


@dataclass(frozen=True, eq=False)
class SheetModel:
    """A model on a sheet: its trial's position, its short name, why it was chosen, its probabilities of class 1."""

    trial: int
    label: str
    why: str
    probabilities: NDArray[np.float32]

    @property
    def title(self) -> str:
        """The short name with why it was chosen."""
        return f"{self.why}: {self.label}" if self.why else self.label


def write_contact_sheet(directory: RunDirectory, results: Results) -> Path | None:
    """Write the pictures that the best model gets right and the worst wrong; returns the path.

    None where fewer than two models have predictions, there is no such picture, or what was kept is damaged: a figure
    less is no reason for a run to fail.

    Raises:
        OSError: the directory of figures cannot be written.
    """
    ends = best_and_worst(results)
    if len(ends) < 2 or not has_test_pictures(directory):
        return None
    try:
        pictures = read_test_pictures(directory)
        a, b = (
            SheetModel(
                trial, printable(results.trials[trial].label), why, read_predictions(directory, trial, len(pictures))
            )
            for trial, why in zip(ends, ("best", "worst"), strict=True)
        )
    except LabError:
        return None
    chosen = COMBINATIONS[0]
    positions = choose(pictures.labels, a.probabilities, b.probabilities, chosen)
    if not len(positions):
        return None
    note = weights_note(results, ends)
    return _write(directory, REPORTED_SHEET, draw_sheet(pictures, (a, b), positions, chosen, REPORTED_PICTURES, note))


def weights_note(results: Results, trials: Sequence[int]) -> str:
    """Which pretrained weights these trials (positions) started from; "" where none of them did."""
    asked = [results.trials[trial].trial for trial in trials]
    if results.weights is None or not any(isinstance(trial, FaceTrial) and trial.is_pretrained for trial in asked):
        return ""
    return f"Pretrained weights: {printable(results.weights.name)}"


def save_contact_sheet(
    directory: RunDirectory,
    pictures: TestPictures,
    models: Sequence[SheetModel],
    positions: NDArray[np.int64],
    chosen: str,
    note: str = "",
) -> Path:
    """Write the first 40 of the chosen pictures (int64 [k], positions among the test pictures); returns the path.

    `chosen` says what they have in common ("A right, B wrong"), `note` which weights the models started from.

    Raises:
        OSError: the directory of figures cannot be written.
    """
    slugs = [_slug(model.label) or f"trial-{model.trial}" for model in models]
    name = "-".join(["pictures", *dict.fromkeys(slugs), _slug(chosen) or "chosen"])
    return _write(directory, f"{name}.png", draw_sheet(pictures, models, positions, chosen, MOST_ON_A_SHEET, note))


def draw_sheet(
    pictures: TestPictures,
    models: Sequence[SheetModel],
    positions: NDArray[np.int64],
    chosen: str,
    most: int,
    note: str = "",
) -> Image:
    """The first `most` of the chosen pictures with their captions, in rows of five, as an RGB image."""
    import PIL.Image  # Only a sheet needs it.
    from PIL.ImageDraw import Draw

    shown = positions[:most]
    factor = max(1, _SIDE // pictures.size)
    side = pictures.size * factor
    block, line = max(side, _SIDE), _SMALL + 4
    columns = min(_COLUMNS, max(len(shown), 3))
    rows = -(-len(shown) // columns)
    about = [_model_line(pictures, letter, model) for letter, model in zip("AB", models, strict=False)]
    about += [note] if note else []
    head = _MARGIN + (_LARGE + 8) + (len(about) * line) + _GAP
    high = side + _CAPTION_LINES * line + _GAP
    sheet = PIL.Image.new("RGB", (2 * _MARGIN + columns * (block + _GAP) - _GAP, head + rows * high + _MARGIN), "white")
    pen = Draw(sheet)
    across = sheet.width - 2 * _MARGIN
    _write_line(pen, (_MARGIN, _MARGIN), _heading(chosen, len(shown), len(positions)), across, _LARGE, _INK)
    for i, text in enumerate(about):
        _write_line(pen, (_MARGIN, _MARGIN + _LARGE + 8 + i * line), text, across, _SMALL, _INK)
    for place, position in enumerate(shown.tolist()):
        x, y = _MARGIN + place % columns * (block + _GAP), head + place // columns * high
        sheet.paste(PIL.Image.fromarray(enlarge_pictures(np.asarray(pictures.pixels[position]), factor)), (x, y))
        for i, (text, colour) in enumerate(_caption(pictures, models, position, block)):
            _write_line(pen, (x, y + side + 6 + i * line), text, block, _SMALL, colour)
    return sheet


def _model_line(pictures: TestPictures, letter: str, model: SheetModel) -> str:
    return f"{letter}  {model.title}  (test accuracy {accuracy(pictures.labels, model.probabilities):.3f})"


def _heading(chosen: str, shown: int, count: int) -> str:
    many = f"{count} test picture{'s' if count != 1 else ''}" if shown == count else f"{shown} of {count} test pictures"
    return f"{chosen[0].upper()}{chosen[1:]}: {many}" + (", the surest first" if count > 1 else "")


def _caption(
    pictures: TestPictures, models: Sequence[SheetModel], position: int, width: int
) -> Iterable[tuple[str, str]]:
    """The lines below a picture with their colours."""
    label = int(pictures.labels[position])
    yield f"true: {pictures.class_names[label]}", _INK
    for letter, model in zip("AB", models, strict=False):
        given = model.probabilities[position : position + 1]
        said, probability = int(decisions(given)[0]), float(given[0])
        sure = f"{probability if said else 1 - probability:.2f}" if math.isfinite(probability) else "not a number"
        word, colour = ("right", _RIGHT) if said == label else ("wrong", _WRONG)
        yield f"{letter} {word}: {pictures.class_names[said]} {sure}", colour
    room = _CAPTION_LINES - 1 - len(models)
    about = [*_wrapped(pictures.details[position], width, room - 1), pictures.names[position]]
    yield from ((text, _MUTED) for text in about)


def _wrapped(text: str, width: int, lines: int) -> list[str]:
    """The text on at most so many lines of so many pixels; the last holds all that is left."""
    font = _font(text, _SMALL)
    found: list[str] = []
    for word in text.split():
        longer = f"{found[-1]} {word}" if found else word
        if found and (font.getlength(_shown(longer, font)) <= width or len(found) == lines):
            found[-1] = longer
        else:
            found.append(word)
    return found


def _write_line(pen: ImageDraw, place: tuple[int, int], text: str, width: int, size: int, colour: str) -> None:
    """Text on one line of at most `width` pixels, cut with an ellipsis."""
    font = _font(text, size)
    text = _shown(text, font)
    if font.getlength(text) > width:
        low, high = 0, len(text)
        while low < high:  # The most characters that fit.
            middle = (low + high + 1) // 2
            fits = font.getlength(text[:middle] + "…") <= width
            low, high = (middle, high) if fits else (low, middle - 1)
        text = text[:low] + "…"
    pen.text(place, text, fill=colour, font=font)


def _font(text: str, size: int) -> FreeTypeFont:
    """Pillow's own font, or where that lacks a character of the text, one that may have it."""
    own, wider = _fonts(size)
    return wider if wider is not None and not all(_has(own, sign) for sign in text) else own


@lru_cache(maxsize=4)
def _fonts(size: int) -> tuple[FreeTypeFont, FreeTypeFont | None]:
    from PIL import ImageFont

    own = ImageFont.load_default(size)
    if not isinstance(own, ImageFont.FreeTypeFont):
        raise LabError("Pillow was built without FreeType and cannot write captions; install Pillow from PyPI")
    try:
        return own, ImageFont.truetype(_WIDER_FONT, size)
    except OSError:
        return own, None


def _shown(text: str, font: FreeTypeFont) -> str:
    """The text with characters that the font lacks as escapes, which say more than empty boxes."""
    return "".join(sign if _has(font, sign) else sign.encode("unicode_escape").decode("ascii") for sign in text)


@lru_cache(maxsize=4096)
def _has(font: FreeTypeFont, sign: str) -> bool:
    return sign.isspace() or bytes(font.getmask(sign)) != bytes(font.getmask("\U0010fffd"))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower())[:_LONGEST_SLUG].strip("-.")


def _write(directory: RunDirectory, name: str, sheet: Image) -> Path:
    content = io.BytesIO()
    sheet.save(content, "PNG", optimize=True)
    directory.figures.mkdir(0o700, exist_ok=True)
    path = directory.figures / name
    write_atomically(path, content.getvalue())
    return path
