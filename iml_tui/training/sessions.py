"""Training all trials of a run on the data of their kind."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from iml_tui.data.loading import load, refuse_changed
from iml_tui.experiments.registry import find
from iml_tui.experiments.trials import ClassifierTrial, FaceTrial, MLPTrial, SourceTrial
from iml_tui.runs.places import cache_root
from iml_tui.runs.record import RunRecord
from iml_tui.training.preparation import StoppedError
from iml_tui.training.run_context import RunContext


def train_run(context: RunContext, record: RunRecord) -> Literal["done", "stopped"]:
    """Train every trial to its end, or until asked to stop.

    Raises:
        LabError: with a sentence on what is in the way.
        OSError: the run's directory cannot be written.
    """
    try:
        return _train(context, record)
    except StoppedError:
        return "stopped"


def _train(context: RunContext, record: RunRecord) -> Literal["done", "stopped"]:
    """Each kind of data has libraries of its own, which take long to import."""
    kind = find(record.experiment).data
    folder = Path(record.data.directory) if record.data.directory is not None else None
    if kind == "faces":
        from iml_tui.training.faces.session import train_faces

        faces = [trial for trial in record.trials if isinstance(trial, FaceTrial)]
        return train_faces(context, faces, folder, record.data.sha256)
    if kind == "scenes":
        from iml_tui.training.source.session import train_source

        return train_source(context, [trial for trial in record.trials if isinstance(trial, SourceTrial)])
    from iml_tui.training.session import Session

    data = load(folder, cache_root())
    refuse_changed(folder, record.data.sha256, data.sha256)
    return Session(context, [t for t in record.trials if isinstance(t, MLPTrial | ClassifierTrial)], data).train()
