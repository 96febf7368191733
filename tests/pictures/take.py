"""Take a picture of the README from the running lab: `python -m tests.pictures.take NAME RUN [KEY …]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from textual import constants

from iml_tui.runs.history import find_run
from iml_tui.runs.places import runs_root
from iml_tui.ui.app import LabApp

PICTURES = Path(__file__).parent


async def take(name: str, run: str, keys: list[str]) -> None:
    """Open the lab on a run, press some keys, and save what is on the screen as `<name>.svg`."""
    constants.COLOR_SYSTEM = "truecolor"  # Whatever terminal the picture is taken from.
    app = LabApp(attach=find_run(runs_root(), run))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(1.0)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.5)
        app.save_screenshot(f"{name}.svg", path=str(PICTURES))


if __name__ == "__main__":
    asyncio.run(take(sys.argv[1], sys.argv[2], sys.argv[3:]))
