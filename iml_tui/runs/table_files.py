"""Writing tables as CSV, Markdown, LaTeX and JSON. CSV and JSON hold full precision, the others what one reads.

A mean over seeds is "0.9312 ± 0.0021" for people; for programs its standard deviation and the number of seeds stand in
columns of their own.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from iml_tui.experiments.tables import Table, Value, format_value, with_deviations
from iml_tui.runs.atomic import write_atomically


def to_csv(table: Table) -> str:
    """Comma-separated values; what was not measured is empty, what was not finite is `nan`."""
    table = with_deviations(table)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(column.key for column in table.columns)
    for row in table.rows:
        writer.writerow("" if value is None else _exact(value) for value in row)
    return buffer.getvalue()


def to_json(table: Table) -> str:
    """One object a row; what was not measured or not finite is null."""
    table = with_deviations(table)
    keys = [column.key for column in table.columns]
    document = {
        "id": table.id,
        "title": table.title,
        "columns": [{"key": c.key, "title": c.title, "unit": c.unit} for c in table.columns],
        "rows": [dict(zip(keys, map(_finite, row), strict=True)) for row in table.rows],
        "note": table.note,
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_markdown(table: Table) -> str:
    """A GitHub-flavoured table under a heading, the note below it."""
    numeric = _numeric_columns(table)
    lines = [f"### {_markdown(table.title)}", ""]
    lines.append(_markdown_row([column.heading for column in table.columns]))
    lines.append("|" + "|".join("---:" if number else "---" for number in numeric) + "|")
    lines += [_markdown_row(row) for row in formatted_rows(table)]
    if table.note:
        lines += ["", _markdown(table.note)]
    return "\n".join(lines) + "\n"


def to_latex(table: Table) -> str:
    """A `table` environment for the booktabs package."""
    alignment = "".join("r" if number else "l" for number in _numeric_columns(table))
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}[htbp]",
        r"\centering",
        rf"\caption{{{_latex(table.title)}}}",
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        " & ".join(_latex(column.heading) for column in table.columns) + r" \\",
        r"\midrule",
        *(" & ".join(map(_latex, row)) + r" \\" for row in formatted_rows(table)),
        r"\bottomrule",
        r"\end{tabular}",
        *([rf"\par\smallskip\footnotesize {_latex(table.note)}"] if table.note else []),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[Table], str]] = {
    "csv": to_csv,
    "md": to_markdown,
    "tex": to_latex,
    "json": to_json,
}


def write_tables(directory: Path, tables: Sequence[Table]) -> list[Path]:
    """Write every table in every format into `directory`; returns the paths.

    Tables of wall-clock figures get names that begin with `timing`, so that the others can be compared between runs.
    """
    directory.mkdir(0o700, exist_ok=True)
    written = []
    for table in tables:
        stem = f"timing-{table.id}" if table.timing and not table.id.startswith("timing") else table.id
        for extension, write in FORMATS.items():
            path = directory / f"{stem}.{extension}"
            write_atomically(path, write(table))
            written.append(path)
    return written


def formatted_rows(table: Table) -> list[list[str]]:
    """The cells as a person reads them."""
    return [
        [format_value(value, column) for value, column in zip(row, table.columns, strict=True)] for row in table.rows
    ]


def _exact(value: Value) -> str:
    if not isinstance(value, float):
        return str(value)
    return repr(float(value)) if math.isfinite(value) else "nan"  # float: NumPy's write their type as well.


def _finite(value: Value) -> Value:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _numeric_columns(table: Table) -> list[bool]:
    """For each column, whether it holds numbers only, which are then aligned to the right."""
    cells = list(zip(*table.rows, strict=True)) or [()] * len(table.columns)
    return [bool(column) and all(not isinstance(value, str) for value in column) for column in cells]


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_markdown, cells)) + " |"


_MARKDOWN = str.maketrans(
    {"\\": r"\\", "|": r"\|", "*": r"\*", "_": r"\_", "`": r"\`", "[": r"\[", "<": "&lt;", "&": "&amp;", "\n": " "}
)


def _markdown(text: str) -> str:
    return text.translate(_MARKDOWN)


_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        # A row that begins with one of these would be taken for an argument of the \\ before it.
        "[": "{[}",
        "*": "{*}",
        "\n": " ",
        "–": "--",
        "−": "$-$",
        "≤": r"$\leq$",
        "≥": r"$\geq$",
        "≈": r"$\approx$",
        "→": r"$\to$",
        "×": r"$\times$",
        "√": r"$\surd$",
        "Σ": r"$\Sigma$",
        "²": r"$^2$",
        "±": r"$\pm$",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)


def _latex(text: str) -> str:
    return text.translate(_LATEX)
