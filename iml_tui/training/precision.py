"""How convolutions are computed fast: memory format and mixed precision, as far as the hardware has them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """Autocast to bfloat16 where the device multiplies it in hardware; nothing elsewhere.

    bfloat16 has float32's range, so that losses need no scaling (Kalamkar et al. 2019).
    """
    if has_bfloat16(device):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware: CUDA from Ampere on, CPUs with AVX512-BF16 or AMX."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.backends.cpu.get_cpu_capability()  # Without AVX-512 none of them has it.
    return "AVX512" in capabilities and bool(torch.cpu._is_avx512_bf16_supported())
