"""Decision maps: what a network decides at every point of a grid over the map, and for every test sample.

The worker writes them after some of the epochs; whoever shows a run reads them, so that no viewer needs the network.

    maps/data.npz           the grid, the test samples, the names of the classes: the same for all maps of a run
    maps/003/000012.npz     trial 3 after epoch 12
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from iml_tui.runs.arrays import ArrayFile, packed
from iml_tui.runs.atomic import write_atomically
from iml_tui.runs.directory import RunDirectory

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID_ROWS: Final = 144
"""More than the pixels of any terminal that is common (two a row of cells). Every point costs a prediction."""
KEPT_MAPS: Final = 30
"""Most epochs after which one trial's map is kept: enough to scrub through, about 20 kB each."""
_MARGIN: Final = 0.02


@dataclass(frozen=True, eq=False)
class MapData:
    """What all maps of a run have in common.

    Attributes:
        longitudes: float32 [W], degrees, centres of the grid's columns, from west to east.
        latitudes: float32 [H], degrees, centres of the grid's rows, from north to south.
        test_coordinates: float32 [n, 2], longitude and latitude of the test samples in degrees.
        test_labels: int64 [n], their classes.
        class_counts: int64 [C], training samples of each class.
        class_names: a name for each class, as the data have it; may hold any text.
    """

    longitudes: NDArray[np.float32]
    latitudes: NDArray[np.float32]
    test_coordinates: NDArray[np.float32]
    test_labels: NDArray[np.int64]
    class_counts: NDArray[np.int64]
    class_names: tuple[str, ...]

    @property
    def grid(self) -> NDArray[np.float32]:
        """The coordinates of all points of the grid, float32 [H·W, 2], row after row from the north."""
        longitude, latitude = np.meshgrid(self.longitudes, self.latitudes)
        return np.stack([longitude.ravel(), latitude.ravel()], axis=1)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        return len(self.latitudes), len(self.longitudes)


@dataclass(frozen=True, eq=False)
class DecisionMap:
    """What one trial decides after one epoch.

    Attributes:
        trial: position of the trial in its run.
        epoch: counted from 1.
        classes: int64 [H, W], the most probable class at each point of the grid.
        probabilities: float32 [H, W], its probability, 0…1 in steps of 1/255.
        test_classes: int64 [n], the most probable class of each test sample.
    """

    trial: int
    epoch: int
    classes: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    test_classes: NDArray[np.int64]


def kept_epochs(epochs: int) -> list[int]:
    """The epochs after which a map is kept: all of few, else the first five and others evenly spread to the last."""
    if epochs <= KEPT_MAPS:
        return list(range(1, epochs + 1))
    return sorted({*range(1, 6), *(round(epoch) for epoch in np.linspace(5, epochs, KEPT_MAPS - 4))})


def map_data(
    train_coordinates: NDArray[np.float32],
    train_labels: NDArray[np.int64],
    test_coordinates: NDArray[np.float32],
    test_labels: NDArray[np.int64],
    class_names: tuple[str, ...],
) -> MapData:
    """The map that holds all training samples, with square cells at its middle latitude."""
    low, high = train_coordinates.min(axis=0).astype(float), train_coordinates.max(axis=0).astype(float)
    margin = np.maximum((high - low) * _MARGIN, 1e-3)
    (west, south), (east, north) = low - margin, high + margin
    columns = (east - west) * degree_ratio((south + north) / 2) / (north - south) * GRID_ROWS
    columns = int(np.clip(round(columns), 16, 4 * GRID_ROWS))
    return MapData(
        longitudes=_centres(west, east, columns),
        latitudes=_centres(north, south, GRID_ROWS),
        test_coordinates=np.asarray(test_coordinates, np.float32),
        test_labels=np.asarray(test_labels, np.int64),
        class_counts=np.bincount(train_labels, minlength=len(class_names)).astype(np.int64),
        class_names=class_names,
    )


