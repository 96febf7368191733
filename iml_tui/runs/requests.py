"""Checking what a user asks of a run before anything is made."""

from __future__ import annotations

import re

DEVICE_HELP = "Where to train: auto takes a GPU where there is one; or cpu, cuda, cuda:N."


def device_problem(text: str) -> str:
    """Why `text` names no device, "" where it does. Whether the device is there is for the worker to see."""
    if re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", text.strip()):
        return ""
    return "must be auto, cpu, cuda or cuda:N with N the number of a GPU"
