import errno
import os
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from iml_tui.data import picture_cache
from iml_tui.data.picture_cache import PictureSet, key_of, read, writing
from iml_tui.data.pictures import PictureTransform
from iml_tui.errors import LabError
from iml_tui.experiments.results import SPLITS

SIDE = 4
LISTED = {"train": 5, "validation": 2, "test": 3}
LEFT_OUT = {"train": {1: "it is cut off", 4: "the file is empty"}, "validation": {}, "test": {0: "it is damaged"}}
BYTES = SIDE * SIDE * 3


def pixels(split: str) -> np.ndarray:
    count = LISTED[split] - len(LEFT_OUT[split])
    return np.random.RandomState(len(split)).randint(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def write(cache: Path, key: str, stop_in: str = "") -> None:
    with writing(cache, key, sum(LISTED.values()), SIDE) as new:
        for split in SPLITS:
            with new.split(split) as append:
                for picture in pixels(split):
                    append(picture)
                    if split == stop_in:
                        raise ValueError("stopped half-way")
            new.leave_out(split, LEFT_OUT[split])


def stored(cache: Path, key: str) -> PictureSet:
    found = read(cache, key, LISTED, SIDE)
    assert found is not None
    return found


def names(cache: Path) -> set[str]:
    return {path.name for path in (cache / "pictures").iterdir()}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write(tmp_path, "a")
    found = stored(tmp_path, "a")
    assert found.left_out == LEFT_OUT
    assert found.lasting
    for split in SPLITS:
        np.testing.assert_array_equal(found.pixels[split], pixels(split))
        np.testing.assert_array_equal(np.load(tmp_path / "pictures" / "a" / f"{split}.npy"), pixels(split))
    assert read(tmp_path, "b", LISTED, SIDE) is None
    assert read(tmp_path, "a", LISTED, SIDE + 1) is None
    assert read(tmp_path, "a", LISTED | {"train": 6}, SIDE) is None


def test_key_follows_folder_listing_and_transform(tmp_path: Path) -> None:
    keys = {
        key_of(tmp_path, "0" * 64, PictureTransform(8, 7)),
        key_of(tmp_path / "other", "0" * 64, PictureTransform(8, 7)),
        key_of(tmp_path, "1" * 64, PictureTransform(8, 7)),
        key_of(tmp_path, "0" * 64, PictureTransform(87, 7)),
        key_of(tmp_path, "0" * 64, PictureTransform(8, 77)),
    }
    assert len(keys) == 5
    assert key_of(tmp_path / "other" / "..", "0" * 64, PictureTransform(8, 7)) in keys


def test_set_of_the_same_name_is_replaced(tmp_path: Path) -> None:
    write(tmp_path, "a")
    mapped = stored(tmp_path, "a").pixels["train"]
    write(tmp_path, "a")
    np.testing.assert_array_equal(mapped, pixels("train"))
    assert stored(tmp_path, "a").left_out == LEFT_OUT
    assert names(tmp_path) == {"a"}


def test_file_in_the_place_of_a_set_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a").write_text("no set")
    write(tmp_path, "a")
    assert stored(tmp_path, "a").left_out == LEFT_OUT


def test_exception_leaves_nothing_and_spares_the_old_set(tmp_path: Path) -> None:
    write(tmp_path, "a")
    with pytest.raises(ValueError, match="stopped half-way"):
        write(tmp_path, "a", stop_in="test")
    assert names(tmp_path) == {"a"}
    assert stored(tmp_path, "a").left_out == LEFT_OUT


def test_sets_used_longest_ago_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, key in enumerate("abcd"):
        write(tmp_path, key)
        os.utime(tmp_path / "pictures" / key / "index.json", (number, number))
    size = sum(file.stat().st_size for file in (tmp_path / "pictures" / "a").iterdir())
    stored(tmp_path, "a")
    monkeypatch.setattr(picture_cache, "LARGEST_CACHE", 3 * size)
    write(tmp_path, "e")
    assert names(tmp_path) == {"a", "d", "e"}
    monkeypatch.setattr(picture_cache, "LARGEST_CACHE", 1)
    write(tmp_path, "f")
    assert names(tmp_path) == {"f"}


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    with writing(tmp_path, "a", 1, SIDE):
        (alive,) = (tmp_path / "pictures").iterdir()
        dead = tmp_path / "pictures" / ".new-dead"
        shutil.copytree(alive, dead)
        write(tmp_path, "b")
        assert names(tmp_path) == {"b", alive.name}
        raised = LabError("the first one ends early")
        with pytest.raises(LabError, match="ends early"), writing(tmp_path, "c", 1, SIDE):
            raise raised
    assert names(tmp_path) == {"a", "b"}


def test_disk_that_is_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")(10**12, 10**12, 70 * 2**20)
    monkeypatch.setattr(picture_cache.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(LabError) as raised, writing(tmp_path, "a", 2**20, 64):
        raise AssertionError("nothing is to be decoded for a disk that is too small")
    assert str(raised.value) == (
        f"{tmp_path}/pictures: the decoded pictures need 12.1 GiB there, and 70 MiB are free; "
        "make room, or let IML_LAB_HOME name a folder on another disk."
    )
    assert names(tmp_path) == set()


def test_disk_that_fills_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(picture_cache.os, "fsync", full)
    with pytest.raises(
        LabError, match=r"pictures, where decoded pictures are kept: the disk is full, and they need 0 MiB: make"
    ):
        write(tmp_path, "a")
    assert names(tmp_path) == set()


def write_to_full_device(cache: Path) -> None:
    with writing(cache, "a", 1, SIDE) as new:
        (place,) = (cache / "pictures").iterdir()
        (place / "train.npy").symlink_to("/dev/full")
        with new.split("train") as append:
            for _ in range(1000):
                append(pixels("train")[0])
        raise AssertionError("a device that is always full took the pictures")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_write_that_fails(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="the disk is full"):
        write_to_full_device(tmp_path)
    assert names(tmp_path) == set()


def test_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with (
        pytest.raises(
            LabError, match=r"cache/pictures, where .* it cannot be written \(Not a directory\): let IML_LAB"
        ),
        writing(tmp_path / "cache", "a", 1, SIDE),
    ):
        pass
