"""The slots of a machine, each of which trains one queued run at a time: every GPU is one, the CPU is one.

GPUs are counted through NVML, for the supervisor of the queue never imports torch.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from iml_tui.runs.record import DeviceRecord, State

CPU = "cpu"


def machine_slots() -> tuple[str, ...]:
    """The slots of this machine, GPUs first: ("cuda:0", "cuda:1", "cpu")."""
    return (*(f"cuda:{index}" for index in range(_usable_gpus())), CPU)


def assign(waiting: Iterable[tuple[str, str]], slots: Sequence[str], busy: Iterable[str]) -> list[tuple[str, str]]:
    """Which runs may begin now, each with its slot.

    Args:
        waiting: run and requested device ("auto", "cpu", "cuda", "cuda:1"), in the order of the queue.
        slots: all slots of the machine, GPUs first.
        busy: those that train already.

    A run whose slot is busy waits, and lets those behind it pass that fit a free one. A device that this machine does
    not have is a slot as well: its worker begins, and says so.
    """
    taken = set(busy)
    begun = []
    for run, requested in waiting:
        slot = next((slot for slot in suited(requested, slots) if slot not in taken), None)
        if slot is not None:
            taken.add(slot)
            begun.append((run, slot))
    return begun


def suited(requested: str, slots: Sequence[str]) -> tuple[str, ...]:
    """The slots that a run for this device may take, the first one first; `auto` takes the CPU where there is no GPU.

    The devices mean what they mean to `training.devices.choose_device`.
    """
    if requested == "auto":
        return tuple(slot for slot in slots if slot != CPU) or (CPU,)
    return ("cuda:0",) if requested == "cuda" else (requested,)


def occupied(device: DeviceRecord, state: State, slots: Sequence[str]) -> str:
    """The slot on which an active run is. One that has not chosen yet will take what it was given or asked for."""
    if device.chosen and state in ("running", "paused"):
        return suited(device.chosen, slots)[0]
    return suited(device.slot or device.requested, slots)[0]


def count_visible(uuids: Sequence[str], variable: str | None) -> int:
    """How many of the GPUs with these UUIDs CUDA shows a process that has this `CUDA_VISIBLE_DEVICES`.

    Numbers or beginnings of UUIDs, of which those behind the first that fits nothing do not count, and none where one
    is named twice (CUDA C++ Programming Guide, "CUDA Environment Variables"; torch.cuda counts in the same way). CUDA
    shows a process one MIG instance only.
    """
    if variable is None:
        return len(uuids)
    visible: list[int] = []
    for name in variable.split(","):
        if name.strip().startswith("MIG-"):
            return 1
        index = _index_of(name.strip(), uuids)
        if index is None:
            break
        if index in visible:
            return 0
        visible.append(index)
    return len(visible)


def _index_of(name: str, uuids: Sequence[str]) -> int | None:
    number = re.match(r"\+?(\d{1,9})", name)
    if number is not None:
        return int(number[1]) if int(number[1]) < len(uuids) else None
    fitting = [index for index, uuid in enumerate(uuids) if name.startswith("GPU-") and uuid.startswith(name)]
    return fitting[0] if len(fitting) == 1 else None


def _usable_gpus() -> int:
    if not _torch_knows_cuda():
        return 0
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:  # No driver, no GPU.
        return 0
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        uuids = [_text(pynvml.nvmlDeviceGetUUID(handle)) for handle in handles]
    except pynvml.NVMLError:
        return 0
    finally:
        pynvml.nvmlShutdown()
    return count_visible(uuids, os.environ.get("CUDA_VISIBLE_DEVICES"))


def _torch_knows_cuda() -> bool:
    """Whether the installed torch is built with CUDA, read from its `version.py`: importing it takes seconds.

    True where that cannot be told.
    """
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    try:
        text = (Path(found.origin).parent / "version.py").read_text()
    except OSError:
        return True
    built_with = re.search(r"^cuda\b[^=\n]*=\s*(\S+)", text, re.MULTILINE)
    return built_with is None or built_with[1] != "None"


def _text(value: str | bytes) -> str:
    """NVML's Python binding gave bytes before version 11.5."""
    return value.decode() if isinstance(value, bytes) else value
