"""Which device would train, and why. PyTorch is asked in a process of its own: the command never imports it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from iml_tui.headless.doctor_checks import Check, problem, warning

TORCH_SECONDS = 180
"""Importing PyTorch from a cold network file system can take minutes."""

_QUESTION = """
import json, sys
from iml_tui.errors import LabError
from iml_tui.training.devices import choose_device, set_threads
set_threads()
try:
    choice = choose_device(sys.argv[1])
    answer = {"device": str(choice.device), "name": choice.name, "reason": choice.reason}
except LabError as error:
    answer = {"refused": str(error)}
print(json.dumps(answer))
"""


def check_devices(requested: str) -> Iterator[Check]:
    """The GPUs that the driver knows, and what PyTorch would take for `--device requested`."""
    gpus = _nvidia_gpus()
    for position, name in enumerate(gpus):
        yield Check(f"GPU {position}", name)
    command = [sys.executable, "-P", "-c", _QUESTION, requested]
    try:
        asked = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=TORCH_SECONDS
        )
        answer = json.loads(asked.stdout.strip().splitlines()[-1]) if asked.returncode == 0 else {}
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as error:
        yield problem("PyTorch", f"does not answer ({type(error).__name__})", "pip install --force-reinstall torch")
        return
    if not answer:
        last = (asked.stderr.strip().splitlines() or [f"exit code {asked.returncode}"])[-1]
        yield problem("PyTorch", f"cannot be imported ({last})", "pip install --force-reinstall torch")
    elif "refused" in answer:
        yield problem("Device", answer["refused"], "run without --device to see what there is")
    else:
        yield _chosen(answer, gpus)


def _chosen(answer: dict[str, str], gpus: list[str]) -> Check:
    text = f"{answer['device']}: {answer['name']} ({answer['reason']})"
    if gpus and answer["device"] == "cpu" and answer["reason"] != "asked for":
        return warning("Device", text, "install a PyTorch built for CUDA, see pytorch.org/get-started")
    return Check("Device", text)


def _nvidia_gpus() -> list[str]:
    """Names and memory of the NVIDIA GPUs, with the driver's version; empty where there are none."""
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
        driver = pynvml.nvmlSystemGetDriverVersion()
        found = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle).total / (1 << 30)
            found.append(f"{pynvml.nvmlDeviceGetName(handle)}, {memory:.0f} GiB, driver {driver}")
    except pynvml.NVMLError:
        return []
    return found
