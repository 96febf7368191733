"""Run directories from someone else: code in checkpoints, bombs, pipes and links for files, escape sequences."""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import shlex
import shutil
import signal
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import pytest
import torch

from iml_tui.errors import LabError, UsageError
from iml_tui.runs.checkpoints import CheckpointStore, Header
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter, encode
from iml_tui.runs.fork import create_fork, forkable
from iml_tui.runs.history import find_run
from iml_tui.runs.maps import map_data_file, map_file, read_map, read_map_data
from iml_tui.runs.queue_order import OrderEntry
from iml_tui.runs.reading import RunReader
from tests.faults.conftest import SETTINGS, Command, Lab
from tests.faults.outcomes import contents
from tests.faults.terminal import Terminal
from tests.workers import DEADLINE, wait_for

KILLED = -signal.SIGKILL

EVIL = "\x1b]0;pwned\x07\x1b[2Jevil\x9b31m\u202e"
"""A title for the window, an erased screen, colours by a C1 control, and text from right to left."""


@pytest.fixture
def killed(lab: Lab) -> RunDirectory:
    directory = lab.make()
    assert lab.train(directory, ("signal_at", "checkpoint", 3)) == KILLED
    return directory


class Bomb:
    """What runs a command where it is unpickled."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {shlex.quote(str(self._file))}",)


def with_bomb(header: Header, file: Path) -> bytes:
    """A checkpoint whose line is right, and whose state runs a command where it is loaded without care."""
    buffer = io.BytesIO()
    torch.save({"trainer": Bomb(file), "recorder": {}, "series": {}}, buffer)
    state = buffer.getvalue()
    torch.load(io.BytesIO(state), weights_only=False)
    file.unlink()  # It would have run.
    changes = {"bytes": len(state), "sha256": hashlib.sha256(state).hexdigest()}
    return encode(header.model_copy(update=changes).model_dump()) + state


@pytest.mark.fault("A checkpoint holds code")
def test_code_in_checkpoints_is_never_run(killed: RunDirectory, lab: Lab, tmp_path: Path) -> None:
    proof = tmp_path / "it ran"
    reader = RunReader(killed)
    choice = forkable(reader)[0]
    fork = create_fork(lab.root, reader, choice.checkpoint, [0], {}, "cpu")
    for file in CheckpointStore(killed.checkpoints).all():
        assert file.header is not None
        file.path.write_bytes(with_bomb(file.header, proof))
    fork.fork_file.write_bytes(with_bomb(choice.header, proof))
    before = contents(killed.checkpoints)
    assert lab.resume(killed) == 1
    assert "the state in a checkpoint cannot be read" in killed.read_record().message
    assert contents(killed.checkpoints) == before
    assert lab.train(fork) == 1
    assert "the state in a checkpoint cannot be read" in fork.read_record().message
    assert not proof.exists()


@pytest.mark.fault("A file inflates to any size")
def test_archives_that_inflate_to_any_size_are_refused(killed: RunDirectory) -> None:
    data = read_map_data(killed)
    bomb = map_data_file(killed)
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("classes.npy", "w") as member,
    ):
        for _ in range(257):
            member.write(bytes(1 << 20))
    shutil.copyfile(bomb, map_file(killed, 0, 1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LabError, match="is damaged: it is larger than any of the lab"):
        read_map(killed, 0, 1, data)
    with pytest.raises(LabError, match="is damaged: it is larger than any of the lab"):
        read_map_data(killed)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000, "kilobytes"


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    """The file is a link to one of the user's, which is not to be touched."""
    target = path.parent.parent.parent / f"precious {path.name}"
    shutil.move(path, target)
    path.symlink_to(target)


FILES = ("run.json", "events.jsonl", "lock", "log.txt", "series/000.batch_loss.f32", "maps/data.npz", "checkpoint")


@pytest.mark.fault("Pipes or links stand in place of files")
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("put", [pipe, link])
def test_what_is_no_file_holds_nobody_up_and_is_not_written_through(
    put: Callable[[Path], None], file: str, killed: RunDirectory, lab: Lab, command: Command
) -> None:
    path = CheckpointStore(killed.checkpoints).all()[0].path if file == "checkpoint" else killed.path / file
    put(path)
    precious = contents(lab.home, is_precious)
    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(30)  # A pipe that is opened would wait for its other end for ever.
    try:
        for words in (["runs"], ["show", killed.id], ["stop", killed.id]):
            assert command(*words).code in (0, 1, 2, 75)
        with suppress(LabError):
            assert lab.resume(killed) in (0, 1)
    finally:
        signal.alarm(0)
    assert contents(lab.home, is_precious) == precious


