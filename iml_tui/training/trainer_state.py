"""What the states of all trainers have in common: copies to keep, and checks before anything is taken over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor
from torch.optim import Optimizer

from iml_tui.errors import LabError
from iml_tui.text import printable
from iml_tui.training.trainer import TrainerState

_KEPT_OF_GROUP: Final = ("lr", "betas", "initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum")
"""What training changes of an optimizer's group; all but the first two only a schedule has."""

_MOMENTS: Final = ("step", "exp_avg", "exp_avg_sq")


def kept(tensor: Tensor) -> Tensor:
    """A copy on the CPU with a storage of its own: of a view `torch.save` would write the whole storage."""
    return tensor.detach().to("cpu", copy=True)


def misfit(names: Sequence[str], problem: str) -> LabError:
    """The error that says why trials cannot take a state over."""
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return LabError(
        f"the saved state does not fit {printable(shown)}: {printable(problem[:300])}; train anew, or go on from "
        "another checkpoint"
    )


def difference(found: object, expected: object, where: str = "the state") -> str:
    """How `found` differs in structure from `expected`: keys, lengths, types, shapes; "" where it does not.

    Only the values of tensors and numbers may differ.
    """
    if isinstance(found, Tensor) and isinstance(expected, Tensor):
        if found.shape != expected.shape or found.dtype != expected.dtype:
            return f"{where} is {_shape(found)} and not {_shape(expected)}"
        return ""
    if type(found) is not type(expected):
        return f"{where} is of type {type(found).__name__} and not {type(expected).__name__}"
    if isinstance(found, dict) and isinstance(expected, dict):
        if found.keys() != expected.keys():
            others = ", ".join(sorted(map(str, found.keys() ^ expected.keys()))[:3])
            return f"{where} differs in what it holds ({others})"
        parts = ((found[key], expected[key], f"{where}, {key}") for key in expected)
        return next((problem for part in parts if (problem := difference(*part))), "")
    if isinstance(found, list) and isinstance(expected, list):
        if len(found) != len(expected):
            return f"{where} has {len(found)} entries and not {len(expected)}"
        pairs = enumerate(zip(found, expected, strict=True), start=1)
        parts = ((a, b, f"{where}, entry {number}") for number, (a, b) in pairs)
        return next((problem for part in parts if (problem := difference(*part))), "")
    return ""


def other_values(found: TrainerState, expected: TrainerState, keys: Sequence[str]) -> str:
    """Which of these keys has another value than expected, in words; "" where none has."""
    wrong = [key for key in keys if found[key] != expected[key]]
    return f"{wrong[0]} was {found[wrong[0]]} there and is {expected[wrong[0]]} here" if wrong else ""


def adam_state(optimizer: Optimizer) -> TrainerState:
    """What going on with torch's Adam or AdamW of one group needs.

    `moments` has an entry for each parameter, empty where it had no gradient yet.
    """
    [group] = optimizer.param_groups
    moments = [optimizer.state.get(parameter, {}) for parameter in group["params"]]
    return {
        "group": {
            name: list(group[name]) if name == "betas" else group[name] for name in _KEPT_OF_GROUP if name in group
        },
        "moments": [{name: kept(values[name]) for name in _MOMENTS if values} for values in moments],
    }


def adam_difference(found: object, optimizer: Optimizer) -> str:
    """Why the optimizer cannot take over this state of one; "" where it can."""
    [group] = optimizer.param_groups
    moments = found.get("moments") if isinstance(found, dict) else None
    if not isinstance(moments, list) or len(moments) != len(group["params"]):
        return f"the optimizer has no moments of {len(group['params'])} parameters"
    # Of a parameter without a gradient so far there are none.
    expected = adam_state(optimizer) | {
        "moments": [
            {"step": torch.zeros(()), "exp_avg": parameter, "exp_avg_sq": parameter} if values else {}
            for parameter, values in zip(group["params"], moments, strict=True)
        ]
    }
    return difference(found, expected, "the optimizer")


def restore_adam(found: TrainerState, optimizer: Optimizer) -> None:
    """Take over a state that `adam_difference` finds nothing wrong with."""
    [group] = optimizer.param_groups
    whole = optimizer.state_dict()
    [numbers] = whole["param_groups"]
    numbers.update({name: tuple(value) if name == "betas" else value for name, value in found["group"].items()})
    whole["state"] = {
        # A kernel over all parameters takes it that moments lie in memory as their parameter does.
        index: {
            "step": values["step"].clone(),
            "exp_avg": torch.empty_like(parameter).copy_(values["exp_avg"]),
            "exp_avg_sq": torch.empty_like(parameter).copy_(values["exp_avg_sq"]),
        }
        for index, (parameter, values) in enumerate(zip(group["params"], found["moments"], strict=True))
        if values
    }
    optimizer.load_state_dict(whole)


def _shape(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
