from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from iml_tui.runs.series import SeriesWriter, read_series


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
