"""Weights of the source task on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from iml_tui.errors import LabError
from iml_tui.networks.resnet import make_backbone
from iml_tui.training import weights_store
from iml_tui.training.weights_store import SourceSettings, read_offline, save_offline

SETTINGS = SourceSettings(pictures=64, epochs=1, batch_size=8, learning_rate=0.001, image_size=64, seed=1)


@pytest.fixture
def state() -> dict[str, Tensor]:
    return make_backbone(1).state_dict()


def test_what_was_kept_is_found_again_by_its_settings(tmp_path: Path, state: dict[str, Tensor]) -> None:
    root = tmp_path / "weights"
    assert read_offline(root, SETTINGS) is None
    file = save_offline(root, SETTINGS, state, "run-1")
    stored = read_offline(root, SETTINGS)
    assert stored is not None
    assert stored.run == "run-1"
    assert len(stored.sha256) == 64
    assert all(torch.equal(stored.state[name], tensor) for name, tensor in state.items())
    assert sorted(root.iterdir()) == sorted([file, file.with_suffix(".json")])


@pytest.mark.parametrize(
    "changed",
    [
        {"pictures": 65},
        {"epochs": 2},
        {"batch_size": 9},
        {"learning_rate": 0.002},
        {"image_size": 72},
        {"seed": 2},
    ],
)
def test_other_settings_have_other_files(tmp_path: Path, state: dict[str, Tensor], changed: dict[str, int]) -> None:
    save_offline(tmp_path, SETTINGS, state, "run-1")
    assert read_offline(tmp_path, replace(SETTINGS, **changed)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["VERSION", "SCENES_VERSION"])
def test_other_versions_have_other_files(
    tmp_path: Path, state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    save_offline(tmp_path, SETTINGS, state, "run-1")
    monkeypatch.setattr(weights_store, version, 1000)
    assert read_offline(tmp_path, SETTINGS) is None


@pytest.mark.parametrize("damage", ["flipped", "short", "no checksum", "other checksum"])
def test_damage_is_seen(tmp_path: Path, state: dict[str, Tensor], damage: str) -> None:
    file = save_offline(tmp_path, SETTINGS, state, "run-1")
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif damage == "short":
        file.write_bytes(content[:1000])
    elif damage == "no checksum":
        file.with_suffix(".json").unlink()
    else:
        file.with_suffix(".json").write_text("{}")
    with pytest.raises(LabError, match=r"resnet18-scenes-.*\.pth are damaged"):
        read_offline(tmp_path, SETTINGS)
