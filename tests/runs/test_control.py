from __future__ import annotations

from pathlib import Path

import pytest

from iml_tui.runs import control, places
from iml_tui.runs.requests import device_problem


def test_a_stop_is_asked_for_seen_and_cleared(tmp_path: Path) -> None:
    folder = tmp_path / "control"
    assert not control.stop_requested(folder)
    control.clear(folder)
    control.request_stop(folder)
    control.request_stop(folder)
    assert control.stop_requested(folder)
    control.clear(folder)
    assert not control.stop_requested(folder)


def test_home_moves_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IML_LAB_HOME", str(tmp_path))
    found = [places.runs_root(), places.cache_root(), places.log_file(), places.settings_file()]
    assert all(path.is_relative_to(tmp_path) for path in found)
    assert len(set(found)) == 4


def test_an_empty_home_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IML_LAB_HOME", "")
    assert places.data_root().is_absolute()
    assert places.data_root().name == "iml-lab"


@pytest.mark.parametrize("text", ["auto", "cpu", "cuda", "cuda:0", " cuda:12 "])
def test_devices_are_taken(text: str) -> None:
    assert device_problem(text) == ""


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "CUDA"])
def test_what_is_no_device_is_refused(text: str) -> None:
    assert device_problem(text).startswith("must be auto, cpu, cuda or cuda:N")
