"""The test pictures of a run and what its models say of them, read for the screen away from the event loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.message import Message

from iml_tui.errors import LabError
from iml_tui.experiments.picture_choice import accuracy
from iml_tui.experiments.results import TrialResult
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.pictures import TestPictures, has_test_pictures, read_predictions, read_test_pictures
from iml_tui.text import printable
from iml_tui.ui.plotting.picture_scene import ShownModel

NO_PICTURES = "The test pictures of this run were not kept; what its models say of them cannot be shown."

Key = tuple[int, int]
"""Position of a trial in its run, and how many epochs its predictions come after."""


@dataclass
class PicturesRead(Message):
    """Pictures and predictions of a run were read; what cannot be read is a sentence."""

    directory: RunDirectory
    pictures: TestPictures | str
    models: dict[Key, ShownModel | str]


def read_pictures(
    directory: RunDirectory, pictures: TestPictures | str | None, trials: Sequence[TrialResult], keys: Sequence[Key]
) -> PicturesRead:
    """Read what models make of the test pictures, and those where they are not known; not for the event loop."""
    if not isinstance(pictures, TestPictures):
        try:
            pictures = read_test_pictures(directory) if has_test_pictures(directory) else NO_PICTURES
        except LabError as error:
            pictures = str(error)
    if isinstance(pictures, str):
        return PicturesRead(directory, pictures, dict.fromkeys(keys, pictures))
    models: dict[Key, ShownModel | str] = {}
    for trial, epochs in keys:
        try:
            probabilities = read_predictions(directory, trial, len(pictures))
        except LabError as error:
            models[trial, epochs] = str(error)
        else:
            correct = accuracy(pictures.labels, probabilities)
            models[trial, epochs] = ShownModel(trial, printable(trials[trial].label), probabilities, correct)
    return PicturesRead(directory, pictures, models)
