"""Checking what a user asks of a run before anything is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from iml_tui.experiments.data_kinds import DataKind

DEVICE_HELP = "Where to train: auto takes a GPU where there is one; or cpu, cuda, cuda:N."


@dataclass(frozen=True)
class DataFolder:
    """What a folder of data must hold, and what is taken without one.

    `needs` ends the sentence "it needs one with …", `embedded` the sentence "… takes …"; `help` is for a form.
    """

    needs: str
    embedded: str
    help: str


DATA_FOLDERS: Mapping[DataKind, DataFolder] = {
    "cities": DataFolder(
        needs="train.csv, validation.csv, test.csv",
        embedded="the embedded cities",
        help="A folder with train.csv, validation.csv and test.csv, each with the columns long, lat, country. "
        "Empty takes the embedded cities.",
    ),
    "faces": DataFolder(
        needs="train/, val/ or validation/, and test/, each with one folder of pictures per class",
        embedded="the rendered faces",
        help="A folder with train/, val/ or validation/, and test/, each with one folder of pictures per class, two "
        "in all. Empty takes the rendered faces.",
    ),
}
"""By the kind of data; kinds that are always rendered take no folder."""


def device_problem(text: str) -> str:
    """Why `text` names no device, "" where it does. Whether the device is there is for the worker to see."""
    if re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", text.strip()):
        return ""
    return "must be auto, cpu, cuda or cuda:N with N the number of a GPU"
