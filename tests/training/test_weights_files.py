"""Reading weights that may come from anywhere: what is accepted, and the one sentence for what is not."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.models import mobilenet_v3_small, resnet18, resnet34, resnet50

from iml_tui.errors import LabError
from iml_tui.networks.resnet import make_backbone
from iml_tui.training.weights_files import read_weights_file

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def whole() -> State:
    """A ResNet18 with its last layer."""
    torch.manual_seed(3)
    return dict(resnet18(weights=None).state_dict())


def saved(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def prefixed(state: State, prefix: str) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state},
        lambda state: prefixed(state, "module."),
        lambda state: {"state_dict": prefixed(state, "module.backbone.") | {"head.weight": torch.zeros(2, 512)}},
        lambda state: {name: tensor for name, tensor in state.items() if not name.startswith("fc.")},
        lambda state: {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")},
        lambda state: {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()},
    ],
    ids=["plain", "state_dict", "model", "module", "backbone", "no head", "no counters", "half"],
)
def test_state_dicts_of_a_resnet18_are_read(tmp_path: Path, whole: State, wrap: Callable[[State], Any]) -> None:
    found = read_weights_file(saved(tmp_path / "w.pth", wrap(whole)))
    wanted = make_backbone(0).state_dict()
    assert list(found.state) == list(wanted)
    assert all(found.state[name].dtype == tensor.dtype for name, tensor in wanted.items())
    torch.testing.assert_close(found.state["conv1.weight"], whole["conv1.weight"], rtol=1e-3, atol=1e-3)
    make_backbone(0).load_state_dict(found.state)


def test_what_stands_beside_the_state_is_handed_on(tmp_path: Path, whole: State) -> None:
    found = read_weights_file(saved(tmp_path / "w.pth", {"state_dict": whole, "origin": "somewhere"}))
    assert found.beside == {"origin": "somewhere"}


def without(state: State, name: str) -> State:
    return {key: tensor for key, tensor in state.items() if key != name}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda whole: resnet34(weights=None).state_dict(), r"not those of a ResNet18, which has no layer1\.2\."),
        (lambda whole: prefixed(resnet34(weights=None).state_dict(), "module."), r"which has no layer1\.2\."),
        (
            lambda whole: resnet50(weights=None).state_dict(),
            r"layer1\.0\.conv1\.weight is 64×64×1×1 in place of 64×64×3×3",
        ),
        (lambda whole: mobilenet_v3_small(weights=None).state_dict(), r"conv1\.weight is missing"),
        (lambda whole: without(whole, "layer3.1.bn2.bias"), r"layer3\.1\.bn2\.bias is missing"),
        (lambda whole: whole | {"bn1.weight": torch.full((64,), torch.nan)}, r"bn1\.weight is not finite"),
        (lambda whole: whole | {"bn1.weight": torch.tensor(1.0)}, r"bn1\.weight is a single number in place of 64"),
        (lambda whole: whole | {"extra\x1b[2J": torch.zeros(1)}, r"has no extra\\x1b\[2J$"),
        (lambda whole: {"state_dict": {"a": 1}}, "holds no state dict"),
        (lambda whole: [1, 2, 3], "holds no state dict"),
        (lambda whole: torch.zeros(3), "holds no state dict"),
    ],
)
def test_other_networks_are_refused(
    tmp_path: Path, whole: State, content: Callable[[State], Any], message: str
) -> None:
    with pytest.raises(LabError, match=message) as caught:
        read_weights_file(saved(tmp_path / "w.pth", content(whole)))
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_code_in_a_file_is_never_run(tmp_path: Path, form: str) -> None:
    file, mark = tmp_path / "w.pth", tmp_path / "ran"
    if form == "torch":
        torch.save({"state_dict": Bomb(mark)}, file)
    else:
        file.write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(
        LabError, match=r"w\.pth is no file of weights that can be trusted: .*save the network's"
    ) as caught:
        read_weights_file(file)
    assert "\n" not in str(caught.value)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"hello\n", b"PK\x03\x04 and then nothing", bytes(5000)])
def test_files_of_another_kind_are_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "w.pth"
    file.write_bytes(content)
    with pytest.raises(LabError, match=r"w\.pth is (damaged, or not|no file)") as caught:
        read_weights_file(file)
    assert "\n" not in str(caught.value)


def test_a_cut_file_is_damaged(tmp_path: Path, whole: State) -> None:
    file = saved(tmp_path / "w.pth", whole)
    file.write_bytes(file.read_bytes()[:-5000])
    with pytest.raises(LabError, match="damaged"):
        read_weights_file(file)


def test_pipes_folders_and_nothing_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "nothing"):
        with pytest.raises(LabError, match="there is no file"):
            read_weights_file(path)
