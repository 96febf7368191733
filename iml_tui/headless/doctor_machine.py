"""Checks of the installed software and of the machine."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from iml_tui import __version__
from iml_tui.headless.doctor_checks import Check, problem, warning
from iml_tui.runs.logout import after_logout

_PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "pillow",
    "scikit-learn",
    "xgboost",
    "textual",
    "rich",
    "plotext",
    "typer",
    "pydantic",
    "platformdirs",
    "psutil",
    "nvidia-ml-py",
)

_GIB = 1 << 30


def check_software() -> Iterator[Check]:
    """Versions of the lab and of what it is built on."""
    yield Check("iml-lab", __version__)
    yield Check("Python", f"{platform.python_version()} on {platform.system()} {platform.release()}")
    for package in _PACKAGES:
        try:
            found = version(package)
        except PackageNotFoundError:
            yield problem(package, "is not installed", f"pip install {package}")
            continue
        if package == "plotext" and not found.startswith("5."):
            yield problem(package, f"{found} has another interface", 'pip install "plotext>=5.3.2,<6"')
        else:
            yield Check(package, found)


def check_machine() -> Iterator[Check]:
    """Processor, memory, and whether runs outlive the login."""
    yield Check("CPU", f"{cpu_model()}, {_usable_cores()} of {psutil.cpu_count() or '?'} cores usable")
    memory = psutil.virtual_memory()
    text = f"{memory.available / _GIB:.1f} of {memory.total / _GIB:.1f} GiB free"
    if memory.available < _GIB:
        yield warning("Memory", text, "close other programs: PyTorch alone needs about half a GiB")
    else:
        yield Check("Memory", text)
    logout = after_logout()
    if logout.kills:
        yield warning("After logout", f"runs end: {logout.reason}", logout.way_out)
    else:
        yield Check("After logout", f"runs go on: {logout.reason}")


def cpu_model() -> str:
    """The processor's model name; its architecture where the system does not tell."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(errors="replace"), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine() or "unknown"


def _usable_cores() -> int:
    # A batch system may give this process fewer cores than there are.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
