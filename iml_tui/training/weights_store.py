"""The offline source task's weights on disk: a file for each setting of the task, with its checksum beside it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import torch
from torch import Tensor

from iml_tui.data.scenes.labels import VERSION as SCENES_VERSION
from iml_tui.errors import LabError
from iml_tui.experiments.trials import SourceTrial
from iml_tui.runs.atomic import write_atomically
from iml_tui.text import printable

# To be raised when the same settings and scenes train another network.
VERSION: Final = 1
ORIGIN: Final = "iml-lab, offline source task"
"""What a file of these weights says of itself, so that they are known wherever the file is carried."""


@dataclass(frozen=True)
class SourceSettings:
    """What decides about the weights, and so about the file that they are kept in."""

    pictures: int
    epochs: int
    batch_size: int
    learning_rate: float
    image_size: int
    seed: int

    @classmethod
    def of(cls, trial: SourceTrial, settings: Mapping[str, Any]) -> Self:
        """Those of a trial, in a run with these hyperparameters."""
        return cls(
            pictures=int(settings["pictures"]),
            epochs=trial.epochs,
            batch_size=trial.batch_size,
            learning_rate=trial.learning_rate,
            image_size=int(settings["image_size"]),
            seed=trial.seed,
        )

    @property
    def file_name(self) -> str:
        """The name of the file, without its directory."""
        described = json.dumps([VERSION, SCENES_VERSION, asdict(self)], sort_keys=True)
        return f"resnet18-scenes-{hashlib.sha256(described.encode()).hexdigest()[:12]}.pth"


@dataclass(frozen=True, eq=False)
class StoredWeights:
    """The backbone's state, the SHA-256 of the file, and the id of the run that made it."""

    state: dict[str, Tensor]
    sha256: str
    run: str
    settings: SourceSettings


def save_offline(root: Path, settings: SourceSettings, state: Mapping[str, Tensor], run: str) -> Path:
    """Keep the state of a backbone, all or nothing, and return the file.

    Raises:
        OSError: it cannot be written.
    """
    root.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    torch.save({"state_dict": tensors, "origin": ORIGIN, "settings": asdict(settings)}, buffer)
    content = buffer.getvalue()
    file = root / settings.file_name
    beside = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "version": VERSION,
        "scenes_version": SCENES_VERSION,
        "settings": asdict(settings),
        "run": run,
    }
    # The checksum first: weights without one would count as damaged, one without weights as nothing.
    write_atomically(_beside(file), json.dumps(beside, indent=2) + "\n")
    write_atomically(file, content)
    return file


def read_offline(root: Path, settings: SourceSettings) -> StoredWeights | None:
    """The weights of these settings; None where there are none.

    Raises:
        LabError: there are, but they are damaged.
    """
    file = root / settings.file_name
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LabError(f"the offline weights {printable(str(file))} cannot be read: {error.strerror}") from error
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        beside = json.loads(_beside(file).read_bytes())
        if beside["sha256"] != sha256:
            raise ValueError
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return StoredWeights(dict(loaded["state_dict"]), sha256, str(beside["run"]), settings)
    except Exception as error:  # Whatever is wrong with either file, the weights cannot be trusted.
        raise LabError(f"the offline weights {printable(str(file))} are damaged") from error


def _beside(file: Path) -> Path:
    return file.with_suffix(".json")
