"""What the state of a run means to the shell: the exit code, and the sentence for the user."""

from __future__ import annotations

import time

from iml_tui.headless.ages import age
from iml_tui.runs.process import last_log_line
from iml_tui.runs.progress import duration
from iml_tui.runs.queue import describe_place
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import ACTIVE_STATES, RESUMABLE_STATES, State

STOPPED = 130
"""As a shell reports a command that Ctrl-C ended; also of a viewer that Ctrl-C ended."""

TERMINATED = 143
"""As a shell reports a command that SIGTERM ended."""


_WAY_ON = "iml-lab resume"
_NO_WAY_ON = "the run cannot go on"  # As a worker says it whose checkpoints are damaged.


def exit_code(state: State) -> int:
    """0 for a run that is done or still at it, 130 for one that was stopped, 1 for what went wrong."""
    if state == "done" or state in ACTIVE_STATES:
        return 0
    return STOPPED if state == "stopped" else 1


def message_of(reader: RunReader) -> str:
    """Why the run stands where it does; "" where there is nothing to explain."""
    if reader.state == "interrupted":
        return (
            "its worker ended before it could record why (killed, out of memory or disk, or the machine went down); "
            f"the last line of {reader.directory.log_file}: {last_log_line(reader.directory)}"
        )
    return reader.record.message


def way_on(reader: RunReader) -> str:
    """How to go on with a run that did not get to its end; "" where there is nothing to go on with, or it was said."""
    if reader.state not in RESUMABLE_STATES or _WAY_ON in reader.record.message or _NO_WAY_ON in reader.record.message:
        return ""
    return f"Go on with: {_WAY_ON} {reader.directory.id}"


def describe_state(reader: RunReader) -> str:
    """The state: "done after 12 s", "queued, 2nd of 3", "running on gpu07, last heard of 3 h ago"."""
    if reader.state == "queued":
        return describe_place(reader.directory, reader.record.host)
    if reader.elsewhere:
        return f"{reader.state} on {reader.elsewhere}, last heard of {age(time.time() - reader.last_sign)} ago"
    if reader.state in ACTIVE_STATES or reader.record.finished is None:
        return reader.state
    return f"{reader.state} after {duration(reader.seconds(time.time()))}"
