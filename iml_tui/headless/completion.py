"""What the shell offers after Tab."""

from __future__ import annotations


def complete_experiment(incomplete: str) -> list[tuple[str, str]]:
    """Experiments whose names begin so, with their titles."""
    from iml_tui.experiments.registry import EXPERIMENTS

    return [(each.slug, each.title) for each in EXPERIMENTS if each.slug.startswith(incomplete)]


def complete_run(incomplete: str) -> list[tuple[str, str]]:
    """Runs whose ids begin so, newest first, with their states."""
    from iml_tui.errors import LabError
    from iml_tui.runs.history import list_runs
    from iml_tui.runs.places import runs_root

    try:
        # A shell would obey the control characters of a name.
        runs = [
            (each.directory.id, str(each.state)) for each in list_runs(runs_root()) if each.directory.id.isprintable()
        ]
    except LabError:
        runs = []
    return [(name, state) for name, state in [("last", "the newest run"), *runs] if name.startswith(incomplete)]
