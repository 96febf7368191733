import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from iml_tui.data import cache, loading
from iml_tui.data.dataset import Dataset
from iml_tui.data.loading import load

TEXT = ",long,lat,country\n0,13.4,52.5,Germany\n1,2.35,48.85,France\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "cities"
    path.mkdir()
    for name in ("train", "validation", "test"):
        (path / f"{name}.csv").write_text(TEXT)
    return path


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "cache"


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes of what was parsed, not found in the cache."""
    seen: list[str] = []
    original = loading.parse_folder

    def counted(folder: object, sha256: str) -> Dataset:
        seen.append(sha256)
        return original(folder, sha256)  # type: ignore[arg-type]

    monkeypatch.setattr(loading, "parse_folder", counted)
    return seen


def same(one: Dataset, other: Dataset) -> bool:
    return (one.name, one.source, one.class_names, one.sha256, one.embedded) == (
        other.name,
        other.source,
        other.class_names,
        other.sha256,
        other.embedded,
    ) and all(
        np.array_equal(a.coordinates, b.coordinates)
        and np.array_equal(a.labels, b.labels)
        and (a.coordinates.dtype, a.labels.dtype) == (b.coordinates.dtype, b.labels.dtype)
        for a, b in zip(one.splits.values(), other.splits.values(), strict=True)
    )


def test_no_folder_means_the_embedded_cities(tmp_path: Path) -> None:
    assert load(None, tmp_path / "cache").embedded
    assert not (tmp_path / "cache").exists()


def test_the_second_time_comes_from_the_cache(folder: Path, stored: Path, parses: list[str]) -> None:
    first = load(folder, stored)
    second = load(folder, stored)
    assert len(parses) == 1
    assert same(first, second)
    assert [file.suffix for file in stored.iterdir()] == [".npz"]


def test_equal_files_elsewhere_hit_the_cache_under_their_own_name(
    folder: Path, stored: Path, parses: list[str]
) -> None:
    load(folder, stored)
    moved = folder.rename(folder.with_name("towns"))
    dataset = load(moved, stored)
    assert len(parses) == 1
    assert dataset.name == "towns"
    assert str(moved) in dataset.source


def test_changed_files_miss_the_cache(folder: Path, stored: Path, parses: list[str]) -> None:
    load(folder, stored)
    (folder / "test.csv").write_text(TEXT + "2,2,48,France\n")
    assert len(load(folder, stored).test) == 3
    assert len(set(parses)) == 2


def flip(file: Path, content: bytes) -> None:
    place = content.index(np.float32(13.4).tobytes())
    file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])


@pytest.mark.parametrize(
    "damage",
    [
        lambda file, content: file.write_bytes(b""),
        lambda file, content: file.write_bytes(b"rubbish"),
        lambda file, content: file.write_bytes(content[: len(content) // 2]),
        flip,
        lambda file, content: np.savez(file, sha256=np.array("0" * 64)),
        lambda file, content: np.savez(file, **{**np.load(file), "train_labels": np.array([9, 9], dtype=np.uint16)}),
        lambda file, content: np.savez(file, **{**np.load(file), "test_labels": np.zeros(2)}),
        lambda file, content: np.savez(file, **{**np.load(file), "test_labels": np.array([None])}),
    ],
    ids=["empty", "rubbish", "half", "one bit", "other hash", "label too large", "other type", "pickle"],
)
def test_a_damaged_cache_is_built_again(
    folder: Path, stored: Path, parses: list[str], damage: Callable[[Path, bytes], None]
) -> None:
    first = load(folder, stored)
    (file,) = stored.iterdir()
    damage(file, file.read_bytes())
    assert same(first, load(folder, stored))
    assert same(first, load(folder, stored))
    assert len(parses) == 2


def test_every_flipped_bit_is_noticed_or_harmless(folder: Path, stored: Path) -> None:
    first = load(folder, stored)
    (file,) = stored.iterdir()
    content = bytearray(file.read_bytes())
    for place in range(0, len(content), 7):
        content[place] ^= 4
        file.write_bytes(content)
        content[place] ^= 4
        found = cache.read(stored, first.sha256, name=first.name, source=first.source)
        assert found is None or same(found, first)


def test_a_cache_that_cannot_be_written_is_done_without(folder: Path, tmp_path: Path, parses: list[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for directory in (file, file / "cache", Path("/proc/no-cache-here")):
        assert load(folder, directory).classes == 2
    assert len(parses) == 3


def test_a_failed_write_leaves_nothing(folder: Path, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    assert load(folder, stored).classes == 2
    assert os.listdir(stored) == []  # noqa: PTH208


def test_bad_data_are_not_cached(folder: Path, stored: Path) -> None:
    (folder / "test.csv").write_text(TEXT + "2,x,1,France\n")
    with pytest.raises(Exception, match="line 4, column long"):
        load(folder, stored)
    assert not stored.exists()
