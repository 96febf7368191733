"""The table of faults in README.md has a row for every fault that is tested, and no other."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_every_row_of_the_table_is_tested_and_every_test_has_its_row() -> None:
    readme = (HERE.parents[1] / "README.md").read_text()
    section = readme.split("\n## What can go wrong\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")][2:]
    tested = {
        row
        for file in HERE.glob("test_*.py")
        for row in re.findall(r'@pytest\.mark\.fault\("([^"]+)"\)', file.read_text())
    }
    assert len(set(rows)) == len(rows)
    assert {row.replace("`", "") for row in rows} == tested
