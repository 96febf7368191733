"""What was typed after `--set` and the other options of a run, checked before anything is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from iml_tui.errors import UsageError
from iml_tui.experiments.base import Experiment
from iml_tui.experiments.data_kinds import DataKind
from iml_tui.runs.requests import DATA_FOLDERS, device_problem
from iml_tui.text import quoted


def parse_settings(pairs: Iterable[str], seeds: Mapping[str, str | None]) -> dict[str, str]:
    """The hyperparameters as typed, by name. A dash in a name is as good as an underscore, `seed` as good as `seeds`.

    `seeds` holds the values of the options that set seeds ("--seed": "7"), None where one was not given.

    Raises:
        UsageError: a pair has no "=", no name, or a name that another has.
    """
    settings = split_pairs("--set ", pairs)
    given = {option: value for option, value in seeds.items() if value is not None}
    given |= {f"--set {name}=…": settings.pop(name) for name in ("seeds", "seed") if name in settings}
    if len(given) > 1:
        raise UsageError(f"seeds are given twice, by {' and by '.join(given)}; give them once")
    for value in given.values():
        settings["seeds"] = value
    return settings


def split_pairs(option: str, pairs: Iterable[str]) -> dict[str, str]:
    """The values as typed, by name; a dash in a name is as good as an underscore.

    `option` is what stands before a pair on the command line, with the blank behind it, for the messages.

    Raises:
        UsageError: a pair has no "=", no name, or a name that another has.
    """
    settings: dict[str, str] = {}
    for pair in pairs:
        typed, separator, value = pair.partition("=")
        name = typed.strip().replace("-", "_")
        if not separator or not name:
            word = option.strip() or "what is set"
            raise UsageError(f"{word} needs key=value, such as {option}epochs=3; {quoted(pair)} is not that")
        if name in settings:
            word = option.strip() or "the command"
            raise UsageError(f"{word} gives {name} twice ({quoted(settings[name])} and {quoted(value)}); give it once")
        settings[name] = value
    return settings


def add_weights(settings: Mapping[str, str], weights: str | None, experiment: Experiment) -> dict[str, str]:
    """The settings with what was typed after `--weights`, None where nothing was.

    Raises:
        UsageError: the experiment starts from no pretrained weights, or `--set` names others.
    """
    if weights is None:
        return dict(settings)
    if "weights" not in experiment.hyperparameters.model_fields:
        raise UsageError(f"--weights: {experiment.slug} starts from no pretrained weights; leave it out")
    if "weights" in settings:
        raise UsageError("weights are given twice, by --weights and by --set weights=…; give them once")
    return {**settings, "weights": weights}


def parse_device(text: str) -> str:
    """The device in lower case. Whether it is there is for the worker to find out.

    Raises:
        UsageError: it is not a device's name.
    """
    device = text.strip().lower()
    problem = device_problem(device)
    if problem:
        raise UsageError(f"--device {quoted(text)} {problem}")
    return device


def parse_data_folder(text: str | None, kind: DataKind | None) -> Path | None:
    """The folder given with `--data`, or None for the embedded data.

    `kind` is the data that are needed, None where any will do.

    Raises:
        UsageError: there is no such folder, or none is read for this kind of data.
    """
    if text is None:
        return None
    if kind is not None and kind not in DATA_FOLDERS:
        raise UsageError(f"--data {quoted(text)} would be ignored: this experiment renders its own data; leave it out")
    try:
        folder = Path(text).expanduser()
    except RuntimeError:  # A user without a home directory: the name is then taken as it is.
        folder = Path(text)
    if not text.strip() or not folder.is_dir():
        needed = [folder.needs for each, folder in DATA_FOLDERS.items() if kind in (None, each)]
        raise UsageError(f"--data {quoted(text)} is not a folder; it needs one with {'; or with '.join(needed)}")
    return folder
