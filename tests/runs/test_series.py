from __future__ import annotations

import errno
import os
import stat
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from iml_tui.runs.series import MOST_VALUES, SeriesWriter, read_series


def test_blocks_are_read_as_one_series(tmp_path: Path) -> None:
    path = tmp_path / "a.f32"
    blocks = [np.array([1.5, np.nan, -np.inf], np.float32), np.empty(0, np.float32), np.array([2.0], np.float32)]
    with closing(SeriesWriter(path)) as writer:
        for block in blocks:
            writer.append(block)
    np.testing.assert_array_equal(read_series(path), np.concatenate(blocks))
    assert path.read_bytes() == np.concatenate(blocks).astype("<f4").tobytes()


def test_a_column_of_an_array_is_written_as_itself(tmp_path: Path) -> None:
    losses = np.arange(12, dtype=np.float32).reshape(4, 3)
    with closing(SeriesWriter(tmp_path / "a.f32")) as writer:
        writer.append(losses[:, 1])
    np.testing.assert_array_equal(read_series(tmp_path / "a.f32"), losses[:, 1])


def test_there_is_nothing_before_the_first_value(tmp_path: Path) -> None:
    assert read_series(tmp_path / "a.f32").shape == (0,)
    SeriesWriter(tmp_path / "a.f32").close()
    assert read_series(tmp_path / "a.f32").shape == (0,)
    (tmp_path / "a.f32").write_bytes(b"\0\0\0")
    assert read_series(tmp_path / "a.f32").shape == (0,)


def test_a_part_of_a_value_is_neither_read_nor_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.f32"
    path.write_bytes(np.array([1, 2], "<f4").tobytes() + b"\x07\x07")
    np.testing.assert_array_equal(read_series(path), [1, 2])
    with closing(SeriesWriter(path)) as writer:
        writer.append(np.array([3], np.float32))
    np.testing.assert_array_equal(read_series(path), [1, 2, 3])


def test_a_series_that_was_read_stays_as_it_was(tmp_path: Path) -> None:
    with closing(SeriesWriter(tmp_path / "a.f32")) as writer:
        writer.append(np.array([1], np.float32))
        early = read_series(tmp_path / "a.f32")
        writer.append(np.array([2], np.float32))
    np.testing.assert_array_equal(early, [1])
    np.testing.assert_array_equal(read_series(tmp_path / "a.f32"), [1, 2])


def values_of(path: Path) -> list[float]:
    return [float(value) for value in np.fromfile(path, "<f4")]


def written(path: Path, *values: float) -> Path:
    with closing(SeriesWriter(path)) as writer:
        writer.append(np.array(values, np.float32))
    return path


@pytest.mark.parametrize("keep", range(5))
def test_what_is_kept_is_told(tmp_path: Path, keep: int) -> None:
    path = written(tmp_path / "a.f32", 1, 2, 3, 4)
    with closing(SeriesWriter(path, keep=keep)) as writer:
        assert (writer.count, writer.padded) == (keep, 0)
        writer.append(np.array([9], np.float32))
        writer.sync()
        assert writer.count == keep + 1
    assert values_of(path) == [*[1, 2, 3, 4][:keep], 9]
    assert [file.name for file in tmp_path.iterdir()] == ["a.f32"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_map_of_what_is_dropped_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "a.f32"
    np.arange(100_000, dtype="<f4").tofile(path)
    mapped = read_series(path)
    # Had the file been cut in place, touching the page would kill this process.
    SeriesWriter(path, keep=3).close()
    assert float(mapped[-1]) == 99_999.0
    assert values_of(path) == [0, 1, 2]


def test_values_that_were_lost_are_not_numbers(tmp_path: Path) -> None:
    path = written(tmp_path / "a.f32", 1, 2)
    with path.open("ab") as file:
        file.write(b"\x07")
    with closing(SeriesWriter(path, keep=5)) as writer:
        assert (writer.count, writer.padded) == (5, 3)
        writer.append(np.array([9], np.float32))
    np.testing.assert_array_equal(values_of(path), [1, 2, np.nan, np.nan, np.nan, 9])


def test_a_series_that_is_gone_is_padded_as_a_whole(tmp_path: Path) -> None:
    with closing(SeriesWriter(tmp_path / "a.f32", keep=100_000)) as writer:
        assert (writer.count, writer.padded) == (100_000, 100_000)
    assert np.isnan(read_series(tmp_path / "a.f32")).all()


def test_a_full_disk_leaves_whole_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.f32"
    genuine = os.write
    with closing(SeriesWriter(path)) as writer:
        writer.append(np.array([1], np.float32))
        with monkeypatch.context() as full:
            parts = iter([6])

            def write(descriptor: int, data: bytes) -> int:
                for room in parts:
                    return genuine(descriptor, data[:room])
                raise OSError(errno.ENOSPC, "No space left on device")

            full.setattr(os, "write", write)
            with pytest.raises(OSError, match="No space left"):
                writer.append(np.array([2, 3], np.float32))
        assert writer.count == 2
        writer.append(np.array([4], np.float32))
    assert values_of(path) == [1, 2, 4]


def test_no_more_is_read_than_is_plausible(tmp_path: Path) -> None:
    path = written(tmp_path / "a.f32", 1, 2, 3)
    np.testing.assert_array_equal(read_series(path, 2), [1, 2])
    with path.open("r+b") as file:
        file.truncate(1 << 40)  # Sparse: it takes no room.
    assert read_series(path, 3).shape == (3,)
    assert read_series(path).shape == (MOST_VALUES,)


def test_only_regular_files_are_series(tmp_path: Path) -> None:
    secret = written(tmp_path / "secret", 7)
    (tmp_path / "link.f32").symlink_to(secret)
    os.mkfifo(tmp_path / "pipe.f32")
    (tmp_path / "directory.f32").mkdir()
    for name in ("link.f32", "pipe.f32", "directory.f32"):
        assert read_series(tmp_path / name).shape == (0,)
        for keep in (None, 0):
            with pytest.raises(OSError, match=r"symbolic link|not a regular file|Is a directory"):
                SeriesWriter(tmp_path / name, keep=keep)
    assert values_of(secret) == [7]
