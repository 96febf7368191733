import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from iml_tui.data.faces import dataset, store
from iml_tui.data.faces.dataset import SIZES, describe_faces, identity, load_faces
from iml_tui.data.faces.giveaways import GIVEAWAYS
from iml_tui.data.parallel import in_processes
from iml_tui.data.picture_summary import summarise_pictures
from iml_tui.data.pictures import PictureData

SMALL = {"train": 12, "validation": 4, "test": 6}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "SIZES", SMALL)
    monkeypatch.setattr(dataset, "in_processes", partial(in_processes, processes=1))


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds of what was rendered, not found in the cache."""
    seen: list[int] = []
    original = dataset.render_task

    def counted(task: dataset.Task) -> object:
        seen.append(task.seed)
        return original(task)

    monkeypatch.setattr(dataset, "render_task", counted)
    return seen


def ignore(what: str, done: int, total: int) -> None:
    pass


def load(cache: Path, difficulty: float = 0.5, size: int = 64) -> PictureData:
    return load_faces(cache, difficulty, size, ignore)


def same(one: PictureData, other: PictureData) -> bool:
    return one.sha256 == other.sha256 and all(
        np.array_equal(a.pixels, b.pixels)
        and np.array_equal(a.labels, b.labels)
        and (a.names, a.details) == (b.names, b.details)
        for a, b in zip(one.splits.values(), other.splits.values(), strict=True)
    )


def test_the_shipped_sizes() -> None:
    assert dict(SIZES) == {"train": 1000, "validation": 200, "test": 400}


def test_splits_are_balanced_and_everybody_is_somebody_else(tmp_path: Path, renders: list[int]) -> None:
    data = load(tmp_path)
    assert {name: len(split) for name, split in data.splits.items()} == SMALL
    assert data.class_names == ("generated", "real")
    assert data.embedded
    assert len(set(renders)) == sum(SMALL.values())
    for split in data.splits.values():
        assert split.pixels.dtype == np.uint8
        assert split.pixels.shape[1:] == (64, 64, 3)
        assert split.labels.dtype == np.int64
        assert split.labels.sum() * 2 == len(split)
        assert [name.split("/")[0] for name in split.names] == [data.class_names[label] for label in split.labels]
        assert len(set(split.names)) == len(split)


def test_details_are_the_giveaways_in_words(tmp_path: Path) -> None:
    for split in load(tmp_path).splits.values():
        for label, details in zip(split.labels, split.details, strict=True):
            assert (details == "") == (label == 1)
            assert set(filter(None, details.split(", "))) <= set(GIVEAWAYS.values())


def test_the_description_is_that_of_the_rendered_faces(tmp_path: Path) -> None:
    assert describe_faces(0.5) == summarise_pictures(load(tmp_path))


def test_nothing_is_rendered_for_a_description(renders: list[int]) -> None:
    assert describe_faces(0.3).majority_accuracy["test"] == 0.5
    assert not renders


def test_other_faces_have_another_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {identity(0.5), identity(0.51)}
    for name, value in (("VERSION", -1), ("BASE_SEED", 1), ("SIZES", {**SMALL, "test": 8})):
        with monkeypatch.context() as changed:
            changed.setattr(dataset, name, value)
            found.add(identity(0.5))
    assert len(found) == 5
    assert identity(1) == identity(1.0)


def test_the_second_time_comes_from_the_cache(tmp_path: Path, renders: list[int]) -> None:
    first, second = load(tmp_path / "deep" / "cache"), load(tmp_path / "deep" / "cache")
    assert len(renders) == sum(SMALL.values())
    assert same(first, second)
    assert "rendered in" in first.notes[0]
    assert "cache" in second.notes[0]
    assert isinstance(second.test.pixels, np.memmap)
    assert not second.test.pixels.flags.writeable


def test_other_difficulties_are_kept_beside_each_other_up_to_a_number(tmp_path: Path, renders: list[int]) -> None:
    for difficulty in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
        load(tmp_path, difficulty)
    assert len(list(tmp_path.iterdir())) == store.KEPT
    renders.clear()
    load(tmp_path, 0.6)
    assert not renders


def flip(file: Path, content: bytes, place: int) -> None:
    file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])


@pytest.mark.parametrize(
    "damage",
    [
        lambda file, content: file.write_bytes(b""),
        lambda file, content: file.write_bytes(b"rubbish"),
        lambda file, content: file.write_bytes(content[: len(content) // 2]),
        lambda file, content: file.write_bytes(content[:-1]),
        lambda file, content: file.write_bytes(content + b"x"),
        lambda file, content: flip(file, content, 5000),
        lambda file, content: flip(file, content, len(content) - 40),
        lambda file, content: flip(file, content, len(content) - 1),
        lambda file, content: np.save(file, np.zeros((22, 64, 64, 3), dtype=np.float32)),
        lambda file, content: np.save(file, np.array([None]), allow_pickle=True),
    ],
    ids=["empty", "rubbish", "half", "shorter", "longer", "pixel", "giveaway", "digest", "other type", "pickle"],
)
def test_damaged_faces_are_rendered_again(
    tmp_path: Path, renders: list[int], damage: Callable[[Path, bytes], None]
) -> None:
    first = load(tmp_path)
    (file,) = tmp_path.iterdir()
    damage(file, file.read_bytes())
    assert same(first, load(tmp_path))
    assert same(first, load(tmp_path))
    assert len(renders) == 2 * sum(SMALL.values())


def test_another_sets_file_is_not_taken_for_this_one(tmp_path: Path, renders: list[int]) -> None:
    load(tmp_path, 0.2)
    (file,) = tmp_path.iterdir()
    file.rename(tmp_path / f"faces-{identity(0.3)}.npy")
    load(tmp_path, 0.3)
    assert len(renders) == 2 * sum(SMALL.values())


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    data = load(file / "cache")
    assert len(data.test) == SMALL["test"]
    assert "could not be kept" in data.notes[0]


def test_a_stop_leaves_nothing(tmp_path: Path) -> None:
    class StopAskedError(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        if done == 7:
            raise StopAskedError

    with pytest.raises(StopAskedError):
        load_faces(tmp_path / "cache", 0.5, 64, stop)
    assert not (tmp_path / "cache").exists()


def test_progress_is_told_to_its_end(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    load_faces(tmp_path, 0.5, 32, lambda *what: told.append(what))
    total = sum(SMALL.values())
    for work in (dataset.RENDERING, dataset.RESIZING):
        done = [step for what, step, of in told if what == work and of == total]
        assert done[0] == 0
        assert done[-1] == total
        assert done == sorted(done)


@pytest.mark.parametrize("size", [16, 224])
def test_other_sizes_are_scaled_from_the_same_faces(tmp_path: Path, renders: list[int], size: int) -> None:
    small, other = load(tmp_path), load(tmp_path, size=size)
    assert len(renders) == sum(SMALL.values())
    assert other.size == size
    assert other.sha256 == small.sha256
    difference = other.test.pixels.mean(axis=(1, 2)) - small.test.pixels.mean(axis=(1, 2))
    assert float(np.abs(difference).max()) < 2.0


def test_processes_render_the_same_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = load(tmp_path / "one")
    monkeypatch.setattr(dataset, "in_processes", partial(in_processes, processes=2))
    assert same(one, load(tmp_path / "two"))
    assert len(os.listdir(tmp_path / "two")) == 1  # noqa: PTH208
