"""Runs the lab with random starts, stops, kills, detaches and attaches, and then checks every run's record.

    python -m tests.soak [--minutes 30] [--seed N] [--home DIR]

Prints one line an action. The seed decides what is done; what comes of it depends on the machine's speed as well.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.soak.actions import Actions
from tests.soak.lab import Lab
from tests.soak.settings import KINDS, Kind
from tests.soak.settling import Settling

EPOCHS = (40, 150, 400)
"""From a second to half a minute."""


def soak(
    path: Path,
    seed: int,
    seconds: float,
    finish_seconds: float,
    kinds: Sequence[Kind] = KINDS,
    epochs: Sequence[int] = EPOCHS,
    most_runs: int = 60,
    most_actions: int | None = None,
) -> Lab:
    """Soak a lab below `path`; its `problems` are what was found.

    Args:
        path: an empty directory.
        seed: of all choices.
        seconds: for how long things are done.
        finish_seconds: for how long, after that, runs may go on to their end.
        kinds: what is trained.
        epochs: numbers of epochs to choose from.
        most_runs: how many runs are begun at most.
        most_actions: after how many the soak is over, whatever the time; None for no limit.
    """
    lab = Lab(path, seed)
    try:
        actions, settling = Actions(lab, kinds, epochs, most_runs), Settling(lab)
        end = time.monotonic() + seconds
        while time.monotonic() < end and (most_actions is None or lab.done.total() < most_actions):
            actions.do_one()
            time.sleep(lab.random.choice((0.0, 0.1, 0.5, 1.5)))
        settling.rest()
        settling.check()
        settling.finish_runs(finish_seconds)
        settling.rest()
        settling.check()
        compared = settling.compare()
        lab.say(f"-- {compared} runs were held against uninterrupted ones")
    finally:
        lab.close()
    return lab


def main(arguments: Sequence[str]) -> int:
    """Soak; 0 where everything is consistent, 1 where not."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="for how long things are done [30]")
    parser.add_argument("--seed", type=int, default=None, help="of the choices [a random one]")
    parser.add_argument("--home", type=Path, default=None, help="an empty directory, which is kept [a temporary one]")
    chosen = parser.parse_args(arguments)
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**6)
    path = chosen.home if chosen.home is not None else Path(tempfile.mkdtemp(prefix="iml-lab-soak-"))
    sys.stdout.write(f"seed {seed}, {chosen.minutes:g} minutes, in {path}\n")
    lab = soak(path.absolute(), seed, 60 * chosen.minutes, max(120.0, 60 * chosen.minutes))
    many = ", ".join(f"{name} {count}" for name, count in lab.done.most_common())
    sys.stdout.write(f"done: {many}\n{sum(lab.kills.values())} workers killed, {len(lab.runs())} runs\n")
    for problem in lab.problems:
        sys.stdout.write(f"inconsistent: {problem}\n")
    sys.stdout.write(f"{len(lab.problems)} inconsistencies; seed {seed}, {path}\n")
    return 1 if lab.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
