"""The test pictures of a run and its predictions, written and read back; damaged and hostile files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from iml_tui.data.pictures import PictureSplit
from iml_tui.errors import LabError
from iml_tui.runs import pictures as pictures_module
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.picture_scaling import enlarge_pictures, reduce_pictures
from iml_tui.runs.pictures import (
    LARGEST_SIDE,
    has_test_pictures,
    kept_side,
    read_predictions,
    read_test_pictures,
    write_predictions,
    write_test_pictures,
)
from tests.recorded_faces import CLASSES, made_up_faces


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path)


def split_of(count: int, side: int, names: tuple[str, ...] = ()) -> PictureSplit:
    pixels = np.random.default_rng(1).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    named = names or tuple(f"real/{i}.jpg" for i in range(count))
    return PictureSplit(pixels, np.arange(count) % 2, named, ("",) * count)


def test_what_is_written_is_read(directory: RunDirectory) -> None:
    split = made_up_faces(10)
    assert not has_test_pictures(directory)
    write_test_pictures(directory, split, CLASSES)
    found = read_test_pictures(directory)
    assert has_test_pictures(directory)
    assert (found.pixels == split.pixels).all()
    assert isinstance(found.pixels, np.memmap)
    assert not found.pixels.flags.writeable
    assert (found.labels == split.labels).all()
    assert (found.names, found.details, found.class_names) == (split.names, split.details, CLASSES)
    assert found.size == 64
    assert found.counts == (5, 5)
    assert sorted(path.name for path in directory.pictures.iterdir()) == ["test.json", "test.npy"]


def test_large_pictures_are_kept_small(directory: RunDirectory) -> None:
    split = split_of(70, 224)
    write_test_pictures(directory, split, CLASSES)
    found = read_test_pictures(directory)
    assert found.pixels.shape == (70, LARGEST_SIDE, LARGEST_SIDE, 3)
    assert found.pixels[69].mean() == pytest.approx(split.pixels[69].mean(), abs=0.5)


@pytest.mark.parametrize(("count", "side"), [(0, 64), (1, 500), (400, 224), (100_000, 224), (10_000_000, 64)])
def test_all_pictures_together_are_bounded(count: int, side: int) -> None:
    kept = kept_side(count, side)
    assert 1 <= kept <= min(side, LARGEST_SIDE)
    assert count * kept**2 * 3 <= pictures_module.MOST_BYTES


def test_no_picture_at_all(directory: RunDirectory) -> None:
    write_test_pictures(directory, split_of(0, 8), CLASSES)
    assert len(read_test_pictures(directory)) == 0


def test_names_are_safe_for_a_terminal(directory: RunDirectory) -> None:
    write_test_pictures(directory, split_of(2, 8, ("real/\x1b[2J.jpg", "fake/\udcff.jpg")), ("a\nb", "Gefälscht 🙂"))
    found = read_test_pictures(directory)
    assert found.names == ("real/\\x1b[2J.jpg", "fake/\\udcff.jpg")
    assert found.class_names == ("a\\nb", "Gefälscht 🙂")
    content = json.loads((directory.pictures / "test.json").read_text())
    content["names"] = ["\x1b]0;", "\u202e"]  # By someone else.
    (directory.pictures / "test.json").write_text(json.dumps(content))
    assert read_test_pictures(directory).names == ("\\x1b]0;", "\\u202e")


def test_predictions(directory: RunDirectory) -> None:
    given = np.array([0.0, 0.25, 1.0, np.nan], dtype=np.float32)
    write_predictions(directory, 7, given)
    np.testing.assert_array_equal(read_predictions(directory, 7, 4), given)
    with pytest.raises(LabError, match="for 5 pictures"):
        read_predictions(directory, 7, 5)
    with pytest.raises(LabError, match="there are no predictions"):
        read_predictions(directory, 8, 4)
    write_predictions(directory, 7, np.array([0.5, 1.5], dtype=np.float32))
    with pytest.raises(LabError, match="not between 0 and 1"):
        read_predictions(directory, 7, 2)


def header(text: str, body: bytes = b"") -> bytes:
    content = text.encode("latin1")
    return b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content + body


OTHER_FILES: list[bytes] = [
    b"",
    b"PK\x03\x04",
    b"\x93NUMPY\x01\x00",
    b"\x93NUMPY\x03\x00" + b" " * 64,
    header("{'descr': '|u1', 'fortran_order': False, 'shape': (4, 8, 8, 3), }\n", b"\0" * 10),
    header("{'descr': '|u1', 'fortran_order': True, 'shape': (4, 8, 8, 3), }\n", b"\0" * 768),
    header("{'descr': '|O', 'fortran_order': False, 'shape': (4,), }\n", b"\0" * 32),
    header("{'descr': '|u1', 'fortran_order': False, 'shape': (4, 9, 8, 3), }\n", b"\0" * 864),
    header("{'descr': '|i1', 'fortran_order': False, 'shape': (4, 8, 8, 3), }\n", b"\0" * 768),
    header("{'descr': '|u1', 'fortran_order': False, 'shape': (2**62, 8, 8, 3), }\n"),
    header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({2**62}, {2**62}, 8, 3), }}\n"),
    header("{'descr': '|u1', 'fortran_order': False, 'shape': (-4, 8, 8, 3), }\n"),
    header("__import__('os').system('true')\n"),
    header("{" * 500),
]


@pytest.mark.parametrize("content", OTHER_FILES)
def test_damaged_pictures(directory: RunDirectory, content: bytes) -> None:
    write_test_pictures(directory, split_of(4, 8), CLASSES)
    (directory.pictures / "test.npy").write_bytes(content)
    with pytest.raises(LabError, match="damaged"):
        read_test_pictures(directory)


@pytest.mark.parametrize("content", OTHER_FILES)
def test_damaged_predictions(directory: RunDirectory, content: bytes) -> None:
    write_predictions(directory, 0, np.zeros(4, dtype=np.float32))
    (directory.pictures / "predictions-000.npy").write_bytes(content)
    with pytest.raises(LabError, match="damaged"):
        read_predictions(directory, 0, 4)


CHANGES: dict[str, Callable[[dict[str, object]], object]] = {
    "a class too many": lambda texts: texts.update(class_names=["a", "b", "c"]),
    "a class that is none": lambda texts: texts.update(labels=[0, 1, 2, 1]),
    "a label that is no number": lambda texts: texts.update(labels=[0, 1, "0", 1]),
    "a huge label": lambda texts: texts.update(labels=[0, 1, 10**30, 1]),
    "a name too few": lambda texts: texts.update(names=["a"] * 3),
    "a label too few": lambda texts: texts.update(labels=[0], names=["a"], details=[""]),
    "no details": lambda texts: texts.pop("details"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_damaged_texts(directory: RunDirectory, change: Callable[[dict[str, object]], object]) -> None:
    write_test_pictures(directory, split_of(4, 8), CLASSES)
    texts = json.loads((directory.pictures / "test.json").read_text())
    change(texts)
    (directory.pictures / "test.json").write_text(json.dumps(texts))
    with pytest.raises(LabError, match="damaged"):
        read_test_pictures(directory)


def test_texts_that_are_none(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    write_test_pictures(directory, split_of(4, 8), CLASSES)
    file = directory.pictures / "test.json"
    for content in (b"", b"\xff\xfe", b"[" * 10_000, b"null"):
        file.write_bytes(content)
        with pytest.raises(LabError, match="damaged"):
            read_test_pictures(directory)
    monkeypatch.setattr(pictures_module, "_MOST_TEXT", 100)
    file.write_bytes(b" " * 101)
    with pytest.raises(LabError, match="longer"):
        read_test_pictures(directory)
    file.unlink()
    with pytest.raises(LabError, match="there is no list of test pictures"):
        read_test_pictures(directory)


def test_what_cannot_be_written_leaves_nothing_half_made(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pictures_module, "reduce_pictures", fail)
    with pytest.raises(OSError, match="No space"):
        write_test_pictures(directory, split_of(4, 8), CLASSES)
    assert list(directory.pictures.iterdir()) == []


def test_reduction_averages_areas() -> None:
    picture = np.zeros((1, 6, 6, 3), dtype=np.uint8)
    picture[0, 0, 0] = 90
    assert reduce_pictures(picture, 2, 2)[0, 0, 0].tolist() == [10, 10, 10]
    uneven = reduce_pictures(picture, 4, 4)  # 1.5 pixels each, across and down.
    assert uneven[0, 0, 0, 0] == 40
    flat = np.full((3, 37, 41, 3), 77, dtype=np.uint8)
    assert (reduce_pictures(flat, 13, 5) == 77).all()
    with pytest.raises(ValueError, match="cannot be reduced"):
        reduce_pictures(picture, 7, 6)


def test_enlargement_repeats_pixels() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    large = enlarge_pictures(picture, 3)
    assert large.shape == (6, 6, 3)
    assert (large[::3, ::3] == picture).all()
    assert (large[2, 5] == picture[0, 1]).all()
