"""Bringing a lab to rest, and every run that can go on to its end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.process import START_SECONDS
from iml_tui.runs.record import RESUMABLE_STATES
from tests.soak.checks import problems_of
from tests.soak.lab import COMMAND_SECONDS, Lab
from tests.soak.leftovers import leftovers
from tests.soak.references import References, differences, fork_differences
from tests.soak.terminals import Viewers

HOWS = ("closed", "SIGHUP", "SIGTERM", "quit")


class Settling:
    """What is done when the soak is over."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def rest(self) -> None:
        """Close all viewers, stop all runs, and wait until nothing goes on."""
        lab = self._lab
        lab.say("-- coming to rest")
        viewers = Viewers(lab)
        while lab.terminals:
            lab.say(viewers.end(lab.terminals.pop(), lab.random.choice(HOWS)))
        for command in lab.commands:
            if command.follows:
                command.send(signal.SIGTERM)
        self._wait("commands end", lambda: not lab.commands, COMMAND_SECONDS)
        self._end_runs()
        # A run whose worker and starter were both killed at the start says `starting` for a while.
        self._wait("all runs end", lambda: not any(entry.active for entry in lab.runs()), START_SECONDS + 30)
        # A worker lives for a moment after its last record, and so does the supervisor.
        self._wait("all processes end", lambda: not any(lab.processes()), 60)

    def _end_runs(self) -> None:
        """Ask every run to end. One that leaves the queue at that moment is owned, and asked again."""
        lab = self._lab
        for _ in range(3):
            for entry in lab.runs():
                # A run whose worker was killed before it took the run over cannot be asked.
                if not entry.active or (entry.state == "starting" and not lab.workers(entry.directory)):
                    continue
                words = ("queue", "cancel") if entry.state == "queued" else ("stop",)
                code, text = lab.call(*words, entry.directory.id)
                lab.say(f"iml-lab {' '.join(words)} {entry.directory.id}: {code} {' '.join(text.split())[:150]}")

    def _wait(self, what: str, done: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                self._lab.report(f"waited {seconds:.0f} s in vain: {what}")
                return
            time.sleep(0.1)
            self._lab.reap()

    def check(self) -> None:
        """Report every inconsistency."""
        lab = self._lab
        for entry in lab.runs():
            for problem in problems_of(entry.directory, lab.kills[entry.directory.id]):
                lab.report(problem)
        for problem in leftovers(lab):
            lab.report(problem)

    def finish_runs(self, seconds: float) -> None:
        """Resume every run that can be, half of them through the queue, until they are done or time is over.

        Runs on other data were put into the queue by random keys, and take hours.
        """
        lab = self._lab
        begun = [
            entry.directory
            for entry in lab.runs()
            if entry.state in RESUMABLE_STATES and entry.directory.read_record().data.directory == str(lab.data)
        ]
        lab.say(f"-- {len(begun)} runs go on to their end")
        end = time.monotonic() + seconds
        queued, others = begun[::2], begun[1::2]
        for directory in queued:
            self._resume(directory, "--queue")
        for directory in others:
            if time.monotonic() < end:
                self._resume(directory, "--detach")
                self._wait_for(lambda directory=directory: self._at_rest(directory), end)  # type: ignore[misc]
        self._wait_for(lambda: all(map(self._at_rest, begun)), end)
        for directory in begun:
            state = next((e.state for e in lab.runs() if e.directory.id == directory.id), "gone")
            lab.say(f"{directory.id} is {state}")
            if state != "done" and time.monotonic() < end:
                lab.report(f"{directory.id} is {state} after it was resumed: {directory.read_record().message}")

    def _resume(self, directory: RunDirectory, how: str) -> None:
        code, text = self._lab.call("resume", directory.id, how)
        if code != 0:
            self._lab.report(f"iml-lab resume {directory.id} {how} ended with {code}: {text[-500:]}")

    def _at_rest(self, directory: RunDirectory) -> bool:
        entry = next((e for e in self._lab.runs() if e.directory.id == directory.id), None)
        if entry is not None and entry.state == "paused":  # It paused when its worker was killed, and still does.
            self._lab.say(f"iml-lab continue {directory.id}")
            self._lab.call("continue", directory.id)
        return entry is None or not entry.active

    def _wait_for(self, done: Callable[[], bool], end: float) -> None:
        while not done() and time.monotonic() < end:
            time.sleep(0.2)
            self._lab.reap()

    def compare(self) -> int:
        """Hold all runs that are done against uninterrupted ones, and forks against their parents; returns how many."""
        lab, references, compared = self._lab, References(self._lab.references), 0
        for entry in lab.runs():
            record = entry.directory.read_record()
            if record.state != "done":
                continue
            compared += 1
            found = (
                differences(entry.directory, references.of(record))
                if record.fork is None
                else fork_differences(entry.directory, lab.root)
            )
            for difference in found:
                lab.report(difference)
        return compared
