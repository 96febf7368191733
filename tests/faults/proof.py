"""Takes protections out of a copy of the package, one at a time, and runs the test of each, which has to fail.

python -m tests.faults.proof            all of them; about 35 minutes on two cores, for some wait for two minutes
python -m tests.faults.proof pauses     those whose test has this in its name
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.faults.protections import PROTECTIONS, Protection

ROOT: Final = Path(__file__).parents[2]


def main(words: list[str]) -> int:
    """Print a table; 1 where a test passed without the protection that it tests."""
    chosen = [each for each in PROTECTIONS if all(word in each.test for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "lab"
        for name in ("iml_tui", "tests", "styles"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copyfile(ROOT / name, copy / name)
        unseen = 0
        for each in chosen:
            began = time.monotonic()
            result, why = _without(each, copy)
            unseen += result != "fails"
            sys.stdout.write(
                f"{result:8} {time.monotonic() - began:4.0f} s  {each.test}  ({each.edits[0][0]}): {why[:150]}\n"
            )
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - unseen} of {len(chosen)} tests fail without the protection that they test\n")
    return int(unseen > 0)


def _without(protection: Protection, copy: Path) -> tuple[str, str]:
    """What the test does in the copy without the protection (`fails`, `passes`, …), and why."""
    originals = {name: (copy / "iml_tui" / name).read_text() for name, _, _ in protection.edits}
    try:
        for name, before, after in protection.edits:
            file = copy / "iml_tui" / name
            text = file.read_text()
            if before not in text:
                return "no text", before
            file.write_text(text.replace(before, after))
            compile(file.read_text(), str(file), "exec")
        return _run(protection.test, copy)
    finally:
        for name, text in originals.items():
            (copy / "iml_tui" / name).write_text(text)


def _run(test: str, copy: Path) -> tuple[str, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "--tb=short", "-p", "no:cacheprovider", f"tests/faults/{test}"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    # A test that cannot even be prepared proves nothing.
    if ran.returncode == 1 and "\nFAILED " in ran.stdout:
        return "fails", next((line[1:].strip() for line in ran.stdout.splitlines() if line.startswith("E  ")), "")
    return ("passes", "") if ran.returncode == 0 else ("error", ran.stdout[-300:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
