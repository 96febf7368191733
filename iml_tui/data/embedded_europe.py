"""The embedded data set: European cities and their countries, from GeoNames (CC BY 4.0)."""

from __future__ import annotations

import hashlib
import io
from importlib.resources import files
from typing import Final

import numpy as np

from iml_tui.data.dataset import Dataset, Split

FILE: Final = "europe.npz"
# Coordinates are stored as whole numbers of 0.00001 degrees, the precision of GeoNames.
UNITS_PER_DEGREE: Final = 100_000


def load_embedded() -> Dataset:
    """The embedded cities; a class name is the country's ISO code and its name ("DE Germany"). Takes milliseconds."""
    content = files("iml_tui.data").joinpath("embedded", FILE).read_bytes()
    return decode(content)


def decode(content: bytes) -> Dataset:
    """The data set in the bytes that `build_europe.build` makes."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        units = np.column_stack((stored["longitudes"], stored["latitudes"]))
        labels = stored["labels"].astype(np.int64)
        ends = np.cumsum(stored["sizes"])[:-1]
        countries = zip(stored["codes"].tolist(), stored["names"].tolist(), strict=True)
        class_names = tuple(f"{code} {name}" for code, name in countries)
    # Dividing in float64 first gives the float32 nearest to the decimal number in the source.
    coordinates = (units / UNITS_PER_DEGREE).astype(np.float32)
    train, validation, test = (
        Split(*pair) for pair in zip(np.split(coordinates, ends), np.split(labels, ends), strict=True)
    )
    return Dataset(
        name="Europe",
        source="European cities from GeoNames (geonames.org, CC BY 4.0), embedded",
        train=train,
        validation=validation,
        test=test,
        class_names=class_names,
        sha256=hashlib.sha256(content).hexdigest(),
        embedded=True,
    )
