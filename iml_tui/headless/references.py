"""What a command names: a run, one model of it (`RUN:2`), or one seed of that (`RUN:2:7`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from iml_tui.errors import UsageError
from iml_tui.experiments.results import TrialResult
from iml_tui.experiments.seeds import seeds_of
from iml_tui.runs.comparison import Compared, candidates
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import find_run
from iml_tui.runs.places import runs_root
from iml_tui.runs.reading import RunReader
from iml_tui.text import quoted

_REFERENCE = re.compile(r"(?P<run>.*?)(?::(?P<number>\d+)(?::(?P<seed>\d+))?)?", re.DOTALL)


@dataclass(frozen=True)
class Reference:
    """What was typed: `run` names the run; `number` the model, from 1, None for all; `seed` the seed, None for all."""

    text: str
    run: str
    number: int | None = None
    seed: int | None = None

    def find_run(self) -> RunDirectory:
        """The run.

        Raises:
            UsageError: no run is called so, or several are.
        """
        return find_run(runs_root(), self.run)


def parse_reference(text: str) -> Reference:
    """What a text names. Whether there is such a thing is found out later."""
    match = _REFERENCE.fullmatch(text)
    assert match is not None  # Every text is a run's name at least.
    number, seed = match["number"], match["seed"]
    return Reference(text, match["run"], None if number is None else int(number), None if seed is None else int(seed))


def named_model(reader: RunReader, reference: Reference) -> Compared:
    """The model, or the one seed of it, that a reference with a number names.

    Raises:
        UsageError: the run has no such model, or it was not trained with this seed.
    """
    run, models = reader.directory.id, reader.results.models
    number = reference.number
    if number is None or not 1 <= number <= len(models):
        there = "one model, RUN:1" if len(models) == 1 else f"models RUN:1 to RUN:{len(models)}"
        raise UsageError(f"{quoted(reference.text)} names nothing: {run} has {there}")
    for item in candidates(reader):
        # The model comes before its seeds; the only seed of a model is the model.
        seeds = [trial.trial.seed for trial in seeds_of(item.result)]
        if item.number == number and (reference.seed is None or seeds == [reference.seed]):
            return item
    listed = ", ".join(str(trial.trial.seed) for trial in seeds_of(models[number - 1]))
    raise UsageError(f"{quoted(reference.text)} names nothing: model {number} of {run} was trained with seed {listed}")


def named_trials(reader: RunReader, reference: Reference) -> Sequence[TrialResult]:
    """The trials that a reference names: all of a run, those of a model, or one.

    Raises:
        UsageError: as `named_model`.
    """
    if reference.number is None:
        return reader.results.trials
    return seeds_of(named_model(reader, reference).result)
