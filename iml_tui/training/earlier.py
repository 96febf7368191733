"""What earlier workers of a run left, from which a worker that resumes it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventReader
from iml_tui.runs.record import RunRecord

_ENDED = frozenset({"done", "diverged"})


@dataclass(frozen=True)
class Earlier:
    """What is known of a run that is being resumed.

    Attributes:
        ended: positions of the trials that came to their end; they are not trained again.
        saved: positions of the trials of which checkpoints were written. Where these are gone, the run cannot go on.
        exact: whether the run goes on as if it had never been interrupted.
        reason: where not, a sentence on what differs.
    """

    ended: frozenset[int] = frozenset()
    saved: frozenset[int] = frozenset()
    exact: bool = True
    reason: str = ""


def earlier_work(directory: RunDirectory, record: RunRecord) -> Earlier:
    """What the record and the event log tell of the trials; of an event that was lost the record may know."""
    ended = {position for position, trial in enumerate(record.trial_records) if trial.state in _ENDED}
    saved: set[int] = set()
    for event in EventReader(directory.events_file).read_new():
        position = event.get("trial")
        if event["type"] == "trial_finished" and event.get("state") in _ENDED and isinstance(position, int):
            ended.add(position)
        elif event["type"] == "checkpoint" and isinstance(event.get("trials"), list):
            saved.update(trial for trial in event["trials"] if isinstance(trial, int))
    return Earlier(frozenset(ended), frozenset(saved))


def what_differs(record: RunRecord, versions: Mapping[str, str], device: str, threads: int, on_gpu: bool) -> str:
    """A sentence on why the steps from now on may differ in their last bits from those of the earlier worker; ""
    where they do not.

    `device` is its name, with the model of the processor: other processors have other instructions, which add up in
    another order.
    """
    before = record.versions.get("torch", "")
    differences = []
    if before and before != versions.get("torch"):
        differences.append(f"PyTorch {before} became {versions.get('torch')}")
    if record.device.threads and record.device.threads != threads:
        differences.append(f"{record.device.threads} threads became {threads}")
    elif record.device.name and record.device.name != device:
        differences.append(f"{record.device.name} became {device}")
    if on_gpu:
        differences.append("on a GPU not every operation gives the same bits again")
    return "; ".join(differences)
