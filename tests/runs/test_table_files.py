from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest

from iml_tui.experiments.tables import Column, Spread, Table
from iml_tui.runs.table_files import to_csv, to_json, to_latex, to_markdown, write_tables

TABLE = Table(
    id="outcome",
    title="What 100 % of a|b & c_d did",
    columns=(
        Column("trial", "Trial"),
        Column("learning_rate", "Learning rate", None),
        Column("loss", "Loss", unit="nats"),
        Column("steps", "Steps"),
    ),
    rows=(
        ("a|b & c_d", 1e-05, 0.1 + 0.2, 106897),
        ('50 % "x", y', 1.0, math.nan, None),
    ),
    note="Lower is better; α < 2.",
)


def test_csv_is_exact() -> None:
    assert to_csv(TABLE) == (
        'trial,learning_rate,loss,steps\na|b & c_d,1e-05,0.30000000000000004,106897\n"50 % ""x"", y",1.0,nan,\n'
    )


def test_json_is_exact() -> None:
    assert json.loads(to_json(TABLE), parse_constant=pytest.fail) == {
        "id": "outcome",
        "title": TABLE.title,
        "columns": [
            {"key": "trial", "title": "Trial", "unit": ""},
            {"key": "learning_rate", "title": "Learning rate", "unit": ""},
            {"key": "loss", "title": "Loss", "unit": "nats"},
            {"key": "steps", "title": "Steps", "unit": ""},
        ],
        "rows": [
            {"trial": "a|b & c_d", "learning_rate": 1e-05, "loss": 0.1 + 0.2, "steps": 106897},
            {"trial": '50 % "x", y', "learning_rate": 1.0, "loss": None, "steps": None},
        ],
        "note": TABLE.note,
    }


def test_markdown_is_exact() -> None:
    assert to_markdown(TABLE) == (
        "### What 100 % of a\\|b &amp; c\\_d did\n"
        "\n"
        "| Trial | Learning rate | Loss (nats) | Steps |\n"
        "|---|---:|---:|---:|\n"
        "| a\\|b &amp; c\\_d | 1e-05 | 0.3000 | 106,897 |\n"
        '| 50 % "x", y | 1 | not finite | – |\n'
        "\n"
        "Lower is better; α &lt; 2.\n"
    )


def test_latex_is_exact() -> None:
    assert to_latex(TABLE) == (
        "% needs \\usepackage{booktabs}\n"
        "\\begin{table}[htbp]\n"
        "\\centering\n"
        "\\caption{What 100 \\% of a|b \\& c\\_d did}\n"
        "\\begin{tabular}{lrrr}\n"
        "\\toprule\n"
        "Trial & Learning rate & Loss (nats) & Steps \\\\\n"
        "\\midrule\n"
        "a|b \\& c\\_d & 1e-05 & 0.3000 & 106,897 \\\\\n"
        '50 \\% "x", y & 1 & not finite & -- \\\\\n'
        "\\bottomrule\n"
        "\\end{tabular}\n"
        "\\par\\smallskip\\footnotesize Lower is better; α \\textless{} 2.\n"
        "\\end{table}\n"
    )


def one_cell(value: str | float | None) -> Table:
    return Table("t", "T", (Column("a", "A"),), ((value,),))