class TooLate(BaseException):
    """Nothing that handles errors is to handle this one."""


def too_late(number: int, frame: FrameType | None) -> None:
    raise TooLate("it waits for the other end of a pipe")


def is_precious(path: Path) -> bool:
    return path.name.startswith("precious")


@pytest.mark.fault("A name leads out of the directory")
def test_names_do_not_lead_out_of_the_directory(killed: RunDirectory, lab: Lab, command: Command) -> None:
    outside = lab.home / "outside"
    shutil.copytree(killed.path, outside)
    for name in ("../outside", "..", "", str(outside)):
        with pytest.raises(UsageError):
            find_run(lab.root, name)
        assert command("delete", name, "--yes").code == 2
    for name in ("../outside", "..", ".hidden", "a/b", "\0"):
        with pytest.raises(ValueError, match="is not the name of a run"):
            OrderEntry(run=name)
    # The record's own id counts for nothing: the directory has the name.
    record = json.loads(killed.record_file.read_bytes())
    record["id"] = "../outside"
    killed.record_file.write_text(json.dumps(record))
    assert RunReader(killed).record.id == killed.id
    assert command("delete", killed.id, "--yes").code == 0
    assert outside.exists()
    assert not killed.path.exists()


@pytest.mark.fault("Names hold escape sequences")
def test_escape_sequences_do_not_reach_the_terminal(tmp_path: Path, lab: Lab, points: Path, command: Command) -> None:
    folder = tmp_path / "labels"
    shutil.copytree(points, folder)
    for file in folder.iterdir():
        file.write_text(file.read_text().replace(",A", f",{EVIL}"))
    directory = lab.make(settings=(SETTINGS[0], "epochs=2", *SETTINGS[2:]))
    assert lab.train(directory) == 0
    spoil(directory)
    for words in (
        ["run", "learning-rate", "--data", str(folder)],
        ["runs"],
        ["show", directory.id],
        ["compare", f"{directory.id}:1", f"{directory.id}:2"],
    ):
        printed = command(*words)
        assert "evil" in printed.out + printed.err
        check_clean((printed.out + printed.err).encode())
    terminal = Terminal.lab(lab.home, "attach", directory.id, "--plain")
    try:
        terminal.process.wait(DEADLINE)
        terminal.drain()
        assert "evil" in terminal.text
        check_clean(bytes(terminal.received))
    finally:
        terminal.end()
    screen = Terminal.lab(lab.home, "attach", directory.id)
    try:
        screen.wait_for("evil")
        for tab in "234561":
            drawn = len(screen.received)
            screen.type(tab)
            wait_for(lambda drawn=drawn: len(screen.received) > drawn)
        check_clean(bytes(screen.received))
    finally:
        screen.end()


def spoil(directory: RunDirectory) -> None:
    """Put escape sequences wherever text stands."""
    record = json.loads(directory.record_file.read_bytes())
    record["title"] = record["summary"] = record["data"]["name"] = EVIL
    record["state"], record["message"] = "failed", EVIL
    record["device"]["name"] = EVIL
    record["data"]["class_names"] = [EVIL, "B", "C"]
    for trial in record["trials"]:
        trial["name"] = f"{EVIL} {trial['name']}"
        trial["label"] = f"{EVIL} {trial['label']}"
    directory.record_file.write_text(json.dumps(record))
    with directory.log_file.open("a") as log:
        log.write(f"{EVIL}\n")
    events = EventWriter(directory.events_file)
    for kind in ("warning", "note"):
        events.append(kind, message=EVIL)
    events.close()
    (directory.tables / f"{EVIL}.csv").write_text(f"{EVIL}\n")


def check_clean(received: bytes) -> None:
    """Nothing that controls the terminal comes out of the run."""
    assert b"pwned\x07" not in received
    assert b"\x1b]0;" not in received
    assert b"\x1b[2Jevil" not in received
    assert "\x9b31m".encode() not in received
    assert "\u202e".encode() not in received
