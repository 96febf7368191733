from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from iml_tui.errors import LabError
from iml_tui.runs import maps
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.maps import (
    KEPT_MAPS,
    DecisionMap,
    MapData,
    degree_ratio,
    kept_epochs,
    map_data,
    read_map,
    read_map_data,
    write_map,
    write_map_data,
)
from tests.recorded import recorded_run

NAMES = ("DE Germany", "\x1b[31mhostile\u202e", "")


@pytest.fixture
def run(root: Path) -> RunDirectory:
    return recorded_run(root, "epochs", "starting")


def some_data(rows: int = 6, columns: int = 5) -> MapData:
    generator = np.random.default_rng(0)
    return MapData(
        longitudes=np.linspace(-10, 40, columns).astype(np.float32),
        latitudes=np.linspace(70, 35, rows).astype(np.float32),
        test_coordinates=generator.uniform(35, 40, (7, 2)).astype(np.float32),
        test_labels=generator.integers(0, 3, 7),
        class_counts=np.array([5, 0, 9]),
        class_names=NAMES,
    )


def some_map(data: MapData, epoch: int = 12) -> DecisionMap:
    generator = np.random.default_rng(epoch)
    return DecisionMap(
        trial=3,
        epoch=epoch,
        classes=generator.integers(0, 3, data.shape),
        probabilities=generator.uniform(0, 1, data.shape).astype(np.float32),
        test_classes=generator.integers(0, 3, 7),
    )


def test_map_and_data_come_back(run: RunDirectory) -> None:
    data = some_data()
    drawn = some_map(data)
    write_map_data(run, data)
    write_map(run, drawn)
    found, again = read_map_data(run), read_map(run, 3, 12)
    for name in ("longitudes", "latitudes", "test_coordinates", "test_labels", "class_counts"):
        np.testing.assert_array_equal(getattr(found, name), getattr(data, name))
        assert getattr(found, name).dtype == getattr(data, name).dtype
    assert found.class_names == NAMES  # As the data have them; whoever shows them makes them safe.
    np.testing.assert_array_equal(again.classes, drawn.classes)
    np.testing.assert_array_equal(again.test_classes, drawn.test_classes)
    np.testing.assert_allclose(again.probabilities, drawn.probabilities, atol=0.5 / 255 + 1e-6)
    assert again.probabilities.dtype == np.float32
    assert (again.trial, again.epoch) == (3, 12)


def test_equal_maps_are_equal_files(run: RunDirectory) -> None:
    data = some_data()
    write_map(run, some_map(data))
    (path,) = run.maps.rglob("*.npz")
    before = path.read_bytes()
    write_map(run, some_map(data))
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["000012.npz"]


def test_more_classes_than_a_byte_holds(run: RunDirectory) -> None:
    names = tuple(map(str, range(300)))
    data = replace(some_data(), class_names=names, class_counts=np.ones(300, np.int64))
    write_map_data(run, data)
    write_map(run, replace(some_map(data), classes=np.full(data.shape, 299)))
    assert (read_map(run, 3, 12).classes == 299).all()


def test_probabilities_that_are_no_numbers_are_nought(run: RunDirectory) -> None:
    data = some_data()
    write_map_data(run, data)
    write_map(run, replace(some_map(data), probabilities=np.full(data.shape, np.nan, np.float32)))
    assert (read_map(run, 3, 12).probabilities == 0).all()


def test_a_run_without_maps_says_so(run: RunDirectory) -> None:
    with pytest.raises(LabError, match=r"there is no decision map .*data\.npz"):
        read_map_data(run)
    write_map_data(run, some_data())
    with pytest.raises(LabError, match=r"there is no decision map .*003.000001\.npz"):
        read_map(run, 3, 1)


def rewrite(path: Path, **changes: np.ndarray | None) -> None:
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(path, **{name: array for name, array in {**arrays, **changes}.items() if array is not None})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"classes": np.zeros((5, 6), np.uint8)}, r"classes is uint8 of shape \(5, 6\)"),
        ({"classes": np.zeros((6, 5), np.float32)}, "classes is float32"),
        ({"classes": np.full((6, 5), 3, np.uint8)}, "holds classes that the data lack"),
        ({"classes": np.full((6, 5), -1, np.int8)}, "holds classes that the data lack"),
        ({"test_classes": np.zeros(8, np.uint8)}, "test_classes is uint8 of shape"),
        ({"probabilities": np.zeros((6, 5), np.float64)}, "probabilities is float64"),
        ({"probabilities": None}, "it lacks probabilities"),
        ({"classes": np.full((6, 5), None)}, "Object arrays cannot be loaded"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(
    run: RunDirectory, changes: dict[str, np.ndarray | None], problem: str
) -> None:
    data = some_data()
    write_map_data(run, data)
    write_map(run, some_map(data))
    (path,) = (run.maps / "003").iterdir()
    rewrite(path, **changes)
    for given in (None, data):
        with pytest.raises(LabError, match=problem) as refused:
            read_map(run, 3, 12, given)
        assert str(path) in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"longitudes": np.array([1.0, np.nan])}, "longitudes is not finite"),
        ({"latitudes": np.zeros((2, 2))}, r"latitudes is float64 of shape \(2, 2\)"),
        ({"latitudes": np.zeros(0)}, "no grid or no classes"),
        ({"test_labels": np.zeros(3, np.int64)}, "test_labels is int64"),
        ({"test_labels": np.full(7, 3)}, "holds classes that the data lack"),
        ({"class_counts": np.zeros(2, np.int64)}, "class_counts is int64"),
        ({"class_names": np.array([1, 2, 3])}, "class_names is int64"),
        ({"class_names": np.array(["a", None, "b"], dtype=object)}, "Object arrays cannot be loaded"),
        ({"class_names": np.full(3, 0x7FFFFFFF, np.int32).view("U1")}, "class_names holds what is no text"),
    ],
)
def test_data_that_do_not_fit_are_refused(
    run: RunDirectory, changes: dict[str, np.ndarray | None], problem: str
) -> None:
    write_map_data(run, some_data())
    rewrite(run.maps / "data.npz", **changes)
    with pytest.raises(LabError, match=problem):
        read_map_data(run)


