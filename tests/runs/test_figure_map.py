from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from iml_tui.experiments.maps import MapChoice
from iml_tui.experiments.registry import find
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.figure_map import common_colours, draw_map, write_map_figures
from iml_tui.runs.map_colours import TRUECOLOR
from iml_tui.runs.maps import DecisionMap, MapData, map_data, write_map, write_map_data
from iml_tui.runs.reading import RunReader
from tests.recorded import recorded_run
from tests.runs.test_figures import SVG, texts

NAMES = ("DE Germany", "PL Poland", "FR France", "class without code")


@pytest.fixture(scope="module")
def data() -> MapData:
    generator = np.random.default_rng(0)
    train = generator.uniform([-10, 35], [40, 71], (400, 2)).astype(np.float32)
    labels = quadrant(train)
    return map_data(train, labels, train[:50], labels[:50], NAMES)


def quadrant(coordinates: np.ndarray) -> np.ndarray:
    return (coordinates[:, 0] > 10).astype(np.int64) + 2 * (coordinates[:, 1] > 50)


@pytest.fixture(scope="module")
def drawn(data: MapData) -> DecisionMap:
    classes = quadrant(data.grid).reshape(data.shape)
    decided = quadrant(data.test_coordinates)
    decided[:5] = (decided[:5] + 1) % 4
    return DecisionMap(0, 12, classes, np.ones(data.shape, np.float32), decided)


def figure_of(data: MapData, drawn: DecisionMap, name: str = "6×16") -> ElementTree.Element:
    return ElementTree.fromstring(draw_map(name, data, drawn, common_colours(data, [drawn])).encode())


def dots(figure: ElementTree.Element, colour: str) -> int:
    return sum(p.attrib["d"].count("h0") for p in figure.iter(f"{SVG}path") if p.attrib.get("stroke") == colour)


def test_a_map_says_what_it_shows(data: MapData, drawn: DecisionMap) -> None:
    shown = texts(figure_of(data, drawn))
    assert "6×16: decisions after epoch 12" in shown
    assert {"longitude", "latitude", "10° W", "0°", "40° E", "60° N"} <= set(shown)
    assert set(NAMES) <= set(shown)
    assert {"test samples, 90.0 % right", "right: 45, dark", "wrong: 5, white"} <= set(shown)
    # Codes where the regions are, each with its halo; a name that has none is written out.
    assert [shown.count(code) for code in ("DE", "PL", "FR", "class witho…")] == [2, 2, 2, 2]


def test_wrong_samples_are_white_and_right_ones_dark(data: MapData, drawn: DecisionMap) -> None:
    figure = figure_of(data, drawn)
    assert dots(figure, TRUECOLOR.wrong) == 5
    assert sum(dots(figure, colour) for colour in TRUECOLOR.right) == 45


def test_regions_have_the_colours_of_their_classes(data: MapData, drawn: DecisionMap) -> None:
    colours = common_colours(data, [drawn])
    figure = figure_of(data, drawn)
    filled = {p.attrib["fill"] for p in figure.iter(f"{SVG}path") if p.attrib.get("shape-rendering")}
    assert filled == {TRUECOLOR.fills[colour] for colour in colours}
    assert len(filled) == 4


def test_names_stand_in_their_regions(data: MapData, drawn: DecisionMap) -> None:
    figure = figure_of(data, drawn)
    place = {t.text: (float(t.attrib["x"]), float(t.attrib["y"])) for t in figure.iter(f"{SVG}text") if t.text}
    assert place["DE"][0] < place["PL"][0]
    assert place["FR"][1] < place["DE"][1]


def test_the_map_has_the_right_aspect_ratio(data: MapData, drawn: DecisionMap) -> None:
    figure = figure_of(data, drawn)
    ticks = {t.text: t.attrib for t in figure.iter(f"{SVG}text") if t.text and "°" in t.text}
    east = (float(ticks["40° E"]["x"]) - float(ticks["10° E"]["x"])) / 30
    north = (float(ticks["40° N"]["y"]) - float(ticks["60° N"]["y"])) / 20
    assert east / north == pytest.approx(np.cos(np.radians(float(data.latitudes.mean()))), rel=0.01)


