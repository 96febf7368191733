"""Choosing the device."""

from __future__ import annotations

import pytest
import torch

from iml_tui.errors import UsageError
from iml_tui.training.devices import choose_device, set_threads


@pytest.fixture
def gpus(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    count: int = request.param
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU {index}")


def test_cpu_is_named_with_its_threads() -> None:
    set_threads(1)
    choice = choose_device(" CPU ")
    assert choice.device == torch.device("cpu")
    assert choice.name.startswith("CPU (")
    assert choice.name.endswith("), 1 thread")
    assert choice.reason


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("gpus", [0], indirect=True)
def test_without_cuda() -> None:
    choice = choose_device("auto")
    assert choice.device == torch.device("cpu")
    assert "no CUDA device" in choice.reason
    for text in ("cuda", "cuda:0"):
        with pytest.raises(UsageError, match=f"“{text}”.*--device cpu"):
            choose_device(text)


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("gpus", [2], indirect=True)
def test_with_two_cuda_devices() -> None:
    assert choose_device("auto").device == torch.device("cuda", 0)
    assert choose_device("cuda").name == "GPU 0"
    assert choose_device("cuda:1").device == torch.device("cuda", 1)
    with pytest.raises(UsageError, match=r"cuda:2.*cuda:0 to cuda:1"):
        choose_device("cuda:2")


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("gpus", [2], indirect=True)
def test_auto_takes_the_device_that_the_queue_gave() -> None:
    given = choose_device("auto", "cuda:1")
    assert (str(given.device), given.reason) == ("cuda:1", "given by the queue")
    assert str(choose_device("auto", "cuda:7").device) == "cuda:0"  # The driver may see what torch cannot use.
    assert str(choose_device("cpu", "cuda:1").device) == "cpu"


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("gpus", [1], indirect=True)
def test_with_one_cuda_device() -> None:
    with pytest.raises(UsageError, match="only cuda:0"):
        choose_device("cuda:1")


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:٣", "mps"])
def test_unknown_text(text: str) -> None:
    with pytest.raises(UsageError, match="use auto, cpu, cuda or cuda:N"):
        choose_device(text)


def test_threads() -> None:
    try:
        assert set_threads(2) == 2
        assert choose_device("cpu").name.endswith("2 threads")
        assert set_threads() == 1
        with pytest.raises(UsageError, match="at least 1, not 0"):
            set_threads(0)
    finally:
        set_threads(1)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_auto_takes_a_cuda_device() -> None:
    assert choose_device("auto").device.type == "cuda"
