"""Reading a ResNet18's weights from a file that may come from anywhere."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from iml_tui.errors import LabError
from iml_tui.networks.resnet import make_backbone
from iml_tui.text import printable

WRAPPERS: Final = ("state_dict", "model_state_dict", "model", "network", "net")
"""Keys under which training scripts save the state of the network beside that of the optimizer."""

_COUNTER: Final = "num_batches_tracked"  # Of batch norm; nothing is computed from it, and old files lack it.
_HEAD: Final = "fc."  # The last layer, which every task replaces.
_FIRST: Final = "conv1.weight"


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """What a file holds: a backbone's state, and everything that was saved beside it; `sha256` is that of the file."""

    path: Path
    state: dict[str, Tensor]
    sha256: str
    beside: Mapping[str, Any]


def read_weights_file(path: Path) -> WeightsFile:
    """The weights of a ResNet18 in a file that `torch.save` wrote, its last layer left out.

    A state dict, by itself or under one of `WRAPPERS`, its names with or without a common prefix ("module.",
    "backbone."). Only tensors and plain values are ever loaded, never code.

    Raises:
        LabError: there is no such file, it is no such file, or its network is not a ResNet18; in one sentence.
    """
    shown = printable(str(path))
    if not path.is_file():  # Not that a pipe is opened, and waited for.
        raise LabError(f"there is no file {shown} to take weights from")
    try:
        sha256 = file_sha256(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise LabError(f"the weights {shown} cannot be read: {error.strerror or error}") from error
    except pickle.UnpicklingError as error:
        raise LabError(
            f"{shown} is no file of weights that can be trusted: it is damaged, or holds Python objects beside "
            "tensors, which are not loaded; save the network's state_dict() alone"
        ) from error
    except Exception as error:  # Damaged archives fail in a dozen ways.
        raise LabError(f"{shown} is damaged, or not a file that torch.save wrote") from error
    state, beside = _unwrapped(content, shown)
    return WeightsFile(path, backbone_state(state, shown), sha256, beside)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's content, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def backbone_state(state: Mapping[str, Any], shown: str) -> dict[str, Tensor]:
    """The entries of a ResNet18 without its last layer, in float32, checked one by one.

    `shown` names where the state comes from.

    Raises:
        LabError: one is missing, of another shape, or not finite, or there is one that a ResNet18 lacks.
    """
    prefix = _prefix(state, shown)
    own = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    with torch.device("meta"):  # Names, shapes and types without any numbers.
        wanted: dict[str, Tensor] = make_backbone(0).state_dict()
    found: dict[str, Tensor] = {}
    for name, like in wanted.items():
        value = own.pop(name, torch.tensor(0) if name.endswith(_COUNTER) else None)
        if not isinstance(value, Tensor):
            raise LabError(f"the weights in {shown} are not those of a ResNet18: {name} is missing")
        if value.shape != like.shape:
            raise LabError(
                f"the weights in {shown} are not those of a ResNet18: {name} is {_sides(value)} in place of "
                f"{_sides(like)}"
            )
        if not bool(torch.isfinite(value).all()):
            raise LabError(f"the weights in {shown} cannot be used: {name} is not finite")
        found[name] = value.to(like.dtype)
    extra = next((name for name in own if not name.startswith(_HEAD)), None) if not prefix else None
    # With a prefix, only what another depth of ResNet has is out of place: heads have names of their own.
    extra = extra or next((name for name in own if name.startswith("layer")), None)
    if extra is not None:
        raise LabError(f"the weights in {shown} are not those of a ResNet18, which has no {printable(extra)}")
    return found


def _unwrapped(content: Any, shown: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The state dict in what a file holds, and what stands beside it."""
    beside: Mapping[str, Any] = {}
    for key in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content, beside = content[key], {name: value for name, value in content.items() if name != key}
            break
    if not isinstance(content, Mapping) or not any(isinstance(value, Tensor) for value in content.values()):
        raise LabError(f"{shown} holds no state dict, which maps the names of a network's weights to tensors")
    return {str(name): value for name, value in content.items()}, beside


def _prefix(state: Mapping[str, Any], shown: str) -> str:
    """What stands before the names of the backbone's entries; "" for a plain state dict."""
    if _FIRST in state:
        return ""
    found = [name.removesuffix(_FIRST) for name in state if name.endswith(f".{_FIRST}")]
    # Blocks have a first convolution as well: that of the network has the shortest name.
    shortest = min(found, key=len, default=None)
    if shortest is None or "layer" in shortest:
        raise LabError(f"the weights in {shown} are not those of a ResNet18: {_FIRST} is missing")
    return shortest


def _sides(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a single number"
