"""How busy the machine is: CPU, memory and, where there are any, NVIDIA GPUs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import psutil

_GIB = 1 << 30


@dataclass(frozen=True)
class MachineUse:
    """Fractions in 0…1, memory in bytes; the GPU's are None where there is none."""

    cpu: float
    memory_used: int
    memory_total: int
    gpu: float | None = None
    gpu_memory_used: int | None = None
    gpu_memory_total: int | None = None

    def __str__(self) -> str:
        text = f"CPU {self.cpu:4.0%} · RAM {self.memory_used / _GIB:.1f}/{self.memory_total / _GIB:.0f} GiB"
        if self.gpu is None or self.gpu_memory_used is None or self.gpu_memory_total is None:
            return text
        return (
            f"GPU {self.gpu:4.0%} · {self.gpu_memory_used / _GIB:.1f}/{self.gpu_memory_total / _GIB:.0f} GiB · {text}"
        )


def measure(gpu_index: int = 0) -> MachineUse:
    """The use since the last call (CPU) and now (the rest). The first call's CPU figure is 0."""
    memory = psutil.virtual_memory()
    cpu = psutil.cpu_percent() / 100
    gpu = _gpu(gpu_index)
    used = memory.total - memory.available
    return MachineUse(cpu, used, memory.total, *gpu) if gpu else MachineUse(cpu, used, memory.total)


def _gpu(index: int) -> tuple[float, int, int] | None:
    import pynvml

    with contextlib.suppress(pynvml.NVMLError):
        pynvml.nvmlInit()  # Counts its callers; cheap from the second time on.
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        return pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100, int(memory.used), int(memory.total)
    return None
