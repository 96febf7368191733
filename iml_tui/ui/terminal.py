"""The end of the terminal ends the screen."""

from __future__ import annotations

import os
import select
import sys
import threading

HUNG_UP = 129
"""The exit code of a process that a hang-up ended, as shells have it: 128 + SIGHUP."""


def leave_when_terminal_is_gone() -> None:
    """End this process once nobody can see it any more.

    A hang-up does so by itself, but not below `nohup`, nor where the end of the terminal is none. Textual would then
    wait for ever: its threads that read and write the terminal end with an error, and nothing takes what is drawn. Runs
    are processes of their own, and settings are saved when they change, so that nothing is lost.
    """
    try:
        descriptor = sys.__stdin__.fileno() if sys.__stdin__ is not None else -1
    except (OSError, ValueError):
        return
    if descriptor < 0 or not os.isatty(descriptor):
        return
    threading.Thread(target=_watch, args=(descriptor,), name="watch terminal", daemon=True).start()


def _watch(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, 0)  # Hang-up and errors are told in any case.
    while True:
        for _, event in poll.poll():
            if event & (select.POLLHUP | select.POLLERR):
                os._exit(HUNG_UP)  # Whatever else is done would have to be drawn.
            return  # Not every system can tell for every device.
