"""`run`, `attach`, `show`, `stop` and `delete`: what is done with one run."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from iml_tui.data.loading import summarise
from iml_tui.errors import RunBusyError, UsageError
from iml_tui.experiments.hyperparameters import parse_or_raise
from iml_tui.experiments.registry import find
from iml_tui.experiments.seeds import count_seeds
from iml_tui.headless.asking import WAIT_SECONDS, wait_until
from iml_tui.headless.displays import display_for_stderr
from iml_tui.headless.document import run_document
from iml_tui.headless.following import Ending, ask_to_stop, follow, wait_for_owner
from iml_tui.headless.outcome import STOPPED, TERMINATED, exit_code, message_of, way_on
from iml_tui.headless.report import findings_of, print_header, print_results
from iml_tui.headless.settings import add_weights, parse_data_folder, parse_device, parse_settings
from iml_tui.headless.signals import Signals
from iml_tui.headless.streams import is_terminal, output_console, say, write_json
from iml_tui.runs import control, queue
from iml_tui.runs.directory import RunDirectory, create_run
from iml_tui.runs.fork import forkable
from iml_tui.runs.history import delete_run, entry_of, find_run
from iml_tui.runs.logout import logout_kills
from iml_tui.runs.places import cache_root, runs_root
from iml_tui.runs.process import start_worker
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import ACTIVE_STATES
from iml_tui.runs.resuming import resume_run
from iml_tui.text import printable

STOP_SECONDS = WAIT_SECONDS
"""How long `stop` waits."""


def prepare_run(
    slug: str,
    pairs: Iterable[str],
    seeds: Mapping[str, str | None],
    data: str | None,
    device: str,
    weights: str | None = None,
) -> RunDirectory:
    """Check everything that was asked for and make the run's directory; no worker yet.

    `seeds` holds the values of the options that set seeds, `weights` that of `--weights`, None where one was not given.

    Raises:
        UsageError: a setting, the device or the data is not as it must be; nothing was made.
        LabError: the directory cannot be made.
    """
    experiment = find(slug)
    settings = add_weights(parse_settings(pairs, seeds), weights, experiment)
    hyperparameters = parse_or_raise(experiment.hyperparameters, settings)
    device = parse_device(device)
    folder = parse_data_folder(data, experiment.data)
    summary = summarise(experiment.data, folder, cache_root(), hyperparameters.model_dump())
    return create_run(runs_root(), experiment, hyperparameters, summary, folder, device)


def run(directory: RunDirectory, *, detach: bool, as_json: bool, resume: bool = False) -> int:
    """Start a worker on a run, and follow it unless detached; returns the exit code.

    The run is new, or with `resume` one that an earlier worker left.
    """
    with Signals() as signals:
        process = resume_run(directory) if resume else start_worker(directory)
        reader = RunReader(directory)
        if detach:
            wait_for_owner(reader, signals, process)
            return _tell_detached(reader, as_json)
        _say_what_starts(reader)
        return _follow_and_tell(reader, signals, process, interrupt_stops=True, as_json=as_json)


def run_queued(directory: RunDirectory, *, as_json: bool) -> int:
    """Put a new run at the end of the queue and leave it to the supervisor; returns the exit code."""
    return tell_queued(queue.enqueue(directory), as_json=as_json)


def tell_queued(entry: queue.QueueEntry, *, as_json: bool) -> int:
    """Say where a run stands in the queue, and see to it that somebody works that off."""
    queue.ensure_supervisor(entry.directory.path.parent)
    if as_json:
        write_json(document_of(RunReader(entry.directory)) | {"position": entry.position})
        return 0
    sys.stdout.write(f"{printable(entry.run)}\n")
    say(
        f"It is {queue.ordinal(entry.position)} in the queue and will train in the background; iml-lab queue lists it, "
        f"iml-lab attach {entry.run} shows it, iml-lab queue cancel {entry.run} takes it out."
    )
    _say_what_logging_out_does()
    return 0


def attach(reference: str) -> int:
    """Follow a run that is there without a screen; Ctrl-C leaves it to itself. Returns the run's exit code."""
    reader = RunReader(find_run(runs_root(), reference))
    with Signals() as signals:
        return _follow_and_tell(reader, signals, None, interrupt_stops=False, as_json=False)


def show(reference: str, *, as_json: bool) -> int:
    """Print a run as it stands."""
    reader = RunReader(find_run(runs_root(), reference))
    if as_json:
        write_json(document_of(reader))
    else:
        console = output_console()
        print_header(console, reader)
        print_results(console, reader)
    return 0


