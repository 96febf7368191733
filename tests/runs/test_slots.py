"""Which run may begin on which device, with made-up GPUs."""

import pytest

from iml_tui.runs import slots
from iml_tui.runs.record import DeviceRecord, State
from iml_tui.runs.slots import assign, count_visible, occupied

TWO = ("cuda:0", "cuda:1", "cpu")
NONE = ("cpu",)
UUIDS = ("GPU-aaaa-1", "GPU-aabb-2", "GPU-cccc-3", "GPU-dddd-4")


@pytest.mark.parametrize(
    ("requested", "machine", "busy", "begun"),
    [
        (["auto", "auto", "auto"], TWO, [], {0: "cuda:0", 1: "cuda:1"}),
        (["auto", "auto"], NONE, [], {0: "cpu"}),
        (["auto"], TWO, ["cuda:0", "cuda:1"], {}),  # Not the CPU, on which it would take a day.
        (["auto"], TWO, ["cuda:0"], {0: "cuda:1"}),
        (["cuda:1", "cuda:1", "cpu", "auto"], TWO, [], {0: "cuda:1", 2: "cpu", 3: "cuda:0"}),
        (["cuda:1", "auto"], TWO, ["cuda:1"], {1: "cuda:0"}),
        (["cuda", "cuda:0"], TWO, [], {0: "cuda:0"}),
        (["cpu", "cpu"], TWO, [], {0: "cpu"}),
        (["cpu"], NONE, ["cpu"], {}),
        (["cuda:7", "cuda:7", "cpu"], NONE, [], {0: "cuda:7", 2: "cpu"}),  # Its worker says that there is none.
        ([], TWO, [], {}),
    ],
)
def test_a_run_takes_the_first_free_slot_that_fits(
    requested: list[str], machine: tuple[str, ...], busy: list[str], begun: dict[int, str]
) -> None:
    waiting = [(f"run {index}", device) for index, device in enumerate(requested)]
    assert assign(waiting, machine, busy) == [(f"run {index}", slot) for index, slot in begun.items()]


@pytest.mark.parametrize(
    ("device", "state", "slot"),
    [
        (DeviceRecord(requested="auto", chosen="cuda:1", slot="cuda:0"), "running", "cuda:1"),
        (DeviceRecord(requested="cpu", chosen="cpu"), "paused", "cpu"),
        (DeviceRecord(requested="auto", chosen="cpu", slot="cuda:1"), "starting", "cuda:1"),  # Of an earlier worker.
        (DeviceRecord(requested="cuda"), "starting", "cuda:0"),
        (DeviceRecord(requested="auto"), "starting", "cuda:0"),
    ],
)
def test_an_active_run_occupies_what_it_chose_or_was_given(device: DeviceRecord, state: State, slot: str) -> None:
    assert occupied(device, state, TWO) == slot


@pytest.mark.parametrize(
    ("variable", "count"),
    [
        (None, 4),
        ("", 0),
        ("-1", 0),
        ("2", 1),
        ("3,1", 2),
        (" 0 , 2 ", 2),
        ("0,7,1", 1),
        ("1,-1,2", 1),
        ("1,1", 0),
        ("none", 0),
        ("GPU-cccc", 1),
        ("GPU-dddd-4,GPU-aaaa", 2),
        ("GPU-aa", 0),  # Could be either of two.
        ("MIG-1234", 1),
    ],
)
def test_gpus_are_counted_as_cuda_shows_them(variable: str | None, count: int) -> None:
    assert count_visible(UUIDS, variable) == count


@pytest.mark.parametrize(("usable", "expected"), [(0, ("cpu",)), (2, TWO)])
def test_the_cpu_is_the_last_slot(monkeypatch: pytest.MonkeyPatch, usable: int, expected: tuple[str, ...]) -> None:
    monkeypatch.setattr(slots, "_usable_gpus", lambda: usable)
    assert slots.machine_slots() == expected
