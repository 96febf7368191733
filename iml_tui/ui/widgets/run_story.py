"""Sentences on a run besides its figures: why it waits or ended, how to go on, what it was forked or resumed from."""

from __future__ import annotations

import socket
import time

from iml_tui.experiments.hyperparameters import format_setting
from iml_tui.runs.progress import duration
from iml_tui.runs.queue import describe_place
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import ForkRecord, RecordHead, ResumeRecord, RunRecord

GO_ON = "F7 goes on"


def told_of(reader: RunReader, state: str) -> str:
    """The one sentence that matters most of a run in this state (a key of `RUN_LOOKS`); "" where there is none."""
    record = reader.record
    match state:
        case "queued":
            return f"{describe_place(reader.directory, record.host)}: it begins when a device is free"
        case "starting":
            return "the worker is starting; importing torch takes a few seconds"
        case "paused":
            return f"nothing trains, and nothing is lost; {GO_ON}, F8 stops"
        case "failed":
            return f"{record.message}; {GO_ON} (log: {reader.directory.log_file})"
        case "interrupted":
            return f"its worker is gone; {GO_ON} {_reached(reader)} (log: {reader.directory.log_file})"
        case "stopped":
            return f"{record.message or record.summary or 'stopped on request'}; {GO_ON} {_reached(reader)}"
    if reader.damaged_events:
        return f"{reader.damaged_events} damaged records of the event log are left out"
    if reader.elsewhere:
        seconds = max(0.0, time.time() - reader.last_sign)
        return f"its worker is on {reader.elsewhere}, and was last heard of {duration(seconds)} ago"
    if reader.inexact:
        return f"resumed, but not exactly: {reader.inexact}"
    return reader.warnings[-1] if reader.warnings else record.summary


def _reached(reader: RunReader) -> str:
    """How far the trials are that a resumption goes on with: "after epoch 7 of lr 0.01"."""
    begun = [trial for trial in reader.results.trials if trial.state in ("running", "stopped", "failed")]
    if not begun:
        return "with what was not trained yet" if any(trial.epochs for trial in reader.results.trials) else "from 0"
    trial = begun[0]
    others = f" and of {len(begun) - 1} more" if len(begun) > 1 else ""
    return f"after epoch {len(trial.epochs)} of {trial.label}{others}"


def describe_run(reader: RunReader) -> list[str]:
    """Lines on what was asked for."""
    record = reader.record
    settings = ", ".join(f"{key} = {format_setting(value)}" for key, value in record.hyperparameters.items())
    rows = ", ".join(f"{count:,} {split}" for split, count in record.data.rows.items())
    return [
        f"Run        {record.id}",
        f"Directory  {reader.directory.path}",
        f"Settings   {settings}",
        f"Data       {record.data.name} ({rows}; {record.data.classes} classes; SHA-256 {record.data.sha256[:12]}…)",
        *_weights_lines(record),
        f"Host       {record.host}",
        *([_fork_line(record.fork)] if record.fork is not None else []),
        *map(_resume_line, record.resumes),
        "",
    ]


def _weights_lines(record: RunRecord) -> list[str]:
    """The pretrained weights, where any were found, and what results from them do not show."""
    weights = record.weights
    if weights is None:
        return []
    return [f"Weights    {weights.name} (SHA-256 {weights.sha256[:12]}…)", *filter(None, [weights.caveat])]


def _fork_line(fork: ForkRecord) -> str:
    batches = f" and {fork.step:,} of {fork.steps:,} batches" if fork.step else ""
    return f"Forked     from {fork.run} after {fork.epochs} epochs{batches} (its checkpoint {fork.checkpoint})"


def _resume_line(resume: ResumeRecord) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(resume.time))
    where = f" on {resume.host}" if resume.host and resume.host != socket.gethostname() else ""
    how = "exactly" if resume.exact else f"not exactly: {resume.reason}"
    return f"Resumed    {when}{where}, {how}"


def short_story(record: RecordHead) -> str:
    """What a list of runs says of resumptions: "resumed", "resumed, not exactly"; "" of a run without any."""
    if not record.resumes:
        return ""
    return "resumed" if all(resume.exact for resume in record.resumes) else "resumed, not exactly"
