from __future__ import annotations

import json
import math
import os
import random
import tracemalloc
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from iml_tui.runs.events import LONGEST_LINE, EventReader, EventWriter, decode, encode


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def write(path: Path, *values: Any) -> None:
    with closing(EventWriter(path)) as writer:
        for value in values:
            writer.append("figure", value=value)


def values(path: Path) -> list[Any]:
    return [event["value"] for event in EventReader(path).read_new()]


def sequence(path: Path) -> list[int]:
    return [event["seq"] for event in EventReader(path).read_new()]


def test_what_was_appended_is_read(path: Path) -> None:
    with closing(EventWriter(path)) as writer:
        writer.append("started", device="CPU")
        writer.append("epoch", trial=0, metrics={"train_loss": 0.1 + 0.2}, durable=True)
    first, second = EventReader(path).read_new()
    assert (first["seq"], first["type"], first["device"]) == (0, "started", "CPU")
    assert (second["seq"], second["metrics"]) == (1, {"train_loss": 0.1 + 0.2})
    assert isinstance(first["time"], float)


@pytest.mark.parametrize(
    "value",
    [0, -1.5e-300, 0.1, "line\nfeed", "Ærø 漢字 \u2028", "\udcff", "", None, [1, [2.5, "x"]], {"a": {"b": False}}],
)
def test_values_survive(path: Path, value: Any) -> None:
    write(path, value)
    assert values(path) == [value]
    assert path.read_bytes().count(b"\n") == 1


def test_what_is_not_finite_is_null(path: Path) -> None:
    write(path, math.nan, math.inf, [1.0, -math.inf], {"loss": (math.nan, 2.0)})
    assert values(path) == [None, None, [1.0, None], {"loss": [None, 2.0]}]
    assert b"NaN" not in path.read_bytes()
    assert b"Infinity" not in path.read_bytes()


def test_a_line_is_checksum_and_json(path: Path) -> None:
    write(path, 1)
    checksum, text = path.read_text().rstrip("\n").split(" ", 1)
    assert len(checksum) == 8
    assert json.loads(text)["value"] == 1


def test_a_reader_gets_every_event_once(path: Path) -> None:
    reader = EventReader(path)
    assert reader.read_new() == []
    with closing(EventWriter(path)) as writer:
        for number in range(5):
            writer.append("figure", value=number)
            assert [event["value"] for event in reader.read_new()] == [number]
            assert reader.read_new() == []


def test_a_line_is_read_once_it_is_whole(path: Path) -> None:
    line = encode({"seq": 0, "type": "figure", "value": 1})
    reader = EventReader(path)
    for end in range(1, len(line)):
        path.write_bytes(line[:end])
        assert reader.read_new() == []
        assert reader.has_torn_tail
    path.write_bytes(line)
    assert [event["value"] for event in reader.read_new()] == [1]
    assert not reader.has_torn_tail
    assert reader.damaged == 0


def test_flipped_bits_never_give_a_wrong_value(path: Path) -> None:
    written = [round(0.001 * number, 3) for number in range(20)]
    write(path, *written)
    content = path.read_bytes()
    genuine = {event["seq"]: event for event in EventReader(path).read_new()}
    generator = random.Random(1)
    descriptor = os.open(path, os.O_WRONLY)
    for _ in range(1000):
        place, bit = generator.randrange(len(content)), generator.randrange(8)
        os.pwrite(descriptor, bytes([content[place] ^ 1 << bit]), place)
        reader = EventReader(path)
        events = reader.read_new()
        os.pwrite(descriptor, content[place : place + 1], place)
        assert all(genuine[event["seq"]] == event for event in events)
        # A line feed more or less costs the two lines beside it, anything else the one line.
        assert len(events) >= len(written) - 2
        assert len(events) == len(written) or reader.damaged or reader.has_torn_tail
    os.close(descriptor)


@pytest.mark.parametrize("line", [b"", b" ", b"nonsense", b"00000000 {}", b"zzzzzzzz {}", b"\xff\xfe {}", b"12345678"])
def test_rubbish_is_no_event(line: bytes) -> None:
    assert decode(line) is None


@pytest.mark.parametrize("content", [[1, 2], "text", {"no": "type"}])
def test_json_that_is_no_event_is_none(content: Any) -> None:
    assert decode(encode(content).rstrip(b"\n")) is None


def test_the_sequence_continues(path: Path) -> None:
    write(path, 1, 2)
    write(path, 3)
    assert sequence(path) == [0, 1, 2]


@pytest.mark.parametrize("lost", range(1, 12))
def test_a_torn_tail_costs_its_own_line_only(path: Path, lost: int) -> None:
    write(path, 1, 2, 3)
    os.truncate(path, path.stat().st_size - lost)
    survivors = [1, 2, 3] if lost == 1 else [1, 2]  # A line that lacks its line feed alone is whole.
    write(path, 4)
    assert values(path) == [*survivors, 4]
    assert sequence(path) == list(range(len(survivors) + 1))


def test_a_reader_goes_on_after_a_torn_tail_was_repaired(path: Path) -> None:
    write(path, 1)
    with path.open("ab") as file:
        file.write(b'deadbeef {"seq":1,"ty')
    reader = EventReader(path)
    assert [event["value"] for event in reader.read_new()] == [1]
    write(path, 2)
    assert [event["value"] for event in reader.read_new()] == [2]
    assert reader.damaged == 1


