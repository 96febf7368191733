"""The `iml-lab` command: opens the lab, or does without a screen what its words ask for.

Nothing heavy is imported before it is needed: `list` is to answer at once, and PyTorch is the worker's alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from iml_tui import __version__
from iml_tui.errors import LabError, UsageError
from iml_tui.headless.completion import complete_experiment, complete_run

app = typer.Typer(
    name="iml-lab",
    help="A laboratory for neural-network experiments in the terminal. Without a command: opens the lab.",
    # Error messages quote what was typed: no markup, no tracebacks.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A run's id, a unique beginning of one, or “last”.", autocompletion=complete_run
    ),
]
RunOrModel = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run, or a model of it: RUN:2 is the second in the order of its tables, RUN:2:7 its trial with seed 7.",
        autocompletion=complete_run,
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder with the data. Cities: train.csv, validation.csv, test.csv. Faces: train/, val/ or validation/, "
        "test/, each with one folder of pictures per class. [embedded cities, rendered faces]",
    ),
]
Device = Annotated[str, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N.")]
NoMouse = Annotated[bool, typer.Option("--no-mouse", help="Leave the mouse to the terminal.")]
Queue = Annotated[
    bool,
    typer.Option(
        "--queue", help="Do not start it now: put it at the end of the queue, print its id and position and return."
    ),
]
Detach = Annotated[bool, typer.Option("--detach", help="Do not wait: print the run's id and return.")]
AsJSON = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")]


@app.callback(invoke_without_command=True)
def lab(
    context: typer.Context,
    data: Data = None,
    device: Device = "auto",
    no_mouse: NoMouse = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> int:
    """Open the lab, where no command was given."""
    if version:
        typer.echo(f"iml-lab {__version__}")
        raise typer.Exit
    _see_to_the_queue()
    if context.invoked_subcommand is not None:
        # They would be ignored, and a run on other data than was asked for is worse than a refusal.
        if data is not None or device != "auto" or no_mouse:
            raise UsageError(
                "options in front of a command would be ignored; put them behind it, where it takes them: "
                "iml-lab run … --data DIR --device DEVICE, iml-lab attach … --no-mouse"
            )
        return 0
    from iml_tui.headless.settings import parse_data_folder, parse_device

    return _open_lab(no_mouse=no_mouse, data_directory=parse_data_folder(data, None), device=parse_device(device))


@app.command("list")
def list_command(as_json: AsJSON = False) -> int:
    """Print the experiments, and what can be set in each."""
    from iml_tui.headless.catalogue import list_experiments

    return list_experiments(as_json=as_json)


@app.command("run")
def run_command(
    slug: Annotated[
        str,
        typer.Argument(metavar="EXPERIMENT", help="See iml-lab list.", autocompletion=complete_experiment),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a hyperparameter; may be repeated. Lists: 0.1,0.001."),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds", metavar="1,2,3", help="Train every model once for each seed; the same as --set seeds=…."
        ),
    ] = None,
    seed: Annotated[str | None, typer.Option("--seed", metavar="N", help="The same as --seeds N.")] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="auto|imagenet|offline|FILE",
            help="Pretrained weights of the ResNet18, where the experiment starts from such; the same as "
            "--set weights=….",
        ),
    ] = None,
    data: Data = None,
    device: Device = "auto",
    detach: Detach = False,
    queue: Queue = False,
    as_json: AsJSON = False,
) -> int:
    """Train an experiment, and print its tables and findings.

    Ctrl-C stops the run and keeps what was measured; closing the terminal leaves it running.
    """
    from iml_tui.headless.runs import prepare_run, run, run_queued

    if queue and detach:
        raise UsageError("--queue and --detach exclude each other: a queued run begins later and is not waited for")
    directory = prepare_run(slug, settings or [], {"--seeds": seeds, "--seed": seed}, data, device, weights)
    return run_queued(directory, as_json=as_json) if queue else run(directory, detach=detach, as_json=as_json)


@app.command("runs")
def runs_command(as_json: AsJSON = False) -> int:
    """Print the runs there are, newest first."""
    from iml_tui.headless.history_list import list_history

    return list_history(as_json=as_json)


@app.command("show")
def show_command(run: Run, as_json: AsJSON = False) -> int:
    """Print a run: what was asked, its tables, its findings, its files."""
    from iml_tui.headless.runs import show

    return show(run, as_json=as_json)


@app.command("compare")
def compare_command(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="Runs, or single models of them: RUN:2 is the second model of a run in the order of its tables, "
            "RUN:2:7 its trial with seed 7.",
            autocompletion=complete_run,
        ),
    ],
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME", help="What is charted, and by which the best is found.")
    ] = "validation_accuracy",
    to: Annotated[
        str | None, typer.Option("--to", metavar="DIR", help="Write the tables and the chart into this folder.")
    ] = None,
    as_json: AsJSON = False,
) -> int:
    """Print what differs between models of any runs, and their results beside one another."""
    from iml_tui.headless.compare import compare

    return compare(runs, metric=metric, to=to, as_json=as_json)


@app.command("attach")
def attach_command(
    run: Run,
    plain: Annotated[bool, typer.Option("--plain", help="Follow it on this terminal instead of in the lab.")] = False,
    no_mouse: NoMouse = False,
) -> int:
    """Show a run as it trains; leaving never stops it."""
    if not plain and _on_terminal():
        from iml_tui.runs.history import find_run
        from iml_tui.runs.places import runs_root

        return _open_lab(no_mouse=no_mouse, attach=find_run(runs_root(), run))
    from iml_tui.headless.runs import attach

    return attach(run)


@app.command("stop")
def stop_command(run: Run) -> int:
    """Stop a run and keep what was measured."""
    from iml_tui.headless.runs import stop

    return stop(run)


@app.command("resume")
def resume_command(run: Run, detach: Detach = False, queue: Queue = False, as_json: AsJSON = False) -> int:
    """Go on with a run that was stopped, was interrupted or failed, exactly where it was last saved.

    What is done is not done again: at most one epoch is repeated. Ctrl-C stops the run again and keeps what was
    measured; closing the terminal leaves it running.
    """
    from iml_tui.headless.resuming import resume

    return resume(run, detach=detach, queued=queue, as_json=as_json)


@app.command("pause")
def pause_command(run: Run) -> int:
    """Let a run pause after the current batch. It keeps its memory and its device; iml-lab stop gives them back."""
    from iml_tui.headless.pausing import pause

    return pause(run)


@app.command("continue")
def continue_command(run: Run) -> int:
    """Let a paused run go on."""
    from iml_tui.headless.pausing import go_on

    return go_on(run)


@app.command("set")
def set_command(
    run: RunOrModel,
    settings: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY=VALUE",
            help="learning_rate of every network; of perceptrons also weight_decay and clip_norm (0 for none).",
        ),
    ],
) -> int:
    """Change hyperparameters of a run while it trains: of all its models that train now, or of one.

    Each change is kept with its place in the training, marked on the charts and listed in the tables.
    """
    from iml_tui.headless.changing import change

    return change(run, settings)


@app.command("fork")
def fork_command(
    run: RunOrModel,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="What is to differ; may be repeated: learning_rate, epochs; of perceptrons also weight_decay, "
            "clip_norm, scheduler.",
        ),
    ] = None,
    checkpoint: Annotated[
        int | None, typer.Option("--checkpoint", metavar="N", help="Number of the checkpoint, see --list. [the newest]")
    ] = None,
    epoch: Annotated[
        int | None, typer.Option("--epoch", metavar="E", help="The checkpoint after this whole epoch instead.")
    ] = None,
    list_only: Annotated[
        bool, typer.Option("--list", help="Only print the checkpoints that there are, and what each holds.")
    ] = False,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N. [as asked for by the run]"),
    ] = None,
    detach: Detach = False,
    queue: Queue = False,
    as_json: AsJSON = False,
) -> int:
    """Start a new run from a kept checkpoint of another, with other hyperparameters.

    The fork has the figures of the other run up to there: iml-lab compare RUN FORK shows both on one chart. The other
    run may train on, and may be deleted later.
    """
    from iml_tui.headless.forking import fork, list_choices

    if list_only:
        return list_choices(run, as_json=as_json)
    return fork(
        run,
        settings or [],
        checkpoint=checkpoint,
        epoch=epoch,
        device=device,
        detach=detach,
        queued=queue,
        as_json=as_json,
    )


@app.command("delete")
def delete_command(
    run: Run,
    confirmed: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Remove a run and all its files for good."""
    from iml_tui.headless.runs import delete

    return delete(run, confirmed=confirmed)


