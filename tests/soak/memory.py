"""The memory of the lab while an experiment runs and its charts are shown, in a terminal of 120x40.

    python -m tests.soak.memory [--minutes 60] [--speed N] [--trace] [--tab KEY]

Prints RSS and what Python has allocated once a minute; fails where the last third of the time has more than the middle
third. With --speed a made-up run grows N times as fast as a real one: an hour in 60/N minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import list_runs
from tests.recorded import recorded_run
from tests.soak.terminal import Terminal
from tests.workers import wait_for, wait_for_event

ROOT = Path(__file__).parents[2]

MOST_GROWTH = 4.0
"""MB between the middle and the last third. What an hour measures is about 1 MB; allocators come in blocks."""

EPOCHS = 100_000
"""So many that no run ends while it is looked at."""

BATCH_SIZE = 8
"""Epochs of 10,000 batches: each is figures to keep, about 1 kB a network, and is not to hide what is kept in vain."""


@dataclass(frozen=True)
class Sample:
    """Minutes since the start, RSS and private memory in MB, thousands of allocated blocks of Python."""

    minutes: float
    rss: float
    private: float
    blocks: float


def read_samples(file: Path) -> list[Sample]:
    """What the watched lab has written so far."""
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [
        Sample(line["seconds"] / 60, line["rss"] / 1e6, line["private"] / 1e6, line["blocks"] / 1e3) for line in lines
    ]


def growth(samples: Sequence[Sample]) -> float:
    """Growth in MB of the RSS of the last third against the middle third."""
    third = len(samples) // 3
    return fmean(s.rss for s in samples[-third:]) - fmean(s.rss for s in samples[-2 * third : -third])


def start_run(home: Path, speed: float) -> tuple[RunDirectory, subprocess.Popen[bytes]]:
    """A run to look at: a real one, or with a speed a made-up one; and the process that started it or feeds it."""
    environment = {**os.environ, "IML_LAB_HOME": str(home)}
    if speed:
        directory = recorded_run(
            home / "runs", state="queued", epochs=EPOCHS, created=time.time(), batch_size=BATCH_SIZE
        )
        words = ["-m", "tests.soak.growing", str(directory.path), str(speed)]
        return directory, subprocess.Popen([sys.executable, *words], env=environment, cwd=ROOT)
    words = ["-P", "-m", "iml_tui", "run", "learning-rate", "--device", "cpu", "--detach"]
    settings = ["--set", f"epochs={EPOCHS}", "--set", f"batch_size={BATCH_SIZE}"]
    process = subprocess.Popen([sys.executable, *words, *settings], env=environment)
    process.wait()
    return list_runs(home / "runs")[0].directory, process


def watch(home: Path, minutes: float, speed: float, tab: str, *, trace: bool) -> list[Sample]:
    """Look at a run for so long; prints each sample."""
    directory, process = start_run(home, speed)
    file = home / "memory.jsonl"
    environment = {**os.environ, "IML_LAB_HOME": str(home), "PYTHONPATH": str(ROOT)}
    if trace:
        environment["IML_SOAK_TRACE"] = "1"
    every = min(60.0, minutes * 60 / 15)
    words = ["-m", "tests.soak.watched", str(file), str(every), "attach", directory.id]
    wait_for_event(directory, "epoch")
    terminal = Terminal([sys.executable, *words], environment)
    try:
        wait_for(lambda: terminal.written > 5000)
        terminal.type(tab)
        shown = 0
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            if terminal.end(1) is not None:
                raise SystemExit(f"the lab has ended by itself: {terminal.tail[-2000:]}")
            samples = read_samples(file)
            for sample in samples[shown:]:
                sys.stdout.write(
                    f"{sample.minutes:6.1f} min  RSS {sample.rss:7.1f} MB  private {sample.private:7.1f} MB  "
                    f"{sample.blocks:8.1f} k blocks  events {directory.events_file.stat().st_size / 1e6:7.1f} MB\n"
                )
                sys.stdout.flush()
            shown = len(samples)
        return read_samples(file)
    finally:
        terminal.kill()
        if speed:
            process.kill()
            process.wait()
        else:
            stop = [sys.executable, "-P", "-m", "iml_tui", "stop", directory.id]
            subprocess.run(stop, env=environment, check=False, stdin=subprocess.DEVNULL)


def main(arguments: Sequence[str]) -> int:
    """Measure; 0 where the memory stays flat, 1 where it grows."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.memory", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="for how long [60]")
    parser.add_argument("--speed", type=float, default=0.0, help="a made-up run grows so many times as fast")
    parser.add_argument("--trace", action="store_true", help="also tell which lines allocate more and more (slow)")
    parser.add_argument("--tab", default="2", help="the key of the tab that is shown [2, the charts]")
    chosen = parser.parse_args(arguments)
    home = Path(tempfile.mkdtemp(prefix="iml-lab-memory-"))
    samples = watch(home, chosen.minutes, chosen.speed, chosen.tab, trace=chosen.trace)
    if chosen.trace:
        last = json.loads((home / "memory.jsonl").read_text().splitlines()[-1])
        for line, size, count in last.get("traced", []):
            sys.stdout.write(f"{size / 1e3:10.1f} kB {count:8d}  {line}\n")
    grown = growth(samples)
    flat = grown <= MOST_GROWTH
    sys.stdout.write(f"{grown:+.1f} MB from the middle third to the last: {'flat' if flat else 'it grows'} ({home})\n")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
