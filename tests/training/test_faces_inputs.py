"""Batches of pictures and features, and the moves that change them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from iml_tui.data.pictures import PictureSplit
from iml_tui.training.faces.augmentation import Augmentation, Moves
from iml_tui.training.faces.inputs import FeatureInputs, PictureInputs
from tests.training.made_up_pictures import split

CPU = torch.device("cpu")


@pytest.mark.parametrize("resident", [False, True])
def test_a_batch_holds_the_pictures_asked_for_channels_last(tmp_path: Path, resident: bool) -> None:
    made_up = split(9, 1)
    np.save(tmp_path / "pixels.npy", made_up.pixels)
    mapped = PictureSplit(
        np.load(tmp_path / "pixels.npy", mmap_mode="r"), made_up.labels, made_up.names, made_up.details
    )
    batch = PictureInputs(mapped, CPU, resident).batch(torch.tensor([7, 0, 3]))
    assert batch.dtype == torch.uint8
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(batch.permute(0, 2, 3, 1).numpy(), made_up.pixels[[7, 0, 3]])


def test_pictures_are_mirrored_and_moved_with_their_edges() -> None:
    pixels = split(3, 1).pixels
    moves = Moves(torch.tensor([False, True, False]), torch.tensor([0, 0, 2]), torch.tensor([0, 0, -3]))
    still, mirrored, moved = moves.apply(torch.from_numpy(pixels)).numpy()
    assert np.array_equal(still, pixels[0])
    assert np.array_equal(mirrored, pixels[1][:, ::-1])
    padded = np.pad(pixels[2], ((2, 0), (0, 3), (0, 0)), mode="edge")
    assert np.array_equal(moved, padded[:-2, 3:])


def test_a_mirrored_picture_is_moved_after_it_is_mirrored() -> None:
    pixels = split(1, 1).pixels
    both = Moves(torch.tensor([True]), torch.tensor([0]), torch.tensor([4]))
    (moved,) = both.apply(torch.from_numpy(pixels)).numpy()
    assert np.array_equal(moved[:, 4:], pixels[0][:, ::-1][:, :-4])


def test_moves_are_drawn_from_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = Augmentation(5, True, 3).draw(500)
    torch.manual_seed(2)
    again, other = Augmentation(5, True, 3).draw(500), Augmentation(6, True, 3).draw(500)
    assert first is not None
    assert again is not None
    assert other is not None
    assert all(torch.equal(getattr(first, name), getattr(again, name)) for name in ("mirrored", "down", "right"))
    assert not torch.equal(first.down, other.down)
    assert 150 < int(first.mirrored.sum()) < 350
    assert set(first.down.tolist()) == set(first.right.tolist()) == set(range(-3, 4))


def test_what_is_not_asked_for_is_not_drawn() -> None:
    assert Augmentation(1, False, 0).draw(4) is None
    flipped, shifted = Augmentation(1, True, 0).draw(100), Augmentation(1, False, 2).draw(100)
    assert flipped is not None
    assert shifted is not None
    assert not flipped.down.any()
    assert not flipped.right.any()
    assert not shifted.mirrored.any()


def test_features_are_those_of_the_mirrored_pictures_where_these_are_mirrored() -> None:
    features, mirrored = torch.arange(12.0).view(4, 3), -torch.arange(12.0).view(4, 3)
    inputs = FeatureInputs(features, mirrored, np.array([0, 1, 0, 1]))
    nowhere = torch.zeros(2, dtype=torch.int64)
    batch = inputs.batch(torch.tensor([3, 1]), Moves(torch.tensor([True, False]), nowhere, nowhere))
    assert batch.tolist() == [[-9, -10, -11], [3, 4, 5]]
    assert inputs.batch(torch.tensor([2])).tolist() == [[6, 7, 8]]