def stop(reference: str) -> int:
    """Ask a run's worker to stop, and wait for it."""
    directory = find_run(runs_root(), reference)
    reader = RunReader(directory)
    if reader.state not in ACTIVE_STATES:
        say(f"{directory.id} is not running any more ({reader.state}).")
        return 0
    if reader.state == "queued":
        with contextlib.suppress(RunBusyError):  # It has just begun, and is stopped as any other.
            queue.cancel(directory.id, directory.path.parent)
            say(f"{directory.id} is taken out of the queue.")
            return 0
    ask_to_stop(directory)
    wait_until(reader, lambda: reader.state not in ACTIVE_STATES, STOP_SECONDS)
    if reader.state in ACTIVE_STATES:
        say(f"{directory.id} was asked to stop and will do so after the current batch.")
        return 0
    # The run may have ended by itself just before it was asked: a request nobody served must not stop a later worker.
    control.clear(directory.control)
    say(f"{directory.id} is {reader.state}; iml-lab show {directory.id} prints what is there.")
    _say_how_to_go_on(reader)
    return 0


def delete(reference: str, *, confirmed: bool) -> int:
    """Remove a run for good, after asking."""
    directory = find_run(runs_root(), reference)
    entry = entry_of(directory)
    # One that is running is refused by delete_run, without asking first.
    if not confirmed and not entry.active and not _confirm(f"Delete {directory.id} ({entry.state}) for good?"):
        say("Nothing was deleted.")
        return 1
    delete_run(directory)
    say(f"{directory.id} is deleted.")
    return 0


def document_of(reader: RunReader) -> dict[str, Any]:
    """The JSON document of a run."""
    return run_document(
        reader.directory.path,
        reader.record,
        reader.state,
        message_of(reader),
        reader.results,
        reader.notes,
        reader.directory.result_files(),
        findings_of(reader),
        forkable(reader),
    )


def _follow_and_tell(
    reader: RunReader,
    signals: Signals,
    process: subprocess.Popen[bytes] | None,
    *,
    interrupt_stops: bool,
    as_json: bool,
) -> int:
    display = display_for_stderr()
    try:
        ending = follow(reader, display, signals, process, interrupt_stops=interrupt_stops)
    finally:
        display.close()
    if as_json:
        write_json(document_of(reader))
    elif ending is Ending.ENDED:
        print_results(output_console(), reader)
    if ending is Ending.ENDED:
        _say_what_went_wrong(reader)
        return exit_code(reader.state)
    say(f"The run goes on without this terminal; iml-lab attach {reader.directory.id} shows it again.")
    return TERMINATED if ending is Ending.TERMINATED else STOPPED


def _say_what_starts(reader: RunReader) -> None:
    count = len(reader.results.trials)
    trials = "1 trial" if count == 1 else f"{count} trials"
    seeds = count_seeds(reader.results.trials)
    if seeds > 1:
        trials += f" ({seeds} seeds)"
    say(f"{reader.directory.id}: {trials}, kept in {reader.directory.path}")


def _tell_detached(reader: RunReader, as_json: bool) -> int:
    directory = reader.directory
    if as_json:
        write_json(document_of(reader))
    elif reader.state in ACTIVE_STATES:
        sys.stdout.write(f"{printable(directory.id)}\n")
        say(
            f"It trains in the background; iml-lab attach {directory.id} shows it, iml-lab stop {directory.id} ends it."
        )
        _say_what_logging_out_does()
    _say_what_went_wrong(reader)
    return exit_code(reader.state)


def _say_what_went_wrong(reader: RunReader) -> None:
    if reader.state in ("failed", "interrupted"):
        message = message_of(reader) or f"no reason was recorded; {reader.directory.log_file} may tell"
        say(f"The run {reader.state if reader.state == 'failed' else 'was interrupted'}: {message}")
    _say_how_to_go_on(reader)


def _say_how_to_go_on(reader: RunReader) -> None:
    way = way_on(reader)
    if way:
        say(way)


def _say_what_logging_out_does() -> None:
    warning = logout_kills()
    if warning:
        say(f"Warning: {warning}")


def _confirm(question: str) -> bool:
    if not is_terminal(sys.stdin):
        raise UsageError("delete asks before it removes anything, and there is no terminal to ask on; add --yes")
    sys.stderr.write(f"{printable(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
