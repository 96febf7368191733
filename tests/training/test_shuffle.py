"""The order of the samples."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from iml_tui.training.data import DeviceData
from iml_tui.training.shuffle import Shuffle


def numbered(rows: int) -> tuple[Tensor, Tensor]:
    labels = torch.arange(rows)
    return labels[:, None].expand(-1, 2).float(), labels


def test_every_epoch_is_another_permutation() -> None:
    shuffle = Shuffle([42, 42])
    epochs = [shuffle.next_epoch(*numbered(50)) for _ in range(3)]
    for x, y in epochs:
        assert x.shape == (50, 2)
        assert torch.equal(x[:, 0].long(), y)
        assert y.sort().values.tolist() == list(range(50))
    assert len({tuple(y.tolist()) for _, y in epochs}) == 3


def test_each_seed_keeps_its_own_order() -> None:
    x, y = Shuffle([42, 7, 42]).next_epoch(*numbered(50))
    assert x.shape == (3, 50, 2)
    assert y.shape == (3, 50)
    assert torch.equal(y[0], y[2])
    assert not torch.equal(y[0], y[1])
    for member, seed in enumerate([42, 7, 42]):
        assert torch.equal(Shuffle([seed]).next_epoch(*numbered(50))[1], y[member])


def test_inputs_of_its_own_follow_each_members_order() -> None:
    x, y = numbered(50)
    inputs = torch.stack([x, x + 100, x + 200])
    own, labels = Shuffle([42, 7, 42]).next_epoch(inputs, y)
    for member in range(3):
        assert torch.equal(own[member, :, 0].long(), labels[member] + 100 * member)
    same_seed, labels = Shuffle([42, 42, 42]).next_epoch(inputs, y)
    assert labels.shape == (3, 50)
    assert torch.equal(same_seed[1], same_seed[0] + 100)


def test_arrays_are_copied_to_the_device() -> None:
    x, y = np.zeros((4, 2), np.float32), np.array([0, 2, 1, 0])
    x.flags.writeable = False  # As a memory map would be.
    data = DeviceData.from_arrays((x, y), (x, y), (x[:0], y[:0]), torch.device("cpu"), torch.float64)
    assert data.classes == 3
    assert data.train.coordinates.dtype == torch.float64
    assert data.train.labels.dtype == torch.int64
    assert len(data.split("test")) == 0
    y[0] = 1
    assert data.train.labels[0] == 0
