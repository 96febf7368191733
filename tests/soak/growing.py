"""A made-up run that grows as fast as one likes: `python -m tests.soak.growing RUN_DIR SPEED`.

It stands in for a worker: it holds the lock and writes, with the real writers, the events and series that a worker
writes in an hour in an hour divided by the speed.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np

from iml_tui.experiments.trials import BATCH_LOSS
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.lock import RunLock
from iml_tui.runs.process import own_identity
from iml_tui.runs.series import SeriesWriter
from tests.recorded import DATA, CurveShape

REPORT_SECONDS = 0.5
"""Of the run's own time: as often as a worker tells how far it is."""

STEPS_PER_SECOND = 300
"""Of each network: about as fast as a small perceptron trains beside others on two cores."""


def grow(directory: RunDirectory, speed: float) -> None:
    """Write for ever."""
    record = directory.read_record()
    directory.write_record(record.model_copy(update={"worker": own_identity(), "state": "running"}))
    curves = [CurveShape(trial) for trial in record.trials]
    steps = [trial.batches_per_epoch(DATA.rows["train"]) for trial in record.trials]
    with closing(EventWriter(directory.events_file)) as events, ExitStack() as stack:
        series = [
            stack.enter_context(closing(SeriesWriter(directory.series_file(position, BATCH_LOSS))))
            for position in range(len(curves))
        ]
        for position in range(len(curves)):
            events.append("trial_started", trial=position, parameters=1000)
        began, told = time.monotonic(), 0
        per_report = round(STEPS_PER_SECOND * REPORT_SECONDS)
        generator = np.random.default_rng(0)
        while True:
            # As many reports as are due by now; what one call cannot keep up with, the next one does.
            due = int((time.monotonic() - began) * speed / REPORT_SECONDS)
            for report in range(told, due):
                for position, curve in enumerate(curves):
                    before, after = report * per_report, (report + 1) * per_report
                    series[position].append(generator.random(per_report).astype(np.float32))
                    for epoch in range(before // steps[position] + 1, after // steps[position] + 1):
                        events.append(
                            "epoch",
                            trial=position,
                            epoch=epoch,
                            metrics=curve.metrics(epoch),
                            seconds=1.0,
                            samples_per_second=80_000.0,
                        )
                    events.append(
                        "progress",
                        trial=position,
                        epoch=after // steps[position] + 1,
                        step=after % steps[position],
                        steps=steps[position],
                        samples_per_second=80_000.0,
                    )
            told = due
            time.sleep(0.05)


def main(arguments: list[str]) -> int:
    """Let a run grow until this process is killed."""
    directory = RunDirectory(Path(arguments[0]))
    lock = RunLock(directory.lock_file)
    try:
        grow(directory, float(arguments[1]))
    finally:
        lock.release()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
