"""Runs that are deleted, damaged or made to do harm while they are shown."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.reading import RunReader
from iml_tui.ui.app import LabApp
from iml_tui.ui.following import Follower
from iml_tui.ui.widgets.history_list import HistoryList
from iml_tui.ui.widgets.log_view import LogView
from iml_tui.ui.widgets.run_header import RunHeader
from tests.recorded import recorded_changes, recorded_checkpoints, recorded_run
from tests.ui.test_lab_screen import header, settle

MakeApp = Callable[..., LabApp]
EVIL = "\x1b[31m\x1b]0;owned\x07\u202e[bold]$x"


def screen_text(app: LabApp) -> str:
    return "\n".join("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())


def look(app: LabApp) -> None:
    """As the poll does, without waiting for its time."""
    assert app.lab._follower is not None
    app.lab._follower._looked = 0.0
    app.lab._poll()


@pytest.mark.parametrize("state", ["running", "done"])
async def test_a_run_that_somebody_deletes(make_app: MakeApp, root: Path, state: str) -> None:
    run = recorded_run(root, "epochs", state)  # type: ignore[arg-type]
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        shutil.rmtree(run.path)
        for key in ("2", "4", "5", "6"):
            await pilot.press("f2", key)
            look(app)
            await settle(pilot)
        assert "its directory is gone" in header(app)
        assert app.lab.query_one(RunHeader).has_class("-gone")
        app.lab.read_history()
        await settle(pilot)
        assert app.lab.query_one(HistoryList).highlighted_entry is None


async def test_a_run_that_cannot_be_read_any_more(
    make_app: MakeApp, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(attach=recorded_run(root, "epochs", "running"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert app.lab._reader is not None

        def fails() -> bool:
            raise RuntimeError("the \x1b[31mdisk is on fire")

        monkeypatch.setattr(app.lab._reader, "poll", fails)
        look(app)
        await settle(pilot)
        assert "unreadable" in header(app)
        assert "\x1b" not in header(app)
        monkeypatch.undo()
        look(app)
        await settle(pilot)
        assert "running" in header(app), "it can be read again"


async def test_a_record_that_is_lost_is_rebuilt_and_told(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "running")
    run.record_file.write_text("{")
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        prompt = str(app.lab.query_one(HistoryList).get_option(run.id).prompt)
        assert "rebuilt" in prompt


def hostile(root: Path) -> RunDirectory:
    """A run whose every text is an escape sequence, a bidirectional override and markup."""
    run = recorded_run(root, "learning-rate", "running", seeds=(1, 2))
    recorded_changes(run, (2, 3, 1, "learning_rate", 0.1, 0.2))
    recorded_checkpoints(run, ([2, 3], 5, 0))
    record: dict[str, Any] = json.loads(run.record_file.read_bytes())
    record |= {"title": f"title {EVIL}", "message": f"message {EVIL}", "summary": f"summary {EVIL}", "host": EVIL}
    record["data"] |= {"name": f"data {EVIL}", "sha256": EVIL}
    record["device"] |= {"name": f"device {EVIL}", "requested": EVIL, "slot": EVIL}
    record["hyperparameters"] = {"epochs": EVIL, EVIL: EVIL}
    record["versions"] = {EVIL: EVIL}
    record["weights"] = {"kind": "file", "name": EVIL, "sha256": EVIL, "caveat": EVIL}
    record["resumes"] = [{"time": 1.0, "host": EVIL, "exact": False, "reason": EVIL}]
    for number, trial in enumerate(record["trials"]):
        trial |= {"name": f"{EVIL}{number}", "label": f"{EVIL}{number}", "model": f"{EVIL}{number // 2}"}
    run.record_file.write_text(json.dumps(record))
    events = EventWriter(run.events_file)
    events.append("warning", message=EVIL)
    events.append("note", message=EVIL)
    events.append("resumed", trials=[2], epoch=3, step=0, steps=10, exact=False, reason=EVIL, checkpoint="")
    events.append("preparing", what=EVIL, done=1, total=3)
    events.close()
    run.log_file.write_text(f"log {EVIL}\n")
    moved = RunDirectory(root / f"20251009-{EVIL}")
    run.path.rename(moved.path)
    return moved


async def test_escape_sequences_are_neutralised_everywhere(make_app: MakeApp, root: Path) -> None:
    run = hostile(root)
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        texts = [screen_text(app)]
        for keys in (
            ("f2", "2"),
            ("4",),
            ("5",),
            ("6",),
            ("f2", "h"),
            ("escape", "f"),
            ("escape", "f8"),
            ("escape", "c"),
        ):
            for key in keys:
                await pilot.press(key)
                await settle(pilot)
            texts.append(screen_text(app))
        app.notify(f"notice {EVIL}")
        await settle(pilot)
        texts.append(screen_text(app))
        assert any("title \\x1b[31m" in text for text in texts), "it was shown"
        assert any("log \\x1b[31m" in text for text in texts)
        for text in texts:
            assert "\x1b" not in text
            assert "\x07" not in text
            assert "\u202e" not in text


def test_a_long_sleep_is_caught_up_with(root: Path) -> None:
    """As after a minute of SIGSTOP: all that was written meanwhile is read, told once."""
    run = recorded_run(root, "epochs", "running", epochs=5_000)
    follower = Follower(RunReader(run))
    before = len(follower.reader.results.trials[0].epochs)
    metrics = {"train_loss": 1.0}
    events = EventWriter(run.events_file)
    for epoch in range(before + 1, before + 1001):
        events.append("epoch", trial=0, epoch=epoch, metrics=metrics, seconds=0.1, samples_per_second=1.0)
    events.append("warning", message="one")
    events.close()
    assert follower.look()
    assert len(follower.reader.results.trials[0].epochs) == before + 1000
    assert [news.text for news in follower.news()] == ["one"]
    assert not list(follower.news())


async def test_a_log_is_bounded(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "running")
    run.log_file.write_bytes(b"x" * 3_000_000 + b"\nlast line\n" + b"begun")
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("f2", "6")
        await settle(pilot)
        view = app.lab.query_one(LogView)
        text = [strip.text.strip() for strip in view.lines]
        assert "last line" in text
        assert len(text) < 500
        with run.log_file.open("ab") as file:
            file.write(b" and ended\n")
        view.read_new()
        await settle(pilot)
        assert "begun and ended" in [strip.text.strip() for strip in view.lines]
        run.log_file.write_bytes(b"anew\n")
        view.read_new()
        await settle(pilot)
        assert "anew" in [strip.text.strip() for strip in view.lines]


async def test_a_thousand_runs_leave_the_keys_alive(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "done")
    for number in range(999):
        other = root / f"20251008-{number:06d}-epochs"
        other.mkdir()
        shutil.copy(run.record_file, other / "run.json")
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        history = app.lab.query_one(HistoryList)
        while history.option_count < 1000:
            await pilot.pause()
        history.focus()
        await pilot.press("end")
        assert history.highlighted == 999
        there = history.highlighted_entry
        assert there is not None
        # Another run is begun: the list is made anew in steps, and the highlight comes back.
        recorded_run(root, "batch-size", "running", created=1_760_000_100.0)
        app.lab.read_history()
        await settle(pilot)
        while history.option_count < 1001 or history.highlighted is None:
            await pilot.pause()
        assert history.highlighted_entry is not None
        assert history.highlighted_entry.directory == there.directory