def degree_ratio(latitude: float) -> float:
    """How long a degree of longitude is there against one of latitude: the cosine of the latitude in degrees."""
    return max(0.05, math.cos(math.radians(latitude)))


def write_map_data(directory: RunDirectory, data: MapData) -> None:
    """Keep what all maps of a run have in common. Raises OSError where it cannot be written."""
    directory.maps.mkdir(0o700, exist_ok=True)
    content = packed(
        longitudes=data.longitudes,
        latitudes=data.latitudes,
        test_coordinates=data.test_coordinates,
        test_labels=data.test_labels,
        class_counts=data.class_counts,
        class_names=np.array(data.class_names, dtype=np.str_),
    )
    write_atomically(map_data_file(directory), content)


def has_map_data(directory: RunDirectory) -> bool:
    """Whether what all maps of the run have in common is kept."""
    return map_data_file(directory).is_file()


def read_map_data(directory: RunDirectory) -> MapData:
    """What all maps of a run have in common.

    Raises:
        LabError: the run has no maps, or the file is damaged.
    """
    found = ArrayFile(map_data_file(directory), "decision map")
    longitudes, latitudes = found.real("longitudes", (-1,)), found.real("latitudes", (-1,))
    coordinates = found.real("test_coordinates", (-1, 2))
    names = found.texts("class_names")
    data = MapData(
        longitudes=longitudes,
        latitudes=latitudes,
        test_coordinates=coordinates,
        test_labels=found.classes("test_labels", (len(coordinates),), len(names)),
        class_counts=found.array("class_counts", "iu", (len(names),)).astype(np.int64),
        class_names=names,
    )
    if not (len(longitudes) and len(latitudes) and len(names)):
        raise found.damaged("it has no grid or no classes")
    return data


def write_map(directory: RunDirectory, drawn: DecisionMap) -> None:
    """Keep one map; it is whole or not there. Raises OSError where it cannot be written.

    A map can be made again and is not waited for: after a power cut it may be damaged.
    """
    path = map_file(directory, drawn.trial, drawn.epoch)
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    most = max(int(drawn.classes.max(initial=0)), int(drawn.test_classes.max(initial=0)))
    number = np.uint8 if most < 256 else np.uint16
    probabilities = np.nan_to_num(drawn.probabilities, nan=0.0).clip(0, 1)
    content = packed(
        classes=drawn.classes.astype(number),
        probabilities=np.round(probabilities * 255).astype(np.uint8),
        test_classes=drawn.test_classes.astype(number),
    )
    write_atomically(path, content, durable=False)


def read_map(directory: RunDirectory, trial: int, epoch: int, data: MapData | None = None) -> DecisionMap:
    """One map.

    Args:
        directory: the run.
        trial, epoch: which map.
        data: what the map has to fit: the shape of the grid, the test samples and the number of classes. None reads it.

    Raises:
        LabError: there is none for this epoch, the file is damaged, or it does not fit.
    """
    data = data or read_map_data(directory)
    found = ArrayFile(map_file(directory, trial, epoch), "decision map")
    count = len(data.class_names)
    return DecisionMap(
        trial,
        epoch,
        found.classes("classes", data.shape, count),
        found.array("probabilities", "u", data.shape).astype(np.float32) / np.float32(255),
        found.classes("test_classes", data.test_labels.shape, count),
    )


def map_data_file(directory: RunDirectory) -> Path:
    """The file of what all maps of a run have in common."""
    return directory.maps / "data.npz"


def map_file(directory: RunDirectory, trial: int, epoch: int) -> Path:
    """The file of one trial's map after one epoch."""
    return directory.maps / f"{trial:03d}" / f"{epoch:06d}.npz"


def _centres(first: float, last: float, count: int) -> NDArray[np.float32]:
    edges = np.linspace(first, last, count + 1)
    return ((edges[:-1] + edges[1:]) / 2).astype(np.float32)