@pytest.mark.parametrize(
    ("text", "latex", "markdown"),
    [
        ("a\\b", r"a\textbackslash{}b", r"a\\b"),
        ("{x}^2~$#", r"\{x\}\textasciicircum{}2\textasciitilde{}\$\#", "{x}^2~$#"),
        ("3 × 16 ± 2", r"3 $\times$ 16 $\pm$ 2", "3 × 16 ± 2"),
        ("≤ ≥ ≈ → −", r"$\leq$ $\geq$ $\approx$ $\to$ $-$", "≤ ≥ ≈ → −"),
        ("[0, 1]", "{[}0, 1]", r"\[0, 1]"),
        ("*a*", "{*}a{*}", r"\*a\*"),
        ("two\nlines", "two lines", "two lines"),
        ("<b>&amp;", r"\textless{}b\textgreater{}\&amp;", "&lt;b>&amp;amp;"),
    ],
)
def test_special_characters_stand_for_themselves(text: str, latex: str, markdown: str) -> None:
    assert f"\n{latex} \\\\\n" in to_latex(one_cell(text))
    assert f"\n| {markdown} |\n" in to_markdown(one_cell(text))
    assert list(csv.reader(io.StringIO(to_csv(one_cell(text)))))[1] == [text]
    assert json.loads(to_json(one_cell(text)))["rows"] == [{"a": text}]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_the_same_word_everywhere(value: float) -> None:
    assert to_csv(one_cell(value)) == "a\nnan\n"
    assert json.loads(to_json(one_cell(value)))["rows"] == [{"a": None}]
    assert "| not finite |" in to_markdown(one_cell(value))


def test_numpy_figures_are_written_as_figures() -> None:
    assert to_csv(one_cell(np.float64(0.1))) == "a\n0.1\n"


def test_a_table_without_rows_has_its_headings() -> None:
    table = Table("t", "T", TABLE.columns, ())
    assert to_csv(table) == "trial,learning_rate,loss,steps\n"
    assert json.loads(to_json(table))["rows"] == []
    assert to_markdown(table).endswith("|---|---|---|---|\n")
    assert r"\midrule" in to_latex(table)


def test_files_are_named_after_their_tables(tmp_path: Path) -> None:
    speed = Table("speed", "Speed", (Column("a", "A"),), ((1.0,),), timing=True)
    written = write_tables(tmp_path / "tables", [TABLE, speed])
    names = [f"{stem}.{end}" for stem in ("outcome", "timing-speed") for end in ("csv", "md", "tex", "json")]
    assert [path.name for path in written] == names
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == sorted(names)
    assert (tmp_path / "tables" / "outcome.csv").read_text() == to_csv(TABLE)
    assert write_tables(tmp_path / "tables", [TABLE, speed]) == written


SPREADS = Table(
    "t",
    "T",
    (Column("name", "Name"), Column("loss", "Loss", unit="nats")),
    (("a", Spread(0.25, 0.125, 5)), ("b", 0.5), ("c", None), ("d", Spread(math.nan, math.nan, 2))),
)


def test_programs_get_deviation_and_count_of_a_mean_by_themselves() -> None:
    assert to_csv(SPREADS) == "name,loss,loss_sd,loss_n\na,0.25,0.125,5\nb,0.5,,\nc,,,\nd,nan,nan,2\n"
    document = json.loads(to_json(SPREADS), parse_constant=pytest.fail)
    assert document["rows"] == [
        {"name": "a", "loss": 0.25, "loss_sd": 0.125, "loss_n": 5},
        {"name": "b", "loss": 0.5, "loss_sd": None, "loss_n": None},
        {"name": "c", "loss": None, "loss_sd": None, "loss_n": None},
        {"name": "d", "loss": None, "loss_sd": None, "loss_n": 2},
    ]
    assert [column["key"] for column in document["columns"]] == ["name", "loss", "loss_sd", "loss_n"]


def test_people_get_both_in_one_figure() -> None:
    assert "| a | 0.2500 ± 0.1250 |\n" in to_markdown(SPREADS)
    assert "|---|---:|" in to_markdown(SPREADS)
    assert "a & 0.2500 $\\pm$ 0.1250 \\\\\n" in to_latex(SPREADS)
    assert r"\begin{tabular}{lr}" in to_latex(SPREADS)


def test_a_difference_below_zero_has_a_minus() -> None:
    table = Table("t", "T", (Column("difference", "Difference", signed=True),), ((-0.5,), (0.25,)))
    assert "| −0.5000 |" in to_markdown(table)
    assert "$-$0.5000" in to_latex(table)
    assert to_csv(table) == "difference\n-0.5\n0.25\n"
