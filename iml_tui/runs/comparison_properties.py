"""What is known of a model besides its figures: settings, seeds, data, device, versions, as texts to compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from iml_tui.experiments.changes import position_text, told
from iml_tui.experiments.hyperparameters import format_setting
from iml_tui.experiments.results import TrialResult
from iml_tui.experiments.seeds import seeds_of
from iml_tui.experiments.trials import FaceTrial
from iml_tui.runs.record import DeviceRecord, RunRecord
from iml_tui.text import printable

HASH_SHOWN = 12
"""Hexadecimal digits of a SHA-256 that are shown."""

_MOST_CHANGES = 2  # Of those made while a model trained, told one by one.

_TITLES = {"kind": "Kind of model"}
# As the experiments' own labels have them.
_SHORT = {"learning_rate": "lr", "batch_size": "batch"}
# Of a run on faces, and so of all its models.
_OF_PICTURES = ("image_size", "difficulty")


@dataclass(frozen=True)
class Property:
    """One thing that is known of a model.

    Args:
        title: what it is, for a table.
        value: its text for a table.
        short: what a label says of it.
        usual: whether it is as in any model that nobody changed it for; not worth a word where all models have it.
    """

    title: str
    value: str
    short: str
    usual: bool = False


def properties(record: RunRecord, result: TrialResult) -> dict[str, Property]:
    """All that is known of a model, by a key of its own, in the order in which a label tells of it."""
    return {
        **dict(_settings(result)),
        **dict(_pictures(record, result)),
        **dict(_after_the_start(result)),
        "seeds": _seeds(result),
        "data": Property("Data", printable(record.data.name), printable(record.data.name)),
        "data_sha256": _hash(record.data.sha256),
        "experiment": Property("Experiment", printable(record.title), printable(record.title)),
        "device": Property("Device", _device(record.device), _device(record.device)),
        **dict(_versions(record.versions)),
        "host": Property("Host", printable(record.host or "unknown"), f"on {printable(record.host)}"),
        "threads": Property("Threads", str(record.device.threads or "unknown"), f"{record.device.threads} threads"),
    }


def differing(described: Sequence[Mapping[str, Property]]) -> list[str]:
    """The keys of what is not the same in all, or not known of all, in their order."""
    return [key for key in keys_of(described) if len({_value(known, key) for known in described}) > 1]


def keys_of(described: Sequence[Mapping[str, Property]]) -> list[str]:
    """The keys of all, each once, in their order."""
    return list(dict.fromkeys(key for known in described for key in known))


def _value(known: Mapping[str, Property], key: str) -> str | None:
    return known[key].value if key in known else None


def _settings(result: TrialResult) -> Iterator[tuple[str, Property]]:
    trial = result.trial
    for name, value in trial.hyperparameters.items():
        if value is None:  # Boosted trees have no learning rate.
            continue
        title = _TITLES.get(name, name.replace("_", " ").capitalize())
        text = printable(format_setting(value)) or "none"
        short = _short(name, value, text)
        usual = type(trial).model_fields[name].default == value
        yield f"setting.{name}", Property(title, text, short, usual)


def _after_the_start(result: TrialResult) -> Iterator[tuple[str, Property]]:
    """That a model goes on with another run's, and what was changed while it trained."""
    seeds = seeds_of(result)
    fork = seeds[0].fork
    if fork is not None:
        place = position_text(fork.epochs, fork.step, fork.steps)
        yield "fork", Property("Forked from", printable(f"{fork.run} {place}"), f"forked {place}")
    changes = list(dict.fromkeys(told(change) for trial in seeds for change in trial.changes))
    if changes:
        more = f"; {len(changes) - _MOST_CHANGES} more" if len(changes) > _MOST_CHANGES else ""
        text = printable("; ".join(changes[:_MOST_CHANGES]) + more)
        yield "changes", Property("Changed while training", text, "changed while training")


def _pictures(record: RunRecord, result: TrialResult) -> Iterator[tuple[str, Property]]:
    """What a baseline on faces has from its run: the pretrained weights where it starts from any, and the pictures."""
    if not isinstance(result.trial, FaceTrial):
        return
    if result.trial.is_pretrained and record.weights is not None:
        name = printable(record.weights.name)
        yield "weights", Property("Pretrained weights", name, name)
        shown = f"{printable(record.weights.sha256[:HASH_SHOWN])}…"
        yield "weights_sha256", Property("SHA-256 of the weights", shown, f"weights {shown}")
    for key in _OF_PICTURES:
        if key in record.hyperparameters:
            text = printable(format_setting(record.hyperparameters[key]))
            words = key.replace("_", " ")
            yield f"setting.{key}", Property(words.capitalize(), text, f"{words} {text}")


def _short(name: str, value: object, text: str) -> str:
    """lr 0.01 · batch norm · no batch norm"""
    words = _SHORT.get(name, name.replace("_", " "))
    if isinstance(value, bool):
        return words if value else f"no {words}"
    return text if name == "kind" else f"{words} {text}"


def _seeds(result: TrialResult) -> Property:
    seeds = [str(trial.trial.seed) for trial in seeds_of(result)]
    listed = ", ".join(seeds)
    return Property("Seeds", listed, f"{'seed' if len(seeds) == 1 else 'seeds'} {listed}")


def _hash(sha256: str) -> Property:
    shown = f"{printable(sha256[:HASH_SHOWN])}…" if sha256 else "unknown"
    return Property("SHA-256 of the data", shown, f"data {shown}")


def _device(device: DeviceRecord) -> str:
    return printable(device.name or f"{device.requested}, not chosen yet")


def _versions(versions: Mapping[str, str]) -> Iterator[tuple[str, Property]]:
    for package, version in versions.items():
        name, number = printable(package), printable(version)
        yield f"version.{package}", Property(f"Version of {name}", number, f"{name} {number}")
