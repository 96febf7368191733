"""The interface starts fast and stays light: it never imports the learning libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "torchvision", "sklearn", "xgboost", "scipy", "matplotlib", "pandas")

START_APP = """
import asyncio, sys
from iml_tui.ui.app import LabApp

async def main():
    app = LabApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()

asyncio.run(main())
"""

LIST = (
    "from iml_tui.cli import main\nimport sys\nsys.argv = ['iml-lab', 'list']\ntry: main()\nexcept SystemExit: pass\n"
)

SUPERVISE = "import sys\nfrom iml_tui.supervisor import main\nmain([sys.argv[1]])\n"


@pytest.mark.parametrize("code", [START_APP, LIST, SUPERVISE], ids=["app", "list", "supervisor"])
def test_no_learning_library_is_imported(code: str, tmp_path: Path) -> None:
    report = f"\nimport sys\nprint('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])\n"
    finished = subprocess.run(
        [sys.executable, "-c", code + report, str(tmp_path / "runs")],
        env={**os.environ, "IML_LAB_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "HEAVY []" in finished.stdout, finished.stdout + finished.stderr


def test_listing_does_not_wait_for_textual(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", LIST + "print('TEXTUAL', 'textual' in sys.modules)"],
        env={**os.environ, "IML_LAB_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "TEXTUAL False" in finished.stdout, finished.stdout + finished.stderr