queue_app = typer.Typer(rich_markup_mode=None)
app.add_typer(queue_app, name="queue")


@queue_app.callback(invoke_without_command=True)
def queue_command(context: typer.Context, as_json: AsJSON = False) -> int:
    """Print which runs wait for a free device of this machine, and which train.

    Runs are put in by iml-lab run … --queue. A process in the background works them off, one at a time on each GPU and
    on the CPU, and goes on when one fails.
    """
    if context.invoked_subcommand is not None:
        if as_json:
            raise UsageError("--json prints the queue: iml-lab queue --json")
        return 0
    from iml_tui.headless.queue import list_queue

    return list_queue(as_json=as_json)


@queue_app.command("add")
def queue_add_command(run: Run, as_json: AsJSON = False) -> int:
    """Put a run at the end of the queue.

    One that was cancelled, stopped or interrupted, or that failed; it goes on with what it has.
    """
    from iml_tui.headless.queue import add

    return add(run, as_json=as_json)


@queue_app.command("move")
def queue_move_command(
    run: Run, position: Annotated[int, typer.Argument(metavar="POSITION", help="Its new place, from 1.")]
) -> int:
    """Give a run that waits another place in the queue."""
    from iml_tui.headless.queue import move

    return move(run, position)


@queue_app.command("cancel")
def queue_cancel_command(run: Run) -> int:
    """Take a run that waits out of the queue.

    It can be put back, resumed or deleted.
    """
    from iml_tui.headless.queue import cancel

    return cancel(run)


