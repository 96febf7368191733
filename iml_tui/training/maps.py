"""Keeping decision maps while networks train: what they make of the whole map after some of their epochs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from iml_tui.data.dataset import Dataset
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.maps import DecisionMap, has_map_data, kept_epochs, map_data, write_map, write_map_data
from iml_tui.training.trainer import Trainer


class MapRecorder:
    """Writes the maps of trials that train together: one file a trial and kept epoch, and a `map` event after it.

    All seeds of a model get maps: their predictions come out of one pass through the ensemble. On the embedded data and
    a CPU that takes 20 to 30 ms a member of 6 × 16, which is 2 % of the epoch of one and 8 % of one of five together,
    and writing takes 2 ms a map.

    Args:
        directory: the run, whose lock the caller holds.
        dataset: the samples the networks are trained on.
        positions: of the trials in the run, in the order of the trainer's members.
        epochs: how many are planned.
        events: the run's event log.

    Raises:
        OSError: on opening or recording; the directory cannot be written.
    """

    def __init__(
        self, directory: RunDirectory, dataset: Dataset, positions: Sequence[int], epochs: int, events: EventWriter
    ) -> None:
        self._directory = directory
        self._positions = positions
        self._kept = frozenset(kept_epochs(epochs))
        self._events = events
        data = map_data(
            dataset.train.coordinates,
            dataset.train.labels,
            dataset.test.coordinates,
            dataset.test.labels,
            dataset.class_names,
        )
        self._shape = data.shape
        self._points = np.concatenate([data.grid, data.test_coordinates])
        if not has_map_data(directory):
            write_map_data(directory, data)

    def record(self, epoch: int, trainer: Trainer) -> None:
        """Keep the maps after an epoch, counted from 1, if it is one of those whose maps are kept.

        Of a network whose outputs are no numbers there is none.
        """
        if epoch not in self._kept:
            return
        predicted = trainer.predict(self._points)
        cells = self._shape[0] * self._shape[1]
        for member, position in enumerate(self._positions):
            classes, probabilities = predicted.classes[member], predicted.probabilities[member]
            if not np.isfinite(probabilities).all():
                continue
            drawn = DecisionMap(
                trial=position,
                epoch=epoch,
                classes=classes[:cells].reshape(self._shape),
                probabilities=probabilities[:cells].reshape(self._shape),
                test_classes=classes[cells:],
            )
            write_map(self._directory, drawn)
            self._events.append("map", trial=position, epoch=epoch)
