"""`compare`: models of finished runs beside one another, as tables, a figure and a JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from iml_tui.errors import LabError, UsageError
from iml_tui.experiments.results import METRICS, Results
from iml_tui.experiments.seeds import seeds_of
from iml_tui.experiments.tables import Table
from iml_tui.headless.document import epoch_document, timing_document
from iml_tui.headless.references import named_model, parse_reference
from iml_tui.headless.report import print_table
from iml_tui.headless.streams import output_console, say, write_json
from iml_tui.runs.comparison import CHARTED, Compared, chart_of, charted, default_choice, notices, together
from iml_tui.runs.comparison_tables import comparison_tables
from iml_tui.runs.events import without_non_finite
from iml_tui.runs.figures import write_figures
from iml_tui.runs.reading import RunReader
from iml_tui.runs.table_files import to_json, write_tables
from iml_tui.text import quoted


def compare(references: Sequence[str], *, metric: str, to: str | None, as_json: bool) -> int:
    """Print what differs between models and their results, and write tables and chart into a folder if asked.

    Args:
        references: RUN for all models of a run, RUN:N for one of them, RUN:N:SEED for one of its seeds.
        metric: what is charted, and by which the best is found where it is measured after every epoch.
        to: the folder; None writes nothing.
        as_json: print one JSON document instead.

    Raises:
        UsageError: a reference or the metric names nothing, or there are fewer than two models.
        LabError: a run cannot be read, or the folder cannot be written.
    """
    items, told = choose(references)
    results = together(items)
    if metric not in charted(results):
        raise UsageError(_bad_metric(metric, results))
    by = metric if metric in METRICS else "validation_accuracy"
    tables = comparison_tables(items, results, by)
    said = [*filter(None, [told]), *notices(items)]
    files = _write(Path(to), tables, metric, results) if to is not None else ([], [])
    if as_json:
        write_json(_document(items, results, metric, tables, said, files))
        return 0
    console = output_console()
    for table in tables:
        print_table(console, table)
    for sentence in said:
        say(sentence)
    if to is not None:
        say(f"{len(files[0])} files of tables and the chart {files[1][0].name} are in {to}.")
    return 0


def choose(references: Sequence[str]) -> tuple[list[Compared], str]:
    """What the references name, each once, and a sentence where of whole runs only the best models were taken.

    Raises:
        UsageError: one names nothing, or there are fewer than two models in all.
        LabError: a run cannot be read.
    """
    readers: dict[str, RunReader] = {}
    named: list[Compared | RunReader] = []
    for reference in references:
        parsed = parse_reference(reference)
        directory = parsed.find_run()
        reader = readers.get(directory.id) or readers.setdefault(directory.id, RunReader(directory))
        named.append(reader if parsed.number is None else named_model(reader, parsed))
    # A run that is named twice counts once.
    whole, told = default_choice([reader for reader in readers.values() if reader in named])
    found: dict[str, Compared] = {}
    for item in named:
        taken = [item] if isinstance(item, Compared) else [each for each in whole if each.reader is item]
        found.update({each.reference: each for each in taken})
    if len(found) < 2:
        raise UsageError(
            "there is nothing to compare: name two runs or more, or several models of them, such as "
            "iml-lab compare RUN:1 RUN:2 (iml-lab runs lists the runs)"
        )
    return list(found.values()), told


def _bad_metric(metric: str, results: Results) -> str:
    there = ", ".join(charted(results))
    if metric in CHARTED:
        return f"--metric {metric} was not recorded in these runs; there are {there}"
    return f"--metric {quoted(metric)} is not a metric; there are {there}"


def _write(
    folder: Path, tables: Sequence[Table], metric: str, results: Results
) -> tuple[Sequence[Path], Sequence[Path]]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return write_tables(folder, tables), write_figures(folder, [chart_of(metric)], results)
    except OSError as error:
        raise LabError(f"--to {quoted(str(folder))} cannot be written: {error.strerror or error}") from error


def _document(
    items: Sequence[Compared],
    results: Results,
    metric: str,
    tables: Iterable[Table],
    said: Sequence[str],
    files: tuple[Iterable[Path], Iterable[Path]],
) -> dict[str, Any]:
    """The JSON document: every model with all its figures (means over its seeds), and the tables row by row."""
    document: dict[str, Any] = without_non_finite(
        {
            "metric": metric,
            "notices": said,
            "models": [_model(item, name.name) for item, name in zip(items, results.models, strict=True)],
            **{table.id: json.loads(to_json(table))["rows"] for table in tables if table.id != "models"},
            "tables": [str(path) for path in files[0]],
            "figures": [str(path) for path in files[1]],
        }
    )
    return document


def _model(item: Compared, label: str) -> dict[str, Any]:
    record, result = item.reader.record, item.result
    return {
        "label": label,
        "reference": item.reference,
        "run": item.run,
        "number": item.number,
        "experiment": record.experiment,
        "run_state": item.reader.state,
        "state": result.state,
        "hyperparameters": result.trial.hyperparameters,
        "seeds": [trial.trial.seed for trial in seeds_of(result)],
        "parameters": result.parameters,
        "data": {"name": record.data.name, "sha256": record.data.sha256},
        "device": record.device.model_dump(),
        "host": record.host,
        "versions": record.versions,
        "epochs": [epoch_document(epoch) for epoch in result.epochs],
        "timing": timing_document(result),
    }
