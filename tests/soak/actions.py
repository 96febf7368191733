"""What people and machines do to a lab, at random."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Callable, Sequence
from typing import Final

import psutil

from iml_tui.errors import LabError
from iml_tui.runs.checkpoints import CheckpointStore
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventReader
from iml_tui.runs.record import ACTIVE_STATES, RESUMABLE_STATES, State
from tests.soak.lab import Lab
from tests.soak.settings import Kind
from tests.soak.terminals import Viewers

MOST_AT_WORK: Final = 3
MOST_QUEUED: Final = 3
MOST_COMMANDS: Final = 3

EVENT_SECONDS: Final = 6.0
"""For so long an event to kill at is waited for."""

EVENTS: Final[dict[State, tuple[str, ...]]] = {
    "starting": ("recorded", "started", "preparing", "resumed", "trial_started", "checkpoint"),
    "running": (
        "progress",
        "checkpoint",
        "epoch",
        "map",
        "recorded",
        "changed",
        "paused",
        "trial_finished",
        "finished",
    ),
    "paused": ("continued", "changed", "trial_finished", "finished"),
}
"""Those that may come next in a state, by themselves or after what `PROVOKED` does."""

PROVOKED: Final = {
    "changed": ("set", "{run}", "learning_rate=0.003"),
    "paused": ("pause", "{run}"),
    "continued": ("continue", "{run}"),
    "trial_finished": ("stop", "{run}"),
    "finished": ("stop", "{run}"),
}
"""The command that brings an event about."""


class Actions:
    """Chooses actions and does them; each says in one line what it did.

    Args:
        lab: what they are done to.
        kinds: what is trained.
        epochs: numbers of epochs to choose from.
        most_runs: no more runs are begun than these.
    """

    def __init__(self, lab: Lab, kinds: Sequence[Kind], epochs: Sequence[int], most_runs: int) -> None:
        self._lab, self._kinds, self._epochs, self._left = lab, kinds, epochs, most_runs
        self._random = lab.random
        self._viewers = Viewers(lab)
        self._weights: dict[Callable[[], str], int] = {
            self._start: 8,
            self._start_followed: 4,
            self._queue: 6,
            self._move: 3,
            self._cancel: 3,
            self._queue_again: 2,
            self._stop: 4,
            self._pause: 6,
            self._continue: 6,
            self._change: 8,
            self._fork: 5,
            self._resume: 9,
            self._resume_twice: 2,
            self._kill: 7,
            self._kill_at_event: 9,
            self._terminate: 3,
            self._stall: 2,
            self._end_supervisor: 3,
            self._look: 5,
            self._delete: 2,
            **self._viewers.weights,
        }

    def do_one(self) -> None:
        """Do something that can be done now."""
        self._lab.reap()
        name = ""
        while not name:
            [action] = self._random.choices(list(self._weights), list(self._weights.values()))
            name = action()
            if not name:  # Nothing to do it to; not too fast where there is nothing at all.
                time.sleep(0.01)
        self._lab.done[action.__name__.strip("_")] += 1
        self._lab.say(name)

    # What to do it to

    def _pick(self, *states: State) -> RunDirectory | None:
        found = [entry.directory for entry in self._lab.runs() if entry.state in states]
        return self._random.choice(found) if found else None

    def _begin(self) -> bool:
        """Whether another run may begin."""
        return self._left > 0 and self._has_room() and len(self._lab.active()) < MOST_AT_WORK

    def _has_room(self) -> bool:
        return sum(not command.follows for command in self._lab.commands) < MOST_COMMANDS

    def _command(self, *words: str) -> str:
        """Start a command where not too many are at work; what was done."""
        if not self._has_room():
            return ""
        self._lab.start(*words)
        return f"iml-lab {' '.join(words)}"

    def _run_words(self) -> list[str]:
        self._left -= 1
        kind, epochs = self._random.choice(self._kinds), self._random.choice(self._epochs)
        return ["run", *kind.words(epochs), "--data", str(self._lab.data), "--device", "cpu"]

    # Runs

    def _start(self) -> str:
        return self._command(*self._run_words(), "--detach") if self._begin() else ""

    def _start_followed(self) -> str:
        if not self._begin():
            return ""
        words = self._run_words()
        self._lab.start(*words, follows=True)
        return f"iml-lab {' '.join(words)} (followed)"

    def _stop(self) -> str:
        directory = self._pick("running", "paused")
        return self._command("stop", directory.id) if directory else ""

    def _pause(self) -> str:
        directory = self._pick("running")
        return self._command("pause", directory.id) if directory else ""

    def _continue(self) -> str:
        directory = self._pick("paused")
        return self._command("continue", directory.id) if directory else ""

    def _change(self) -> str:
        directory = self._pick("running", "paused")
        rate = self._random.choice(("0.02", "0.005", "0.0005", "0.01"))
        model = self._random.choice(("", ":1", ":2"))
        return self._command("set", f"{directory.id}{model}", f"learning_rate={rate}") if directory else ""

    def _fork(self) -> str:
        directory = self._pick("running", "paused", "stopped", "interrupted", "done")
        if directory is None or not self._begin():
            return ""
        kept = [file.header for file in CheckpointStore(directory.checkpoints).all() if file.header is not None]
        if not kept:
            return ""
        self._left -= 1
        epochs = max(header.epochs for header in kept) + self._random.choice(self._epochs)
        values = self._random.choice(([], ["--set", "learning_rate=0.002"], ["--set", "weight_decay=0.01"]))
        how = self._random.choice(("--detach", "--queue"))
        model = self._random.choice(("", ":1"))
        return self._command("fork", f"{directory.id}{model}", "--set", f"epochs={epochs}", *values, how)

    def _resume(self) -> str:
        directory = self._pick(*sorted(RESUMABLE_STATES))
        if directory is None or len(self._lab.active()) >= MOST_AT_WORK:
            return ""
        return self._command("resume", directory.id, self._random.choice(("--detach", "--queue")))

    def _resume_twice(self) -> str:
        """Two people at the same time: one of them is refused."""
        directory = self._pick(*sorted(RESUMABLE_STATES))
        if directory is None or len(self._lab.active()) >= MOST_AT_WORK:
            return ""
        self._lab.start("resume", directory.id, "--detach")
        self._lab.start("resume", directory.id, self._random.choice(("--detach", "--queue")))
        return f"iml-lab resume {directory.id}, twice at once"

    def _delete(self) -> str:
        directory = self._pick("stopped", "interrupted", "failed", "done")
        return self._command("delete", directory.id, "--yes") if directory else ""

    def _look(self) -> str:
        directory = self._pick("running", "stopped", "interrupted", "done", "queued", "starting", "paused")
        choices: list[list[str]] = [["runs", "--json"], ["queue", "--json"], ["list"]]
        if directory is not None:
            choices += [["show", directory.id, "--json"], ["fork", directory.id, "--list"]]
        words = self._random.choice(choices)
        code, text = self._lab.call(*words)
        line = f"iml-lab {' '.join(words)}"
        gone = directory is not None and not directory.path.is_dir()
        if code != 0 and not gone:
            self._lab.report(f"{line} ended with {code}: {text[-500:]}")
        elif code == 0 and "--json" in words:
            self._check_document(line, text)
        return line

    def _check_document(self, line: str, text: str) -> None:
        begin = text.find("{")  # Warnings on stderr come first.
        try:
            json.loads(text[begin:])
        except ValueError as error:
            self._lab.report(f"{line} prints no JSON ({error}): {text[:500]}")

    # The queue

    def _queue(self) -> str:
        queued = [entry for entry in self._lab.runs() if entry.state == "queued"]
        if self._left <= 0 or not self._has_room() or len(queued) >= MOST_QUEUED:
            return ""
        return self._command(*self._run_words(), "--queue")

    def _move(self) -> str:
        directory = self._pick("queued")
        return self._command("queue", "move", directory.id, str(self._random.randint(1, 3))) if directory else ""

    def _cancel(self) -> str:
        directory = self._pick("queued")
        return self._command("queue", "cancel", directory.id) if directory else ""

    def _queue_again(self) -> str:
        directory = self._pick("stopped", "failed")
        return self._command("queue", "add", directory.id) if directory else ""

    def _end_supervisor(self) -> str:
        supervisors = self._lab.supervisors()
        if not supervisors:
            return ""
        number = self._random.choice((signal.SIGKILL, signal.SIGTERM))
        for supervisor in supervisors:
            with contextlib.suppress(psutil.Error):
                supervisor.send_signal(number)
        return f"{number.name} to the supervisor"

    # Workers

    def _kill(self) -> str:
        """At any moment, also before the worker has taken the run over."""
        directory = self._pick(*sorted(ACTIVE_STATES))
        if directory is None or not self._lab.kill_workers(directory, signal.SIGKILL):
            return ""
        return f"SIGKILL to the worker of {directory.id}"

    def _kill_at_event(self) -> str:
        state = self._random.choice(tuple(EVENTS))
        directory = self._pick(state)
        # Looked for before, so that nothing stands between the event and the signal.
        workers = self._lab.workers(directory) if directory is not None else []
        if directory is None or not workers or not self._has_room():
            return ""
        kind = self._random.choice(EVENTS[state])
        if kind in PROVOKED:
            self._lab.start(*(word.format(run=directory.id) for word in PROVOKED[kind]))
        if not _wait_for_next(directory, kind):
            return f"no event {kind} of {directory.id} to kill at"
        with contextlib.suppress(psutil.Error):
            workers[0].kill()
            self._lab.kills[directory.id] += 1
        return f"SIGKILL to the worker of {directory.id} at {kind}"

    def _terminate(self) -> str:
        directory = self._pick("starting", "running", "paused")
        if directory is None or not self._lab.kill_workers(directory, signal.SIGTERM):
            return ""
        return f"SIGTERM to the worker of {directory.id}"

    def _stall(self) -> str:
        """The worker hangs for a moment, as on a machine that is suspended."""
        directory = self._pick("running", "paused")
        if directory is None or not self._lab.kill_workers(directory, signal.SIGSTOP):
            return ""
        seconds = self._random.uniform(0.2, 2)
        time.sleep(seconds)
        self._lab.kill_workers(directory, signal.SIGCONT)
        return f"the worker of {directory.id} hung for {seconds:.1f} s"


def _wait_for_next(directory: RunDirectory, kind: str) -> bool:
    """Wait for the next event of this type that is written from now on."""
    reader = EventReader(directory.events_file)
    with contextlib.suppress(LabError, OSError):
        reader.read_new()
        end = time.monotonic() + EVENT_SECONDS
        while time.monotonic() < end:
            if any(event["type"] == kind for event in reader.new_events()):
                return True
            time.sleep(0.001)
    return False
