"""Tables of results fit any terminal, and no figure is ever cut."""

import io

import pytest
from rich.console import Console

from iml_tui.experiments.tables import Column, Spread, Table
from iml_tui.runs.table_layout import fit

COLUMNS = (
    Column("rate", "Learning rate", None),
    Column("loss", "Final validation loss", 4, "nats"),
    Column("best", "Best validation accuracy", 4),
    Column("epoch", "at epoch"),
    Column("verdict", "What happened"),
)
ROWS = (
    (0.01, 0.31234, 0.9123, 48, "still falling when the training ended"),
    (1.0, float("nan"), None, 1, "diverged"),
    (0.00001, 2.71828, 0.1874, 50, "too slow"),
)
FIGURES = ("0.3123", "0.9123", "48", "2.7183", "0.1874", "1e-05")


def drawn(table: Table, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    with console.capture() as capture:
        console.print(fit(table, width))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [200, 120, 80, 60, 48, 40])
def test_every_width_shows_every_figure(width: int) -> None:
    lines = drawn(Table("rates", "Rates", COLUMNS, ROWS), width)
    assert all(len(line) <= width for line in lines)
    words = " ".join(" ".join(lines).split())
    for figure in FIGURES:
        assert figure in words
    assert "diverged" in words


def test_a_wide_terminal_has_one_line_a_trial() -> None:
    lines = drawn(Table("rates", "Rates", COLUMNS, ROWS), 200)
    assert len(lines) == 2 + len(ROWS)
    assert "Final validation loss (nats)" in lines[0]


def test_a_narrow_terminal_turns_the_table() -> None:
    lines = drawn(Table("rates", "Rates", COLUMNS, ROWS), 46)
    head = " ".join(lines[:2])
    assert head.split()[0] == "Learning"
    assert "0.01" in head
    assert "1e-05" in head


def test_tables_without_rows_or_columns_are_no_error() -> None:
    assert drawn(Table("rates", "Rates", COLUMNS, ()), 80)
    drawn(Table("rates", "Rates", (), ()), 80)


def test_escape_sequences_are_neutralised() -> None:
    lines = drawn(Table("rates", "Rates", (Column("a", "\x1b[31m"),), (("\x1b]0;x\x07[red]",),)), 80)
    assert "\x1b" not in "".join(lines)
    assert "[red]" in "".join(lines)


SPREADS = (
    (0.01, Spread(0.31234, 0.0021, 5), Spread(0.9123, 0.0101, 5), Spread(41.2, 3.1, 5), "still falling at the end"),
    (1.0, float("nan"), None, 1, "diverged"),
)


@pytest.mark.parametrize("width", [200, 120, 80, 60, 48, 40, 34, 30])
def test_no_figure_breaks_before_its_deviation(width: int) -> None:
    """Across, turned and as a list."""
    columns = (*COLUMNS[:3], Column("epoch", "at epoch", decimals=1), COLUMNS[4])
    lines = drawn(Table("rates", "Rates", columns, SPREADS), width)
    assert all(len(line) <= width for line in lines)
    for figure in ("0.3123 ± 0.0021", "0.9123 ± 0.0101", "41.2 ± 3.1"):
        assert sum(figure in line for line in lines) == 1


def test_figures_with_deviations_stand_to_the_right() -> None:
    table = Table("t", "T", (Column("name", "Name"), Column("a", "A")), (("x", Spread(1.0, 0.1, 3)), ("y", 2.0)))
    lines = drawn(table, 60)
    assert lines[2].index("0.1000") + len("0.1000") == lines[3].index("2.0000") + len("2.0000")
