"""`fork`: a new run from a kept checkpoint of another, with other hyperparameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from iml_tui.errors import UsageError
from iml_tui.experiments.changes import ForkValue, check_fork, read_fork_value
from iml_tui.experiments.results import TrialResult
from iml_tui.headless.ages import when
from iml_tui.headless.document import checkpoint_document
from iml_tui.headless.references import Reference, named_trials, parse_reference
from iml_tui.headless.runs import run, run_queued
from iml_tui.headless.settings import parse_device, split_pairs
from iml_tui.headless.streams import output_console, say, write_json
from iml_tui.runs.checkpoints import CheckpointStore
from iml_tui.runs.fork import ForkChoice, create_fork, forkable, newest_of
from iml_tui.runs.places import runs_root
from iml_tui.runs.reading import RunReader
from iml_tui.text import printable


def list_choices(text: str, *, as_json: bool) -> int:
    """Print the kept checkpoints of a run, and which of its models can be forked from each."""
    reference = parse_reference(text)
    reader = RunReader(reference.find_run())
    positions = {trial.index for trial in named_trials(reader, reference)}
    choices = [choice for choice in forkable(reader) if positions.intersection(choice.trials)]
    if as_json:
        write_json({"run": reader.directory.id, "checkpoints": [checkpoint_document(each) for each in choices]})
        return 0
    damaged = sum(file.header is None for file in CheckpointStore(reader.directory.checkpoints).all())
    if choices:
        output_console().print(_table(reader, choices))
    else:
        say(f"There is no checkpoint of {text} that can be forked.")
    if damaged:
        say(f"{damaged} checkpoint{'s are' if damaged > 1 else ' is'} damaged.")
    return 0


def fork(
    text: str,
    pairs: Iterable[str],
    *,
    checkpoint: int | None,
    epoch: int | None,
    device: str | None,
    detach: bool,
    queued: bool,
    as_json: bool,
) -> int:
    """Make a fork of the trials that `text` names (RUN, RUN:N, RUN:N:SEED), and start or queue it.

    Args:
        text: what is forked; of a whole run all that can be.
        pairs: "key=value" for each hyperparameter that is to differ.
        checkpoint: number of the checkpoint; None for the newest that holds the trials.
        epoch: the checkpoint after so many whole epochs instead.
        device: None for what the parent was asked to train on.
        detach, queued, as_json: as for a new run.

    Returns:
        The exit code, of the fork where it is followed.

    Raises:
        UsageError: something that was typed cannot be; nothing was made.
        LabError: the checkpoint is damaged, or the fork cannot be written; nothing was made.
    """
    if queued and detach:
        raise UsageError("--queue and --detach exclude each other: a queued run begins later and is not waited for")
    if checkpoint is not None and epoch is not None:
        raise UsageError("--checkpoint and --epoch both say where to fork; give one of them")
    reference = parse_reference(text)
    reader = RunReader(reference.find_run())
    asked = parse_device(device) if device is not None else reader.record.device.requested
    choice, trials = _choose(reader, reference, checkpoint, epoch)
    changes = _values(trials, split_pairs("--set ", pairs), choice.header.epochs)
    directory = create_fork(runs_root(), reader, choice.checkpoint, [trial.index for trial in trials], changes, asked)
    say(_what_is_forked(reader, choice, trials))
    say(f"Compare them with: iml-lab compare {reader.directory.id} {directory.id}")
    return run_queued(directory, as_json=as_json) if queued else run(directory, detach=detach, as_json=as_json)


def _choose(
    reader: RunReader, reference: Reference, number: int | None, epoch: int | None
) -> tuple[ForkChoice, Sequence[TrialResult]]:
    """The checkpoint, and the trials that are forked from it."""
    run, results = reader.directory.id, reader.results.trials
    choices = forkable(reader)
    if not choices:
        raise UsageError(
            f"{run} has no checkpoint to fork from: they are kept of models that train step by step, the newest ones "
            "while they train, and the last where it is small"
        )
    wanted = [choice for choice in choices if _fits(choice, number, epoch)]
    if not wanted:
        places = "; ".join(f"{choice.number} {choice.text}" for choice in choices)
        asked = f"checkpoint {number}" if number is not None else f"checkpoint after epoch {epoch}"
        raise UsageError(f"there is no {asked} of {run} to fork from; there are {places}")
    if reference.number is None:
        return _of_whole_run(reader, wanted)
    named = named_trials(reader, reference)
    choice = newest_of(wanted, [trial.index for trial in named])
    if choice is None:
        held = "; ".join(
            f"{each.number} {each.text}: {', '.join(results[position].label for position in each.trials)}"
            for each in choices
        )
        raise UsageError(printable(f"no such checkpoint holds {reference.text} to be forked; there are {held}"))
    return choice, named


def _fits(choice: ForkChoice, number: int | None, epoch: int | None) -> bool:
    if number is not None:
        return choice.number == number
    return epoch is None or (choice.header.epochs == epoch and choice.header.step == 0)


def _of_whole_run(reader: RunReader, choices: Sequence[ForkChoice]) -> tuple[ForkChoice, Sequence[TrialResult]]:
    """The newest checkpoint with all that can be forked of it, where all checkpoints are of the same trials."""
    results = reader.results.trials
    if len({tuple(choice.header.trials) for choice in choices}) > 1:
        raise UsageError(
            f"models of {reader.directory.id} that trained apart have checkpoints of their own; name one, such as "
            f"{reader.directory.id}:1, or a checkpoint by --checkpoint (iml-lab fork {reader.directory.id} --list)"
        )
    choice = max(choices, key=lambda choice: (choice.header.epochs, choice.header.step, choice.number))
    for trial in results:
        if trial.index in choice.header.trials and trial.index not in choice.trials:
            say(
                f"{trial.name} is left out: its loss was no number by then. Named by itself, it forks from before that."
            )
    return choice, [results[position] for position in sorted(choice.trials)]


def _values(trials: Sequence[TrialResult], settings: Mapping[str, str], epochs: int) -> dict[str, ForkValue]:
    values: dict[str, ForkValue] = {}
    for field, text in settings.items():
        try:
            values[field] = read_fork_value(field, text)
            problem = next(filter(None, (check_fork(each.trial, field, values[field], epochs) for each in trials)), "")
        except ValueError as error:
            problem = str(error)
        if problem:
            raise UsageError(f"--set {printable(field)}={printable(text)}: {problem}")
    return values


def _what_is_forked(reader: RunReader, choice: ForkChoice, trials: Sequence[TrialResult]) -> str:
    names = ", ".join(trial.label for trial in trials)
    return f"Forked from {reader.directory.id} {choice.text}: {names}."


def _table(reader: RunReader, choices: Sequence[ForkChoice]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Checkpoint", justify="right", no_wrap=True)
    table.add_column("Where", overflow="fold")
    table.add_column("Models", overflow="fold")
    table.add_column("Written", no_wrap=True)
    table.add_column("Size", justify="right", no_wrap=True)
    for choice in choices:
        labels = ", ".join(reader.results.trials[position].label for position in choice.trials)
        cells: list[Any] = [choice.number, choice.text, labels, when(choice.header.time), _size(choice.header.bytes)]
        table.add_row(*(Text(printable(str(cell))) for cell in cells))
    return table


def _size(count: int) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count //= 1000
    return f"{count:,} GB"
