"""Features of the coordinates."""

from __future__ import annotations

import math

import numpy as np
import torch

from iml_tui.networks.ensemble import EnsembleMLP
from iml_tui.networks.features import FourierFeatures, SineFeatures, same_features
from iml_tui.networks.mlp import MLP

MEAN, DEVIATION = torch.tensor([10.0, 50.0]), torch.tensor([12.0, 6.0])


def fourier(seed: int, count: int = 4, scale: float = 3.0) -> FourierFeatures:
    return FourierFeatures.seeded(seed, MEAN, DEVIATION, count, scale)


def test_sines_of_both_coordinates_for_every_frequency() -> None:
    features = SineFeatures([0.1, 1.0])
    assert features.count == 4
    [row] = features(torch.tensor([[10.0, 50.0]])).tolist()
    np.testing.assert_allclose(row, [math.sin(1), math.sin(5), math.sin(10), math.sin(50)], rtol=1e-5)


def test_fourier_features_are_sines_and_cosines_of_random_directions() -> None:
    features = fourier(42)
    assert features.count == 8
    point = np.array([22.0, 44.0])  # A standard deviation east and south of the mean.
    phase = 2 * np.pi * features.frequencies.numpy().astype(float) @ np.array([1.0, -1.0])
    [row] = features(torch.tensor(point[None], dtype=torch.float32)).tolist()
    np.testing.assert_allclose(row, [*np.sin(phase), *np.cos(phase)], atol=1e-5)


def test_frequencies_follow_the_seed_and_the_scale_and_leave_the_global_generator() -> None:
    before = torch.get_rng_state()
    first, again, other = fourier(1, 2000), fourier(1, 2000), fourier(2, 2000)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.frequencies, again.frequencies)
    assert not torch.equal(first.frequencies, other.frequencies)
    assert abs(float(first.frequencies.std()) - 3) < 0.1


def test_a_coordinate_that_never_changes_gives_numbers() -> None:
    features = FourierFeatures(MEAN, torch.zeros(2), torch.ones(3, 2))
    assert features(MEAN.expand(4, 2)).isfinite().all()


def test_same_features() -> None:
    assert same_features(None, None)
    assert not same_features(None, SineFeatures([1.0]))
    assert same_features(SineFeatures([1.0]), SineFeatures([1.0]))
    assert not same_features(SineFeatures([1.0]), SineFeatures([2.0]))
    assert not same_features(SineFeatures([1.0, 2.0]), fourier(1, 2))
    assert not same_features(fourier(1), fourier(2))
    assert not same_features(fourier(1, 2), fourier(1, 3))


def test_an_ensemble_encodes_once_what_its_members_share() -> None:
    points = torch.rand(7, 2) * 40
    assert EnsembleMLP.seeded([1, 2], 2, 4, 3).encode(points) is points
    sines = [MLP.seeded(seed, 2, 4, 3, features=SineFeatures([0.1, 0.2])) for seed in (1, 2)]
    assert EnsembleMLP(sines).encode(points).shape == (7, 4)
    members = [MLP.seeded(seed, 2, 4, 3, features=fourier(seed)) for seed in (1, 2)]
    ensemble = EnsembleMLP(members)
    encoded = ensemble.encode(points)
    assert encoded.shape == (2, 7, 8)
    logits = ensemble(encoded)
    for e, member in enumerate(members):
        torch.testing.assert_close(logits[e], member(points))
        # A copy reads coordinates by itself, with features of its own.
        copy = ensemble.member(e)
        torch.testing.assert_close(copy(points), member(points))
        assert copy.features is not ensemble.features[e]