def test_colours_are_the_same_on_all_maps_and_differ_between_neighbours(data: MapData, drawn: DecisionMap) -> None:
    # On the second map the classes 0 and 3 touch, which do not on the first.
    halves = np.where(data.grid[:, 0] > 10, 3, 0).reshape(data.shape)
    colours = common_colours(
        data, [replace(drawn, classes=np.where(halves == 3, 1, 0)), replace(drawn, classes=halves)]
    )
    assert colours[0] not in (colours[1], colours[3])


def test_borders_part_neighbours_of_one_colour(data: MapData, drawn: DecisionMap) -> None:
    names = tuple(f"class {i}" for i in range(40))
    cells = np.random.default_rng(0).integers(0, 40, data.shape)  # All touch all: borders part those of one colour.
    many = replace(data, class_names=names, class_counts=np.arange(40))
    figure = figure_of(many, replace(drawn, classes=cells))
    assert [p for p in figure.iter(f"{SVG}path") if p.attrib.get("stroke") == "#000000" and "h0" not in p.attrib["d"]]
    assert "40 classes, most frequent first" in texts(figure)


def test_hostile_names_are_text(data: MapData, drawn: DecisionMap) -> None:
    hostile = replace(data, class_names=("</svg><script>", "\x1b[31m\u202e", "", "漢" * 100))
    figure = figure_of(hostile, drawn, "<b>\x00")
    assert {"</svg><script>", "\\x1b[31m\\u202e", "2"} <= set(texts(figure))
    assert max(map(len, texts(figure))) < 100


def test_no_test_samples_are_no_problem(data: MapData, drawn: DecisionMap) -> None:
    none = np.zeros(0, np.int64)
    bare = replace(data, test_coordinates=np.zeros((0, 2), np.float32), test_labels=none)
    assert "test samples, none right" in texts(figure_of(bare, replace(drawn, test_classes=none)))


@pytest.fixture
def run(root: Path, data: MapData, drawn: DecisionMap) -> RunDirectory:
    """Three trials done in three epochs; the first two have maps of the second epoch."""
    directory = recorded_run(root, "learning-rate", "done", epochs=3, learning_rates=(0.1, 0.01, 0.001))
    for path in directory.maps.rglob("*.npz"):
        path.unlink()
    write_map_data(directory, data)
    events = EventWriter(directory.events_file)
    for trial in (0, 1):
        write_map(directory, replace(drawn, trial=trial, epoch=2))
        events.append("map", trial=trial, epoch=2)
    events.close()
    return directory


class Chosen:
    """An experiment that looks at given maps first."""

    def __init__(self, *choices: object) -> None:
        self._choices = choices

    def maps(self, results: object) -> tuple[object, ...]:
        return self._choices


def test_the_maps_to_look_at_first_are_written(run: RunDirectory) -> None:
    found = RunReader(run).results
    for trial in found.trials:
        trial.maps[:] = [2] if trial.index < 2 else []
    chosen: object = Chosen(MapChoice(1, "with sine features"), MapChoice(0), MapChoice(2, "no map"), MapChoice(0))
    written = write_map_figures(run, chosen, found)  # type: ignore[arg-type]
    assert [path.name for path in written] == [
        "map-with-sine-features.svg",
        "map-learning-rate-0-1.svg",
        "map-learning-rate-0-1-0.svg",
    ]
    title = texts(ElementTree.fromstring(written[0].read_bytes()))[0]
    assert "(with sine features): decisions after epoch 2" in title


def test_best_and_worst_are_chosen_by_the_experiment(run: RunDirectory) -> None:
    found = RunReader(run).results
    for trial in found.trials:
        trial.maps[:] = [2] if trial.index < 2 else []
    best = [c.trial for c in find("learning-rate").maps(found) if c.trial < 2]
    written = write_map_figures(run, find("learning-rate"), found)
    assert len(written) == len(best) > 0


def test_damaged_maps_are_left_out(run: RunDirectory) -> None:
    found = RunReader(run).results
    for trial in found.trials:
        trial.maps[:] = [2] if trial.index < 2 else []
    (run.maps / "000" / "000002.npz").write_bytes(b"PK")
    chosen: object = Chosen(MapChoice(0, "best"), MapChoice(1, "worst"))
    assert [p.name for p in write_map_figures(run, chosen, found)] == ["map-worst.svg"]  # type: ignore[arg-type]
    (run.maps / "data.npz").unlink()
    assert write_map_figures(run, chosen, found) == []  # type: ignore[arg-type]
