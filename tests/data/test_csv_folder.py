"""Folders that are right, in all the ways in which files can be written."""

from pathlib import Path

import numpy as np
import pytest

from iml_tui.data.csv_folder import open_folder, parse_folder
from iml_tui.data.dataset import Dataset

TRAIN = ",long,lat,country\n0,13.4,52.5,7\n1,2.35,48.85,3\n2,-9.1,38.7,-2\n3,13.5,52.6,7\n"
VALIDATION = ",long,lat,country\n0,2.5,48.5,3\n"
TEST = ",long,lat,country\n0,13.0,52.0,7\n1,-9.0,38.0,-2\n"


def folder(tmp_path: Path, train: str = TRAIN, validation: str = VALIDATION, test: str = TEST) -> Path:
    for name, text in {"train": train, "validation": validation, "test": test}.items():
        (tmp_path / f"{name}.csv").write_bytes(text.encode())
    return tmp_path


def parsed(path: Path) -> Dataset:
    opened = open_folder(path)
    return parse_folder(opened, opened.sha256())


def check(dataset: Dataset) -> None:
    """The data are those of TRAIN, VALIDATION and TEST."""
    assert dataset.class_names == ("-2", "3", "7")
    assert dataset.train.labels.tolist() == [2, 1, 0, 2]
    assert dataset.validation.labels.tolist() == [1]
    assert dataset.test.labels.tolist() == [2, 0]
    wanted = np.array([[13.4, 52.5], [2.35, 48.85], [-9.1, 38.7], [13.5, 52.6]], dtype=np.float32)
    assert np.array_equal(dataset.train.coordinates, wanted)
    assert dataset.train.coordinates.dtype == np.float32
    assert dataset.train.labels.dtype == np.int64


def test_the_course_format(tmp_path: Path) -> None:
    dataset = parsed(folder(tmp_path))
    check(dataset)
    assert dataset.name == tmp_path.name
    assert str(tmp_path) in dataset.source
    assert not dataset.embedded
    assert len(dataset.sha256) == 64


@pytest.mark.parametrize(
    "train",
    [
        "long,lat,country\n13.4,52.5,7\n2.35,48.85,3\n-9.1,38.7,-2\n13.5,52.6,7\n",
        "country,lat,long\n7,52.5,13.4\n3,48.85,2.35\n-2,38.7,-9.1\n7,52.6,13.5\n",
        "lat,name,country,long,x\n52.5,a,7,13.4,\n48.85,b,3,2.35,\n38.7,c,-2,-9.1,\n52.6,,7,13.5,1\n",
        TRAIN.replace("long,lat,country", " Long , LAT,Country "),
        "\ufeff" + TRAIN,
        "\ufefflong,lat,country\n13.4,52.5,7\n2.35,48.85,3\n-9.1,38.7,-2\n13.5,52.6,7",
        TRAIN.replace("\n", "\r\n"),
        TRAIN.replace("\n", "\r"),
        TRAIN.replace("\n", "\n\n") + "\n\n",
        "\n" + TRAIN,
        TRAIN.replace("13.4,52.5,7", '"13.4", "52.5" ,"7"').replace("long,lat", '"long", "lat"'),
        TRAIN.replace(",", " , "),
        TRAIN.replace(",7\n", ",7.0\n").replace("-2", "-2.0"),
        TRAIN.replace("13.4", "1.34e1"),
        'note,long,lat,country\n"a, ""b""\nc",13.4,52.5,7\n,2.35,48.85,3\n,-9.1,38.7,-2\n,13.5,52.6,7\n',
        "Stra\u00dfe,long,lat,country\n\u00e9,13.4,52.5,7\n,2.35,48.85,3\n,-9.1,38.7,-2\n,13.5,52.6,7\n",
    ],
    ids=[
        "no index column",
        "another order",
        "more columns",
        "header with spaces and capitals",
        "byte order mark",
        "byte order mark before a name, no line end at the end",
        "CRLF",
        "CR",
        "blank lines",
        "blank first line",
        "quoted",
        "spaces",
        "classes as floats",
        "exponent",
        "quoted line break",
        "UTF-8",
    ],
)
def test_other_ways_to_write_the_same(tmp_path: Path, train: str) -> None:
    check(parsed(folder(tmp_path, train)))


def test_countries_may_be_names(tmp_path: Path) -> None:
    train = "long,lat,country\n13.4,52.5,Germany\n2.35,48.85, France\n15,50,Czech  Republic\n9,56,\u00d8resund\n"
    validation = "long,lat,country\n2.5,48.5,France\n"
    test = "long,lat,country\n13,52,Germany \n"
    dataset = parsed(folder(tmp_path, train, validation, test))
    assert dataset.class_names == ("Czech Republic", "France", "Germany", "\u00d8resund")
    assert dataset.train.labels.tolist() == [2, 1, 0, 3]
    assert dataset.test.labels.tolist() == [2]


def test_integers_sort_as_numbers(tmp_path: Path) -> None:
    rows = "".join(f"1,2,{label}\n" for label in (10, 9, 123456789012345678901, 100))
    text = "long,lat,country\n" + rows
    assert parsed(folder(tmp_path, text, text, text)).class_names == ("9", "10", "100", "123456789012345678901")


def test_the_hash_is_over_all_three_files(tmp_path: Path) -> None:
    first = open_folder(folder(tmp_path)).sha256()
    assert open_folder(folder(tmp_path)).sha256() == first
    assert open_folder(folder(tmp_path, test=TEST + "2,1,1,3\n")).sha256() != first
    assert open_folder(folder(tmp_path, validation=TEST, test=VALIDATION)).sha256() != first


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("first", ["0", '"0"', "_"], ids=["plain", "quoted", "underscore"])
def test_many_rows_come_in_order(tmp_path: Path, first: str, end: str) -> None:
    count = 45_001
    lines = [f"{i},{i / 1000:.3f},{i % 90},{i % 5},{'x' * 20}" for i in range(count)]
    text = end.join([",long,lat,country,note", first + lines[0][1:], *lines[1:]])
    dataset = parsed(folder(tmp_path, text, VALIDATION, VALIDATION))
    index = np.arange(count)
    assert np.array_equal(dataset.train.labels, index % 5)
    assert np.array_equal(dataset.train.coordinates[:, 0], np.float32(np.round(index / 1000, 3)))
    assert np.array_equal(dataset.train.coordinates[:, 1], index % 90)
