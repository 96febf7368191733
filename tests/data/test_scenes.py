"""Rendered scenes: what their labels do to the pixels, and how a set is kept."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from iml_tui.data import parallel
from iml_tui.data.scenes import dataset, labels
from iml_tui.data.scenes.dataset import load_scenes
from iml_tui.data.scenes.labels import describe_scenes, draw_labels, identity
from iml_tui.data.scenes.rendering import as_labels, render_scene
from iml_tui.errors import LabError
from iml_tui.experiments.scene_heads import HEADS
from iml_tui.training.preparation import StoppedError

PLAIN = {head: classes[0] for head, classes in HEADS.items()}
SEEDS = range(8)
SIZE = 48


def scenes(**changed: str) -> NDArray[np.float64]:
    """Grey scenes of eight seeds with plain labels but for those given, 0…255: [8, 64, 64]."""
    chosen = PLAIN | {head.replace("_", " "): value for head, value in changed.items()}
    return np.stack([render_scene(seed, chosen, 64).mean(axis=2) for seed in SEEDS])


def roughness(pictures: NDArray[np.float64]) -> float:
    """The mean square of the second difference along the rows, which only fine detail has."""
    return float((np.diff(pictures, n=2, axis=2) ** 2).mean())


def test_a_seed_and_its_labels_are_one_picture() -> None:
    first, again = (render_scene(7, PLAIN, 64) for _ in range(2))
    assert first.shape == (64, 64, 3)
    assert first.dtype == np.uint8
    assert first.flags.c_contiguous
    assert np.array_equal(first, again)
    assert not np.array_equal(first, render_scene(8, PLAIN, 64))


@pytest.mark.parametrize("size", [48, 65, 128])
def test_every_class_of_every_label_is_rendered_at_any_size(size: int) -> None:
    for head, classes in HEADS.items():
        for name in classes:
            picture = render_scene(1, PLAIN | {head: name}, size)
            assert picture.shape == (size, size, 3)
            assert picture.std() > 5


@pytest.mark.parametrize(("symmetry", "turned"), [("left-right", (1, -1)), ("half turn", (-1, -1))])
def test_symmetric_scenes_are_their_own_image(symmetry: str, turned: tuple[int, int]) -> None:
    for kind, symmetric in ((symmetry, True), ("none", False)):
        pictures = scenes(symmetry=kind)
        difference = np.abs(pictures - pictures[:, :: turned[0], :: turned[1]]).mean()
        assert (difference < 3) == symmetric


def test_lower_resolution_leaves_less_detail() -> None:
    none, two_thirds, half = (roughness(scenes(resampling=name)) for name in HEADS["resampling"])
    assert none > 1.5 * two_thirds > 1.5 * half


def test_the_checkerboard_repeats_every_two_or_four_pixels_along_both_axes() -> None:
    def share(kind: str) -> float:
        """Of the power of the finer half along each axis, what is at periods 2 and 4; the lesser of both axes."""
        power = np.abs(np.fft.fft2(scenes(periodic_pattern=kind))) ** 2
        return float(np.median([min(_at(one[0, 12:33]), _at(one[12:33, 0])) for one in power]))

    def _at(along: NDArray[np.float64]) -> float:
        return float((along[4] + along[20]) / along.sum())  # Frequencies 16 and 32 of 64.

    assert share("checkerboard") > 0.8
    assert share("none") < 0.4


def test_stripes_run_along_one_axis() -> None:
    def strongest(kind: str) -> float:
        power = np.abs(np.fft.fft2(scenes(periodic_pattern=kind))) ** 2
        along = np.maximum(power[:, 0, 6:24].max(axis=1), power[:, 6:24, 0].max(axis=1))
        return float(np.median(along / power[:, 1:, 1:].mean(axis=(1, 2))))

    assert strongest("stripes") > 5 * strongest("none")


def test_noise_and_slope_add_detail_in_their_order() -> None:
    noise = [roughness(scenes(noise=name)) for name in HEADS["noise"]]
    slope = [roughness(scenes(spectral_slope=name)) for name in HEADS["spectral slope"]]
    assert noise == sorted(noise)
    assert slope == sorted(slope, reverse=True)


def test_orientation_shows_in_the_gradients() -> None:
    """Borders of lying shapes are seen along columns, of upright ones along rows; of diagonal ones in both."""

    def balance(kind: str) -> float:
        pictures = scenes(orientation=kind, shape_family="rectangles", spectral_slope="smooth", size="medium")
        down, across = (np.abs(np.diff(pictures, axis=axis)).mean() for axis in (1, 2))
        return float(np.log(down / across))

    assert balance("horizontal") > 0.2 > abs(balance("diagonal"))
    assert balance("vertical") < -0.2


def test_labels_are_even_independent_and_begin_alike() -> None:
    drawn = draw_labels("train", 9600)
    assert drawn.dtype == np.int64
    assert np.array_equal(draw_labels("train", 50), drawn[:50])
    for head, classes in enumerate(HEADS.values()):
        assert np.allclose(np.bincount(drawn[:, head]) / len(drawn), 1 / len(classes), atol=0.02)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(len(HEADS))).max() < 0.05
    assert not np.array_equal(draw_labels("validation", 50), draw_labels("test", 50))


def test_the_description_renders_nothing_and_fits_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "render_scene", None)
    summary = describe_scenes(9600)
    assert summary.rows == {"train": 9600, "validation": 480, "test": 480}
    assert summary.classes == sum(map(len, HEADS.values()))
    even = np.mean([np.log(len(classes)) for classes in HEADS.values()])
    for split in summary.rows:
        assert summary.frequency_loss[split] == pytest.approx(even, abs=0.01)
        assert 0.28 < summary.majority_accuracy[split] < 0.38
    assert summary.sha256 != describe_scenes(9601).sha256
    assert all(np.isfinite(value) for value in describe_scenes(64).frequency_loss.values())


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small splits, rendered in this process."""
    monkeypatch.setattr(labels, "HELD_OUT", 5)
    monkeypatch.setattr(dataset, "in_processes", functools.partial(parallel.in_processes, processes=1))


