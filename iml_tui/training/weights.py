"""The pretrained weights that a run starts from, wherever they are to be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from iml_tui.data.pictures import PictureTransform
from iml_tui.errors import LabError
from iml_tui.experiments.offline_weights import OFFLINE_CAVEAT
from iml_tui.experiments.results import WeightsSummary
from iml_tui.text import printable
from iml_tui.training.run_context import RunContext
from iml_tui.training.weights_files import WeightsFile, read_weights_file
from iml_tui.training.weights_imagenet import (
    IMAGENET,
    UnavailableError,
    imagenet_name,
    imagenet_transform,
    is_imagenet,
    load_imagenet,
)
from iml_tui.training.weights_offline import find_offline
from iml_tui.training.weights_store import ORIGIN

FILE_CAVEAT: Final = "These weights come from a file, and the lab does not know what they were pretrained on."


@dataclass(frozen=True, eq=False)
class Weights:
    """Pretrained weights of a ResNet18.

    Attributes:
        summary: what they are, for the record and the tables.
        state: the backbone's, as `networks.resnet.make_backbone` has it: float32, on the CPU, without the last layer.
        transform: how the pictures that they were trained on were brought to one size.
    """

    summary: WeightsSummary
    state: Mapping[str, Tensor]
    transform: PictureTransform


def find_weights(context: RunContext) -> Weights:
    """The weights that the run's hyperparameter `weights` asks for.

    `imagenet` is torchvision's, from its cache or the internet; `offline` the lab's own source task's, made now where
    they were not made before; `auto` the first of both that can be had; anything else the path of a file.

    Raises:
        LabError: they cannot be had; in one sentence with the ways out.
        StoppedError: the run was asked to stop.
    """
    asked = str(context.settings["weights"])
    if asked not in ("auto", "imagenet", "offline"):
        return _from_file(read_weights_file(Path(asked)))
    if asked == "offline":
        return _offline(context)
    try:
        return _from_file(load_imagenet(context.preparation))
    except UnavailableError as error:
        if asked == "imagenet":
            raise LabError(
                f"ImageNet's weights cannot be had: {error}; carry {IMAGENET.url} to this machine and give it with "
                "--weights FILE, or take the lab's own with --weights offline"
            ) from error
        context.preparation.warn(
            f"ImageNet's weights cannot be had ({error}), so this run starts from the lab's offline weights; with "
            "--weights FILE it starts from a file that was carried here."
        )
    return _offline(context)


def _offline(context: RunContext) -> Weights:
    stored = find_offline(context)
    name = offline_name(stored.settings.pictures, stored.settings.epochs)
    summary = WeightsSummary("offline", name, stored.sha256, OFFLINE_CAVEAT)
    return Weights(summary, stored.state, imagenet_transform().scaled(stored.settings.image_size))


def _from_file(file: WeightsFile) -> Weights:
    """A file under the name that its content deserves, wherever it was."""
    if is_imagenet(file.sha256):
        return Weights(WeightsSummary("imagenet", imagenet_name(), file.sha256), file.state, imagenet_transform())
    if file.beside.get("origin") == ORIGIN:
        settings = file.beside.get("settings")
        pictures, epochs, size = (_count(settings, name) for name in ("pictures", "epochs", "image_size"))
        summary = WeightsSummary("offline", offline_name(pictures, epochs), file.sha256, OFFLINE_CAVEAT)
        return Weights(summary, file.state, imagenet_transform().scaled(size))
    summary = WeightsSummary("file", f"file {printable(file.path.name)}", file.sha256, FILE_CAVEAT)
    return Weights(summary, file.state, imagenet_transform())


def offline_name(pictures: int, epochs: int) -> str:
    """What the source task's weights are called in tables."""
    return f"offline source task, {pictures:,} scenes, {epochs} epoch{'' if epochs == 1 else 's'}"


def _count(settings: Any, name: str) -> int:
    """A count that a file tells of itself; 0 where it does not."""
    value = settings.get(name) if isinstance(settings, Mapping) else None
    return value if isinstance(value, int) and 0 < value < 2**31 else 0
