"""What the state of a run means to the shell: the exit code, and the sentence for the user."""

from __future__ import annotations

from iml_tui.runs.process import last_log_line
from iml_tui.runs.progress import duration
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import ACTIVE_STATES, State

STOPPED = 130
"""As a shell reports a command that Ctrl-C ended; also of a viewer that Ctrl-C ended."""

TERMINATED = 143
"""As a shell reports a command that SIGTERM ended."""


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


def describe_state(reader: RunReader) -> str:
    """The state with how long the run took: "done in 12 s"."""
    seconds = reader.record.seconds
    return reader.state if seconds != seconds else f"{reader.state} after {duration(seconds)}"
