import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from iml_tui.data import image_decoding, image_loading
from iml_tui.data.image_decoding import decode
from iml_tui.data.image_loading import load_image_folder
from iml_tui.data.loading import load_pictures
from iml_tui.data.picture_summary import summarise_pictures
from iml_tui.data.pictures import PictureData, PictureTransform
from iml_tui.errors import LabError, UsageError
from tests.data.odd_pictures import odd_image_folder, picture, plain_image_folder

SMALL = PictureTransform(resize=40, crop=32)

Damage = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return plain_image_folder(tmp_path / "faces")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "cache"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were decoded, not found in the cache."""
    seen: list[str] = []

    def counted(path: Path, transform: PictureTransform) -> object:
        seen.append(path.name)
        return decode(path, transform)

    monkeypatch.setattr(image_loading, "decode", counted)
    return seen


class StopError(Exception):
    """What a run raises where the user stops it."""


def quiet(what: str, done: int, total: int) -> None:
    pass


def load(folder: Path, cache: Path, transform: PictureTransform = SMALL) -> PictureData:
    return load_image_folder(folder, cache, transform, quiet)


def refused(folder: Path, cache: Path, kind: type[LabError] = UsageError) -> str:
    with pytest.raises(kind) as raised:
        load(folder, cache)
    text = str(raised.value)
    assert text.endswith(".")
    assert text.isprintable()
    assert left_behind(cache) == []
    return text


def left_behind(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.name != "pictures"]


def only_set(cache: Path) -> Path:
    (place,) = (cache / "pictures").iterdir()
    return place


def test_three_splits_with_labels_and_names(folder: Path, cache: Path) -> None:
    data = load(folder, cache)
    assert (data.name, data.class_names, data.size, data.embedded) == ("faces", ("fake", "real"), 32, False)
    assert data.source == f"pictures in {folder}"
    for split, name in ((data.train, "train"), (data.validation, "val"), (data.test, "test")):
        assert (split.pixels.shape, split.pixels.dtype) == ((6, 32, 32, 3), np.uint8)
        assert split.labels.dtype == np.int64
        assert split.labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert split.names[2:4] == ("fake/00002.jpg", "real/00000.jpg")
        assert split.details == ("",) * 6
        for pixels, file in zip(split.pixels, split.names, strict=True):
            np.testing.assert_array_equal(pixels, decode(folder / name / file, SMALL))


def test_pixels_are_mapped_and_cannot_be_written(folder: Path, cache: Path) -> None:
    pixels = load(folder, cache).train.pixels
    assert isinstance(pixels, np.memmap)
    assert not pixels.flags.writeable


def test_second_time_comes_from_the_cache(folder: Path, cache: Path, decoded: list[str]) -> None:
    first = load(folder, cache)
    assert len(decoded) == 18
    second = load(folder, cache)
    assert len(decoded) == 18
    assert first.notes[0].startswith("The pictures were decoded in ")
    assert second.notes == (f"The decoded pictures come from the cache ({cache}).",)
    assert first.sha256 == second.sha256
    for one, other in zip(first.splits.values(), second.splits.values(), strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert one.labels.tolist() == other.labels.tolist()
        assert one.names == other.names


def test_other_transform_or_content_is_decoded_anew(folder: Path, cache: Path, decoded: list[str]) -> None:
    load(folder, cache)
    assert load(folder, cache, PictureTransform(41, 32)).size == 32
    assert len(decoded) == 36
    picture(77, (90, 60)).save(folder / "val" / "real" / "00001.jpg")
    data = load(folder, cache)
    assert len(decoded) == 54
    np.testing.assert_array_equal(data.validation.pixels[4], decode(folder / "val/real/00001.jpg", SMALL))


DAMAGES: dict[str, Damage] = {
    "no index": lambda place: (place / "index.json").unlink(),
    "index cut": lambda place: (place / "index.json").write_text('{"train": {'),
    "index of another kind": lambda place: (place / "index.json").write_text("[]"),
    "index beyond the listing": lambda place: (place / "index.json").write_text(
        '{"left_out": {"train": {"99": "x"}, "validation": {}, "test": {}}, "lasting": true}'
    ),
    "no pixels": lambda place: (place / "test.npy").unlink(),
    "pixels cut": lambda place: (place / "test.npy").write_bytes((place / "test.npy").read_bytes()[:-1]),
    "pixels longer": lambda place: (place / "test.npy").write_bytes((place / "test.npy").read_bytes() + b"\0"),
    "another shape": lambda place: np.save(place / "test.npy", np.zeros((6, 31, 32, 3), np.uint8)),
    "another type": lambda place: np.save(place / "test.npy", np.zeros((6, 32, 32, 3), np.int8)),
    "no array": lambda place: (place / "test.npy").write_bytes(b"\0" * 20_000),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_cache_is_decoded_anew(folder: Path, cache: Path, decoded: list[str], damage: Damage) -> None:
    first = np.array(load(folder, cache).test.pixels)
    place = only_set(cache)
    damage(place)
    data = load(folder, cache)
    assert len(decoded) == 36
    np.testing.assert_array_equal(data.test.pixels, first)
    assert only_set(cache) == place
    load(folder, cache)
    assert len(decoded) == 36


def test_unusable_pictures_are_left_out_and_named(tmp_path: Path, cache: Path) -> None:
    odd = odd_image_folder(tmp_path)
    for _ in range(2):
        data = load(odd.path, cache)
        assert set(data.train.names) >= set(odd.usable)
        assert not set(data.train.names) & set(odd.left_out)
        assert len(data.train) == len(odd.usable) + 16
        assert data.notes[1] == "22 of 100 pictures are left out; the first 20 are named."
        named = [note for note in data.notes if " is left out: " in note]
        every = [f"train/{name} is left out: {reason}." for name, reason in sorted(odd.left_out.items())]
        assert named == every[:20]
        assert data.notes[-1] == "train/real/round is not entered: a link leads from it back to a folder around it."
    # The rows after a gap are still those of their names.
    for name in ("fake/00007.jpg", "real/00007.jpg", "real/link.jpg"):
        row = data.train.names.index(name)
        np.testing.assert_array_equal(data.train.pixels[row], decode(odd.train / name, SMALL))
        assert data.class_names[data.train.labels[row]] == name.split("/")[0]


QUIETLY = """
import sys
from pathlib import Path
from iml_tui.data.loading import load_pictures
load_pictures(Path(sys.argv[1]), Path(sys.argv[2]), None, {"image_size": 32}, lambda *report: None)
"""


def test_nothing_reaches_the_terminal(tmp_path: Path, cache: Path) -> None:
    odd = odd_image_folder(tmp_path)
    command = [sys.executable, "-W", "always", "-c", QUIETLY, str(odd.path), str(cache)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    assert only_set(cache).is_dir()


LISTED = """
import sys
from pathlib import Path
from iml_tui.data.loading import summarise
summarise("faces", Path(sys.argv[1]), Path(sys.argv[2]), {})
print([name for name in ("PIL", "torch", "torchvision") if name in sys.modules])
"""


def test_listing_needs_no_library_for_pictures(folder: Path, cache: Path) -> None:
    command = [sys.executable, "-c", LISTED, str(folder), str(cache)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (finished.stdout, finished.stderr) == ("[]\n", "")


def test_summary_counts_what_is_left(folder: Path, cache: Path) -> None:
    (folder / "train" / "real" / "00001.jpg").write_bytes(b"")
    data = load(folder, cache)
    summary = summarise_pictures(data)
    assert summary.rows == {"train": 5, "validation": 6, "test": 6}
    assert summary.majority_accuracy == {"train": 3 / 5, "validation": 0.5, "test": 0.5}
    assert summary.sha256 == data.sha256
    assert data.notes[1:] == (
        "1 of 18 pictures is left out.",
        "train/real/00001.jpg is left out: the file is empty.",
    )


def test_file_that_may_be_read_again_comes_back(
    folder: Path, cache: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = image_decoding.os.open

    def guarded(path: Path, *arguments: int) -> int:
        if Path(path) == folder / "train" / "real" / "00001.jpg":
            raise PermissionError(13, "Permission denied")
        return original(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(image_decoding.os, "open", guarded)
        data = load(folder, cache)
    assert data.notes[2] == "train/real/00001.jpg is left out: it cannot be read (Permission denied)."
    # A change of permissions leaves size and time of the file as they were.
    again = load(folder, cache)
    assert (data.sha256, len(data.train)) == (again.sha256, 5)
    assert (len(again.train), len(again.notes)) == (6, 1)
    load(folder, cache)
    assert len(decoded) == 36


def test_class_of_which_nothing_is_left(folder: Path, cache: Path) -> None:
    for file in (folder / "test" / "real").iterdir():
        file.write_bytes(b"no picture")
    assert refused(folder, cache) == (
        f"{folder}/test: none of the 3 pictures of the class real can be used "
        "(test/real/00000.jpg: it is a text file, not a picture; test/real/00001.jpg: it is a text file, not a "
        "picture; test/real/00002.jpg: it is a text file, not a picture)."
    )


def test_split_of_which_less_than_half_is_left(folder: Path, cache: Path) -> None:
    for name in ("fake/00000.jpg", "fake/00001.jpg", "real/00000.jpg"):
        (folder / "val" / name).write_bytes(b"")
    assert len(load(folder, cache).validation) == 3
    (folder / "val" / "real" / "00001.jpg").write_bytes(b"")
    with pytest.raises(UsageError, match=r"val: 4 of 6 pictures, more than half, cannot be used \(val/fake/00000.jpg:"):
        load(folder, cache)


def test_progress_goes_from_nothing_to_all(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_loading, "REPORT_INTERVAL", 0)
    told: list[tuple[str, int, int]] = []
    load_image_folder(folder, cache, SMALL, lambda *report: told.append(report))
    assert {(what, total) for what, _, total in told} == {("decoding pictures", 18)}
    done = [done for _, done, _ in told]
    assert done == sorted(done)
    assert set(done) == set(range(19))


@pytest.mark.parametrize("error", [StopError, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("when", [0, 5, 18])
def test_stopping_leaves_nothing(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, when: int, error: type[BaseException]
) -> None:
    monkeypatch.setattr(image_loading, "REPORT_INTERVAL", 0)

    def stop(what: str, done: int, total: int) -> None:
        if done >= when:
            raise error

    with pytest.raises(error):
        load_image_folder(folder, cache, SMALL, stop)
    assert left_behind(cache) == []
    assert len(load(folder, cache).train) == 6


def test_stopping_does_not_wait_for_a_picture(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_loading, "REPORT_INTERVAL", 0.01)
    begun, over = threading.Event(), threading.Event()

    def slow(path: Path, transform: PictureTransform) -> object:
        begun.set()
        assert over.wait(30)
        return decode(path, transform)

    def stop(what: str, done: int, total: int) -> None:
        if begun.is_set():
            raise StopError

    monkeypatch.setattr(image_loading, "decode", slow)
    try:
        with pytest.raises(StopError):
            load_image_folder(folder, cache, SMALL, stop)
        assert not over.is_set()
        assert left_behind(cache) == []
    finally:
        over.set()


def test_picture_that_disappears(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = folder / "test" / "real" / "00002.jpg"

    def vanishing(path: Path, transform: PictureTransform) -> object:
        gone.unlink(missing_ok=True)
        return decode(path, transform)

    monkeypatch.setattr(image_loading, "decode", vanishing)
    assert refused(folder, cache) == f"{gone}: this picture disappeared before it was decoded."


def test_folder_that_changes_meanwhile(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def growing(path: Path, transform: PictureTransform) -> object:
        picture().save(folder / "train" / "real" / "new.jpg")
        return decode(path, transform)

    monkeypatch.setattr(image_loading, "decode", growing)
    assert "faces: the pictures changed while they were being decoded; start again when" in refused(folder, cache)


def test_folder_takes_the_usual_transform_where_none_is_given(folder: Path, cache: Path) -> None:
    for settings, transform in (({}, PictureTransform(256, 224)), ({"image_size": 64}, PictureTransform(73, 64))):
        data = load_pictures(folder, cache, None, settings, quiet)
        np.testing.assert_array_equal(data.test.pixels[0], decode(folder / "test/fake/00000.jpg", transform))
    assert load_pictures(folder, cache, SMALL, {"image_size": 64}, quiet).size == 32
