from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest

from iml_tui.experiments.tables import Column, Table
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
