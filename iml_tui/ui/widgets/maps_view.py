"""The decision maps of a run: which are shown, read from the run directory without holding up the screen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from iml_tui.errors import LabError
from iml_tui.experiments.base import Experiment
from iml_tui.experiments.maps import MapChoice
from iml_tui.experiments.results import Results
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.maps import DecisionMap, MapData, has_map_data, read_map, read_map_data
from iml_tui.text import printable
from iml_tui.ui.plotting.map_legend import Entry
from iml_tui.ui.plotting.map_scene import Scene, ShownMap, names_of
from iml_tui.ui.widgets.map_view import MapView

KEPT_IN_MEMORY = 64
"""Maps of a run; about 400 kB each."""
NOT_YET = "No map yet: the first comes after epoch 1."
NONE_KEPT = "This run has no decision maps: it ended before its first epoch, or is from before the lab kept them."

Key = tuple[int, int]
"""Trial and epoch of a map."""


@dataclass
class MapsRead(Message):
    """Maps of a run were read; what cannot be read is a sentence."""

    directory: RunDirectory
    data: MapData | str
    maps: dict[Key, DecisionMap | str]


class MapsView(Vertical):
    """Shows the maps of one run; those that its experiment points out until others are asked for."""

    def __init__(self) -> None:
        super().__init__(id="maps-view")
        self._experiment: Experiment | None = None
        self._directory: RunDirectory | None = None
        self._results: Results | None = None
        self._live = False
        self._chosen: list[MapChoice] = []
        self._epoch: int | None = None
        """The epoch that was asked for; None for the newest."""
        self._data: MapData | str | None = None
        self._names: tuple[Entry, ...] = ()
        self._maps: OrderedDict[Key, DecisionMap | str] = OrderedDict()
        self._asked: set[Key] = set()
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """One widget draws all."""
        yield MapView()

    @property
    def view(self) -> MapView:
        """The widget that draws the maps and has their keys."""
        return self.query_one(MapView)

    def show_results(self, experiment: Experiment, directory: RunDirectory, results: Results, *, live: bool) -> None:
        """Show the maps of a run as far as there are any; cheap where nothing is new."""
        if directory != self._directory or results is not self._results:
            self._chosen, self._epoch, self._data = [], None, None
            self._maps.clear()
            self._asked.clear()
        self._experiment, self._directory, self._results, self._live = experiment, directory, results, live
        self._show()

    # What is shown

    def _show(self) -> None:
        """Show what has been read, and read what has not."""
        if self._results is None or self._directory is None:
            return
        choices = self._choices()
        if not choices:
            self.view.show_sentence(NOT_YET if self._live else NONE_KEPT)
            return
        keys = [self._key(choice) for choice in choices]
        missing = [key for key in keys if key not in self._maps]
        if missing:
            wanted = [key for key in missing if key not in self._asked]
            if wanted:
                self._asked.update(wanted)
                self._read(self._directory, self._data, wanted)
            return  # What is seen stays until all that is wanted has been read.
        if not isinstance(self._data, MapData):
            self.view.show_sentence(printable(self._data or NONE_KEPT))
            return
        for key in keys:
            self._maps.move_to_end(key)
        scene = self._scene(self._data, choices, keys)
        shown = (scene.maps, scene.epochs, scene.epoch, scene.planned, scene.newest)
        if shown != self._shown or self.view.scene is None:
            # While a run goes on this comes several times a second, a new map once an epoch.
            self._shown = shown
            self.view.show(scene)

    def _scene(self, data: MapData, choices: Sequence[MapChoice], keys: Sequence[Key]) -> Scene:
        assert self._results is not None
        epochs = self._epochs(choices)
        planned = max(self._results.trials[choice.trial].trial.epochs for choice in choices)
        return Scene(
            data=data,
            maps=tuple(self._titled(choice, self._maps[key]) for choice, key in zip(choices, keys, strict=True)),
            epochs=tuple(epochs),
            epoch=self._epoch if self._epoch is not None else epochs[-1],
            planned=planned,
            newest=self._epoch is None and self._live,
            entries=self._names,
        )

    def _titled(self, choice: MapChoice, read: DecisionMap | str) -> ShownMap:
        assert self._results is not None
        label = self._results.trials[choice.trial].label
        title = f"{choice.why}: {label}" if choice.why else label
        return ShownMap(title, None, printable(read)) if isinstance(read, str) else ShownMap(title, read)

    def _choices(self) -> list[MapChoice]:
        """The maps to show: at most two, of trials that have any."""
        if self._results is None or self._experiment is None:
            return []
        having = [trial.index for trial in self._results.trials if trial.maps]
        if self._chosen:
            return self._chosen
        proposed = [choice for choice in self._experiment.maps(self._results) if choice.trial in having][:2]
        return proposed or [MapChoice(trial) for trial in having[:2]]

    def _epochs(self, choices: Sequence[MapChoice]) -> list[int]:
        """The epochs for which any of these trials has a map."""
        assert self._results is not None
        return sorted({epoch for choice in choices for epoch in self._results.trials[choice.trial].maps})

    def _key(self, choice: MapChoice) -> Key:
        """The trial's last map up to the epoch that was asked for, or its first."""
        assert self._results is not None
        kept = self._results.trials[choice.trial].maps
        if self._epoch is None:
            return choice.trial, kept[-1]
        return choice.trial, max((epoch for epoch in kept if epoch <= self._epoch), default=kept[0])

    # Reading

    @work(thread=True, group="maps", name="read maps")
    def _read(self, directory: RunDirectory, data: MapData | str | None, keys: Sequence[Key]) -> None:
        self.post_message(read_maps(directory, data, keys))

    @on(MapsRead)
    def _take(self, event: MapsRead) -> None:
        if event.directory != self._directory:
            return
        if self._data is None:
            self._data = event.data
            self._names = names_of(event.data) if isinstance(event.data, MapData) else ()
        self._asked.difference_update(event.maps)
        self._maps.update(event.maps)
        while len(self._maps) > KEPT_IN_MEMORY:
            self._maps.popitem(last=False)
        self._show()

    # Other epochs and trials

    @on(MapView.Scrubbed)
    def _scrub(self, event: MapView.Scrubbed) -> None:
        choices = self._choices()
        if not choices:
            return
        epochs = self._epochs(choices)
        place = len(epochs) - 1
        if self._epoch is not None:
            place = max(i for i, epoch in enumerate(epochs) if epoch <= self._epoch or i == 0)
        place = event.end % len(epochs) if event.end is not None else max(place + event.step, 0)
        # The last one is the newest, and stays so while the run goes on.
        self._epoch = epochs[place] if place < len(epochs) - 1 else None
        self._show()

    @on(MapView.TrialWanted)
    def _change_trial(self, event: MapView.TrialWanted) -> None:
        choices = list(self._choices())
        if self._results is None or not choices:
            return
        having = [trial.index for trial in self._results.trials if trial.maps]
        side = 0 if event.side == "left" else 1
        if side == len(choices):
            choices.append(choices[0])  # A second map beside a single one.
        place = having.index(choices[side].trial) if choices[side].trial in having else -1
        place = (place + event.step) % len(having)
        if len(choices) == 2 and having[place] == choices[1 - side].trial:
            # A map beside itself tells nothing: on to the next one, or of two the other way round.
            place = (place + event.step) % len(having)
            if len(having) == 2:
                choices[1 - side], place = choices[side], having.index(choices[1 - side].trial)
        choices[side] = MapChoice(having[place])
        if self._experiment is not None:
            why = {choice.trial: choice for choice in self._experiment.maps(self._results)}
            choices = [why.get(choice.trial, choice) for choice in choices]
        self._chosen = choices
        self._show()


def read_maps(directory: RunDirectory, data: MapData | str | None, keys: Sequence[Key]) -> MapsRead:
    """Read maps of a run, and what they have in common where `data` is None; not for the event loop."""
    if data is None and not has_map_data(directory):
        data = NONE_KEPT
    if data is None:
        try:
            data = read_map_data(directory)
        except LabError as error:
            data = str(error)
    if isinstance(data, str):
        return MapsRead(directory, data, dict.fromkeys(keys, data))
    maps: dict[Key, DecisionMap | str] = {}
    for trial, epoch in keys:
        try:
            maps[trial, epoch] = read_map(directory, trial, epoch, data)
        except LabError as error:
            maps[trial, epoch] = str(error)
    return MapsRead(directory, data, maps)