def test_a_full_disk_costs_the_torn_event_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = os.write
    with closing(EventWriter(path)) as writer:
        writer.append("figure", value=1)
        with monkeypatch.context() as full:
            full.setattr(os, "write", lambda descriptor, data: genuine(descriptor, data[:20]))
            with pytest.raises(OSError, match="the disk is full"):
                writer.append("figure", value=2)
        writer.append("figure", value=3)
    assert values(path) == [1, 3]
    assert sequence(path) == [0, 1]


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("gone", "lost"), [((), 0), ((0,), 1), ((3,), 1), ((2, 3, 4), 3), ((1, 3), 2), ((0, 1, 2, 3), 4), ((5,), 0)]
)
def test_deleted_lines_are_known_by_their_numbers(path: Path, gone: tuple[int, ...], lost: int) -> None:
    write(path, *range(6))
    path.write_bytes(b"".join(line for number, line in enumerate(lines(path)) if number not in gone))
    reader = EventReader(path)
    assert [event["value"] for event in reader.read_new()] == [number for number in range(6) if number not in gone]
    assert reader.damaged == lost


@pytest.mark.parametrize("damaged", [(0,), (2,), (2, 3), (1, 4), (5,)])
def test_damaged_lines_are_counted_once(path: Path, damaged: tuple[int, ...]) -> None:
    write(path, *range(6))
    content = [line[:-5] + b"?" + line[-4:] if n in damaged else line for n, line in enumerate(lines(path))]
    reader = EventReader(path)
    for line in content:  # Also while the log is being followed.
        with path.open("ab") as file:
            if line is content[0]:
                file.truncate(0)
            file.write(line)
        reader.read_new()
    assert reader.damaged == len(damaged)
    whole = EventReader(path)
    whole.read_new()
    assert whole.damaged == len(damaged)


def test_two_copies_in_one_file_are_read_once(path: Path) -> None:
    write(path, 1, 2, 3)
    path.write_bytes(path.read_bytes() * 2)
    assert values(path) == [1, 2, 3]
    write(path, 4)
    reader = EventReader(path)
    assert [event["value"] for event in reader.read_new()] == [1, 2, 3, 4]
    assert reader.damaged == 0


@pytest.mark.parametrize("number", [None, "7", -1, True, 1.5, 2**60, [], {}])
def test_a_senseless_number_stops_nobody(path: Path, number: Any) -> None:
    path.write_bytes(encode({"seq": number, "type": "figure", "value": 1}) + encode({"type": "figure", "value": 2}))
    write(path, 3)
    assert values(path) == [1, 2, 3]


@pytest.mark.parametrize("lost", [1, 40, 90, 10_000])
def test_a_log_that_was_copied_back_is_read_from_its_start(path: Path, lost: int) -> None:
    write(path, 1, 2)
    earlier = path.read_bytes()
    write(path, 3)
    reader = EventReader(path)
    assert len(reader.read_new()) == 3
    path.write_bytes(earlier[:-lost])
    reader.read_new()
    assert reader.restarts == 1
    write(path, 8)
    assert [event["value"] for event in reader.read_new()][-1] == 8
    assert reader.restarts == 1


def test_a_log_that_was_replaced_is_read_from_its_start(path: Path, tmp_path: Path) -> None:
    write(path, 1, 2)
    reader = EventReader(path)
    assert len(reader.read_new()) == 2
    write(tmp_path / "other", 3, 4, 5)
    (tmp_path / "other").rename(path)
    assert [event["value"] for event in reader.read_new()] == [3, 4, 5]
    assert (reader.restarts, reader.damaged) == (1, 0)


def test_a_line_without_end_takes_no_memory(path: Path) -> None:
    write(path, 1)
    with path.open("r+b") as file:
        file.truncate(200 << 20)  # Sparse zeros.
    reader = EventReader(path)
    tracemalloc.start()
    try:
        assert [event["value"] for event in reader.read_new()] == [1]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * LONGEST_LINE
    assert (reader.damaged, reader.has_torn_tail) == (1, True)
    write(path, 2)
    assert [event["value"] for event in reader.read_new()] == [2]
    assert reader.damaged == 1


@pytest.mark.parametrize(
    "text",
    [b"[" * 100_000, b'{"type":' + b"[" * 100_000, b'{"type":1}', b'{"type":null}', b"NaN"],
    ids=["lists", "nested", "number", "null", "no object"],
)
def test_deep_and_senseless_json_is_no_event(text: bytes) -> None:
    assert decode(b"%08x %s" % (zlib.crc32(text), text)) is None


def test_only_a_regular_file_is_a_log(path: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    for make in (os.mkfifo, os.mkdir, lambda place: place.symlink_to(secret)):
        make(path)
        with pytest.raises(OSError, match=r"regular file|directory|symbolic link"):
            EventReader(path).read_new()
        with pytest.raises(OSError, match=r"regular file|directory|symbolic link"):
            EventWriter(path)
        path.rmdir() if path.is_dir() else path.unlink()
    assert secret.read_text() == "mine"