class Told:
    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []

    def __call__(self, what: str, done: int, total: int) -> None:
        self.calls.append((what, done, total))


@pytest.mark.usefixtures("few")
def test_a_set_is_rendered_once(tmp_path: Path) -> None:
    told = Told()
    made = load_scenes(tmp_path, 40, SIZE, told)
    assert told.calls[0] == ("rendering scenes", 0, 50)
    assert told.calls[-1] == ("rendering scenes", 50, 50)
    assert "rendered" in made.note
    assert {split: len(scenes) for split, scenes in made.splits.items()} == {"train": 40, "validation": 5, "test": 5}
    train = made.splits["train"]
    assert np.array_equal(train.labels, draw_labels("train", 40))
    first = labels.FIRST_SEEDS["train"]
    assert np.array_equal(train.pixels[33], render_scene(first + 33, as_labels(train.labels[33]), SIZE))
    assert not train.pixels.flags.writeable

    nothing = Told()
    again = load_scenes(tmp_path, 40, SIZE, nothing)
    assert nothing.calls == []
    assert "cache" in again.note
    assert all(np.array_equal(made.splits[split].pixels, again.splits[split].pixels) for split in made.splits)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("damage", ["flipped", "short", "no checksum", "bad checksum file"])
def test_a_damaged_set_is_rendered_again(tmp_path: Path, damage: str) -> None:
    before = np.array(load_scenes(tmp_path, 4, SIZE, Told()).splits["train"].pixels)
    file = tmp_path / "scenes" / f"{identity(4, SIZE)}.npy"
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        content[-7] ^= 1
        file.write_bytes(content)
    elif damage == "short":
        file.write_bytes(content[:-100])
    elif damage == "no checksum":
        file.with_suffix(".json").unlink()
    else:
        file.with_suffix(".json").write_text("[")
    told = Told()
    assert np.array_equal(load_scenes(tmp_path, 4, SIZE, told).splits["train"].pixels, before)
    assert told.calls


@pytest.mark.usefixtures("few")
def test_another_set_replaces_the_first(tmp_path: Path) -> None:
    load_scenes(tmp_path, 4, SIZE, Told())
    load_scenes(tmp_path, 6, SIZE, Told())
    kept = sorted(path.name for path in (tmp_path / "scenes").iterdir())
    assert kept == sorted(f"{identity(6, SIZE)}{ending}" for ending in (".npy", ".json"))
    assert set(json.loads((tmp_path / "scenes" / kept[0]).read_text())) == {"sha256"}


@pytest.mark.usefixtures("few")
def test_breaking_off_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(what: str, done: int, total: int) -> None:
        if done:
            raise StoppedError

    with pytest.raises(StoppedError):
        load_scenes(tmp_path, 40, SIZE, stop)
    assert list((tmp_path / "scenes").iterdir()) == []


@pytest.mark.usefixtures("few")
def test_where_nothing_can_be_kept_the_message_says_where_and_how_much(tmp_path: Path) -> None:
    (tmp_path / "scenes").touch()
    with pytest.raises(LabError, match=r"cannot be kept in .*scenes: .* MiB are needed"):
        load_scenes(tmp_path, 4, SIZE, Told())


def test_rendering_processes_start_light() -> None:
    code = "import sys, iml_tui.data.scenes.dataset; print(sorted({'torch', 'PIL', 'textual'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