@app.command("doctor")
def doctor_command(data: Data = None, device: Device = "auto") -> int:
    """Check all that runs and screen depend on, and say the way out."""
    from iml_tui.headless.doctor import doctor

    return doctor(data=data, device=device)


def _see_to_the_queue() -> None:
    """Let somebody work the queue off where runs wait and, after a crash or a reboot, nobody does."""
    from iml_tui.headless.streams import say
    from iml_tui.runs.queue import ensure_supervisor

    try:
        ensure_supervisor()
    except LabError as error:  # It stands in the way of no other command.
        say(f"Warning: {error}")


def _on_terminal() -> bool:
    from iml_tui.headless.streams import is_terminal

    return is_terminal(sys.stdin) and is_terminal(sys.stdout)


def _open_lab(*, no_mouse: bool, **arguments: Any) -> int:
    if not _on_terminal():
        raise UsageError(
            "the lab needs a terminal; without one, use: iml-lab run learning-rate (iml-lab --help has more)"
        )
    from iml_tui.ui.app import LabApp

    lab_app = LabApp(**arguments)
    lab_app.run(mouse=not no_mouse)
    return lab_app.return_code or 0


def execute(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, `sys.argv` by default; returns the exit code and never raises."""
    from iml_tui.headless.streams import prepare_streams, say, silence_streams

    prepare_streams()
    try:
        # standalone_mode: whatever goes wrong arrives here, to be said in one sentence.
        code = app(
            args=list(sys.argv[1:] if arguments is None else arguments), prog_name="iml-lab", standalone_mode=False
        )
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except SystemExit as error:  # Shell completion, and a closed pipe, end so.
        return error.code if isinstance(error.code, int) else 1
    except LabError as error:
        say(str(error))
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        say("Interrupted.")
        return 130
    except BrokenPipeError:
        silence_streams()
        return 141  # As a shell reports a command that SIGPIPE ended: nobody reads on.
    except Exception as error:
        return _explain(error)


def _explain(error: Exception) -> int:
    """Say what went wrong in one sentence; returns the exit code."""
    from iml_tui.headless.streams import say
    from iml_tui.runs.failures import record_failure

    # Recognised by what it can do: typer brings its own copy of click or uses the installed one, by version.
    describe = getattr(error, "format_message", None)
    if describe is not None:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "iml-lab"
        say(f"{' '.join(str(describe()).split())} ({command} --help says more)")
        return 2
    say(record_failure(error))
    return 1


def main() -> None:
    """The entry point of `iml-lab` and of `python -m iml_tui`."""
    sys.exit(execute())
