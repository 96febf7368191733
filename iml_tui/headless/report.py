"""Printing a run for people: where it stands, its tables, its findings, and where the files lie."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from iml_tui.errors import LabError
from iml_tui.experiments.base import Experiment, Finding
from iml_tui.experiments.change_tables import tables_of
from iml_tui.experiments.hyperparameters import fields, format_setting
from iml_tui.experiments.registry import find
from iml_tui.experiments.tables import Table
from iml_tui.headless.ages import when
from iml_tui.headless.outcome import describe_state, message_of, way_on
from iml_tui.headless.story import story
from iml_tui.runs.preparing import preparation_of, preparation_text
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import RunRecord
from iml_tui.runs.table_layout import fit
from iml_tui.text import printable


def experiment_of(record: RunRecord) -> Experiment | None:
    """The experiment of a run; None where this version of the lab does not know it."""
    try:
        return find(record.experiment)
    except LabError:
        return None


def findings_of(reader: RunReader) -> list[Finding]:
    """What happened so far."""
    experiment = experiment_of(reader.record)
    return experiment.findings(reader.results) if experiment else []


def print_header(console: Console, reader: RunReader) -> None:
    """What was asked and what became of it."""
    record = reader.record
    console.print(Text(printable(record.title), style="bold"), Text(printable(reader.directory.id), style="dim"))
    preparing = preparation_of(reader)
    rows = [
        ("State", describe_state(reader)),
        ("Preparing", preparation_text(preparing, None) if preparing is not None else ""),
        ("Why", message_of(reader)),
        ("Result", record.summary),
        ("Way on", way_on(reader)),
        ("Asked for", when(record.created)),
        *story(reader),
        ("Settings", settings_text(record)),
        ("Data", data_text(record)),
        ("Weights", weights_text(record)),
        ("Device", device_text(record)),
        ("Versions", ", ".join(f"{name} {version}" for name, version in record.versions.items())),
        ("Warning", " ".join(reader.warnings)),
        *(("Note", note) for note in reader.notes),
        ("Damage", _lost(reader.damaged_events)),
    ]
    grid = RichTable.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in rows:
        if text:
            grid.add_row(name, Text(printable(text)))
    console.print(grid)


def _lost(lines: int) -> str:
    if not lines:
        return ""
    return "1 line of the event log is lost" if lines == 1 else f"{lines} lines of the event log are lost"


def print_results(console: Console, reader: RunReader) -> None:
    """Tables, findings and the files, as far as the run has got."""
    experiment = experiment_of(reader.record)
    if experiment is None:
        console.print(Text(f"This iml-lab knows no experiment {printable(reader.record.experiment)!r}.", style="dim"))
    elif any(trial.epochs for trial in reader.results.trials):
        for table in tables_of(experiment, reader.results):
            print_table(console, table)
        print_findings(console, experiment.findings(reader.results))
    else:
        console.print(Text("No epoch is finished yet, so there are no results.", style="dim"))
    print_files(console, reader)


def print_table(console: Console, table: Table) -> None:
    """The table in the form that fits the terminal."""
    console.print()
    console.print(Text(printable(table.title), style="bold"))
    console.print(fit(table, console.width))
    if table.note:
        console.print(Text(printable(table.note), style="dim"))


def print_findings(console: Console, findings: list[Finding]) -> None:
    """What happened, a sentence each."""
    if not findings:
        return
    console.print()
    console.print(Text("Findings", style="bold"))
    grid = RichTable.grid(padding=(0, 1, 0, 0))
    for finding in findings:
        text = Text(printable(finding.title), style="bold")
        text.append(f": {printable(finding.text)}", style="not bold")
        grid.add_row("•", text)
    console.print(grid)


def print_files(console: Console, reader: RunReader) -> None:
    """The run directory and the files of results in it."""
    tables, figures = reader.directory.result_files()
    console.print()
    console.print(Text("Files", style="bold"), Text(printable(str(reader.directory.path))), soft_wrap=True)
    grid = RichTable.grid(padding=(0, 2, 0, 0))
    for name, paths in (("tables/", tables), ("figures/", figures)):
        if paths:
            grid.add_row(f"  {name}", Text(printable(", ".join(_grouped(paths)))))
    console.print(grid)


def _grouped(paths: list[Path]) -> list[str]:
    """File names with the extensions of one stem together: results.csv·json·md·tex."""
    extensions: dict[str, list[str]] = {}
    for path in paths:
        extensions.setdefault(path.stem, []).append(path.suffix.removeprefix("."))
    return [
        f"{stem}.{{{','.join(found)}}}" if len(found) > 1 else f"{stem}.{found[0]}"
        for stem, found in extensions.items()
    ]


def settings_text(record: RunRecord) -> str:
    """All hyperparameters, with the default of those that differ from it."""
    experiment = experiment_of(record)
    specs = fields(experiment.hyperparameters) if experiment else []
    defaults = {spec.name: format_setting(spec.default) for spec in specs}
    # In the order of the form; what this version does not know comes last.
    names = [*(name for name in defaults if name in record.hyperparameters), *record.hyperparameters]
    parts = []
    for name in dict.fromkeys(names):
        text = format_setting(record.hyperparameters[name])
        changed = name in defaults and defaults[name] != text
        parts.append(
            f"{name}={text.replace(', ', ',')}" + (f" (default {defaults[name].replace(', ', ',')})" if changed else "")
        )
    return " · ".join(parts)


def data_text(record: RunRecord) -> str:
    """Name, sizes and identity of the data."""
    data = record.data
    rows = ", ".join(f"{count:,} {split}" for split, count in data.rows.items())
    where = f" in {data.directory}" if data.directory is not None else ", embedded"
    return f"{data.name}{where}: {rows} rows, {data.classes} classes, SHA-256 {data.sha256[:12]}…"


def weights_text(record: RunRecord) -> str:
    """Name and identity of the pretrained weights, and what results from them do not show; "" where there are none."""
    if record.weights is None:
        return ""
    weights = record.weights
    return f"{weights.name} (SHA-256 {weights.sha256[:12]}…). {weights.caveat}".rstrip()


def device_text(record: RunRecord) -> str:
    """The device that trained and why; what was asked for where none was chosen yet."""
    device = record.device
    host = f" on {record.host}" if record.host else ""
    return f"{device.name}{host} ({device.reason})" if device.name else f"{device.requested}{host}, not chosen yet"
