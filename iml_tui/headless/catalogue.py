"""`list`: the experiments there are. Imports little, so that it answers at once."""

from __future__ import annotations

from rich.padding import Padding
from rich.text import Text

from iml_tui.experiments.hyperparameters import fields, format_setting
from iml_tui.experiments.registry import EXPERIMENTS
from iml_tui.headless.streams import output_console, write_json


def list_experiments(*, as_json: bool) -> int:
    """Print the experiments, and the hyperparameters that `--set` accepts with their defaults."""
    if as_json:
        from iml_tui.headless.document import experiment_document

        write_json({"experiments": [experiment_document(experiment) for experiment in EXPERIMENTS]})
        return 0
    console = output_console()
    section = ""
    for experiment in EXPERIMENTS:
        if experiment.section != section:
            section = experiment.section
            console.print(Text(section, style="bold"))
        console.print()
        console.print(Text.assemble("  ", (experiment.slug, "bold cyan"), f"  {experiment.title} ({experiment.id})"))
        console.print(Padding(Text(experiment.question), (0, 0, 0, 4)))
        settings = (f"{spec.name}={format_setting(spec.default)}" for spec in fields(experiment.hyperparameters))
        line = Text(" · ".join(text.replace(", ", ",") for text in settings), style="dim")
        console.print(Padding(line, (0, 0, 0, 4)))
    return 0
