"""Made-up but plausible decision maps for recorded runs: of the embedded cities, better with every epoch."""

from __future__ import annotations

from contextlib import closing
from functools import cache

import numpy as np
from numpy.typing import NDArray

from iml_tui.data.embedded_europe import load_embedded
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.maps import DecisionMap, MapData, kept_epochs, map_data, write_map, write_map_data
from iml_tui.runs.reading import RunReader

_EVERY = 3
"""Of the grid's rows and columns, and of the test samples: enough for a picture."""


@cache
def europe() -> MapData:
    """The map of the embedded cities, on a coarse grid and with few test points."""
    data = load_embedded()
    whole = map_data(
        data.train.coordinates,
        data.train.labels,
        data.test.coordinates[::_EVERY],
        data.test.labels[::_EVERY],
        data.class_names,
    )
    return MapData(
        whole.longitudes[::_EVERY],
        whole.latitudes[::_EVERY],
        whole.test_coordinates,
        whole.test_labels,
        whole.class_counts,
        whole.class_names,
    )


def made_up_map(trial: int, epoch: int) -> DecisionMap:
    """The country of the nearest of a few cities: with every epoch more, better placed; fewer in later trials."""
    data, cities = europe(), load_embedded().train
    generator = np.random.default_rng([trial, epoch])
    count = 40 + min(epoch, 20) * 20 // (1 + trial)
    chosen = np.random.default_rng(trial).permutation(len(cities.labels))[:count]
    places = _flat(cities.coordinates[chosen]) + generator.normal(0, 2 / (1 + epoch), (count, 2)).astype(np.float32)
    labels = cities.labels[chosen]
    on_grid, distance = _nearest(_flat(data.grid), places)
    tested, _ = _nearest(_flat(data.test_coordinates), places)
    return DecisionMap(
        trial,
        epoch,
        labels[on_grid].reshape(data.shape),
        np.exp(-distance / 10).astype(np.float32).reshape(data.shape),
        labels[tested],
    )


def record_maps(directory: RunDirectory) -> RunDirectory:
    """Add to a recorded run the maps that it would have kept."""
    write_map_data(directory, europe())
    trials = RunReader(directory).results.trials
    with closing(EventWriter(directory.events_file)) as events:
        for trial in trials:
            for epoch in kept_epochs(trial.trial.epochs):
                if epoch <= len(trial.epochs):
                    record_map(directory, events, trial.index, epoch)
    return directory


def record_map(directory: RunDirectory, events: EventWriter, trial: int, epoch: int) -> None:
    """Add one map."""
    write_map(directory, made_up_map(trial, epoch))
    events.append("map", trial=trial, epoch=epoch)


def _flat(coordinates: NDArray[np.float32]) -> NDArray[np.float32]:
    return coordinates * np.array([0.6, 1.0], dtype=np.float32)


def _nearest(points: NDArray[np.float32], places: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each point the nearest place and its distance in degrees."""
    away = ((points**2).sum(axis=1)[:, None] - 2 * points @ places.T) + (places**2).sum(axis=1)
    nearest = away.argmin(axis=1)
    return nearest, np.sqrt(np.maximum(away[np.arange(len(points)), nearest], 0))
