"""ResNet18 as the baselines use it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.models import resnet18
from torchvision.transforms import functional as transforms

from iml_tui.networks.resnet import (
    DEVIATION,
    MEAN,
    ONE_CELL,
    FeatureNetwork,
    LogitNetwork,
    Standardise,
    make_backbone,
    make_head,
)


def random_pixels(count: int, side: int = 32, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, side, side), generator=generator, dtype=torch.uint8)


def test_weights_come_from_the_seed_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    first, again, other = (make_backbone(seed).state_dict() for seed in (3, 3, 4))
    head, same_head = make_head(3), make_head(3)
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])
    assert torch.equal(head.weight, same_head.weight)
    assert not torch.equal(head.weight, make_head(4).weight)


def test_the_backbone_is_torchvisions_without_its_last_layer() -> None:
    whole = set(resnet18(weights=None).state_dict())
    assert set(make_backbone(1).state_dict()) == whole - {"fc.weight", "fc.bias"}


def test_pixels_are_standardised_as_torchvision_does() -> None:
    pixels = random_pixels(2)
    expected = transforms.normalize(pixels.float() / 255, list(MEAN), list(DEVIATION))
    assert torch.allclose(Standardise()(pixels), expected, atol=1e-5)


def test_a_frozen_network_stays_in_evaluation_mode_and_takes_no_gradients() -> None:
    network = LogitNetwork(FeatureNetwork(make_backbone(1), frozen=True), make_head(1)).train()
    before = {name: value.clone() for name, value in network.features.state_dict().items()}
    network(random_pixels(4)).sum().backward()
    assert not any(module.training for module in network.features.modules())
    assert all(parameter.grad is None for parameter in network.features.parameters())
    assert network.head.weight.grad is not None
    # Running averages are what training mode would have changed.
    assert all(torch.equal(before[name], value) for name, value in network.features.state_dict().items())


def test_training_mode_normalises_with_the_batch() -> None:
    network = FeatureNetwork(make_backbone(1))
    assert network.training
    before = network.backbone.bn1.running_mean.clone()
    network(random_pixels(4))
    assert not torch.equal(before, network.backbone.bn1.running_mean)


def test_a_batch_of_one_small_picture_is_normalised_with_running_averages() -> None:
    one = random_pixels(1, ONE_CELL)
    backbone = make_backbone(1)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        backbone.train()(Standardise()(one))
    network = FeatureNetwork(backbone).train()
    features = network(one)
    assert features.requires_grad
    assert all(module.training for module in network.modules())
    assert torch.equal(features, network.eval()(one))
    assert not torch.equal(network.train()(random_pixels(1, ONE_CELL + 1)), network.eval()(random_pixels(1, 33)))


def test_logits_are_float32_inside_of_autocast() -> None:
    network = LogitNetwork(FeatureNetwork(make_backbone(1)), make_head(1)).eval()
    pixels = random_pixels(3)
    with torch.no_grad():
        exact = network(pixels)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mixed = network(pixels)
    assert mixed.dtype == torch.float32
    assert mixed.shape == (3,)
    assert not torch.equal(mixed, exact)
    assert np.allclose(mixed.numpy(), exact.numpy(), atol=0.1)
