"""What makes a worker quick without changing what is tested: one thread, a narrow ResNet18, few scenes."""

from __future__ import annotations

from typing import Any, Final

from torchvision.models.resnet import BasicBlock, ResNet

from tests.faults.scenes import HELD_OUT

_NARROWER: Final = 8


class NarrowResNet(ResNet):
    """A ResNet18 with an eighth of the channels: its checkpoints have 2 MB, not 135."""

    def _make_layer(self, block: Any, planes: int, *arguments: Any, **options: Any) -> Any:
        return super()._make_layer(block, planes // _NARROWER, *arguments, **options)


def make_small() -> None:
    """To be called in a worker before it begins."""
    from iml_tui.data.scenes import labels
    from iml_tui.networks import resnet as networks
    from iml_tui.training import devices

    # With two threads on cores that others use as well, every operation waits for the slower one.
    devices.all_cores = lambda: 1
    labels.HELD_OUT = HELD_OUT  # type: ignore[misc]
    networks.FEATURES = 512 // _NARROWER
    networks.resnet18 = lambda weights=None: NarrowResNet(BasicBlock, [2, 2, 2, 2])
