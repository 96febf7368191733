"""The lab, which writes down now and then how much memory it has.

    python -m tests.soak.watched FILE SECONDS ARGUMENTS…

Each line of FILE is a JSON document: `seconds` since the start, `rss` and `private` in bytes (`private` without what is
mapped from files), `blocks` (objects that Python has allocated), and with IML_SOAK_TRACE set, `traced`: the source
lines whose allocations have grown most since the first sample, in bytes.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import psutil

from iml_tui.cli import execute

_GROWN = 15


def watch(file: Path, seconds: float) -> None:
    """Write a line every so many seconds, for ever."""
    began, process = time.monotonic(), psutil.Process()
    first: tracemalloc.Snapshot | None = None
    while True:
        time.sleep(seconds)
        gc.collect()
        memory = process.memory_info()
        line: dict[str, object] = {
            "seconds": time.monotonic() - began,
            "rss": memory.rss,
            "private": memory.rss - getattr(memory, "shared", 0),
            "blocks": sys.getallocatedblocks(),
        }
        if tracemalloc.is_tracing():
            now = tracemalloc.take_snapshot()
            first = first or now
            grown = now.compare_to(first, "lineno")[:_GROWN]
            line["traced"] = [[str(each.traceback), each.size_diff, each.count_diff] for each in grown]
        with file.open("a") as output:
            output.write(json.dumps(line) + "\n")


def main(arguments: list[str]) -> int:
    """Open the lab with the arguments behind the first two."""
    if os.environ.get("IML_SOAK_TRACE"):
        tracemalloc.start()
    threading.Thread(target=watch, args=(Path(arguments[0]), float(arguments[1])), daemon=True).start()
    return execute(arguments[2:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