def test_what_is_no_archive_is_refused(run: RunDirectory) -> None:
    run.maps.mkdir(exist_ok=True)
    path = run.maps / "data.npz"
    np.save(path.with_suffix(".npy"), np.zeros(3))
    huge = io.BytesIO()
    with zipfile.ZipFile(huge, "w") as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 50, 1 << 10)}
        )
        archive.writestr("longitudes.npy", header.getvalue())
    for content in (b"", b"PK\x03\x04", b"text", path.with_suffix(".npy").read_bytes(), huge.getvalue()):
        path.write_bytes(content)
        with pytest.raises(LabError, match="is damaged"):
            read_map_data(run)


def test_what_inflates_without_bound_is_not_read(run: RunDirectory) -> None:
    path = run.maps / "data.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 29,)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("longitudes.npy", "w") as member:
        member.write(header.getvalue())
        for _ in range(1 << 5):
            member.write(bytes(1 << 24))
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(LabError, match="larger than any of the lab"):
            read_map_data(run)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(100):
            archive.writestr(f"{number}.npy", b"")
    with pytest.raises(LabError, match="larger than any of the lab"):
        read_map_data(run)


@pytest.mark.parametrize(
    "header", ["{'descr': ('<f8'", "{'descr': '<U0', 'fortran_order': False, 'shape': (1 << 40,)}"]
)
def test_a_senseless_header_is_damage(run: RunDirectory, header: str) -> None:
    text = header.encode().ljust(117) + b"\n"
    with zipfile.ZipFile(run.maps / "data.npz", "w") as archive:
        archive.writestr("class_names.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    with pytest.raises(LabError, match="is damaged"):
        read_map_data(run)


def test_values_without_a_size_are_not_counted(run: RunDirectory) -> None:
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "<U0", "fortran_order": False, "shape": (1 << 40,)})
    with zipfile.ZipFile(run.maps / "data.npz", "w") as archive:
        archive.writestr("class_names.npy", content.getvalue())
    with pytest.raises(LabError, match="is damaged"):
        read_map_data(run)


def test_only_a_regular_file_is_read(run: RunDirectory) -> None:
    path = run.maps / "data.npz"
    os.mkfifo(path)
    with pytest.raises(LabError, match="not a regular file"):
        read_map_data(run)
    write_map_data(run, some_data())
    path.rename(run.maps / "other.npz")
    path.symlink_to("other.npz")
    with pytest.raises(LabError, match="symbolic link"):
        read_map_data(run)


def test_any_cut_or_flipped_byte_is_found_or_harmless(run: RunDirectory) -> None:
    data = some_data()
    write_map_data(run, data)
    write_map(run, some_map(data))
    (path,) = (run.maps / "003").iterdir()
    whole = path.read_bytes()
    expected = read_map(run, 3, 12, data)
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[generator.integers(len(whole))] ^= 1 << generator.integers(8)
        path.write_bytes(damaged)
        try:
            found = read_map(run, 3, 12, data)
        except LabError:
            refused += 1
        else:  # A date or an attribute in the archive's directory.
            np.testing.assert_array_equal(found.classes, expected.classes)
    assert refused > 100
    for length in generator.integers(len(whole), size=20).tolist():
        path.write_bytes(whole[:length])
        with pytest.raises(LabError, match="is damaged"):
            read_map(run, 3, 12, data)


def test_a_hostile_path_stays_text(root: Path) -> None:
    with pytest.raises(LabError) as refused:
        read_map_data(RunDirectory(root / "a\x1b[31mb\nc"))
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(("epochs", "count"), [(1, 1), (30, 30), (50, 30), (400, 30), (31, 30)])
def test_kept_epochs(epochs: int, count: int) -> None:
    found = kept_epochs(epochs)
    assert found[0] == 1
    assert found[-1] == epochs
    assert found == sorted(set(found))
    assert count - 1 <= len(found) <= KEPT_MAPS


def test_the_grid_covers_the_samples_with_square_cells() -> None:
    generator = np.random.default_rng(0)
    train = generator.uniform([-10, 35], [40, 71], (500, 2)).astype(np.float32)
    data = map_data(train, np.zeros(500, np.int64), train[:3], np.zeros(3, np.int64), ("only",))
    rows, columns = data.shape
    assert rows == maps.GRID_ROWS
    assert data.longitudes[0] < train[:, 0].min()
    assert data.longitudes[-1] > train[:, 0].max()
    assert data.latitudes[0] > data.latitudes[-1]  # The first row is the northernmost.
    width = (data.longitudes[1] - data.longitudes[0]) * degree_ratio(float(data.latitudes.mean()))
    assert width == pytest.approx(data.latitudes[0] - data.latitudes[1], rel=0.01)
    assert data.grid.shape == (rows * columns, 2)
    np.testing.assert_array_equal(data.grid[columns], [data.longitudes[0], data.latitudes[1]])


def test_samples_at_one_place_still_have_a_map() -> None:
    one = np.array([[7.0, 50.0]], np.float32)
    data = map_data(one, np.zeros(1, np.int64), one, np.zeros(1, np.int64), ("only",))
    assert np.isfinite(data.grid).all()
    assert min(data.shape) >= 16
