"""`doctor`: everything that a run or the screen depends on, each with the way out where it is not right."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.table import Table
from rich.text import Text

from iml_tui.headless.doctor_checks import Check, Level
from iml_tui.headless.doctor_device import check_devices
from iml_tui.headless.doctor_machine import check_machine, check_software
from iml_tui.headless.doctor_places import check_data, check_places
from iml_tui.headless.doctor_terminal import check_terminal
from iml_tui.headless.settings import parse_data_folder, parse_device
from iml_tui.headless.streams import output_console, say
from iml_tui.text import printable

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}


def doctor(*, data: str | None, device: str) -> int:
    """Check and print everything; returns 1 where something keeps runs from working.

    Raises:
        UsageError: `data` or `device` is not as it must be.
    """
    folder, device = parse_data_folder(data, None), parse_device(device)
    parts: list[tuple[str, Callable[[], Iterator[Check]]]] = [
        ("Software", check_software),
        ("Machine", check_machine),
        ("Device", lambda: check_devices(device)),
        ("Data", lambda: check_data(folder)),
        ("Where files go", check_places),
        ("Terminal", check_terminal),
    ]
    worst = Level.OK
    for title, checks in parts:
        worst = max(worst, _print_part(title, checks()))
    verdicts = {
        Level.OK: "All is well.",
        Level.WARNING: "Runs work; see the warnings.",
        Level.PROBLEM: "Runs do not work.",
    }
    say(verdicts[worst])
    return 1 if worst is Level.PROBLEM else 0


def _print_part(title: str, checks: Iterator[Check]) -> Level:
    """Print one group of checks as soon as they are made; returns the worst level."""
    console = output_console()
    console.print(Text(title, style="bold"))
    worst = Level.OK
    for check in checks:
        worst = max(worst, check.level)
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(no_wrap=True, min_width=7)
        grid.add_column(no_wrap=True, min_width=14, style="dim")
        grid.add_column(overflow="fold")
        text = Text(printable(check.text))
        if check.way_out:
            text.append(f" → {printable(check.way_out)}", style=_STYLES[check.level])
        grid.add_row(Text(check.level.word, style=_STYLES[check.level]), Text(check.name), text)
        console.print(grid)
    return worst
