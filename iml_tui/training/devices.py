"""The device that trains, and how many threads the CPU gives to it."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import torch

from iml_tui.errors import UsageError

DEFAULT_THREADS = 1
"""Threads inside one operation. A layer of these networks takes microseconds, less than waking a second thread.

Measured with the ensemble of four default networks on two cores with other work (`benchmarks/README.md`): two threads
were 7 to 9 times slower at batch 16, 256 and 1024, for at the end of every operation one waits for the other.
"""


@dataclass(frozen=True)
class DeviceChoice:
    """A device, its `name` for people ("NVIDIA H100", "CPU (AMD EPYC), 1 thread"), and why it was chosen."""

    device: torch.device
    name: str
    reason: str


def choose_device(requested: str, slot: str = "") -> DeviceChoice:
    """The device for `requested`: "auto", "cpu", "cuda" or "cuda:N".

    `auto` takes the `slot` that the queue gave the run, as far as torch can use it, else the first CUDA device where
    there is one. Call `set_threads` first: a CPU's name tells its threads.

    Raises:
        UsageError: the text is none of these, or names a CUDA device that is not there.
    """
    text = requested.strip().lower()
    match = re.fullmatch(r"auto|cpu|cuda(?::([0-9]{1,4}))?", text)
    if match is None:
        raise UsageError(f"Device “{requested}” is not known: use auto, cpu, cuda or cuda:N (such as cuda:0).")
    if text == "cpu":
        return DeviceChoice(torch.device("cpu"), cpu_name(), "asked for")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if text == "auto":
        if slot == "cpu":
            return DeviceChoice(torch.device("cpu"), cpu_name(), "given by the queue")
        given = re.fullmatch(r"cuda:([0-9]{1,4})", slot)
        if given is not None and int(given[1]) < count:
            index = int(given[1])
            return DeviceChoice(torch.device("cuda", index), _cuda_name(index), "given by the queue")
        if count:
            return DeviceChoice(torch.device("cuda", 0), _cuda_name(0), "a CUDA device is available")
        return DeviceChoice(torch.device("cpu"), cpu_name(), "no CUDA device is available")
    index = int(match[1] or 0)
    if count == 0:
        raise UsageError(f"Device “{requested}” is not available: {_why_no_cuda()}; use --device cpu or auto.")
    if index >= count:
        last = "only cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        raise UsageError(f"Device “{requested}” is not there: this machine has {last}.")
    return DeviceChoice(torch.device("cuda", index), _cuda_name(index), "asked for")


def all_cores() -> int:
    """The cores that this process may use. Convolutions, unlike the layers of a small perceptron, keep them busy."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_threads(count: int | None = None) -> int:
    """Let torch use `count` CPU threads inside one operation, `DEFAULT_THREADS` if None; returns the number set.

    Raises:
        UsageError: `count` is below 1.
    """
    if count is not None and count < 1:
        raise UsageError(f"The number of threads must be at least 1, not {count}.")
    torch.set_num_threads(DEFAULT_THREADS if count is None else count)
    return torch.get_num_threads()


def make_deterministic(device: torch.device) -> None:
    """Let a GPU compute the same bits for the same steps, as far as torch can; a CPU with as many threads does anyway.

    Operations that cannot are used all the same, and torch warns of each. To be called before the device is used:
    cuBLAS reads its setting once (CUDA Toolkit documentation, cuBLAS, "Results reproducibility").
    """
    if device.type != "cuda":
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # All memory is written before it is read.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def cpu_name() -> str:
    """Model and threads of the CPU, as "CPU (AMD EPYC), 1 thread"."""
    threads = torch.get_num_threads()
    return f"CPU ({_cpu_model()}), {threads} thread{'' if threads == 1 else 's'}"


def _cpu_model() -> str:
    """The processor's model name; its architecture where the system does not tell."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine() or "unknown"


def _cuda_name(index: int) -> str:
    return torch.cuda.get_device_name(index)


def _why_no_cuda() -> str:
    if torch.version.cuda is None:
        return "the installed PyTorch is built without CUDA (install a CUDA build)"
    return "PyTorch finds no usable NVIDIA GPU (see whether nvidia-smi lists one)"
