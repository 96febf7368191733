"""What must not be there when all is over: processes, locks, temporary files, an order of the queue."""

from __future__ import annotations

from collections.abc import Iterator

import psutil

from iml_tui.runs import queue
from iml_tui.runs.lock import lock_holder
from iml_tui.runs.queue_order import QueueFiles
from tests.soak.lab import Lab


def leftovers(lab: Lab) -> Iterator[str]:
    """Sentences on what is left of a lab in which nothing runs any more."""
    for process in lab.processes():
        try:
            yield f"process {process.pid} is left: {' '.join(process.cmdline())}"
        except psutil.Error:
            continue
    for child in psutil.Process().children(recursive=True):
        if child.status() == psutil.STATUS_ZOMBIE:
            yield f"process {child.pid} is a zombie"
    files = QueueFiles(lab.root)
    if files.path.is_dir():
        for name in ("supervisor.lock", "order.lock"):
            if lock_holder(files.path / name) is not None:
                yield f"the queue's {name} is held"
        order = files.peek()
        # A supervisor that was killed leaves runs in the order that have begun or ended: nobody takes them for waiting.
        if order is None or order.note or queue.entries(lab.root):
            yield f"the order of the queue is {order}"
        yield from (f"{path.name} is left in the queue" for path in files.path.glob(".*"))
    yield from (f"{path.name} is left among the runs" for path in lab.root.glob(".*"))
    failures = lab.home / "iml-lab.log"
    if failures.exists():
        yield f"the lab's log of failures says: {failures.read_text(errors='replace')[-3000:]}"
